"""Cohorts that are hard to share: small cells that margins, nesting or statuses give away."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache

import numpy as np

from audit.disclosure import shareable
from audit.result import AuditResult
from tests.audit.builders import Columns, audited

Cells = tuple[int, int, int, int]
INSTRUMENTS = ("gmlp", "chai-model-card", "altai", "eu-ai-act", "fda-ai-dsf", "fda-pccp")
PROFILE = f"""
product: {{name: Example risk score, version: "1.2", intended_use: Shows how results are shared.}}
profile:
  role: [provider]
  jurisdiction: [EU, US]
  lifecycle: market
  instruments: [{", ".join(INSTRUMENTS)}]
"""
HEAD = """
columns: {label: y, score: p, unit: uid%s}
threshold: {value: 0.4}
resamples: 100
permutations: 20
depth: %d
attributes: %s
"""
REQUIREMENTS = """
requirements:
  - {id: floor, measure: sensitivity, strata: [overall, %s], floor: 0.5}
  - {id: gap, measure: sensitivity, contrast: gap, attribute: %s, margin: 0.4}
"""


def people(names: Sequence[str], cells: Mapping[tuple[str | None, ...], Cells]) -> Columns:
    """Rows with exactly (tp, fn, fp, tn) at threshold 0.4 in every atom; a level of None is absent.

    Scores differ within each cell, alike in all atoms.
    """
    label: list[int] = []
    score: list[float] = []
    levels: list[list[str | None]] = [[] for _ in names]
    for atom, counts in cells.items():
        for cell, count in enumerate(counts):
            label += [int(cell < 2)] * count
            base, width = (0.42, 0.55) if cell in (0, 2) else (0.02, 0.36)
            score += [base + width * (i + 0.5) / count for i in range(count)]
            for one, level in zip(levels, atom, strict=True):
                one += [level] * count
    columns: Columns = {"y": np.array(label), "p": np.array(score)}
    columns["uid"] = np.array([f"u{i:05d}" for i in range(len(label))])
    return columns | {
        n: np.array(v, dtype=object if None in v else str)
        for n, v in zip(names, levels, strict=True)
    }


@dataclass(frozen=True)
class Nasty:
    """A cohort, how it is audited and shared, and what anybody knows of it.

    `protected` are withheld strata whose small counts must not be found; `secondary` says whether
    they could be if no other stratum were withheld.
    """

    names: tuple[str, ...]
    cells: Mapping[tuple[str | None, ...], Cells]
    protected: tuple[str, ...]
    depth: int = 1
    min_cell: int = 11
    site: str | None = None
    covariate: str | None = None
    secondary: bool = True
    possible: Callable[[Mapping[str, str]], bool] = lambda atom: True

    @property
    def plan(self) -> str:
        """The plan as text, with the comments that `equipoise init` would write."""
        roles = f", site: {self.site}" if self.site else ""
        roles += f", covariates: [{self.covariate}]" if self.covariate else ""
        own = [n for n in self.names if n != self.site]
        levels = {n: sorted({str(a[i]) for a in self.cells}) for i, n in enumerate(self.names)}
        listed = "".join(f"\n  {n}: {{}}  # {', '.join(levels[n])}, 3 missing" for n in own)
        head = HEAD % (roles, self.depth, listed)
        head = head if own else head.replace("attributes: ", "attributes: {}")
        return PROFILE + head + REQUIREMENTS % (", ".join(self.names), self.names[0])

    @property
    def columns(self) -> Columns:
        """The rows."""
        return people(self.names, self.cells)


def _rows(*big: Cells) -> dict[tuple[str | None, ...], Cells]:
    return {(f"{chr(65 + i)}",): cells for i, cells in enumerate(big)}


SIX: dict[tuple[str | None, ...], Cells] = {
    ("h1", "north"): (41, 23, 34, 152),
    ("h2", "north"): (17, 4, 15, 37),
    ("h3", "north"): (67, 31, 52, 187),
    ("h4", "south"): (13, 3, 17, 44),
    ("h5", "south"): (38, 26, 27, 103),
    ("h6", "south"): (59, 29, 47, 171),
}


def _lies_in(cells: Mapping[tuple[str | None, ...], Cells]) -> Callable[[Mapping[str, str]], bool]:
    """Which hospital lies where is no secret."""
    return lambda atom: (atom["hospital"], atom["region"]) in cells


HOSPITALS: dict[tuple[str | None, ...], Cells] = {
    ("h1", "north"): (41, 23, 34, 152),
    ("h2", "north"): (67, 31, 52, 187),
    ("h3", "south"): (58, 26, 47, 163),
    ("h4", "south"): (13, 3, 17, 44),
}
CASES: dict[str, Nasty] = {
    # Two sites and two sexes, and one cell of three.
    "two-by-two": Nasty(
        ("sex", "site"),
        {
            ("F", "s1"): (37, 3, 29, 113),
            ("M", "s1"): (43, 22, 31, 128),
            ("F", "s2"): (51, 27, 38, 139),
            ("M", "s2"): (47, 24, 33, 121),
        },
        ("sex=F & site=s1",),
        depth=2,
        site="site",
    ),
    # One small level: what all the others lack.
    "one-small-level": Nasty(
        ("race",),
        _rows((57, 23, 41, 143), (48, 19, 37, 126), (39, 16, 28, 109)) | {("D",): (2, 1, 4, 6)},
        ("race=D",),
    ),
    # The plan does not cross hospital and region; that one holds the other is known.
    "nested": Nasty(
        ("hospital", "region"), HOSPITALS, ("hospital=h4",), possible=_lies_in(HOSPITALS)
    ),
    # In each region two hospitals are withheld and one is shown.
    "nested-twice": Nasty(
        ("hospital", "region"), SIX, ("hospital=h2", "hospital=h4"), possible=_lies_in(SIX)
    ),
    "nested-crossed": Nasty(
        ("hospital", "region"),
        HOSPITALS,
        ("hospital=h4",),
        depth=2,
        site="hospital",
        possible=_lies_in(HOSPITALS),
    ),
    # Nobody is rare, but those with the condition are.
    "few-positives": Nasty(
        ("race",),
        _rows((34, 17, 88, 661), (29, 14, 71, 543), (3, 1, 62, 417)),
        ("race=C",),
    ),
    # Ten and eleven: the first is withheld, the second is not.
    "at-the-edge": Nasty(
        ("race",),
        _rows((57, 23, 41, 143), (11, 19, 37, 126), (10, 16, 28, 109), (33, 12, 25, 87)),
        ("race=C",),
    ),
    "five": Nasty(
        ("race",),
        _rows((57, 23, 41, 143), (6, 19, 37, 126), (4, 16, 28, 109), (33, 12, 25, 87)),
        ("race=C",),
        min_cell=5,
    ),
    "twenty": Nasty(
        ("race",),
        _rows((57, 23, 41, 143), (21, 24, 37, 126), (19, 26, 28, 109), (33, 32, 25, 87)),
        ("race=C",),
        min_cell=20,
    ),
    # Both withheld levels have nine with the condition: fewer than a gap would take in.
    "both-left-out": Nasty(
        ("race",),
        _rows((57, 23, 41, 143), (48, 19, 37, 126), (9, 0, 28, 109), (9, 0, 25, 87)),
        ("race=C", "race=D"),
        secondary=False,
    ),
    "both-left-out-sites": Nasty(
        ("site",),
        {
            ("s1",): (57, 23, 41, 143),
            ("s2",): (48, 19, 37, 126),
            ("s3",): (9, 0, 28, 109),
            ("s4",): (9, 0, 25, 87),
        },
        ("site=s3", "site=s4"),
        site="site",
        secondary=False,
    ),
    # Race is a covariate too: its missing values at each site are the cells of the crossing.
    "covariate": Nasty(
        ("race", "site"),
        {
            ("A", "s1"): (57, 23, 41, 143),
            ("B", "s1"): (48, 19, 37, 126),
            (None, "s1"): (14, 3, 26, 31),
            ("A", "s2"): (61, 25, 44, 137),
            ("B", "s2"): (46, 21, 33, 119),
            (None, "s2"): (16, 12, 23, 37),
        },
        ("race=(missing) & site=s1",),
        depth=2,
        site="site",
        covariate="race",
    ),
}


@cache
def full(name: str) -> AuditResult:
    """The audit as it stays inside."""
    return audited(CASES[name].plan, CASES[name].columns)


@cache
def shared(name: str) -> AuditResult:
    """What of it leaves."""
    return shareable(full(name), CASES[name].min_cell)
