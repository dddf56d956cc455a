"""The record of sums: what a binary measure needs of a stratum, all of it additive.

A record is one row of numbers per stratum (or per stratum and resample, or even per patient row: a
single row is a stratum of one). Measures are pure functions of the record.
"""

from collections.abc import Mapping
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
    # From here on each is a sum over rows of a term of the row (`TERMS`).
    "squared_error",  # sum of (p - y)^2
    "predicted",  # sum of p
    "predicted_positive",  # sum of p y
    "log_loss",  # sum of -(y log p + (1 - y) log(1 - p))
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
FIRST_TERM = INDEX["squared_error"]
TERMS = FIELDS[FIRST_TERM:]


@dataclass(frozen=True)
class Setting:
    """What the plan fixes for measures that need to be told where to look.

    `odds` are those of the decision threshold, NaN when the threshold is not a probability;
    `target_prevalence` is NaN when none was declared.
    """

    odds: float = float("nan")
    target_prevalence: float = float("nan")
    max_fpr: float = 0.1
    specificity: float = 0.9
    sensitivity: float = 0.9


@dataclass(frozen=True)
class Sums:
    """Sums of shape ``(..., len(FIELDS))``, with what does not add up kept beside them.

    `fit` has shape ``(..., 3)``, broadcastable: joint intercept, joint slope and
    calibration-in-the-large fitted to the stratum.
    """

    values: Array
    fit: Array
    setting: Setting

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


@dataclass(frozen=True)
class Columns(Sums):
    """Sums of which only some are at hand: one array for each, the others are NaN.

    `values` has shape ``(..., 0)``.
    """

    columns: Mapping[str, Array]

    def __getitem__(self, name: str) -> Array:
        nothing = np.broadcast_to(np.nan, self.values.shape[:-1])
        return self.columns.get(name, nothing)


def columns_of(columns: Mapping[str, Array], setting: Setting) -> Columns:
    """Give the sums of many units, all named in `columns`, that have no fit of their own."""
    size = next(iter(columns.values())).size
    return Columns(np.empty((size, 0)), np.full((1, 3), np.nan), setting, columns)


def probability_terms(label: Array, probability: Array, logit: Array) -> dict[str, Array]:
    """Give the terms of a row that need no fit."""
    return {
        "squared_error": (probability - label) ** 2,
        "predicted": probability,
        "predicted_positive": probability * label,
        # log(1 + exp(-x)) for a positive, log(1 + exp(x)) for a negative, without overflow
        "log_loss": np.logaddexp(0.0, np.where(label > 0, -logit, logit)),
    }
