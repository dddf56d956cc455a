// What is told of a value under the pointer or the focus: it stays while the pointer is on it.
const tip = make("div", { id: "tip", role: "tooltip", hidden: "" });
$("#main").append(tip);
let leaving = 0, told = null; // `told` gives the place of what is told of
const hideTip = () => { tip.hidden = true; told = null; };
const leaveTip = () => { leaving = setTimeout(hideTip, 150); };
const placeTip = () => {
  const at = told(), room = document.documentElement, { width, height } = tip.getBoundingClientRect();
  const below = at.bottom + 8 + height <= room.clientHeight;
  tip.style.left = `${Math.max(4, Math.min(at.left, room.clientWidth - width - 4))}px`;
  tip.style.top = `${Math.max(4, below ? at.bottom + 8 : at.top - height - 8)}px`;
};
const showTip = (lines, at) => {
  clearTimeout(leaving);
  tip.replaceChildren(...lines.map((line) => make("p", {}, line)));
  tip.hidden = false;
  told = at;
  placeTip();
};
const showTipAt = (lines, element) => showTip(lines, () => element.getBoundingClientRect());
tip.addEventListener("pointerenter", () => clearTimeout(leaving));
tip.addEventListener("pointerleave", leaveTip);
addEventListener("keydown", (event) => { if (event.key === "Escape") hideTip(); });
addEventListener("scroll", () => { if (told) placeTip(); }, { passive: true, capture: true });
