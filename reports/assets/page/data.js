// The numbers of the audit, unpacked, with names in place of places.
const unpacked = async (id) => {
  const bytes = Uint8Array.from(atob($(`#${id}`).textContent), (c) => c.charCodeAt(0));
  const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"));
  return new Response(stream).text();
};
const data = JSON.parse(await unpacked("equipoise-data"));
const figures = JSON.parse(await unpacked("equipoise-figures"));

const NOTHING = { id: "", name: "", digits: 3, share: false, log: false, bounds: [] };
const WHOLE = "overall";
const shown = (stratum) => (stratum === WHOLE ? "All units" : stratum);
const estimates = data.estimates.map(
  ([measure, stratum, value, lower, upper, n, positive, events, denominator, status, reason, clusters, method]) => ({
    measure: data.measures[measure], place: measure, stratum: data.strata[stratum], parts: data.parts[stratum],
    value, lower, upper, n, positive, events, denominator, status, clusters,
    reason: data.reasons[reason] ?? "", method: data.methods[method],
  }));
const disparities = data.disparities.map(
  ([measure, contrast, stratum, reference, value, lower, upper, p, adjusted, status, reason, primary, crossing]) => ({
    measure: data.measures[measure] ?? NOTHING, place: measure, contrast,
    stratum: data.strata[stratum], reference: data.strata[reference], value, lower, upper, p, adjusted, status,
    reason: data.reasons[reason] ?? "", primary, crossing,
  }));

const ESTIMATED = 0, DIFFERENCE = 0, RATIO = 1, GAP = 2;
for (const e of estimates) e.id = `${e.measure.id}/${e.stratum}`;
for (const d of disparities) {
  const between = d.contrast === GAP ? data.crossings[d.crossing] : `${d.stratum}:${d.reference}`;
  d.id = `${d.measure.id}/${data.contrasts[d.contrast][0]}/${between}`;
}
const estimateOf = new Map(estimates.map((e) => [e.id, e]));
const disparityOf = new Map(disparities.map((d) => [d.id, d]));

const statusOf = (x) => data.status[x.status] + (x.reason ? `: ${x.reason}` : "");
const placesOf = (d) => (d.contrast === RATIO ? 2 : d.measure.digits);
const signed = (d) => d.contrast === DIFFERENCE;
const nameOf = (x) =>
  x.contrast === undefined ? `${x.measure.name}, ${shown(x.stratum)}`
    : `${x.measure.name}, ${data.contrasts[x.contrast][1]}, ${shown(x.stratum)} against ${shown(x.reference)}`;
// n, and how many of them have the outcome, where units have or lack one.
const sizeOf = (e) => (e.n === null ? "withheld" : count(e.n) + (e.positive === null ? "" : ` / ${count(e.positive)}`));

const toldOf = (x) => {
  if (x.contrast !== undefined) {
    const numbers = x.value === null ? statusOf(x) : withInterval(x, placesOf(x), signed(x));
    return [nameOf(x), numbers, `p ${pText(x.p)}, adjusted ${pText(x.adjusted)}`,
      ...(x.status === ESTIMATED || x.value === null ? [] : [statusOf(x)])];
  }
  const lines = [nameOf(x), x.value === null ? statusOf(x) : withInterval(x, x.measure.digits)];
  lines.push(`n ${count(x.n)}` + (x.positive === null ? "" : `, ${count(x.positive)} with the outcome`));
  if (x.measure.share && x.events !== null) lines.push(`${count(x.events)} of ${count(x.denominator)}`);
  if (x.status !== ESTIMATED && x.value !== null) lines.push(statusOf(x));
  if (x.lower !== null) lines.push(`${Math.round(1000 * data.level) / 10} % interval: ${x.method}`);
  return lines;
};
