// Labelled controls, headings that sort, and the line that says aloud what changed.
let silence = 0;
const say = (text, seen = false) => {
  const said = $("#said");
  clearTimeout(silence);
  silence = setTimeout(() => {
    said.textContent = text;
    said.classList.toggle("seen", seen);
    silence = setTimeout(() => said.classList.remove("seen"), 6000);
  }, seen ? 0 : 250);
};

const labelled = (text, control) => make("label", {}, text, control);
const optionsOf = (entries) => entries.map(([value, name]) => new Option(name, value));
// Entries are [value, name]; those with a third part stand under it as a heading.
const fill = (select, entries) => {
  const groups = new Map();
  for (const entry of entries) {
    const head = entry[2] ?? "";
    if (!groups.has(head)) groups.set(head, []);
    groups.get(head).push(entry);
  }
  select.replaceChildren(...[...groups].flatMap(([head, own]) =>
    head ? [make("optgroup", { label: head }, ...optionsOf(own))] : optionsOf(own)));
};
const choice = (text, entries, act, first) => {
  const select = make("select");
  fill(select, entries);
  if (first !== undefined) select.value = first;
  select.addEventListener("change", act);
  return [labelled(text, select), select];
};
const search = (text, hint, act) => {
  const input = make("input", { type: "search", placeholder: hint });
  input.addEventListener("input", act);
  return [labelled(text, input), input];
};

// A first press sorts upwards, a second downwards, a third gives back the order as it was.
const NEXT = { none: "ascending", ascending: "descending", descending: "none" };
const sorting = (th, act) => {
  const button = make("button", { type: "button" }, ...th.childNodes);
  th.replaceChildren(button);
  button.addEventListener("click", () => {
    const next = NEXT[th.getAttribute("aria-sort") ?? "none"];
    for (const other of $$("th", th.parentNode)) other.removeAttribute("aria-sort");
    if (next !== "none") th.setAttribute("aria-sort", next);
    act(next);
    say(next === "none" ? "Order as it was" : `Sorted by ${button.textContent}, ${next}`);
  });
  return button;
};

// What can be scrolled can be reached by keyboard, and only then.
const scrolls = new ResizeObserver((entries) => {
  for (const { target } of entries) {
    const box = target.closest(".table, .draw");
    if (box) reachable(box);
    else scrolls.unobserve(target); // it was drawn anew
  }
});
const reachable = (box) => {
  const over = box.scrollWidth > box.clientWidth + 1 || box.scrollHeight > box.clientHeight + 1;
  const attributes = { tabindex: "0", role: "group", "aria-label": `${box.dataset.name}, can be scrolled` };
  for (const [name, value] of Object.entries(attributes))
    if (over) box.setAttribute(name, value);
    else box.removeAttribute(name);
};
const scrollable = (box, name) => {
  box.dataset.name = name;
  scrolls.observe(box);
  if (box.firstElementChild) scrolls.observe(box.firstElementChild);
};
