"""The record of sums: what a binary measure needs of a stratum, all of it additive.

A record is one row of numbers per stratum (or per stratum and resample, or even per patient row: a
single row is a stratum of one). Measures are pure functions of the record.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

FIELDS = (
    "positives",  # sum of y
    "negatives",  # sum of 1 - y
    "tp",  # flagged positives
    "fp",  # flagged negatives
    "pairs",  # (positive, negative) pairs in which the positive scores higher; ties count 1/2
    "precision",  # sum over positives of the precision at their score (ties share one)
    "squared_error",  # sum of (p - y)^2
    "predicted",  # sum of p
    # Score vector and information of the two recalibration fits, at the stratum's own fit; they
    # give the fit of a resample by one Newton step.
    "score_a",
    "score_b",
    "info_aa",
    "info_ab",
    "info_bb",
    "score_c",
    "info_cc",
)
INDEX = {name: position for position, name in enumerate(FIELDS)}


@dataclass(frozen=True)
class Sums:
    """Sums of shape ``(..., len(FIELDS))``, with what does not add up kept beside them.

    `fit` has shape ``(..., 3)``, broadcastable: joint intercept, joint slope and
    calibration-in-the-large fitted to the stratum. `odds` are the odds of the decision threshold,
    NaN when the threshold is not a probability.
    """

    values: Array
    fit: Array
    odds: float

    def __getitem__(self, name: str) -> Array:
        field: Array = self.values[..., INDEX[name]]
        return field

    @property
    def n(self) -> Array:
        """Rows."""
        return self["positives"] + self["negatives"]

    @property
    def flagged(self) -> Array:
        """Rows at or above the threshold."""
        return self["tp"] + self["fp"]


def row_sums(label: Array, flagged: Array, probability: Array, odds: float) -> Sums:
    """Write each row as the record of a stratum of one.

    The pair and precision sums belong to a set of rows, not to one; they are NaN here.
    """
    values = np.full((label.size, len(FIELDS)), np.nan)
    values[:, INDEX["positives"]] = label
    values[:, INDEX["negatives"]] = 1 - label
    values[:, INDEX["tp"]] = label * flagged
    values[:, INDEX["fp"]] = (1 - label) * flagged
    values[:, INDEX["squared_error"]] = (probability - label) ** 2
    values[:, INDEX["predicted"]] = probability
    return Sums(values, np.full((1, 3), np.nan), odds)
