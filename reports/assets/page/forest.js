// The forest plot of a chosen measure, subgroups, group to look into, and order.
const MOST_ROWS = 300, MANY = 60;
const cellOf = (place, stratum) => estimateOf.get(`${data.measures[place].id}/${stratum}`);
const limitsOf = new Map(data.limits.map(([place, stratum, low, high]) => [`${place}/${stratum}`, [low, high]]));

const pointOf = (e, y, base, place) => {
  const { measure } = e, off = measure.log && e.value !== null && e.value <= 0;
  const drawn = e.value !== null && !off, ok = e.status === ESTIMATED;
  const [floor, ceiling] = limitsOf.get(`${place}/${e.stratum}`) ?? [null, null];
  return {
    y, v: drawn ? e.value : null, l: drawn && ok ? e.lower : null, u: drawn && ok ? e.upper : null,
    mark: drawn ? (ok ? "ok" : "weak") : "none", floor, ceiling, base,
    text: drawn ? "" : off ? `${fixed(e.value, measure.digits)}, off the scale` : data.status[e.status],
    tip: withInterval(e, measure.digits), name: shown(e.stratum), n: sizeOf(e), status: statusOf(e),
    measure: measure.name,
  };
};
const domainOf = (points, measure) => {
  const seen = points.flatMap((p) => [p.v, p.l, p.u, p.floor, p.ceiling])
    .filter((v) => v !== null && !(measure.log && v <= 0));
  if (!seen.length) return [0, 1];
  let low = Math.min(...seen), high = Math.max(...seen);
  if (measure.log) return [Math.min(low, 0.8) / 1.05, Math.max(high, 1.25) * 1.05];
  const pad = 0.04 * (high - low) || 0.05, [least, most] = measure.bounds;
  low -= pad; high += pad;
  return [Math.max(low, least ?? low), Math.min(high, most ?? high)];
};
// The same round numbers as in print (reports/ticks.py).
const thinned = (places, gap) => {
  const start = Math.max(0, places.indexOf(1)), kept = places.slice(start, start + 1);
  for (const v of places.slice(start + 1)) if (Math.log(v / kept.at(-1)) >= gap) kept.push(v);
  for (const v of places.slice(0, start).reverse()) if (Math.log(kept[0] / v) >= gap) kept.unshift(v);
  return kept;
};
const logTicks = (low, high, wide) => {
  const { steps, enough, number } = figures.stand_ins, gap = (number / wide) * Math.log(high / low);
  const first = Math.floor(Math.log10(low)), last = Math.ceil(Math.log10(high));
  let found = [];
  for (const own of steps) {
    const places = [];
    for (let power = first; power <= last; power += 1)
      places.push(...own.map((step) => Number(`${step / 10}e${power}`)).filter((v) => v >= low && v <= high));
    found = thinned(places, gap);
    if (found.length >= enough) break;
  }
  return found;
};
const sorters = {
  given: () => 0,
  value: (a, b) => compare(a.e?.value ?? Infinity, b.e?.value ?? Infinity),
  n: (a, b) => compare(b.e?.n ?? -1, a.e?.n ?? -1),
};

// Rows from top to bottom: headings, and estimates with their labels.
const rowsOf = (place, key, inside, order) => {
  const top = inside === null ? WHOLE : partText(inside);
  const rows = [{ text: shown(top), stratum: top, head: 1, e: cellOf(place, top) }];
  for (const [head, own] of groupsOf(key, inside)) {
    rows.push({ text: head, head: 1 });
    const found = own.map(([stratum, text]) => ({ text, stratum, head: 0, e: cellOf(place, stratum) }));
    rows.push(...found.sort(sorters[order]));
  }
  return rows;
};
const forestSpec = (rows, place, width) => {
  const measure = data.measures[place], t = figures.stand_ins;
  const base = rows[0].e?.value ?? null, line = measure.log && base <= 0 ? null : base;
  const labels = [{ y: -1, text: "Subgroup", head: 1, n: rows.some((r) => r.e?.positive !== undefined && r.e?.positive !== null) ? "n / n+" : "n" }];
  rows.forEach((r, y) => labels.push({ y, text: shorten(r.text, 32), head: r.head, n: r.e ? sizeOf(r.e) : "" }));
  const points = rows.flatMap((r, y) => (r.e ? [pointOf(r.e, y, line, place)] : []));
  const [low, high] = domainOf(points, measure);
  const wide = Math.round(Math.max(150, Math.min(460, width - t.labels - t.gap - 24)));
  const spec = walk(figures.forest, (x) => {
    if (x === t.title) return measure.name;
    if (x === t.low) return low;
    if (x === t.high) return high;
    if (x === t.wide) return wide;
    if (x === t.rows - 0.5) return rows.length - 0.5;
    if (x === t.row * (t.rows + 1)) return t.row * (rows.length + 1);
    if (x && typeof x.name === "string" && x.name.startsWith("points")) return { name: "points" };
    if (measure.log && x && x.type === "linear" && x.domain) {
      const { zero, ...kept } = x;
      return { ...kept, type: "log" };
    }
    if (measure.log && x && x.title === measure.name) {
      const { tickCount, ...kept } = x; // by it Vega would leave out some of the values
      return { ...kept, title: `${x.title}, log scale`, values: logTicks(low, high, wide), labelOverlap: false };
    }
    return x;
  });
  return { ...spec, datasets: { labels, points } };
};

const worded = (e) => {
  const value = fixed(e.value, e.measure.digits);
  return e.lower === null ? value : `${value} (interval ${fixed(e.lower, e.measure.digits)} to ${fixed(e.upper, e.measure.digits)})`;
};
const forestAlt = (rows, name) => {
  const own = rows.slice(1).filter((r) => r.e).map((r) => r.e);
  const ok = own.filter((e) => e.status === ESTIMATED && e.value !== null).sort((a, b) => a.value - b.value);
  const top = rows[0].stratum;
  const whole = rows[0].e?.value === null || !rows[0].e ? "" : ` In ${top === WHOLE ? "all units" : top}: ${worded(rows[0].e)}.`;
  if (!ok.length) return `${name}: no subgroup with inference.${whole} ${plural(own.length, "row")} drawn.`;
  const low = ok[0], high = ok.at(-1), rest = own.length - ok.length;
  return `${name} is lowest in the subgroup ${low.stratum} at ${worded(low)} and highest in the subgroup `
    + `${high.stratum} at ${worded(high)}${rest ? `; ${plural(rest, "subgroup")} without inference` : ""}.${whole} `
    + `${plural(own.length, "subgroup")} drawn.`;
};

const forest = $("#forest");
const drawForest = async (place, key, inside, order) => {
  const measure = data.measures[place], all = rowsOf(place, key, inside, order), rows = all.slice(0, MOST_ROWS);
  const by = key === "" ? "subgroup" : titleOf(key), within = inside === null ? "" : ` in ${partText(inside)}`;
  $("figcaption", forest).textContent = `${measure.name} by ${by}${within}`;
  const estimated = rows.filter((r) => r.e).length;
  const notes = [
    all.length > rows.length ? `The first ${count(rows.length)} of ${count(all.length)} rows; the others are listed under all estimates.` : "",
    estimated < 2 ? "The audit has no estimate of these subgroups: the attributes were not crossed, or the crossing is empty." : "",
  ].filter(Boolean).join(" ");
  await draw(forest, forestSpec(rows, place, $(".draw", forest).clientWidth), forestAlt(rows, measure.name), notes);
  say(`${captionOf(forest)}: ${plural(Math.max(0, estimated - 1), "subgroup")} drawn`);
};
const startForest = async () => {
  const plain = crossingKeys.filter((k) => !k.includes(" ")), both = crossingKeys.filter((k) => k.includes(" "));
  const total = plain.reduce((sum, k) => sum + crossings.get(k).length, 0);
  const start = Math.max(0, data.measures.findIndex((m) => m.id === "sensitivity"));
  const again = () => drawForest(Number(which.value), rows.value, inside.value ? inside.value.split(".").map(Number) : null, order.value);
  const [l1, which] = choice("Measure", measureEntries, again, String(start));
  const [l2, rows] = choice("Subgroups", [
    ["", "all attributes"],
    ...plain.map((k) => [k, titleOf(k), "One attribute"]),
    ...both.map((k) => [k, titleOf(k), "Intersections"]),
  ], again, total > MANY && plain.length ? plain[0] : "");
  const crossedOnes = distinct(both.flatMap(numbersIn)).sort((a, b) => data.attributes[b][1] - data.attributes[a][1]);
  const [l3, inside] = choice("Inside", [
    ["", "all units"],
    ...crossedOnes.flatMap((a) => data.attributes[a][2].map((level, l) =>
      [`${a}.${l}`, level, `${data.attributes[a][1] ? "Site" : "Group"}: ${data.attributes[a][0]}`])
      .filter(([value]) => byParts.has(value))),
  ], again);
  const [l4, order] = choice("Order", [["given", "as given"], ["value", "by value"], ["n", "by n, largest first"]], again);
  $(".tools", forest).append(l1, l2, ...(both.length ? [l3] : []), l4);
  await again();
};
