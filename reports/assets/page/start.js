// Where the address points to, then the figures, one after the other.
document.documentElement.classList.add("on");

const go = () => {
  unmark();
  const wanted = wantedIn(location.hash);
  if (!wanted || document.getElementById(wanted)?.matches("section, figure, main")) return;
  const cell = cells.get(wanted), estimate = estimateOf.get(wanted), disparity = disparityOf.get(wanted);
  if (cell) reveal(cell);
  else if (estimate) estimateExplorer.reveal(estimate, [String(estimate.place), crossed(estimate)]);
  else if (disparity) disparityExplorer.reveal(disparity, [String(disparity.place), String(disparity.crossing)]);
  else if (wanted.includes("/")) { say(`This report has no estimate called ${wanted}`, true); return; }
  else return;
  const x = estimate ?? disparity;
  say(`${nameOf(x)}: ${toldOf(x)[1]}`);
};
addEventListener("hashchange", go);
let moved = false;
for (const on of ["wheel", "pointerdown", "keydown"]) addEventListener(on, () => { moved = true; }, { once: true });
go();

for (const figure of $$(".figure")) {
  const id = figure.dataset.figure, spec = figures.specs[id];
  try {
    if (figure.id === "forest") await startForest();
    else if (figure === calibration && curves.length) await startCalibration();
    else if (spec && id in figures.panels) await startPanels(figure, spec, ...figures.panels[id]);
    else if (spec) await draw(figure, spec, $(".draw", figure).textContent.trim());
  } catch (error) {
    console.error(error); // the text in place of the figure stays
  }
}
// Figures above may have grown since: back to what the address names, unless someone moved on.
if (location.hash && !moved) go();
document.documentElement.dataset.ready = "yes";
