// Drawing a specification with Vega, what its points tell, and its numbers as a table.
const walk = (node, change) => {
  if (Array.isArray(node)) return node.map((x) => walk(x, change));
  if (node && typeof node === "object") {
    const out = {};
    for (const [key, value] of Object.entries(node)) out[key] = walk(value, change);
    return change(out);
  }
  return change(node);
};

let loading = null;
const vega = () => {
  loading ??= (async () => {
    document.head.append(make("script", {}, await unpacked("equipoise-vega")));
    await Promise.all([document.fonts.load("10px Inter"), document.fonts.load("600 10px Inter")]);
  })();
  return loading;
};

// A point of a line stands for the nearest of its places, not for where the line begins.
const nearest = (path, items, event) => {
  const matrix = path.getScreenCTM().inverse();
  const x = new DOMPoint(event.clientX, event.clientY).matrixTransform(matrix).x;
  return items.reduce((best, one) => (Math.abs(one.x - x) < Math.abs(best.x - x) ? one : best));
};
const isLine = (item) => ["line", "area", "trail"].includes(item.mark.marktype);
const panelOf = (item) => {
  for (let group = item.mark.group; group; group = group.mark?.group)
    if (group.datum?.title) return group.datum.title;
  return null;
};
const linesOf = (item) => {
  const told = item.tooltip;
  if (typeof told !== "object") return [String(told)];
  const lines = Object.entries(told).map(([name, value]) => `${name}: ${value}`);
  const about = item.datum?.measure ?? panelOf(item);
  return about ? [about, ...lines] : lines;
};
const hovered = (_, event, item) => {
  if (!item?.tooltip) { leaveTip(hovered); return; }
  if (resting) return;
  const one = isLine(item) ? nearest(event.target, item.mark.items, event) : item;
  const at = new DOMRect(event.clientX + 8, event.clientY, 1, 8);
  showTip(linesOf(one), () => at, hovered);
};

const captionOf = (figure) => $("figcaption", figure).textContent;
const drawing = new WeakMap(); // figure to what is drawn in it, or is being drawn
const draw = async (figure, spec, alt, note = "") => {
  const where = $(".draw", figure), turn = {};
  drawing.get(figure)?.view?.finalize();
  drawing.set(figure, turn);
  figure.dataset.drawn = "no";
  await vega();
  // What Vega says of itself in there is noise: the label and the reader tell more.
  const inner = make("div", { "aria-hidden": "true" });
  const chart = make("div", { class: "chart", role: "img", "aria-label": alt }, inner);
  const made = await vegaEmbed(inner, spec, {
    mode: "vega-lite", actions: false, renderer: "svg", ast: true, tooltip: hovered,
  });
  if (drawing.get(figure) !== turn) { made.view.finalize(); return; }
  turn.view = made.view;
  where.replaceChildren(chart, ...(note ? [make("p", { class: "note" }, note)] : []));
  const name = captionOf(figure);
  scrollable(where, name);
  reading(where, chart, name, figure.dataset.form === "forest" || figure.id === "forest");
  numbersOf(figure, spec);
  figure.dataset.drawn = "yes";
};

// Every tooltip of a specification names its fields: with the rows it makes a table.
const tooltipsOf = (spec) => {
  const found = new Map();
  walk(spec, (node) => {
    if (Array.isArray(node?.tooltip)) found.set(JSON.stringify(node.tooltip), node.tooltip);
    return node;
  });
  return [...found.values()].filter((fields) => fields.every((f) => f.field));
};
const written = (value, format) => {
  if (value === null || value === undefined || value === "") return DASH;
  if (typeof value !== "number") return String(value);
  const places = /\.(\d)f/.exec(format ?? "");
  return places ? fixed(value, Number(places[1])) : Number.isInteger(value) ? count(value) : String(value);
};
const numberTable = (rows, fields, name) => {
  const used = rows.filter((row) => fields.every((f) => f.field in row));
  const panel = ["measure", "title"].find((key) => new Set(used.map((row) => row[key])).size > 1);
  const columns = [...(panel ? [{ field: panel, title: "Panel" }] : []), ...fields];
  // Numbers stand to the right, texts to the left.
  const kinds = columns.map((f) => (used.every((row) => typeof row[f.field] !== "string") ? {} : { class: "text" }));
  const head = columns.map((f, i) => make("th", { scope: "col", ...kinds[i] }, f.title ?? f.field));
  const body = used.map((row) => make("tr", {}, ...columns.map((f, i) => {
    const text = written(row[f.field], f.format);
    return i ? make("td", kinds[i], text) : make("th", { scope: "row", class: "text" }, text);
  })));
  const table = make("table", {}, make("caption", {}, name), make("thead", {}, make("tr", {}, ...head)), make("tbody", {}, ...body));
  const box = make("div", { class: "table data" }, table);
  scrollable(box, name);
  return box;
};
const numbersOf = (figure, spec) => {
  const defs = tooltipsOf(spec), rows = Object.values(spec.datasets ?? {}).flat();
  const old = $("details.numbers", figure);
  old?.remove();
  if (!defs.length || !rows.length) return;
  const details = make("details", { class: "numbers on-only" }, make("summary", {}, "Numbers of this figure"));
  const list = () => {
    if (!details.open || $("table", details)) return;
    details.append(...defs.map((fields) => numberTable(rows, fields, `Numbers of the figure: ${captionOf(figure)}`)));
  };
  details.addEventListener("toggle", list);
  details.open = Boolean(old?.open);
  $(".draw", figure).after(details);
};
