// Calibration curves of a chosen attribute, and of a class or label where there are several.
const calibration = $("#calibration-figure");
const curves = data.calibration.map(([stratum, output, title, bins, smooth]) => ({ stratum, output, title, bins, smooth }));
const attributeIn = (stratum) => {
  const parts = data.parts[data.strata.indexOf(stratum)] ?? [];
  return parts.length === 1 ? parts[0][0] : null;
};
const calibrationAlt = (chosen) => {
  const found = chosen.map((c) => estimateOf.get(`oe_ratio${c.output === null ? "" : `[${c.output}]`}/${c.stratum}`))
    .filter((e) => e && e.status === ESTIMATED && e.value !== null).sort((a, b) => a.value - b.value);
  const drawn = `${plural(chosen.length, "curve")} drawn.`;
  if (!found.length) return `Calibration: observed share against predicted risk. ${drawn}`;
  const low = found[0], high = found.at(-1);
  return `The ratio of observed to expected events is lowest in ${nameOf(low)}, ${worded(low)}, and highest in `
    + `${nameOf(high)}, ${worded(high)}. ${drawn}`;
};
const calibrationSpec = (chosen, width) => {
  const bins = chosen.flatMap((c) => [
    ...c.bins.map(([p, o, l, u, n], i) => ({ title: c.title, kind: "bin", i, p, o, l, u, n })),
    ...c.smooth.map(([p, o, l, u], i) => ({ title: c.title, kind: "curve", i, p, o, l, u })),
  ]);
  const order = chosen.map((c) => c.title);
  const spec = walk(figures.specs.calibration, (x) => (x && x.field === "title" ? { ...x, sort: order } : x));
  return { ...spec, datasets: { bins }, columns: Math.max(1, Math.min(4, Math.floor(width / 190))) };
};
const startCalibration = async () => {
  const inAttribute = new Map(curves.map((c) => [c, attributeIn(c.stratum)]));
  const names = distinct(inAttribute.values()).filter((a) => a !== null).sort((a, b) => a - b);
  const outputs = distinct(curves.map((c) => c.output)).filter((o) => o !== null);
  const again = async () => {
    const fits = (c) => (c.stratum === WHOLE || inAttribute.get(c) === Number(attribute.value === "" ? -1 : attribute.value))
      && (!outputs.length || output.value === "" || c.output === output.value);
    const chosen = curves.filter(fits);
    const by = attribute.value === "" ? "in all units" : `by ${data.attributes[attribute.value][0]}`;
    const of = output.value ? `, ${output.value}` : "";
    $("figcaption", calibration).textContent = `Calibration ${by}${of}: observed share against predicted risk`;
    await draw(calibration, calibrationSpec(chosen, $(".draw", calibration).clientWidth), calibrationAlt(chosen));
    say(`${captionOf(calibration)}: ${plural(chosen.length, "curve")} drawn`);
  };
  const first = names.length ? String(names[0]) : "";
  const [l1, attribute] = choice("Attribute", [["", "all units"], ...names.map((a) => [String(a), data.attributes[a][0]])], again, first);
  const [l2, output] = choice("Class or label", [["", "all"], ...outputs.map((o) => [o, o])], again, outputs[0] ?? "");
  $(".tools", calibration).append(...(names.length ? [l1] : []), ...(outputs.length > 1 ? [l2] : []));
  await again();
};
