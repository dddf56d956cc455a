// Numbers as text, by the same rules as the tables that stand in the page; and their order.
const MINUS = "\u2212", DASH = "\u2013";

// Python rounds a tie to the even digit, toFixed away from it: 0.0625 is 0.062.
const rounded = (value, places) => {
  const text = value.toFixed(places);
  const tail = value.toFixed(Math.min(100, places + 60)).split(".")[1]?.slice(places) ?? "";
  if (!/^50*$/.test(tail) || Number(text.at(-1)) % 2 === 0) return text;
  const step = Math.sign(value) * 10 ** -places;
  return (Number(text) - step).toFixed(places);
};
const fixed = (value, places, sign = false) => {
  if (value === null || value === undefined) return DASH;
  if (Math.abs(value) >= 1e6)
    return value.toExponential(1).replace(/e([+-])(\d)$/, "e$10$2").replaceAll("-", MINUS);
  const text = rounded(value, places), zero = Number(text) === 0;
  if (zero) return text.replace("-", "");
  return (sign && value > 0 ? "+" : "") + text.replace("-", MINUS);
};
const interval = (lower, upper, places, sign = false) =>
  lower === null || upper === null ? "" : `[${fixed(lower, places, sign)}, ${fixed(upper, places, sign)}]`;
const withInterval = (x, places, sign = false) =>
  `${fixed(x.value, places, sign)} ${interval(x.lower, x.upper, places, sign)}`.trim();
const pText = (p) => (p === null ? DASH : p < 0.001 ? "< 0.001" : fixed(p, 3));
const count = (n) => (n === null ? "withheld" : String(n).replace(/\B(?=(\d{3})+$)/g, ","));
const plural = (n, noun, many = `${noun}s`) => `${count(n)} ${n === 1 ? noun : many}`;
const shorten = (text, most) => {
  if (text.length <= most) return text;
  const tail = Math.floor((most - 1) / 3);
  return `${text.slice(0, most - 1 - tail).trimEnd()}\u2026${text.slice(-tail).trimStart()}`;
};

const known = (key) => (x) => key(x) !== null && key(x) !== undefined;
const compare = (a, b) =>
  typeof a === "number" && typeof b === "number" ? a - b
    : String(a).localeCompare(String(b), "en", { numeric: true });
// What has no value comes last, whichever way is up.
const ordered = (rows, key, up) => [
  ...rows.filter(known(key)).sort((a, b) => (up ? 1 : -1) * compare(key(a), key(b))),
  ...rows.filter((x) => !known(key)(x)),
];
