"use strict";
(() => {
  const $ = (s, at = document) => at.querySelector(s);
  const $$ = (s, at = document) => [...at.querySelectorAll(s)];
  const data = JSON.parse($("#equipoise-data").textContent);
  const figures = JSON.parse($("#equipoise-figures").textContent);
  const MINUS = "\u2212", DASH = "\u2013";
  document.documentElement.classList.add("on");

  const make = (tag, text = "", attributes = {}) => {
    const e = document.createElement(tag);
    e.textContent = text;
    for (const [k, v] of Object.entries(attributes)) e.setAttribute(k, v);
    return e;
  };
  const fixed = (v, places, sign) => {
    if (v === null) return DASH;
    const t = v.toFixed(places), zero = Number(t) === 0;
    return (sign && v > 0 && !zero ? "+" : "") + (zero ? t.replace("-", "") : t.replace("-", MINUS));
  };
  const interval = (l, u, places, sign) =>
    l === null || u === null ? "" : `[${fixed(l, places, sign)}, ${fixed(u, places, sign)}]`;
  const pText = (p) => (p === null ? DASH : p < 0.001 ? "< 0.001" : fixed(p, 3));
  const compare = (a, b) => {
    const an = a === null || a === undefined, bn = b === null || b === undefined;
    if (an || bn) return an - bn;
    return typeof a === "number" && typeof b === "number" ? a - b : String(a).localeCompare(String(b));
  };
  const ordered = (rows, key, up) => {
    const known = rows.filter((r) => key(r) !== null && key(r) !== undefined);
    const rest = rows.filter((r) => key(r) === null || key(r) === undefined);
    known.sort((a, b) => (up ? 1 : -1) * compare(key(a), key(b)));
    return known.concat(rest);
  };
  const heading = (th, act) => {
    const button = make("button", th.textContent, { type: "button" });
    th.replaceChildren(button);
    button.addEventListener("click", () => {
      const up = th.getAttribute("aria-sort") !== "ascending";
      $$("th", th.parentNode).forEach((o) => o.removeAttribute("aria-sort"));
      th.setAttribute("aria-sort", up ? "ascending" : "descending");
      act(up);
    });
  };
  const labelled = (text, control) => {
    const label = make("label", text);
    label.append(control);
    return label;
  };
  const choice = (text, entries, act, first) => {
    const select = make("select");
    entries.forEach(([value, name]) => select.append(new Option(name, value)));
    if (first !== undefined) select.value = first;
    select.addEventListener("change", act);
    return [labelled(text, select), select];
  };

  // Tables that stand in the page: sort within each group, filter by text.
  $$(".table.sortable").forEach((box) => {
    const table = $("table", box);
    const keyOf = (i) => (row) => {
      const cell = row.cells[i];
      if (cell.dataset.sort !== undefined) {
        const n = Number(cell.dataset.sort);
        return Number.isNaN(n) ? cell.dataset.sort : n;
      }
      return cell.classList.contains("status") ? null : cell.textContent.trim();
    };
    $$("thead th", table).forEach((th, i) => heading(th, (up) => {
      for (const body of table.tBodies) {
        const rows = [...body.rows].filter((r) => !r.classList.contains("group"));
        body.append(...ordered(rows, keyOf(i), up));
      }
    }));
    if (table.rows.length < 12) return;
    const input = make("input", "", { type: "search", placeholder: "text in a row" });
    input.addEventListener("input", () => {
      const wanted = input.value.trim().toLowerCase();
      for (const body of table.tBodies) {
        const group = $("tr.group", body);
        const inGroup = group && group.textContent.toLowerCase().includes(wanted);
        for (const row of body.rows)
          if (row !== group) row.hidden = !inGroup && !row.textContent.toLowerCase().includes(wanted);
      }
    });
    const tools = make("div", "", { class: "tools" });
    tools.append(labelled("Show rows with", input));
    box.before(tools);
  });

  // Explorers: every estimate and every disparity, a page of rows at a time.
  const PAGE = 50;
  const explore = (root, columns, rows, filters, search) => {
    let page = 0, key = null, up = true;
    const tools = make("div", "", { class: "tools" });
    const input = make("input", "", { type: "search", placeholder: "e.g. sex=F" });
    const again = () => { page = 0; show(); };
    const selects = filters.map(([text, entries, test]) => {
      const [label, select] = choice(text, [["", "all"], ...entries], again);
      tools.append(label);
      return [select, test];
    });
    input.addEventListener("input", again);
    tools.append(labelled("Stratum contains", input));
    const table = make("table"), head = make("tr"), body = make("tbody");
    columns.forEach(([name, , sortKey, kind]) => {
      const th = make("th", name, { scope: "col", class: kind });
      head.append(th);
      heading(th, (rising) => { key = sortKey; up = rising; again(); });
    });
    const thead = make("thead"); thead.append(head); table.append(make("caption", root.dataset.caption), thead, body);
    const status = make("p", "", { class: "note", "aria-live": "polite" });
    const back = make("button", "Previous", { type: "button" }), on = make("button", "Next", { type: "button" });
    back.addEventListener("click", () => { page -= 1; show(); });
    on.addEventListener("click", () => { page += 1; show(); });
    const box = make("div", "", { class: "table" }); box.append(table);
    const turn = make("div", "", { class: "tools" }); turn.append(back, on);
    root.append(tools, box, status, turn);
    const show = () => {
      const wanted = input.value.trim().toLowerCase();
      let found = rows.filter((r) => selects.every(([s, test]) => s.value === "" || test(r, s.value)));
      if (wanted) found = found.filter((r) => search(r).toLowerCase().includes(wanted));
      if (key) found = ordered(found, key, up);
      page = Math.max(0, Math.min(page, Math.ceil(found.length / PAGE) - 1));
      const part = found.slice(page * PAGE, (page + 1) * PAGE);
      body.replaceChildren(...part.map((r) => {
        const tr = make("tr");
        columns.forEach(([, text, , kind], i) => tr.append(make(i ? "td" : "th", text(r), i ? { class: kind } : { scope: "row" })));
        return tr;
      }));
      status.textContent = found.length ? `Rows ${page * PAGE + 1} to ${page * PAGE + part.length} of ${found.length}` : "No row fits.";
      back.disabled = page === 0; on.disabled = (page + 1) * PAGE >= found.length;
    };
    show();
    return { find(measure, stratum) { selects[0][0].value = measure; input.value = stratum; again(); root.scrollIntoView(); } };
  };
  const m = (r) => data.measures[r[0]] || { name: "", digits: 3 };
  const s = (i) => data.strata[i];
  const reason = (i) => (i < 0 ? "" : data.reasons[i]);
  const measures = data.measures.map((x, i) => [String(i), x.name]);
  const estimateColumns = [
    ["Stratum", (r) => s(r[1]), (r) => s(r[1]), "text"],
    ["Measure", (r) => m(r).name, (r) => r[0], "text"],
    ["Value", (r) => (r[2] === null ? data.status[r[9]] : fixed(r[2], m(r).digits)), (r) => r[2], "count"],
    ["Interval", (r) => interval(r[3], r[4], m(r).digits), (r) => r[3], "count"],
    ["Events / denominator", (r) => (r[8] === null ? "withheld" : m(r).share && r[7] !== null ? `${r[7]} / ${r[8]}` : `n ${r[5]}`), (r) => r[8], "count"],
    ["Patients behind it", (r) => (r[11] === null ? "" : String(r[11])), (r) => r[11], "count"],
    ["Status", (r) => data.status[r[9]] + (r[10] < 0 ? "" : `: ${reason(r[10])}`), (r) => r[9], "text"],
    ["Method", (r) => data.methods[r[12]].replaceAll("_", " "), (r) => data.methods[r[12]], "text"],
  ];
  const isRatio = (r) => r[1] === 1;
  const places = (r) => (isRatio(r) ? 2 : m(r).digits);
  const disparityColumns = [
    ["Stratum", (r) => s(r[2]), (r) => s(r[2]), "text"],
    ["Against", (r) => s(r[3]), (r) => s(r[3]), "text"],
    ["Measure", (r) => m(r).name, (r) => r[0], "text"],
    ["Contrast", (r) => data.contrasts[r[1]], (r) => r[1], "text"],
    ["Value", (r) => (r[4] === null ? data.status[r[9]] : fixed(r[4], places(r), r[1] === 0)), (r) => r[4], "count"],
    ["Interval", (r) => interval(r[5], r[6], places(r), r[1] === 0), (r) => r[5], "count"],
    ["p", (r) => pText(r[7]), (r) => r[7], "count"],
    ["p adjusted", (r) => pText(r[8]), (r) => r[8], "count"],
    ["Family", (r) => (r[11] ? "primary" : "screening"), (r) => r[11], "text"],
  ];
  const all = $("#all-estimates");
  const explorer = explore(all, estimateColumns, data.estimates, [
    ["Measure", measures, (r, v) => r[0] === Number(v)],
    ["Status", data.status.map((x, i) => [String(i), x]), (r, v) => r[9] === Number(v)],
  ], (r) => s(r[1]));
  const contrasts = $("#all-disparities");
  if (contrasts) explore(contrasts, disparityColumns, data.disparities, [
    ["Measure", measures, (r, v) => r[0] === Number(v)],
    ["Contrast", data.contrasts.map((x, i) => [String(i), x]), (r, v) => r[1] === Number(v)],
  ], (r) => `${s(r[2])} ${s(r[3])}`);

  // Figures.
  const walk = (node, change) => {
    if (Array.isArray(node)) return node.map((x) => walk(x, change));
    if (node && typeof node === "object") {
      const out = {};
      for (const [k, v] of Object.entries(node)) out[k] = walk(v, change);
      return change(out);
    }
    return change(node);
  };
  const draw = (at, spec) => {
    const where = $(".draw", at);
    if (typeof vegaEmbed === "undefined") return;
    const holder = make("div", "", { role: "img", "aria-label": where.dataset.alt });
    const inner = make("div");  // Vega gives its own element a role and a label of its own
    holder.append(inner);
    vegaEmbed(inner, spec, { mode: "vega-lite", actions: false, renderer: "svg", ast: false })
      .then(() => where.replaceChildren(holder))
      .catch((error) => console.error(error));
  };
  const shorten = (t, most) => (t.length <= most ? t : t.slice(0, most - 9) + "\u2026" + t.slice(-8));
  const byStratum = new Map();
  data.estimates.forEach((r) => {
    const key = s(r[1]);
    if (!byStratum.has(key)) byStratum.set(key, new Map());
    byStratum.get(key).set(r[0], r);
  });
  const limits = new Map(data.limits.map(([i, stratum, low, high]) => [`${i}/${stratum}`, [low, high]]));
  const forestSpec = (template, index, attribute) => {
    const measure = data.measures[index], log = measure.log;
    const names = attribute === "" ? Object.keys(data.attributes).filter((a) => a !== "overall") : [attribute];
    const labels = [{ y: -1, text: "Subgroup", head: 1, n: data.estimates.some((r) => r[0] === index && r[6] !== null) ? "n / n+" : "n" }], points = [], seen = [];
    const whole = byStratum.get("overall")?.get(index);
    const add = (stratum, text, head) => {
      const y = labels.length - 1, r = byStratum.get(stratum)?.get(index);
      labels.push({ y, text: shorten(text, 30), head, n: r && r[5] !== null ? String(r[5]) + (r[6] === null ? "" : ` / ${r[6]}`) : "" });
      if (!r) return;
      const off = log && r[2] !== null && r[2] <= 0, drawn = r[2] !== null && !off, ok = r[9] === 0;
      const [floor, ceiling] = limits.get(`${index}/${stratum}`) || [null, null];
      const point = {
        y, v: drawn ? r[2] : null, l: drawn && ok ? r[3] : null, u: drawn && ok ? r[4] : null,
        mark: drawn ? (ok ? "ok" : "weak") : "none", floor, ceiling, base: whole && !(log && whole[2] <= 0) ? whole[2] : null,
        text: drawn ? "" : off ? `${fixed(r[2], measure.digits)}, off the scale` : data.status[r[9]],
        tip: `${fixed(r[2], measure.digits)} ${interval(r[3], r[4], measure.digits)}`, name: stratum,
        n: r[5] === null ? "withheld" : String(r[5]), status: data.status[r[9]] + (r[10] < 0 ? "" : `: ${reason(r[10])}`),
      };
      points.push(point);
      for (const k of ["v", "l", "u", "floor", "ceiling"]) if (point[k] !== null && !(log && point[k] <= 0)) seen.push(point[k]);
    };
    add("overall", "All units", 1);
    names.forEach((a) => {
      labels.push({ y: labels.length - 1, text: shorten(a, 34), head: 1, n: "" });
      data.attributes[a].forEach((x) => add(x, x.slice(x.indexOf("=") + 1), 0));
    });
    let low = 0, high = 1;
    if (seen.length && log) { low = Math.min(...seen, 0.8) / 1.05; high = Math.max(...seen, 1.25) * 1.05; }
    else if (seen.length) {
      low = Math.min(...seen); high = Math.max(...seen);
      const pad = 0.04 * (high - low) || 0.05, [a, b] = measure.bounds;
      low -= pad; high += pad;
      if (a !== null && a !== undefined) low = Math.max(low, a);
      if (b !== null && b !== undefined) high = Math.min(high, b);
    }
    const rows = labels.length - 1, t = figures.stand_ins;
    const spec = walk(template, (x) => {
      if (x === t.title) return measure.name;
      if (x === t.low) return low;
      if (x === t.high) return high;
      if (x === t.wide) return 420;
      if (x === t.rows - 0.5) return rows - 0.5;
      if (x === t.row * (t.rows + 1)) return t.row * (rows + 1);
      if (x && typeof x.name === "string" && x.name.startsWith("points")) return { name: "points" };
      if (log && x && x.type === "linear" && x.domain) { const { zero, ...kept } = x; return { ...kept, type: "log" }; }
      if (log && x && x.title === measure.name) return { ...x, values: t.ticks.filter((v) => v >= low && v <= high) };
      return x;
    });
    return { ...spec, datasets: { labels, points } };
  };
  const forest = $("#forest");
  if (forest) {
    const again = () => draw(forest, forestSpec(figures.forest, Number(which.value), attribute.value));
    const start = Math.max(0, data.measures.findIndex((x) => x.id === "sensitivity"));
    const names = Object.keys(data.attributes).filter((a) => a !== "overall");
    const many = Object.values(data.attributes).flat().length > 60;
    const [l1, which] = choice("Measure", measures, again, String(start));
    const [l2, attribute] = choice("Attribute", [["", "all attributes"], ...names.map((a) => [a, a])], again, many && names.length ? names[0] : "");
    $(".tools", forest).append(l1, l2);
    again();
  }
  const calibration = $("#calibration-figure");
  if (calibration && figures.specs.calibration) {
    const names = Object.keys(data.attributes).filter((a) => data.calibration.some((c) => data.attributes[a].includes(c[0])));
    const again = () => {
      const chosen = data.calibration.filter((c) => c[0] === "overall" || (data.attributes[attribute.value] || []).includes(c[0]));
      const values = chosen.flatMap(([, title, bins, curve]) => [
        ...bins.map(([p, o, l, u, n], i) => ({ title, kind: "bin", i, p, o, l, u, n })),
        ...curve.map(([p, o, l, u], i) => ({ title, kind: "curve", i, p, o, l, u })),
      ]);
      const spec = walk(figures.specs.calibration, (x) => {
        if (x && x.field === "title") return { ...x, sort: chosen.map((c) => c[1]) };
        return x;
      });
      draw(calibration, { ...spec, datasets: { bins: values }, columns: Math.max(1, Math.min(4, Math.floor($(".draw", calibration).clientWidth / 190))) });
    };
    const [label, attribute] = choice("Attribute", names.map((a) => [a, a === "overall" ? "all units" : a]), again, names[1]);
    $(".tools", calibration).append(label);
    again();
  }
  $$(".figure[data-figure]").forEach((at) => {
    const spec = figures.specs[at.dataset.figure];
    if (spec && at.id !== "calibration-figure") draw(at, spec);
  });

  // Deep links: #est:sensitivity/sex=F, also for strata that only the explorer shows.
  const go = () => {
    $$(".found").forEach((e) => e.classList.remove("found"));
    const raw = location.hash.slice(1);
    if (!raw) return;
    let wanted = raw;
    try { wanted = decodeURIComponent(raw); } catch { wanted = raw; }
    const cell = document.getElementById(raw) || document.getElementById(encodeURI(wanted)) || document.getElementById(wanted.replaceAll(" ", "%20"));
    if (cell) {
      if (/^(est|dis):/.test(raw)) { cell.classList.add("found"); cell.scrollIntoView({ block: "center" }); }
      return;
    }
    const [id, ...rest] = wanted.replace(/^est:/, "").split("/");
    const at = data.measures.findIndex((x) => x.id === id);
    if (wanted.startsWith("est:") && at >= 0) explorer.find(String(at), rest.join("/"));
  };
  addEventListener("hashchange", go);
  go();
})();
