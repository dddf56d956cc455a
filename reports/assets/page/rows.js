// Which strata a forest plot shows: one attribute, a crossing of several, or inside one group.
const keyOfParts = (parts) => parts.map(([a, l]) => `${a}.${l}`).join(" ");
const byParts = new Map(data.strata.map((s, i) => [data.parts[i].length ? keyOfParts(data.parts[i]) : s, i]));
const attributesOf = (parts) => parts.map(([a]) => a).join(" ");
// Numbers of the attributes that are crossed, and the strata of each crossing in level order.
const crossings = new Map();
data.strata.forEach((stratum, i) => {
  const parts = data.parts[i];
  if (!parts.length) return;
  const key = attributesOf(parts);
  if (!crossings.has(key)) crossings.set(key, []);
  crossings.get(key).push(i);
});
const byLevels = (i, j) => {
  const a = data.parts[i], b = data.parts[j], at = a.findIndex((p, k) => p[1] !== b[k][1]);
  return at < 0 ? 0 : a[at][1] - b[at][1];
};
for (const strata of crossings.values()) strata.sort(byLevels);
const numbersIn = (key) => (key === "" ? [] : key.split(" ").map(Number));
const titleOf = (key) => numbersIn(key).map((a) => data.attributes[a][0]).join(" \u00d7 ");
// Attributes alone first, then crossings, each in the order of the attributes.
const byNumbers = (k, m) => {
  const a = numbersIn(k), b = numbersIn(m);
  return a.length - b.length || a[0] - b[0] || (a[1] ?? 0) - (b[1] ?? 0);
};
const crossingKeys = [...crossings.keys()].sort(byNumbers);
const levelOf = ([a, l]) => data.attributes[a][2][l];
const partText = ([a, l]) => `${data.attributes[a][0]}=${levelOf([a, l])}`;

// Groups of rows: [heading, [stratum, label]...]; `inside` is a part that every row shares.
const groupsOf = (key, inside) => {
  const [a] = inside ?? [null];
  const keys = key === "" ? crossingKeys.filter((k) => !k.includes(" ")) : [key];
  return keys.flatMap((one) => {
    const names = numbersIn(one);
    if (inside === null) return grouped(one, crossings.get(one) ?? [], names, null);
    if (names.includes(a)) {
      const own = (crossings.get(one) ?? []).filter((i) => data.parts[i].some(([b, l]) => b === a && l === inside[1]));
      return key === "" ? [] : grouped(one, own, names, null);
    }
    const wide = [...names, a].sort((x, y) => x - y);
    const own = (crossings.get(wide.join(" ")) ?? []).filter((i) => data.parts[i].some(([b, l]) => b === a && l === inside[1]));
    return grouped(one, own, names, a);
  });
};
const grouped = (key, strata, names, left) => {
  const rows = strata.map((i) => [i, data.parts[i].filter(([a]) => a !== left)]);
  if (names.length < 2)
    return rows.length ? [[titleOf(key), rows.map(([i, parts]) => [data.strata[i], parts.map(levelOf).join(" \u00b7 ")])]] : [];
  const heads = new Map();
  for (const [i, parts] of rows) {
    const head = partText(parts[0]);
    if (!heads.has(head)) heads.set(head, []);
    heads.get(head).push([data.strata[i], parts.slice(1).map(levelOf).join(" \u00b7 ")]);
  }
  return [...heads];
};
