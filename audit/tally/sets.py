"""One set of strata read out of a tally: sums, sums over patients, and the cells."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from audit.measures.declaration import Measure
from audit.rows import CLIP
from audit.stats._arrays import group_sum
from audit.sums import FIELDS, INDEX, Setting, Sums
from audit.sweep import ECE_BINS
from audit.tally.bounds import Ranked, ranked
from audit.tally.fit import BinnedLogits
from audit.tally.tally import FN, FP, PATTERNS, TN, TP, Stratum, Tally, pairs_of, summed

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
_Number = TypeVar("_Number", np.int64, np.float64)

# Sums of logits are rounded; what that leaves of the sum of squared distances from the mean.
_SPREAD_ROUNDING = 1e-14
# Rounding of a logit near the end of a bin.
_END_ROUNDING = 1e-9


@dataclass(frozen=True, eq=False)
class TalliedSet:
    """Some strata of a tally, each row of the cohort in at most one; arrays by stratum.

    `moments` has shape (strata, sums, sums): sums over patients of products of their own totals.
    Of the cells, `group` is the stratum.
    """

    tally: Tally
    rows: Ints
    missing_label: Ints
    missing_score: Ints
    patterns: Ints
    totals: Floats
    moments: Floats
    group: Ints
    label: Ints
    bin: Ints
    count: Floats
    score: Floats
    sums: Floats

    @property
    def size(self) -> int:
        """Number of strata."""
        return self.rows.size

    def total(self, name: str) -> Floats:
        """One of the sums, NaN where the tally has none of it."""
        names = summed(self.tally.kind)
        if name not in names:
            return np.full(self.size, np.nan)
        column: Floats = self.totals[:, names.index(name)]
        return column

    def patients(self, pattern: int) -> Ints:
        """Patients with rows in any of the cells of the confusion table that `pattern` names."""
        held = (np.arange(PATTERNS) & pattern) > 0
        count: Ints = self.patterns[:, held].sum(axis=1)
        return count

    def ranked(self) -> Ranked:
        """The rungs of every stratum."""
        return ranked(self.group, self.size, self.bin, self.label, self.count, self.score)


def tallied(tally: Tally, strata: Sequence[Stratum]) -> TalliedSet:
    """Read strata out of a tally; one that it does not have holds no rows."""
    known = {stratum: place for place, stratum in enumerate(tally.strata)}
    place = np.array([known.get(stratum, -1) for stratum in strata], np.int64)
    there = place >= 0
    back = np.full(len(tally.strata), -1, np.int64)
    back[place[there]] = np.flatnonzero(there)
    cells, bins = tally.cells, tally.bins.count
    owner = back[cells.key // (2 * bins)]
    mine = owner >= 0
    key = cells.key[mine]

    products = _read(tally.products.value, place)
    fields = len(summed(tally.kind))
    moments = np.zeros((place.size, fields, fields))
    for column, (i, j) in enumerate(pairs_of(fields)):
        moments[:, i, j] = moments[:, j, i] = products[:, column]
    return TalliedSet(
        tally=tally,
        rows=_read(tally.rows, place),
        missing_label=_read(tally.missing_label, place),
        missing_score=_read(tally.missing_score, place),
        patterns=_read(tally.patterns, place),
        totals=_read(tally.totals.value, place),
        moments=moments,
        group=owner[mine],
        label=key // bins % 2,
        bin=key % bins,
        count=cells.count[mine].astype(np.float64),
        score=cells.score[mine],
        sums=cells.sums.take(mine).value,
    )


def _read(values: NDArray[_Number], place: Ints) -> NDArray[_Number]:
    """Some of the values along the first axis, 0 where the place is -1."""
    out = np.zeros((place.size, *values.shape[1:]), values.dtype)
    out[place >= 0] = values[place[place >= 0]]
    return out


def crossed(data: TalliedSet, whole: TalliedSet, stratum: int) -> Ranked:
    """Rungs of the positives of one stratum and of the negatives that are not in it.

    `whole` is the set of the whole cohort.
    """
    mine = data.group == stratum
    own = np.zeros(data.tally.bins.count)
    np.add.at(own, data.bin[mine & (data.label == 0)], data.count[mine & (data.label == 0)])
    all_negative = whole.label == 0
    bins = whole.bin[all_negative]
    left = whole.count[all_negative] - own[bins]
    kept = left > 0
    positive = mine & (data.label == 1)
    bin = np.concatenate([data.bin[positive], bins[kept]])
    label = np.concatenate([np.ones(positive.sum(), np.int64), np.zeros(kept.sum(), np.int64)])
    count = np.concatenate([data.count[positive], left[kept]])
    score = np.concatenate([data.score[positive], whole.score[all_negative][kept]])
    return ranked(np.zeros_like(bin), 1, bin, label, count, score)


def binned_logits(data: TalliedSet) -> BinnedLogits:
    """The logits of every stratum, by bin."""
    bins = data.tally.bins
    key, rung = np.unique(data.group * bins.count + data.bin, return_inverse=True)
    counts = [group_sum(data.count * (data.label == label), rung, key.size) for label in (0, 1)]
    n = counts[0] + counts[1]
    first, second = (np.bincount(rung, data.sums[:, k], key.size) for k in (1, 2))
    mean = first / n
    spread = np.maximum(second - first * mean, 0.0) + _SPREAD_ROUNDING * n * (1 + mean**2)
    ends = np.concatenate(([0.0], bins.edges, [1.0]))
    safe = np.clip(ends, CLIP, 1 - CLIP)
    ends = np.log(safe) - np.log1p(-safe)
    bin = key % bins.count
    return BinnedLogits(
        group=key // bins.count,
        positives=counts[1],
        negatives=counts[0],
        mean=mean,
        spread=spread,
        low=ends[bin] - _END_ROUNDING,
        high=ends[bin + 1] + _END_ROUNDING,
        positive_sum=group_sum(data.sums[:, 1] * data.label, data.group, data.size),
    )


def calibration_error(data: TalliedSet) -> tuple[Floats, Ints]:
    """Expected calibration error over 15 equal-width bins, exact, and the bin of every cell."""
    lower = np.concatenate(([0.0], data.tally.bins.edges))
    coarse = np.searchsorted(np.arange(1, ECE_BINS) / ECE_BINS, lower, side="right")[data.bin]
    excess = np.bincount(
        data.group * ECE_BINS + coarse,
        data.sums[:, 0] - data.count * data.label,
        data.size * ECE_BINS,
    )
    n = data.total("positives") + data.total("negatives")
    with np.errstate(divide="ignore", invalid="ignore"):
        value = np.abs(excess).reshape(data.size, ECE_BINS).sum(axis=1) / n
    return value, coarse


def exact_record(data: TalliedSet, setting: Setting) -> Sums:
    """The record of sums with what a tally holds exactly; all else is NaN."""
    values = np.full((data.size, len(FIELDS)), np.nan)
    for name in summed(data.tally.kind):
        values[:, INDEX[name]] = data.total(name)
    return Sums(values, np.full((data.size, 3), np.nan), setting)


def coefficients(part: Callable[[Sums], Floats], data: TalliedSet, setting: Setting) -> Floats:
    """The numbers by which a linear function of the record multiplies each sum of the tally."""
    names = summed(data.tally.kind)
    values = np.zeros((len(names), len(FIELDS)))
    for row, name in enumerate(names):
        values[row, INDEX[name]] = 1.0
    return part(Sums(values, np.full((1, 3), np.nan), setting))


def informants(measure: Measure, data: TalliedSet, setting: Setting) -> Ints:
    """Patients with a row in the denominator of a proportion."""
    if measure.denominator is None:
        raise TypeError(f"{measure.id} is not a ratio of sums")
    weights = coefficients(measure.denominator, data, setting)
    names = summed(data.tally.kind)
    held = {
        TP: ("positives", "tp"), FN: ("positives",), FP: ("negatives", "fp"), TN: ("negatives",)
    }  # fmt: skip
    pattern = sum(
        cell for cell, sums in held.items() if sum(weights[names.index(name)] for name in sums) != 0
    )
    return data.patients(pattern)


def linear_variance(data: TalliedSet, weights: Floats) -> Floats:
    """Sum over patients of the square of a weighted sum of their totals; weights by stratum."""
    own = np.einsum("gi,gij,gj->g", weights, data.moments, weights)
    size = np.einsum("gi,gij,gj->g", np.abs(weights), np.abs(data.moments), np.abs(weights))
    # What cancels down to rounding is nothing.
    variance: Floats = np.where(own > 1e-14 * size, own, 0.0)
    return variance
