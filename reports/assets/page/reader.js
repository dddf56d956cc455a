// The points of a figure for the keyboard: one stop, arrow keys go from point to point.
const centre = (path, item) =>
  new DOMPoint(item.x, item.y).matrixTransform(path.getScreenCTM());
const pointsOf = (chart, vertical) => {
  const points = [];
  for (const [order, path] of $$("svg path", chart).entries()) {
    const item = [path.__data__].flat()[0];
    if (!item?.tooltip || !item.mark) continue;
    const panel = path.parentNode.getScreenCTM();
    for (const one of isLine(item) ? item.mark.items : [item])
      if (one.tooltip) points.push({ path, item: one, row: panel.f, column: panel.e, line: isLine(item) ? order : -1, lines: linesOf(one) });
  }
  const placeOf = ({ item }) => (vertical ? [item.y, item.x] : [item.x, item.y]);
  const all = (p) => [p.row, p.column, p.line, ...placeOf(p)];
  return points.sort((a, b) => {
    const keys = all(a), others = all(b), at = keys.findIndex((k, i) => k !== others[i]);
    return at < 0 ? 0 : keys[at] - others[at];
  });
};
const boxOf = ({ path, item }) => {
  if (!isLine(item)) return path.getBoundingClientRect();
  const { x, y } = centre(path, item);
  return new DOMRect(x - 5, y - 5, 10, 10);
};

const STEPS = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1, PageDown: 10, PageUp: -10 };
const reading = (where, chart, name, vertical) => {
  const points = pointsOf(chart, vertical);
  if (!points.length) return;
  const reader = make("div", {
    class: "reader", role: "slider", tabindex: "0", "aria-label": `Points of the figure: ${name}`,
    "aria-valuemin": "1", "aria-valuemax": String(points.length), "aria-orientation": vertical ? "vertical" : "horizontal",
  });
  let at = 0;
  const place = () => {
    const box = boxOf(points[at]), from = where.getBoundingClientRect();
    reader.style.left = `${box.left - from.left + where.scrollLeft - 3}px`;
    reader.style.top = `${box.top - from.top + where.scrollTop - 3}px`;
    reader.style.width = `${box.width + 6}px`;
    reader.style.height = `${box.height + 6}px`;
  };
  const value = () => {
    reader.setAttribute("aria-valuenow", String(at + 1));
    reader.setAttribute("aria-valuetext", points[at].lines.join("; "));
  };
  const tell = () => {
    place();
    reader.scrollIntoView({ block: "nearest", inline: "nearest" });
    showTipAt(points[at].lines, reader);
  };
  reader.addEventListener("focus", tell);
  reader.addEventListener("blur", () => leaveTip(reader));
  reader.addEventListener("keydown", (event) => {
    const step = STEPS[event.key], ends = { Home: 0, End: points.length - 1 };
    if ((step === undefined && !(event.key in ends)) || event.ctrlKey || event.altKey || event.metaKey) return;
    event.preventDefault();
    at = step === undefined ? ends[event.key] : Math.max(0, Math.min(points.length - 1, at + step));
    value();
    tell();
  });
  value();
  where.append(reader);
  place();
};
