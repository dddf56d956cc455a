"""An attacker who holds everything that left of a shared audit and works out what did not.

What is known is a set of linear statements about the cells of the full crossing of the attributes:
(true positives, false negatives, false positives, true negatives) of every atom. They come from
counts, rates, intervals, contrasts, curves, pools and what a status implies. A withheld count is
recovered when integer programs over all statements leave it one value, or only small ones.
"""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from itertools import combinations, pairwise, product
from statistics import NormalDist
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import Bounds, LinearConstraint, milp

Record = Mapping[str, Any]
Floats = NDArray[np.float64]
CELLS = ("tp", "fn", "fp", "tn")
COUNTS = {"n": CELLS, "n_positive": CELLS[:2], "n_negative": CELLS[2:]} | {c: (c,) for c in CELLS}
# Numerator and denominator of what is a share of people.
SHARES = {
    "sensitivity": (("tp",), ("tp", "fn")),
    "fnr": (("fn",), ("tp", "fn")),
    "specificity": (("tn",), ("fp", "tn")),
    "fpr": (("fp",), ("fp", "tn")),
    "ppv": (("tp",), ("tp", "fp")),
    "npv": (("tn",), ("fn", "tn")),
    "flag_rate": (("tp", "fp"), CELLS),
    "prevalence": (("tp", "fn"), CELLS),
    "accuracy": (("tp", "tn"), CELLS),
}
EXACT = 1e-9


@dataclass(frozen=True)
class Group:
    """People that a statement is about: a stratum, or everyone in `whole` but those in `name`."""

    name: str
    whole: str | None = None


@dataclass
class Known:
    """Statements ``low <= coefficients . cells <= high``, the coefficients by group and cell."""

    rows: list[tuple[dict[tuple[Group, str], float], float, float]] = field(default_factory=list)

    def sum(self, group: Group, cells: Iterable[str], low: float, high: float) -> None:
        self.rows.append(({(group, c): 1.0 for c in cells}, low, high))

    def share(self, group: Group, measure: str, value: float, slack: float = EXACT) -> None:
        """Say ``top = value * bottom``, to the digits that are known of the value."""
        top, bottom = SHARES[measure]
        for end, low, high in ((value - slack, 0.0, np.inf), (value + slack, -np.inf, 0.0)):
            weights = {(group, c): float(c in top) - end for c in bottom}
            self.rows.append((weights, low, high))


@dataclass(frozen=True)
class World:
    """What anybody knows: the attributes with their levels, the strata that were looked at.

    `possible` says which atoms can exist (a hospital lies in one region). `minimum` is the plan's
    least denominator, `threshold` its decision threshold.
    """

    levels: Mapping[str, Sequence[str]]
    strata: Sequence[str]
    withheld: frozenset[str]
    minimum: int
    threshold: float | None
    possible: Callable[[Mapping[str, str]], bool] = lambda atom: True

    @classmethod
    def of(cls, audit: Record, possible: Callable[[Mapping[str, str]], bool]) -> "World":
        cohort = audit["cohort"]
        return cls(
            {a["name"]: a["levels"] for a in cohort["attributes"]},
            [s["stratum"] for s in cohort["strata"]],
            frozenset(s["stratum"] for s in cohort["strata"] if s["n"] is None),
            audit["plan"]["minimum"]["denominator"],
            (cohort["threshold"] or {}).get("value"),
            possible,
        )

    @cached_property
    def atoms(self) -> list[dict[str, str]]:
        """The full crossing, without what no stratum would hold."""
        names, known = sorted(self.levels), set(self.strata)
        depth = max(s.count(" & ") + 1 for s in self.strata)
        found = []
        for chosen in product(*(self.levels[n] for n in names)):
            atom = dict(zip(names, chosen, strict=True))
            parts = (" & ".join(f"{n}={atom[n]}" for n in some)
                     for some in combinations(names, depth))  # fmt: skip
            if self.possible(atom) and all(p in known for p in parts):
                found.append(atom)
        return found

    def inside(self, stratum: str) -> Floats:
        """The atoms of a stratum."""
        wanted = parts_of(stratum).items()
        return np.array([float(wanted <= atom.items()) for atom in self.atoms])

    def vector(self, group: Group) -> Floats:
        if group.whole is None:
            return self.inside(group.name)
        return self.inside(group.whole) - self.inside(group.name)


def parts_of(stratum: str) -> dict[str, str]:
    if stratum == "overall":
        return {}
    return dict(part.split("=", 1) for part in stratum.split(" & "))


def group_of(name: str) -> Group:
    return Group(name.removeprefix("not "), "overall") if name.startswith("not ") else Group(name)


def recovered(
    world: World, known: Known, min_cell: int, strata: Iterable[str] | None = None
) -> dict[tuple[str, str], tuple[int, int]]:
    """Counts of which nothing, or nothing but a small number, is left to find out.

    Those of the withheld strata, or of others.
    """
    found = {}
    system = _System.of(world, known)
    for stratum in sorted(world.withheld if strata is None else strata):
        one = world.inside(stratum)
        for count, cells in COUNTS.items():
            wanted = np.outer(one, [float(c in cells) for c in CELLS]).ravel()
            ends = system.told(wanted, min_cell)
            if ends is not None:
                found[stratum, count] = ends
    return found


def recovered_bins(
    audit: Record,
    attribute: str,
    min_cell: int,
    unions: Mapping[str, Sequence[str]] | None = None,
) -> dict[tuple[str, str, float], tuple[int, int]]:
    """Small numbers of scores between two edges that the curves of an attribute give away.

    The unknowns are the finest bins of every level by outcome. Known are the bins and the counts
    at the decision threshold that are shown, of the levels and of all of them together; and of
    strata of another attribute that hold the same people as some levels (`unions`).
    """
    strata = {s["stratum"]: s for s in audit["cohort"]["strata"]}
    levels = [s for s in strata if strata[s]["attributes"] == [attribute]]
    grid = [round(i / 20, 9) for i in range(21)]
    threshold = audit["cohort"]["threshold"]["value"]
    assert round(threshold, 9) in grid
    held = {"overall": levels, **{level: [level] for level in levels}, **(unions or {})}
    rows: list[tuple[Floats, int]] = []

    def span(stratum: str, low: float, high: float) -> Floats:
        of = held[stratum]
        inside = [round(low, 9) <= edge < round(high, 9) for edge in grid[:-1]]
        return np.outer([level in of for level in levels], inside).astype(np.float64).ravel()

    found = {}
    for outcome, above in (("positives", "tp"), ("negatives", "fp")):
        rows = []
        for stratum in held:
            total = strata[stratum][f"n_{outcome[:-1]}"]
            if total is not None:
                rows.append((span(stratum, 0.0, 1.0), total))
                rows.append((span(stratum, threshold, 1.0), strata[stratum][above]))
        for r in audit["curves"]["risk"]:
            if r["stratum"] in held:
                bins = zip(pairwise(r["edges"]), r[outcome], strict=True)
                rows += [(span(r["stratum"], *bin), count) for bin, count in bins]
        sums = np.array([count for _, count in rows], dtype=np.float64)
        size = len(levels) * (len(grid) - 1)
        system = _System(LinearConstraint(np.array([row for row, _ in rows]), sums, sums), size)
        for stratum in levels:
            for low, high in pairwise(grid):
                ends = system.told(span(stratum, low, high), min_cell)
                if ends is not None and ends[1] < min_cell:
                    found[stratum, outcome, low] = ends
    return found


@dataclass(frozen=True)
class _System:
    constraint: LinearConstraint
    size: int

    @classmethod
    def of(cls, world: World, known: Known) -> "_System":
        size = len(world.atoms) * len(CELLS)
        rows = np.zeros((len(known.rows), size))
        for row, (weights, _, _) in zip(rows, known.rows, strict=True):
            for (group, cell), weight in weights.items():
                row[CELLS.index(cell) :: len(CELLS)] += weight * world.vector(group)
        ends = np.array([(low, high) for _, low, high in known.rows], dtype=np.float64)
        ends = ends.reshape(-1, 2)
        scale = np.abs(rows).max(axis=1, initial=1.0, keepdims=True)
        both = np.unique(np.hstack([rows, ends]) / scale, axis=0)
        return cls(LinearConstraint(both[:, :size], both[:, size], both[:, size + 1]), size)

    def told(self, wanted: Floats, min_cell: int) -> tuple[int, int] | None:
        """The least and the most that a count can be, if it is known by that or sure to be small.

        What may be nobody is neither.
        """
        least = self.end(wanted, 1)
        if least < 1:
            return None
        most = self.end(wanted, -1)
        return (least, most) if least == most or most < min_cell else None

    def end(self, wanted: Floats, sign: int) -> int:
        made = milp(
            sign * wanted,
            constraints=self.constraint,
            integrality=np.ones(self.size),
            bounds=Bounds(0, np.inf),
        )
        if made.status == 3:  # without an end
            return 0 if sign == 1 else 10**9
        assert made.success, f"the statements contradict each other: {made.message}"
        return int(np.round(sign * made.fun))


def read_records(records: Iterable[Record], known: Known, world: World) -> None:
    """Take in estimates and contrasts, in whatever format they stood."""
    every = [*records]
    values: dict[tuple[str, str], tuple[float, float]] = {}
    for r in every:
        if r.get("contrast") is None:
            _estimate(r, known)
            if r["value"] is not None:
                values[r["measure"], r["stratum"]] = (r["value"], r.get("slack", EXACT))
    for r in every:
        if r.get("contrast") in ("difference", "ratio") and r["value"] is not None:
            _contrast(r, known, values)
        if r.get("contrast") == "gap" and r.get("status") == "ok":
            _left_out(r, known, world)


def _estimate(r: Record, known: Known) -> None:
    group, measure = Group(r["stratum"]), r["measure"]
    top, bottom = SHARES.get(measure, (COUNTS["n_positive"], CELLS))
    for cells, name in ((CELLS, "n"), (COUNTS["n_positive"], "n_positive"),
                        (COUNTS["n_negative"], "n_negative"), (bottom, "denominator"),
                        (top, "events")):  # fmt: skip
        if r.get(name) is not None:
            known.sum(group, cells, r[name], r[name])
    if measure not in SHARES or r["value"] is None:
        return
    known.share(group, measure, r["value"], r.get("slack", EXACT))
    if r.get("method") == "wilson" and r["lower"] is not None and r.get("slack", EXACT) <= EXACT:
        n = size_behind(r["lower"], r["upper"], r["level"])
        if n is not None:
            known.sum(group, bottom, n, n)


def size_behind(lower: float, upper: float, level: float) -> int | None:
    """The denominator of a share whose Wilson interval this is; none where it is not told."""
    z2 = NormalDist().inv_cdf(0.5 + level / 2) ** 2
    total, times = lower + upper, lower * upper
    # With w = z2 / n: (total (1 + w) - w)^2 = 4 times (1 + w).
    a = (total - 1) ** 2
    b = 2 * total * (total - 1) - 4 * times
    c = total**2 - 4 * times
    roots = np.roots([a, b, c]) if abs(a) > 1e-12 else np.array([-c / b]) if b else np.zeros(0)
    for w in sorted(float(x.real) for x in roots if abs(x.imag) < 1e-9 and x.real > 1e-9):
        if abs(z2 / w - round(z2 / w)) < 1e-3:
            return round(z2 / w)
    return None


def _contrast(
    r: Record, known: Known, values: Mapping[tuple[str, str], tuple[float, float]]
) -> None:
    """From one end and the contrast comes the other end."""
    measure = r["measure"]
    if measure not in SHARES:
        return
    one, other = values.get((measure, r["stratum"])), values.get((measure, r["reference"]))
    ratio, slack = r["contrast"] == "ratio", r.get("slack", EXACT)
    if one is not None and not (ratio and r["value"] == 0):
        end = one[0] / r["value"] if ratio else one[0] - r["value"]
        known.share(group_of(r["reference"]), measure, end, 10 * (slack + one[1]))
    if other is not None:
        end = other[0] * r["value"] if ratio else other[0] + r["value"]
        known.share(group_of(r["stratum"]), measure, end, 10 * (slack + other[1]))


def _left_out(r: Record, known: Known, world: World) -> None:
    """A gap is over all levels with enough data: those that are withheld have too little."""
    if r["measure"] in SHARES:
        for stratum in world.withheld:
            if " & ".join(parts_of(stratum)) == r["attribute"]:
                _too_few(known, Group(stratum), r["measure"], world)


def _too_few(known: Known, group: Group, measure: str, world: World) -> None:
    known.sum(group, SHARES[measure][1], 0, world.minimum - 1)


def read_audit(audit: Record, known: Known, world: World) -> None:
    """Take in everything of an audit.json."""
    for s in audit["cohort"]["strata"]:
        for count, cells in COUNTS.items():
            if s[count] is not None:
                known.sum(Group(s["stratum"]), cells, s[count], s[count])
    read_records([*audit["estimates"], *audit["disparities"]], known, world)
    read_curves(audit["curves"], known, world)
    read_sites(audit["sites"], known, world)
    for s in audit["sample_size"]:
        if s["n"] is not None:
            known.sum(Group(s["stratum"]), CELLS, s["n"], s["n"])
    for b in audit["bounds"]["missing"]:
        if b["missing"] is not None:
            group = Group(f"{b['attribute']}=(missing)")
            known.sum(group, CELLS, b["missing"], b["missing"])
    _read_covariates(audit["cohort"], known)
    _read_criteria(audit, known)


def _read_covariates(cohort: Record, known: Known) -> None:
    """A covariate that is an attribute too counts the rows of its missing level."""
    if cohort["missing_label"] or cohort["missing_score"]:
        return  # rows are not all analysed
    site = next((a["name"] for a in cohort["attributes"] if a["role"] == "site"), None)
    for c in cohort["covariates"]:
        for a in (a for a in cohort["attributes"] if a["column"] == c["column"]):
            parts = [f"{a['name']}=(missing)"]
            parts += [] if c["site"] == "overall" else [f"{site}={c['site']}"]
            if c["missing"] is not None and "(missing)" in a["levels"]:
                known.sum(Group(" & ".join(sorted(parts))), CELLS, c["missing"], c["missing"])


def _read_criteria(audit: Record, known: Known) -> None:
    """Demographic parity of two levels is a difference of two shares."""
    values = {(e["measure"], e["stratum"]): e["value"] for e in audit["estimates"]}
    for c in audit["criteria"]:
        parity = c["criterion"] == "demographic_parity_difference" and c["value"] is not None
        own, other = (values.get(("flag_rate", c[end])) for end in ("reference", "stratum"))
        if parity and own is not None and other is None:
            known.share(Group(c["stratum"]), "flag_rate", own - c["value"], 1e-7)


def read_curves(curves: Record, known: Known, world: World) -> None:
    for r in curves["risk"]:
        group = Group(r["stratum"])
        for cells, counts in ((("tp", "fn"), r["positives"]), (("fp", "tn"), r["negatives"])):
            known.sum(group, cells, sum(counts), sum(counts))
            if world.threshold is not None and world.threshold in r["edges"]:
                above = sum(counts[r["edges"].index(world.threshold) :])
                known.sum(group, cells[:1], above, above)
    for c in curves["calibration"]:
        group, n = Group(c["stratum"]), sum(b["n"] for b in c["bins"])
        events = sum(round(b["n"] * b["observed"]) for b in c["bins"])
        known.sum(group, CELLS, n, n)
        known.sum(group, ("tp", "fn"), events, events)
    for d in curves["decision"]:
        if d["prevalence"] is not None:
            known.share(Group(d["stratum"]), "prevalence", d["prevalence"])
        for t, benefit in zip(d["thresholds"], d["net_benefit"], strict=True):
            if world.threshold is not None and abs(t - world.threshold) < 1e-12:
                _benefit(known, Group(d["stratum"]), t, benefit)
    for s in curves["sweep"]:
        for i, t in enumerate(s["thresholds"]):
            if world.threshold is not None and abs(t - world.threshold) < 1e-12:
                for measure in ("sensitivity", "specificity", "ppv", "npv", "flag_rate"):
                    if s[measure][i] is not None:
                        known.share(Group(s["stratum"]), measure, s[measure][i])


def _benefit(known: Known, group: Group, t: float, benefit: float) -> None:
    """Say ``tp / n - fp / n * t / (1 - t) = benefit``."""
    gain = {"tp": 1.0, "fp": -t / (1 - t)}
    for end, low, high in ((benefit - EXACT, 0.0, np.inf), (benefit + EXACT, -np.inf, 0.0)):
        known.rows.append(({(group, c): gain.get(c, 0.0) - end for c in CELLS}, low, high))


def read_sites(sites: Record | None, known: Known, world: World) -> None:
    """Of two sites the pool without the one is the other; who is left out has too little."""
    for h in () if sites is None else sites["heterogeneity"]:
        if h["measure"] not in SHARES:
            continue
        if h["contrast"] is None:
            for one in h["leave_one_out"] if len(h["sites"]) == 2 else ():
                (other,) = (s for s in h["sites"] if s != one["site"])
                known.share(Group(other), h["measure"], one["value"], 1e-6)
            if h["status"] != "suppressed":
                for site in h["excluded"]:
                    if site in world.withheld and not site.endswith("=(missing)"):
                        _too_few(known, Group(site), h["measure"], world)


SENTENCE = re.compile(
    r"(?P<name>[A-Z][\w -]+?) (?:in (?P<stratum>\w+=(?:(?!\. )[^;:])+?)|(?P<whole>overall)) was "
    r"(?P<value>-?[\d.]+) \((?:[^()]*?; )?n = (?P<n>[\d,]+), (?P<positive>[\d,]+) with the "
    r"condition"
)


def read_sentences(text: str, names: Mapping[str, str], known: Known) -> int:
    """Take in sentences of findings, wherever they stand; return how many there were."""
    found = 0
    for m in SENTENCE.finditer(text):
        stratum = m["stratum"] or "overall"
        known.sum(Group(stratum), CELLS, *[int(m["n"].replace(",", ""))] * 2)
        known.sum(Group(stratum), COUNTS["n_positive"], *[int(m["positive"].replace(",", ""))] * 2)
        measure = names.get(m["name"].casefold())
        if measure in SHARES:
            known.share(Group(stratum), measure, float(m["value"]), 0.5001e-3)
        found += 1
    return found


def telling(node: Any, withheld: frozenset[str], path: str = "") -> Iterator[str]:
    """Objects in data of any shape that name a withheld stratum and hold a number of their own."""
    if isinstance(node, Mapping):
        texts = [str(v) for v in node.values() if isinstance(v, str)]
        about = [s for s in withheld if s != "overall" and any(_about(t, s) for t in texts)]
        own = {k: v for k, v in node.items() if k not in _PLAIN and not isinstance(v, bool)}
        numbers = {
            k: v
            for k, v in own.items()
            if isinstance(v, int | float)
            or (isinstance(v, str) and re.fullmatch(r"-?\d+(\.\d+)?", v))
        }
        if about and numbers:
            yield f"{path}: {about[0]}: {numbers}"
        for key, value in node.items():
            yield from telling(value, withheld, f"{path}.{key}")
    elif isinstance(node, list | tuple):
        for i, value in enumerate(node):
            yield from telling(value, withheld, f"{path}[{i}]")


# Numbers that the plan sets, the format or the place in a drawing.
_PLAIN = frozenset(
    ("level", "margin", "target_width", "line", "fair", "at_least", "k", "k_outer", "k_inner",
     "row", "y", "x", "y2", "x2", "column", "order", "shade", "width", "height", "size", "group",
     "index", "base", "floor", "ceiling")
)  # fmt: skip


def _about(text: str, stratum: str) -> bool:
    return text == stratum or text.endswith(f"/{stratum}") or text.startswith(f"{stratum}:")


# Numbers of something else than people.
_ASIDE = re.compile(
    r"\d+ of \d+ (?:strata|not_estimable|parts)|and \d+ more|\d+ (?:estimates?|contrasts?)|"
    r"question \d+|Principle \d+|Art\. \d+\(\d+\)"
)


def beside(text: str, stratum: str, numbers: Iterable[str]) -> list[str]:
    """Lines that name a withheld stratum and one of its counts."""
    found = []
    for line in text.splitlines():
        if names(line, stratum):
            rest = _ASIDE.sub(" ", line)
            for part in stratum.split(" & "):
                rest = rest.replace(part, " ")
            rest = re.sub(r"(?<=\d)[,\N{NARROW NO-BREAK SPACE}](?=\d{3})", "", rest)
            words = set(re.findall(r"(?<![\w.=\[-])\d+(?:\.\d+)?(?![\w.]*\d)", rest))
            found += [line.strip() for n in numbers if n in words]
    return found


def names(line: str, stratum: str) -> bool:
    """Whether a line speaks of a stratum: by its name, or as the row of its level."""
    if re.search(rf"(?<![\w&]){re.escape(stratum)}(?![\w(])(?! &)", line):
        return True
    level = stratum.partition("=")[2]
    return " & " not in stratum and re.match(rf"\W*{re.escape(level)}(?!\w)", line) is not None
