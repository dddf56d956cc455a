// Every estimate and every contrast, a page of rows at a time.
const PAGE = 50;
const explore = (root, columns, rows, choosers, textOf) => {
  let page = 0, key = null, way = "none";
  const again = () => { page = 0; show(); };
  const selects = choosers.map(([text, entries, fits]) => {
    const [label, select] = choice(text, [["", "all"], ...entries], again);
    return { label, select, fits };
  });
  const [byText, input] = search("Stratum contains", "e.g. sex=F", again);
  const clear = make("button", { type: "button" }, "Show all");
  clear.addEventListener("click", () => choose({}));
  const tools = make("div", { class: "tools" }, ...selects.map((s) => s.label), byText, clear);

  const head = make("tr"), body = make("tbody");
  for (const { name, sort, kind } of columns) {
    const th = make("th", { scope: "col", class: kind ?? "" }, name);
    head.append(th);
    sorting(th, (next) => { key = sort; way = next; again(); });
  }
  head.append(make("th", { scope: "col", class: "text" }, "Link"));
  const table = make("table", {}, make("caption", {}, root.dataset.caption), make("thead", {}, head), body);
  const box = make("div", { class: "table data" }, table);
  const tally = make("p", { class: "note" });
  const back = make("button", { type: "button" }, "Previous rows"), on = make("button", { type: "button" }, "Next rows");
  const turn = (step) => (event) => {
    if (event.currentTarget.getAttribute("aria-disabled") === "true") return;
    page += step;
    show();
  };
  back.addEventListener("click", turn(-1));
  on.addEventListener("click", turn(1));
  root.append(tools, box, tally, make("div", { class: "tools" }, back, on));
  scrollable(box, root.dataset.caption);

  const found = () => {
    const wanted = input.value.trim().toLowerCase();
    const left = rows.filter((x) => selects.every((s) => s.select.value === "" || s.fits(x, s.select.value))
      && (!wanted || textOf(x).toLowerCase().includes(wanted)));
    return key && way !== "none" ? ordered(left, key, way === "ascending") : left;
  };
  const row = (x) => {
    const copy = make("button", { type: "button", "aria-label": `Copy link: ${nameOf(x)}` }, "Copy link");
    const tr = make("tr", { "data-id": x.id });
    columns.forEach(({ text, kind }, i) => {
      const attributes = kind ? { class: kind } : {};
      tr.append(i ? make("td", attributes, text(x)) : make("th", { ...attributes, scope: "row" }, text(x)));
    });
    copy.addEventListener("click", () => { mark(tr); copyLink(x); });
    tr.append(make("td", { class: "text" }, copy));
    return tr;
  };
  const show = (quiet = false) => {
    const left = found(), last = Math.max(0, Math.ceil(left.length / PAGE) - 1);
    page = Math.max(0, Math.min(page, last));
    const part = left.slice(page * PAGE, (page + 1) * PAGE);
    body.replaceChildren(...part.map(row));
    tally.textContent = part.length
      ? `Rows ${count(page * PAGE + 1)} to ${count(page * PAGE + part.length)} of ${count(left.length)}`
      : "No row fits.";
    back.setAttribute("aria-disabled", String(page === 0));
    on.setAttribute("aria-disabled", String(page >= last));
    if (!quiet) say(`${root.dataset.caption}: ${tally.textContent}`);
    return left;
  };
  const choose = (values, text = "") => {
    selects.forEach((s, i) => { s.select.value = values[i] ?? ""; });
    input.value = text;
    again();
  };
  const reveal = (x, values) => {
    choose(values);
    page = Math.max(0, Math.floor(found().indexOf(x) / PAGE));
    show();
    const tr = [...body.rows].find((one) => one.dataset.id === x.id);
    if (!tr) return;
    mark(tr);
    tr.scrollIntoView({ block: "center", inline: "nearest" });
    $("button", tr).focus({ preventScroll: true });
  };
  show(true);
  return { reveal };
};

// The attributes that a stratum crosses, as one text; "overall" for everyone.
const crossingOf = (parts) => parts.map(([a]) => data.attributes[a][0]).sort().join(" \u00d7 ") || WHOLE;
const numbered = (texts) => texts.map((text, i) => [String(i), text]);
const crossed = (e) => (e.stratum === WHOLE ? WHOLE : crossingOf(e.parts));
const distinct = (values) => [...new Set(values)];
const measureEntries = data.measures.map((m, i) => [String(i), m.name, m.output ?? undefined]);

const estimateExplorer = explore($("#all-estimates"), [
  { name: "Stratum", text: (e) => shown(e.stratum), sort: (e) => e.stratum, kind: "text" },
  { name: "Measure", text: (e) => e.measure.name, sort: (e) => e.place, kind: "text" },
  { name: "Value", text: (e) => (e.value === null ? data.status[e.status] : fixed(e.value, e.measure.digits)), sort: (e) => e.value },
  { name: "Interval", text: (e) => interval(e.lower, e.upper, e.measure.digits), sort: (e) => e.lower, kind: "count" },
  { name: data.positives ? "n / n+" : "n", text: sizeOf, sort: (e) => e.n, kind: "count" },
  { name: "Events / denominator", kind: "count", sort: (e) => (e.measure.share ? e.denominator : null),
    text: (e) => (!e.measure.share ? "" : e.denominator === null ? "withheld" : e.events === null ? DASH : `${count(e.events)} / ${count(e.denominator)}`) },
  { name: "Patients behind it", text: (e) => (e.clusters === null ? "" : count(e.clusters)), sort: (e) => e.clusters, kind: "count" },
  { name: "Status", text: statusOf, sort: (e) => e.status, kind: "text" },
  { name: "Method", text: (e) => e.method, sort: (e) => e.method, kind: "text" },
], estimates, [
  ["Measure", measureEntries, (e, v) => e.place === Number(v)],
  ["Attributes", distinct(estimates.map(crossed)).map((c) => [c, c === WHOLE ? "all units" : c]), (e, v) => crossed(e) === v],
  ["Status", numbered(data.status), (e, v) => e.status === Number(v)],
], (e) => shown(e.stratum));
const disparityExplorer = $("#all-disparities") && explore($("#all-disparities"), [
  { name: "Stratum", text: (d) => shown(d.stratum), sort: (d) => d.stratum, kind: "text" },
  { name: "Against", text: (d) => shown(d.reference), sort: (d) => d.reference, kind: "text" },
  { name: "Measure", text: (d) => d.measure.name, sort: (d) => d.place, kind: "text" },
  { name: "Contrast", text: (d) => data.contrasts[d.contrast][1], sort: (d) => d.contrast, kind: "text" },
  { name: "Value", text: (d) => (d.value === null ? data.status[d.status] : fixed(d.value, placesOf(d), signed(d))), sort: (d) => d.value },
  { name: "Interval", text: (d) => interval(d.lower, d.upper, placesOf(d), signed(d)), sort: (d) => d.lower, kind: "count" },
  { name: "p", text: (d) => pText(d.p), sort: (d) => d.p, kind: "count" },
  { name: "p adjusted", text: (d) => pText(d.adjusted), sort: (d) => d.adjusted, kind: "count" },
  { name: "Family", text: (d) => (d.primary ? "primary" : "screening"), sort: (d) => d.primary, kind: "text" },
  { name: "Status", text: statusOf, sort: (d) => d.status, kind: "text" },
], disparities, [
  ["Measure", measureEntries, (d, v) => d.place === Number(v)],
  ["Attributes", numbered(data.crossings.map((c) => c.replaceAll(" & ", " \u00d7 "))), (d, v) => d.crossing === Number(v)],
  ["Contrast", numbered(data.contrasts.map(([, name]) => name)), (d, v) => d.contrast === Number(v)],
  ["Status", numbered(data.status), (d, v) => d.status === Number(v)],
], (d) => `${shown(d.stratum)} ${shown(d.reference)}`);
