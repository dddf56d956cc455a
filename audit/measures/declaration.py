"""What a measure declares about itself. The declaration is the documentation and the behaviour."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import numpy as np

from audit.ladder import Ladder
from audit.sums import Array, Sums

Direction = Literal["higher", "lower", "target", "neutral"]
Scale = Literal["identity", "logit", "log"]
Inference = Literal["proportion", "ratio", "auc", "fit", "bootstrap", "basic", "null"]
Family = Literal[
    "classification", "ranking", "probability", "calibration", "utility", "cohort", "regression",
    "segmentation", "image", "detection", "survival",
]  # fmt: skip


_NEEDS = {
    "segmentation": "reference and predicted masks",
    "image": "true and made images",
    "detection": "true objects and detections",
    "survival": "time, event and predicted risk",
}


@dataclass(frozen=True)
class Measure:
    """One measure, declared.

    `compute` maps sums of any leading shape to values of that shape, NaN where undefined. For a
    `proportion` or a `ratio`, `numerator` and `denominator` are linear in the sums, so that the
    same two functions serve a stratum, a resample and a single row (whose influence they give).
    `inference` says which family of intervals applies; `scale` on which scale it is symmetric.
    A measure without `compute` depends on the whole curve (`of_ladder`) or on the rows, and is
    not reported for intersections of attributes. `terms` are the summed row terms that it needs.
    A `pairwise` one compares two strata and is a contrast, never an estimate.
    `appendix` measures are asked for often and mislead on a front page.
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
    undefined_when: str
    reading: str
    reference: str
    compute: Callable[[Sums], Array] | None = None
    of_ladder: Callable[[Ladder], Array] | None = None
    numerator: Callable[[Sums], Array] | None = None
    denominator: Callable[[Sums], Array] | None = None
    needs_threshold: bool = False
    needs_score: bool = False
    needs_probability: bool = False
    needs_target: bool = False
    appendix: bool = False
    pairwise: bool = False
    terms: tuple[str, ...] = ()

    @property
    def needs(self) -> str:
        """What must be at hand to compute it, in words."""
        if self.family in _NEEDS:
            return _NEEDS[self.family] + (", a declared horizon" * self.needs_probability)
        needs = ["a label"]
        if self.needs_probability:
            needs.append("a score that is a probability (or a logit)")
        elif self.needs_score:
            needs.append("a score; its order is enough")
        if self.needs_threshold:
            needs.append("a decision threshold")
        if self.needs_target:
            needs.append("a declared target prevalence")
        return ", ".join(needs)

    @property
    def crossed(self) -> bool:
        """Whether it is also reported for intersections of attributes."""
        return self.of_ladder is None and (self.compute is not None or self.id == "ece")

    @property
    def contrasted(self) -> bool:
        """Whether groups may be compared on it; the raw ECE of groups never is."""
        return self.inference != "null"


def divide(numerator: Array, denominator: Array) -> Array:
    """Divide; NaN, never zero, where the denominator is empty."""
    with np.errstate(divide="ignore", invalid="ignore"):
        ratio: Array = np.where(denominator != 0, numerator / denominator, np.nan)
    return ratio


def root(value: Array) -> Array:
    """Square root; NaN where negative."""
    with np.errstate(invalid="ignore"):
        result: Array = np.sqrt(value)
    return result


def ratio_of(
    numerator: Callable[[Sums], Array], denominator: Callable[[Sums], Array]
) -> Callable[[Sums], Array]:
    """Make the `compute` of a measure that is one linear sum over another."""

    def compute(sums: Sums) -> Array:
        return divide(numerator(sums), denominator(sums))

    return compute
