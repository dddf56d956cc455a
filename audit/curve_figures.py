"""Figures of the measures that depend on the whole curve: exact values, resamples and nulls.

Values come from the exact ladder of every distinct score. Resamples put the rows on at most 128
common rungs; each is moved by what the rungs cost the value itself, which leaves no bias of them.
"""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from audit.between_curves import abroca_figures
from audit.calibration_errors import NULLS, calibration_nulls, flexible_errors, murphy_parts
from audit.jackknife import Moments, moments, without_each
from audit.ladder import Ladder, crossing_ladder, exact_ladder
from audit.measures.declaration import Measure
from audit.result import Null
from audit.rows import Floats, Grouped, Rows, grouped
from audit.sweep import Resampling, Sorted, resampled_rungs, workers

FLEXIBLE = ("ici", "e50", "e90", "emax")
MURPHY = ("murphy_reliability", "murphy_resolution")


@dataclass(frozen=True, eq=False)
class CurveFigures:
    """Values, resamples, jackknife moments and nulls by measure, as in `audit.figures.Figures`."""

    values: dict[str, Floats]
    replicates: dict[str, Floats]
    jackknife: dict[str, Moments]
    null: dict[str, tuple[Null | None, ...]]


def everyone_else(rows: Rows, scheme: Resampling) -> NDArray[np.float32]:
    """Negatives of the whole cohort by rung, ``(replicates, rungs)``; for cross-group AUROC."""
    whole = np.zeros(int(rows.position.max(initial=-1)) + 1, np.int32)
    data = grouped(rows, whole, 1, ())
    return resampled_rungs(data.rows, scheme, rows.rung_score.size)[0, :, 0]


def curve_figures(
    rows: Rows,
    data: Grouped,
    names: Sequence[str],
    measures: Sequence[Measure],
    scheme: Resampling,
) -> CurveFigures:
    """Compute every measure that is not a function of the sums."""
    wanted = [m for m in measures if m.compute is None]
    nulls = [m.id for m in wanted if m.id in NULLS]
    curves = [m for m in wanted if m.id not in NULLS and not m.pairwise]
    values, null = calibration_nulls(rows, data, names, nulls, scheme.seed)
    replicates: dict[str, Floats] = {}
    jackknife: dict[str, Moments] = {}
    if curves:
        crossed = any(m.id == "xauc" for m in curves)
        outside = everyone_else(rows, scheme) if crossed and scheme.replicates else None

        def one(stratum: int) -> _Stratum:
            return _of_stratum(rows, data, stratum, curves, scheme, outside)

        with ThreadPoolExecutor(workers()) as pool:
            table = list(pool.map(one, range(data.strata)))
        for place, measure in enumerate(curves):
            values[measure.id] = np.array([t.value[place] for t in table])
            if scheme.replicates:
                replicates[measure.id] = np.stack([t.replicates[place] for t in table])
                pairs = np.array([t.moments[place] for t in table]).reshape(-1, 2)
                jackknife[measure.id] = Moments(pairs[:, 0], pairs[:, 1])
    for measure in wanted:
        if measure.pairwise:
            between = abroca_figures(rows, data, scheme)
            values[measure.id], replicates[measure.id] = between
    return CurveFigures(values, replicates, jackknife, null)


@dataclass(frozen=True, eq=False)
class _Stratum:
    value: list[float]
    replicates: list[Floats]
    moments: list[tuple[float, float]]


def _of_stratum(
    rows: Rows,
    data: Grouped,
    stratum: int,
    measures: Sequence[Measure],
    scheme: Resampling,
    outside: NDArray[np.float32] | None,
) -> _Stratum:
    part = slice(int(data.rows.start[stratum]), int(data.rows.start[stratum + 1]))
    exact = _exact(rows, data, part)
    # A flexible curve need not keep within [0, 1]; its distance from the scores is kept there.
    value = [
        _cross(rows, data, part, m) if m.id == "xauc" else float(np.clip(m_value, *m.bounds))
        for m, m_value in zip(measures, _values(measures, exact, None), strict=True)
    ]
    if not scheme.replicates:
        return _Stratum(value, [], [])
    own = data.rows.only(slice(stratum, stratum + 1))
    coarse = _point_rungs(rows, own, outside is not None)
    weights = resampled_rungs(own, scheme, rows.rung_score.size)[0]
    spread = _values(measures, _ladder(rows, coarse, weights, outside), coarse)
    at_data = _values(measures, coarse, coarse)
    moved = [
        np.clip(r + (v - float(c)), *m.bounds) if np.isfinite(v) else np.full(r.size, np.nan)
        for m, r, v, c in zip(measures, spread, value, at_data, strict=True)
    ]
    return _Stratum(value, moved, _left_out(rows, own, coarse, measures))


def _exact(rows: Rows, data: Grouped, part: slice) -> Ladder:
    return exact_ladder(
        rows.score[data.take[part]],
        data.rows.probability[part] if rows.is_probability else rows.score[data.take[part]],
        data.rows.label[part].astype(np.float64),
        rows.setting,
    )


def _cross(rows: Rows, data: Grouped, part: slice, measure: Measure) -> float:
    """Cross-group AUROC of one stratum against the negatives of all the others."""
    mine = data.take[part]
    others = np.ones(rows.score.size, dtype=np.bool_)
    others[mine] = False
    negatives = rows.score[others & (rows.label == 0)]
    label = rows.label[mine].astype(np.float64)
    crossing = crossing_ladder(rows.score[mine], label, negatives, rows.setting)
    if measure.of_ladder is None:
        raise TypeError(f"{measure.id} is not a function of a ladder")
    return float(measure.of_ladder(crossing))


def _point_rungs(rows: Rows, own: Sorted, crossed: bool) -> Ladder:
    size = rows.rung_score.size
    label = own.label.astype(np.float64)
    positives = np.bincount(own.rung, label, size).astype(np.float64)
    negatives = np.bincount(own.rung, 1 - label, size).astype(np.float64)
    every = negatives
    if crossed:
        every = np.bincount(rows.rung, 1.0 - rows.label, size).astype(np.float64)
    return Ladder(rows.rung_score, positives, negatives, every - negatives, rows.setting)


def _ladder(
    rows: Rows,
    coarse: Ladder,
    weights: NDArray[np.float32],
    outside: NDArray[np.float32] | None,
) -> Ladder:
    negatives, positives = weights[:, 0].astype(np.float64), weights[:, 1].astype(np.float64)
    others = np.zeros_like(negatives) if outside is None else outside - negatives
    return Ladder(coarse.score, positives, negatives, others, rows.setting)


def _values(measures: Sequence[Measure], ladder: Ladder, data: Ladder | None) -> list[Floats]:
    """Every measure of a ladder. `data` is the ladder of the data, where resamples are given."""
    used = (ladder if data is None else data).total > 0
    own = _rungs(ladder, used)
    at = None if data is None else _rungs(data, used)
    together: dict[str, Floats] = {}
    for names, of in ((FLEXIBLE, flexible_errors), (MURPHY, murphy_parts)):
        if any(m.id in names for m in measures):
            together |= zip(names, of(own, at), strict=True)
    return [
        together[m.id] if m.of_ladder is None else m.of_ladder(ladder if m.id == "xauc" else own)
        for m in measures
    ]


def _rungs(ladder: Ladder, used: NDArray[np.bool_]) -> Ladder:
    return Ladder(
        ladder.score[used],
        ladder.positives[..., used],
        ladder.negatives[..., used],
        ladder.outside[..., used],
        ladder.setting,
    )


def _left_out(
    rows: Rows, own: Sorted, coarse: Ladder, measures: Sequence[Measure]
) -> list[tuple[float, float]]:
    """Jackknife moments of the measures whose interval takes them."""
    nothing = [(float("nan"), float("nan"))] * len(measures)
    taken = [i for i, m in enumerate(measures) if m.inference == "bootstrap"]
    left_out = without_each(own, 0)
    if left_out is None or not taken:
        return nothing
    weights = resampled_rungs(*left_out, rows.rung_score.size)[0]
    outside = np.broadcast_to(coarse.outside + coarse.negatives, weights[:, 0].shape)
    ladder = _ladder(rows, coarse, weights, outside.astype(np.float32))
    values = _values([measures[i] for i in taken], ladder, coarse)
    for place, found in zip(taken, values, strict=True):
        nothing[place] = moments(found)
    return nothing
