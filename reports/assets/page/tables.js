// Tables that stand in the page: sort within each group, filter by group and text, link values.
const cells = new Map(); // where an estimate or contrast stands, by its id
const linkedTo = new Map(); // and the other way round
const FEW_ROWS = 12;

// What a cell is sorted by: the number behind it, or the one it prints, or its text.
const printed = (cell) => {
  const text = $(".b", cell) ? cell.textContent.replace($(".b", cell).textContent, "") : cell.textContent;
  const own = ($("small:not(.b)", cell) ? text.replace($("small:not(.b)", cell).textContent, "") : text).trim();
  const number = /^([+\u2212-]?[\d,]+(?:\.\d+)?)( %)?$/.exec(own);
  if (number)
    return Number(number[1].replaceAll(",", "").replace(MINUS, "-")) / (number[2] ? 100 : 1);
  return own === "" || own === DASH ? null : own;
};
const keyOf = (i) => (row) => {
  const cell = row.cells[i], { sort } = cell.dataset, x = linkedTo.get(cell);
  if (x) return x.value;
  if (sort !== undefined) return Number.isNaN(Number(sort)) ? sort : Number(sort);
  if (cell.classList.contains("status")) return null;
  return cell.matches("th, .text, .verdict") ? cell.textContent.trim() : printed(cell);
};

// The links of a table are one stop of the Tab key; arrow keys move between them.
const linksOf = (row) => (row.hidden ? [] : $$("a.to", row));
const rove = (table) => {
  const links = [...table.rows].flatMap(linksOf);
  const current = links.find((a) => a.tabIndex === 0);
  for (const a of $$("a.to[tabindex='0']", table)) if (a !== current) a.tabIndex = -1;
  if (!current && links.length) links[0].tabIndex = 0;
};
const moveTo = (table, a) => {
  for (const old of $$("a.to[tabindex='0']", table)) old.tabIndex = -1;
  a.tabIndex = 0;
  a.focus();
};
const inColumn = (rows, from, step, column) => {
  for (let i = from + step; i >= 0 && i < rows.length; i += step) {
    const a = !rows[i].hidden && rows[i].cells[column] && $("a.to", rows[i].cells[column]);
    if (a) return a;
  }
  return null;
};
const neighbour = (table, a, key) => {
  const cell = a.closest("td, th"), row = cell.parentNode, rows = [...table.rows], own = linksOf(row);
  const at = own.indexOf(a), from = rows.indexOf(row);
  switch (key) {
    case "ArrowRight": return own[at + 1];
    case "ArrowLeft": return own[at - 1];
    case "Home": return own[0];
    case "End": return own.at(-1);
    case "ArrowDown": return inColumn(rows, from, 1, cell.cellIndex);
    case "ArrowUp": return inColumn(rows, from, -1, cell.cellIndex);
    default: return undefined;
  }
};
const KEYS = new Set(["ArrowRight", "ArrowLeft", "Home", "End", "ArrowDown", "ArrowUp"]);
const knownAt = (a) => {
  const id = wantedIn(a.hash);
  return estimateOf.get(id) ?? disparityOf.get(id);
};
const link = (cell, x) => {
  const a = make("a", { class: "to", href: fragmentOf(x.id), tabindex: "-1" }, ...cell.childNodes);
  cell.append(a);
  cell.removeAttribute("title"); // the same stands in what is told of the value
  cells.set(x.id, cell);
  linkedTo.set(cell, x);
};
const linked = (table) => {
  for (const cell of $$("td[id]", table)) {
    const id = wantedIn(`#${cell.id}`), x = estimateOf.get(id) ?? disparityOf.get(id);
    if (x) link(cell, x);
  }
  table.addEventListener("click", (event) => {
    const a = event.target.closest("a.to");
    if (!a || event.ctrlKey || event.metaKey || event.shiftKey) return;
    event.preventDefault();
    mark(a.closest("td"));
    copyLink(knownAt(a));
  });
  table.addEventListener("keydown", (event) => {
    const a = event.target.closest("a.to");
    if (!a || !KEYS.has(event.key) || event.ctrlKey || event.altKey || event.metaKey) return;
    event.preventDefault();
    const next = neighbour(table, a, event.key);
    if (next) moveTo(table, next);
  });
  const tell = (event) => {
    const a = event.target.closest("a.to");
    if (!a || (resting && event.type === "pointerover")) return;
    showTipAt(toldOf(knownAt(a)), a);
    a.setAttribute("aria-describedby", "tip");
  };
  const untell = (event) => {
    const a = event.target.closest("a.to");
    if (!a) return;
    a.removeAttribute("aria-describedby");
    leaveTip(a);
  };
  table.addEventListener("pointerover", tell);
  table.addEventListener("pointerout", untell);
  table.addEventListener("focusin", tell);
  table.addEventListener("focusout", untell);
};

const explained = (button, text) => {
  const told = make("span", { class: "unseen" }, ` (${text})`);
  button.after(told);
  const show = () => showTipAt([text], button);
  for (const on of ["pointerenter", "focus"]) button.addEventListener(on, show);
  for (const on of ["pointerleave", "blur"]) button.addEventListener(on, () => leaveTip(button));
};

const filters = new WeakMap(); // table to what clears its filter
const filtered = (box, table, bodies) => {
  const total = bodies.reduce((sum, b) => sum + b.rows.length, 0);
  if (total < FEW_ROWS) return;
  const names = bodies.map((b, i) => [String(i), b.head?.textContent ?? ""]).filter(([, name]) => name);
  const fits = (text, wanted) => text.toLowerCase().includes(wanted);
  const again = () => {
    const wanted = input.value.trim().toLowerCase();
    let left = 0;
    bodies.forEach((b, i) => {
      const chosen = group.value === "" || group.value === String(i);
      const all = b.head && fits(b.head.textContent, wanted);
      for (const row of b.rows) {
        row.hidden = !(chosen && (all || fits(row.textContent, wanted)));
        left += row.hidden ? 0 : 1;
      }
      if (b.head) b.head.hidden = b.rows.every((row) => row.hidden);
    });
    tally.textContent = `${count(left)} of ${plural(total, "row")}`;
    rove(table);
    return left;
  };
  const act = () => say(`${count(again())} of ${plural(total, "row")} shown`);
  const [byGroup, group] = choice("Group", [["", "all"], ...names], act);
  const [byText, input] = search("Rows with", "text in a row", act);
  const tally = make("span", { class: "tally" });
  box.before(make("div", { class: "tools" }, ...(names.length > 1 ? [byGroup] : []), byText, tally));
  filters.set(table, () => { input.value = ""; group.value = ""; again(); });
  again();
};

for (const box of $$(".table.data")) {
  const table = $("table", box);
  const bodies = [...table.tBodies].map((body) => ({
    body, head: $("tr.group", body), rows: [...body.rows].filter((r) => !r.classList.contains("group")),
  }));
  $$("thead th", table).forEach((th, i) => {
    const title = th.title;
    th.removeAttribute("title");
    const button = sorting(th, (way) => {
      for (const { body, rows } of bodies)
        body.append(...(way === "none" ? rows : ordered(rows, keyOf(i), way === "ascending")));
    });
    if (title) explained(button, title);
  });
  linked(table);
  filtered(box, table, bodies);
  rove(table);
}
for (const box of $$(".table")) scrollable(box, $("caption", box)?.textContent ?? "Table");

// Bring a cell to sight: through a filter, into the window, with the focus on its link.
const reveal = (cell) => {
  if (cell.parentNode.hidden) filters.get(cell.closest("table"))?.();
  mark(cell);
  cell.scrollIntoView({ block: "center", inline: "nearest" });
  const a = $("a.to", cell);
  if (!a) return;
  for (const old of $$("a.to[tabindex='0']", cell.closest("table"))) old.tabIndex = -1;
  a.tabIndex = 0;
  a.focus({ preventScroll: true });
};
