// What is told of a value under the pointer or the focus: it stays while the pointer is on it.
const tip = make("div", { id: "tip", role: "tooltip", hidden: "" });
$("#main").append(tip);
let leaving = 0, told = null, owner = null; // `told` gives the place of what is told of
const hideTip = () => { tip.hidden = true; told = owner = null; };
// Only the one that told last takes it away: under a page that scrolls, the pointer leaves others.
const leaveTip = (of) => {
  if (of !== owner) return;
  clearTimeout(leaving);
  leaving = setTimeout(hideTip, 150);
};
const placeTip = () => {
  const at = told(), room = document.documentElement, { width, height } = tip.getBoundingClientRect();
  const below = at.bottom + 8 + height <= room.clientHeight;
  tip.style.left = `${Math.max(4, Math.min(at.left, room.clientWidth - width - 4))}px`;
  tip.style.top = `${Math.max(4, below ? at.bottom + 8 : at.top - height - 8)}px`;
};
const showTip = (lines, at, of) => {
  clearTimeout(leaving);
  tip.replaceChildren(...lines.map((line) => make("p", {}, line)));
  tip.hidden = false;
  told = at;
  owner = of;
  placeTip();
};
const showTipAt = (lines, element) => showTip(lines, () => element.getBoundingClientRect(), element);
// While keys are used, the page scrolls under a pointer that rests: that is no pointing.
let resting = false;
addEventListener("keydown", () => { resting = true; }, { capture: true });
addEventListener("pointermove", (event) => {
  if (event.movementX || event.movementY) resting = false;
}, { capture: true });
tip.addEventListener("pointerenter", () => clearTimeout(leaving));
tip.addEventListener("pointerleave", () => leaveTip(owner));
addEventListener("keydown", (event) => { if (event.key === "Escape") hideTip(); });
addEventListener("scroll", () => { if (told) placeTip(); }, { passive: true, capture: true });
