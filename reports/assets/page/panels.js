// Figures of one panel for each subgroup: those of a chosen attribute beside everyone.
const FEW_PANELS = 13;
const placed = (spec, width) => walk(spec, (x) => {
  if (x && x.columns) return { ...x, columns: Math.max(1, Math.min(x.columns, Math.floor(width / 170))) };
  if (x && x.layer && x.width > width - 60) return { ...x, width: Math.max(240, width - 60) };
  return x;
});
const startPanels = async (figure, spec, panels, rest) => {
  const caption = captionOf(figure), alt = $(".draw", figure).textContent.trim().replace(/ [\d,]+ panels? drawn\.$/, "");
  const names = distinct(panels.map(([, a]) => a)).filter((a) => a !== null);
  const left = rest ? `${plural(rest, "further subgroup")} ${rest === 1 ? "is" : "are"} in audit.json alone.` : "";
  const again = async () => {
    const chosen = panels.filter(([, a]) => a === null || attribute.value === "" || a === Number(attribute.value));
    const titles = new Set(chosen.map(([title]) => title));
    const datasets = Object.fromEntries(Object.entries(spec.datasets)
      .map(([name, rows]) => [name, rows.filter((row) => row.title === undefined || titles.has(row.title))]));
    const by = attribute.value === "" ? "" : `, by ${data.attributes[attribute.value][0]}`;
    $("figcaption", figure).textContent = `${caption}${by}`;
    const drawn = placed(spec, $(".draw", figure).clientWidth);
    await draw(figure, { ...drawn, datasets }, `${alt} ${plural(chosen.length, "panel")} drawn.`, left);
    say(`${captionOf(figure)}: ${plural(chosen.length, "panel")} drawn`);
  };
  const entries = [["", "all attributes"], ...names.map((a) => [String(a), data.attributes[a][0]])];
  const first = panels.length > FEW_PANELS && names.length ? String(names[0]) : "";
  const [label, attribute] = choice("Attribute", entries, again, first);
  if (names.length > 1) $(".tools", figure).append(label);
  await again();
};
