"""The curves of a shared result: coarsened until no plotted number shows or reveals a small cell.

Every point of a curve counts the people whose score reaches some cut, so the cuts of one stratum
form a chain of nested sets and what they reveal are the differences between neighbours, by
outcome. The decision threshold is such a cut as well. Strata of one attribute share their cuts,
which are among those of the whole cohort: subtracting curves then reveals nothing but the rest
that the withheld strata leave, and that rest obeys the same rule.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from audit.curve_sections import (
    CalibrationBin,
    CalibrationCurve,
    Curves,
    DecisionCurve,
    RiskDistribution,
    ThresholdSweep,
)
from audit.result import AuditResult, StratumCount
from audit.stats.proportions import wilson
from audit.stratum_names import OVERALL
from audit.suppression import is_small

Ints = NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class _Chain:
    """People at or above every edge of the risk bins, and at other known cuts, by outcome.

    `tail[j]` counts (positives, negatives) at or above edge ``j``; `fixed` holds cuts that are
    published anyway.
    """

    tail: Ints
    fixed: Ints

    def __add__(self, other: "_Chain") -> "_Chain":
        """Both together."""
        return _Chain(self.tail + other.tail, self.fixed + other.fixed)

    def minus(self, others: Sequence["_Chain"]) -> "_Chain":
        """What is left of it when others are taken away."""
        tail, fixed = self.tail.copy(), self.fixed.copy()
        for other in others:
            tail, fixed = tail - other.tail, fixed - other.fixed
        return _Chain(tail, fixed)

    def safe(self, edges: Sequence[int], largest: int, min_cell: int) -> bool:
        """Whether no two neighbouring cuts differ by a small cell."""
        cuts = np.concatenate([self.tail[[0, *edges, -1]], self.fixed])
        cuts = cuts[np.argsort(cuts.sum(axis=1), kind="stable")]
        step = np.diff(cuts, axis=0)
        return not (step < 0).any() and not is_small(step, largest, min_cell)


def shared_curves(
    result: AuditResult, hidden: frozenset[str], largest: int, min_cell: int
) -> Curves:
    """Coarsen the curves of the published strata and drop those of the others.

    Working points and flexible curves are dropped throughout: their thresholds and ends are the
    scores of single people. A sweep over thresholds stays where these are edges of the risk bins.
    """
    counts = {c.stratum: c for c in result.cohort.strata if c.stratum not in hidden}
    risk = {r.stratum: r for r in result.curves.risk if r.stratum in counts}
    chains = {s: _chain(r, counts[s]) for s, r in risk.items()}
    of = {c.stratum: c.attributes for c in result.cohort.strata}
    linked = [{n: of[n] for n in names} for names in result.cohort.linked]
    edges = _edges(risk, chains, counts, linked, (largest, min_cell))
    kept = {s: _coarse(r, edges[s]) for s, r in risk.items() if edges[s]}
    decision = (_decision(d, kept[d.stratum]) for d in result.curves.decision if d.stratum in kept)
    sweep = (_sweep(s, kept[s.stratum]) for s in result.curves.sweep if s.stratum in kept)
    whole = [c for c in result.curves.calibration if c.stratum == OVERALL and c.stratum in chains]
    level = float(result.plan.get("level", 0.95))
    calibration = (
        _calibration(c, chains[OVERALL], edges[OVERALL], level, (largest, min_cell)) for c in whole
    )
    return Curves(
        calibration=tuple(c for c in calibration if c is not None),
        decision=tuple(d for d in decision if d is not None),
        risk=tuple(kept.values()),
        sweep=tuple(s for s in sweep if s is not None),
    )


def _chain(risk: RiskDistribution, count: StratumCount) -> _Chain:
    bins = np.array([risk.positives, risk.negatives], dtype=np.int64).T
    tail = np.concatenate([bins[::-1].cumsum(axis=0)[::-1], np.zeros((1, 2), dtype=np.int64)])
    known = [] if count.tp is None or count.fp is None else [[count.tp, count.fp]]
    return _Chain(tail, np.array(known, dtype=np.int64).reshape(-1, 2))


def _edges(
    risk: Mapping[str, RiskDistribution],
    chains: Mapping[str, _Chain],
    counts: Mapping[str, StratumCount],
    linked: Sequence[Mapping[str, tuple[str, ...]]],
    rule: tuple[int, int],
) -> dict[str, list[int]]:
    """Choose the inner edges that every stratum may show.

    Beside the strata of an attribute stands what the withheld ones leave: of all, and of the
    strata of another attribute that hold the same people (`linked`).
    """
    out: dict[str, list[int]] = {}
    inner = list(range(1, len(next(iter(risk.values())).edges) - 1)) if risk else []
    if OVERALL in chains:
        inner = out[OVERALL] = _chosen([chains[OVERALL]], inner, rule)
    for attribute in sorted({counts[s].attributes for s in risk if s != OVERALL}):
        mine = [s for s in risk if counts[s].attributes == attribute]
        members = [chains[s] for s in mine]
        if OVERALL in chains:
            members.append(chains[OVERALL].minus(members))
        for names in linked:
            own = [n for n, of in names.items() if of == attribute]
            others = [n for n in names if n not in own]
            shown = [chains[n] for n in own if n in mine]
            if len(shown) < len(own) < len(names) and all(n in chains for n in others):
                whole = sum((chains[n] for n in others[1:]), start=chains[others[0]])
                members.append(whole.minus(shown))
        out |= dict.fromkeys(mine, _chosen(members, inner, rule))
    return out


def _chosen(
    members: Sequence[_Chain], candidates: Sequence[int], rule: tuple[int, int]
) -> list[int]:
    """Take edges from the highest down, each if it leaves every member safe."""
    taken: list[int] = []
    for edge in sorted(candidates, reverse=True):
        tried = sorted([*taken, edge])
        if all(chain.safe(tried, *rule) for chain in members):
            taken = tried
    return taken


def _coarse(risk: RiskDistribution, edges: Sequence[int]) -> RiskDistribution:
    starts = [0, *edges]
    return RiskDistribution(
        stratum=risk.stratum,
        edges=tuple(risk.edges[i] for i in (*starts, len(risk.edges) - 1)),
        positives=tuple(int(c) for c in np.add.reduceat(np.array(risk.positives), starts)),
        negatives=tuple(int(c) for c in np.add.reduceat(np.array(risk.negatives), starts)),
    )


def _decision(curve: DecisionCurve, risk: RiskDistribution) -> DecisionCurve | None:
    """Keep the thresholds at which the curve says no more than the published risk bins do."""
    odds = np.array(curve.thresholds) / (1 - np.array(curve.thresholds))
    kept, above, n = _told(curve.thresholds, risk)
    told = (above[:, 0] - above[:, 1] * odds[kept]) / n
    same = [
        i for i, v in zip(kept, told, strict=True) if abs(float(v) - curve.net_benefit[i]) < 1e-9
    ]
    if len(same) < 2:
        return None
    return curve.model_copy(update=_picked(curve, same))


def _sweep(sweep: ThresholdSweep, risk: RiskDistribution) -> ThresholdSweep | None:
    """Keep the thresholds at which the sweep says no more than the published risk bins do."""
    kept, above, n = _told(sweep.thresholds, risk)
    same = [
        i
        for i, v in zip(kept, above.sum(axis=1) / n, strict=True)
        if abs(float(v) - (sweep.flag_rate[i] or 0.0)) < 1e-9
    ]
    return sweep.model_copy(update=_picked(sweep, same)) if len(same) > 1 else None


def _told(thresholds: Sequence[float], risk: RiskDistribution) -> tuple[list[int], Ints, int]:
    """Thresholds at an edge of the risk bins, people above each by outcome, and people in all."""
    bins = np.array([risk.positives, risk.negatives], dtype=np.int64).T
    tail = np.concatenate([bins[::-1].cumsum(axis=0)[::-1], np.zeros((1, 2), dtype=np.int64)])
    edge = [
        next((j for j, e in enumerate(risk.edges) if abs(e - t) < 1e-9), -1) for t in thresholds
    ]
    kept = [i for i, j in enumerate(edge) if j >= 0]
    return kept, tail[[edge[i] for i in kept]], max(int(bins.sum()), 1)


def _picked(curve: DecisionCurve | ThresholdSweep, places: Sequence[int]) -> dict[str, object]:
    """Take these places of everything that runs over the thresholds."""
    size = len(curve.thresholds)
    return {
        name: tuple(values[i] for i in places)
        for name, values in curve
        if isinstance(values, tuple) and len(values) == size
    }


def _calibration(
    curve: CalibrationCurve,
    chain: _Chain,
    edges: Sequence[int],
    level: float,
    rule: tuple[int, int],
) -> CalibrationCurve | None:
    """Merge neighbouring bins of the whole cohort until none is small.

    Only the whole cohort keeps this curve: the bins of strata are cut at scores of their own, and
    where scores take few values those could be subtracted from each other.
    """
    n = np.array([b.n for b in curve.bins], dtype=np.int64)
    events = np.array([round(b.observed * b.n) for b in curve.bins], dtype=np.int64)
    above = np.stack([events, n - events], axis=1)[::-1].cumsum(axis=0)[::-1]
    taken: list[int] = []
    for start in range(len(curve.bins) - 1, 0, -1):
        cuts = np.concatenate([chain.fixed, above[[start, *taken]]])
        if _Chain(chain.tail, cuts).safe(edges, *rule):
            taken.append(start)
    starts = [0, *sorted(taken)]
    if len(starts) == len(curve.bins):
        return curve.model_copy(update={"smooth": None})
    if len(starts) < 2 or not curve.method.endswith("wilson"):
        return None  # the intervals of merged bins cannot be had from those of their parts
    return _merged(curve, n, events, starts, level)


def _merged(
    curve: CalibrationCurve, n: Ints, events: Ints, starts: Sequence[int], level: float
) -> CalibrationCurve:
    size, hits = np.add.reduceat(n, starts), np.add.reduceat(events, starts)
    risk = np.add.reduceat(n * np.array([b.predicted for b in curve.bins]), starts) / size
    lower, upper = wilson(hits, size, level)
    bins = zip(size, risk, hits / size, lower, upper, strict=True)
    return CalibrationCurve(
        stratum=curve.stratum,
        method=curve.method,
        bins=tuple(
            CalibrationBin(n=int(b[0]), predicted=float(b[1]), observed=float(b[2]),
                           lower=float(b[3]), upper=float(b[4]))
            for b in bins
        ),
    )  # fmt: skip
