"""The ladder: a stratum as counts of positives and negatives at ascending scores.

Measures that depend on the whole curve and not on sums alone are pure functions of it. Exact when
every distinct score has its own rung, as it has for the data; resamples use common rungs of equal
mass, and a tally has the rungs of its bins.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from audit.sums import Array, Setting

RUNGS = 128


@dataclass(frozen=True)
class Ladder:
    """Rungs in ascending score.

    `score` has shape ``(R,)`` and holds probabilities, or anything ascending where the score is
    none. `positives` and `negatives` have shape ``(..., R)``; `outside` holds the negatives of the
    cohort that are not in the stratum.
    """

    score: Array
    positives: Array
    negatives: Array
    outside: Array
    setting: Setting

    @property
    def total(self) -> Array:
        """Rows on each rung."""
        return self.positives + self.negatives


def common_rungs(score: Array) -> tuple[NDArray[np.int32], Array]:
    """Place falling scores on at most 128 ascending rungs of equal mass, ties never split.

    Returns the rung of each row and the mean score of each rung.
    """
    if score.size == 0:
        return np.zeros(0, np.int32), np.zeros(0)
    rising = score[::-1]
    below = np.searchsorted(rising, rising, side="left")
    distinct = np.append(True, rising[1:] != rising[:-1])
    if distinct.sum() <= RUNGS:
        rung = np.cumsum(distinct) - 1
    else:
        coarse = below * RUNGS // score.size
        rung = np.cumsum(np.append(True, coarse[1:] != coarse[:-1])) - 1
    falling = rung[::-1].astype(np.int32)
    return falling, rung_means(falling, score)


def rung_means(rung: NDArray[np.int32], value: Array) -> Array:
    """Mean by rung of a value that falls from row to row, as the rungs do.

    Rounding is kept from taking a mean beyond the values of its rung, so that the means ascend
    however close together the values are.
    """
    mean = np.bincount(rung, weights=value) / np.bincount(rung)
    first = np.flatnonzero(np.append(True, rung[1:] != rung[:-1]))
    last = np.append(first[1:], rung.size) - 1
    return np.clip(mean, value[last][::-1], value[first][::-1])


def exact_ladder(score: Array, probability: Array, label: Array, setting: Setting) -> Ladder:
    """Collapse the rows of one stratum to their distinct scores."""
    distinct, first, place = np.unique(score, return_index=True, return_inverse=True)
    positives = np.bincount(place, label, distinct.size).astype(np.float64)
    negatives = np.bincount(place, 1 - label, distinct.size).astype(np.float64)
    nothing = np.zeros(distinct.size)
    return Ladder(probability[first], positives, negatives, nothing, setting)


def crossing_ladder(score: Array, positive: Array, outside: Array, setting: Setting) -> Ladder:
    """Put the positives of a stratum and the negatives outside it on common rungs."""
    distinct = np.unique(np.concatenate([score, outside]))
    nothing = np.zeros(distinct.size)
    mine = np.bincount(np.searchsorted(distinct, score), positive, distinct.size)
    others = np.bincount(np.searchsorted(distinct, outside), minlength=distinct.size)
    return Ladder(distinct, mine.astype(np.float64), nothing, others.astype(np.float64), setting)
