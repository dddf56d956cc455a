"""What a measure declares about itself. The declaration is the documentation and the behaviour."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import numpy as np

from audit.sums import Array, Sums

Direction = Literal["higher", "lower", "target", "neutral"]
Scale = Literal["identity", "logit", "log"]
Inference = Literal["proportion", "ratio", "auc", "fit", "bootstrap", "null"]
Family = Literal["classification", "ranking", "probability", "calibration", "utility", "cohort"]


@dataclass(frozen=True)
class Measure:
    """One measure, declared.

    `compute` maps sums of any leading shape to values of that shape, NaN where undefined. For a
    `proportion` or a `ratio`, `numerator` and `denominator` are linear in the sums, so that the
    same two functions serve a stratum, a resample and a single row (whose influence they give).
    `inference` says which family of intervals applies; `scale` on which scale it is symmetric.
    """

    id: str
    name: str
    family: Family
    formula: str
    numerator_text: str
    denominator_text: str
    direction: Direction
    target: float | None
    bounds: tuple[float, float]
    inference: Inference
    scale: Scale
    compute: Callable[[Sums], Array]
    undefined_when: str
    reading: str
    reference: str
    numerator: Callable[[Sums], Array] | None = None
    denominator: Callable[[Sums], Array] | None = None
    needs_threshold: bool = False
    needs_score: bool = False
    needs_probability: bool = False

    @property
    def needs(self) -> str:
        """What must be at hand to compute it, in words."""
        needs = ["a label"]
        if self.needs_probability:
            needs.append("a score that is a probability (or a logit)")
        elif self.needs_score:
            needs.append("a score; its order is enough")
        if self.needs_threshold:
            needs.append("a decision threshold")
        return ", ".join(needs)

    @property
    def contrasted(self) -> bool:
        """Whether groups may be compared on it; the raw ECE of groups never is."""
        return self.inference != "null"


def divide(numerator: Array, denominator: Array) -> Array:
    """Divide; NaN, never zero, where the denominator is empty."""
    with np.errstate(divide="ignore", invalid="ignore"):
        ratio: Array = np.where(denominator != 0, numerator / denominator, np.nan)
    return ratio


def ratio_of(
    numerator: Callable[[Sums], Array], denominator: Callable[[Sums], Array]
) -> Callable[[Sums], Array]:
    """Make the `compute` of a measure that is one linear sum over another."""

    def compute(sums: Sums) -> Array:
        return divide(numerator(sums), denominator(sums))

    return compute
