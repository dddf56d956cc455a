"""Records of the curves of a result: what figures are drawn from, summaries and never rows."""

from typing import Literal

from audit.sections import Record


class CalibrationBin(Record):
    """Predicted and observed risk in one equal-mass bin, with the interval of the latter."""

    n: int
    predicted: float
    observed: float
    lower: float
    upper: float


class SmoothCurve(Record):
    """Flexible calibration curve with its pointwise band."""

    predicted: tuple[float, ...]
    observed: tuple[float, ...]
    lower: tuple[float | None, ...]
    upper: tuple[float | None, ...]
    method: str


class CalibrationCurve(Record):
    """Grouped and flexible calibration of one stratum."""

    stratum: str
    method: str
    bins: tuple[CalibrationBin, ...]
    smooth: SmoothCurve | None = None
    output: str | None = None


class DecisionCurve(Record):
    """Net benefit over threshold probabilities, beside treating all and treating none (0).

    Standardised net benefit is the net benefit over `prevalence`, its largest possible value.
    """

    stratum: str
    thresholds: tuple[float, ...]
    net_benefit: tuple[float, ...]
    lower: tuple[float | None, ...] = ()
    upper: tuple[float | None, ...] = ()
    treat_all: tuple[float, ...]
    prevalence: float | None = None
    method: str = "none"
    output: str | None = None


class ThresholdSweep(Record):
    """The decision measures of one stratum as the threshold moves over the score."""

    stratum: str
    thresholds: tuple[float, ...]
    sensitivity: tuple[float | None, ...]
    specificity: tuple[float | None, ...]
    ppv: tuple[float | None, ...]
    npv: tuple[float | None, ...]
    flag_rate: tuple[float | None, ...]
    output: str | None = None


class OperatingPoint(Record):
    """The threshold at which a stratum, or everyone, reaches a wanted specificity or sensitivity.

    Found on these data, so its `source` is always ``tuned_here``: optimistic.
    """

    stratum: str
    fixed: Literal["specificity", "sensitivity"]
    at_least: float
    threshold: float | None
    sensitivity: float | None
    specificity: float | None
    source: Literal["tuned_here"] = "tuned_here"
    output: str | None = None


class RiskDistribution(Record):
    """Counts of scores by outcome in equal-width bins."""

    stratum: str
    edges: tuple[float, ...]
    positives: tuple[int, ...]
    negatives: tuple[int, ...]
    output: str | None = None


class Curves(Record):
    """What figures are drawn from: summaries only, never rows."""

    calibration: tuple[CalibrationCurve, ...]
    decision: tuple[DecisionCurve, ...]
    risk: tuple[RiskDistribution, ...]
    sweep: tuple[ThresholdSweep, ...] = ()
    operating_points: tuple[OperatingPoint, ...] = ()
