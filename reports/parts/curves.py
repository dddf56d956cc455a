"""Calibration, decision curve and risk distribution, and their alternative texts."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar

from audit.curve_sections import CalibrationCurve, DecisionCurve, RiskDistribution
from reports.blocks import Block, Figure, Text
from reports.format import count, digits, fixed, left_out, plural, shorten, with_interval
from reports.parts.index import Index

PRINT_PANELS = 12
DECISION_PANELS = 13
RISK_PANELS = 12
PAGE_PANELS = 60
C = TypeVar("C", CalibrationCurve, DecisionCurve, RiskDistribution)


def panel_title(index: Index, stratum: str, n: int | None = None, output: str | None = None) -> str:
    """Name a small multiple: the class or label where there are several, the stratum and its n."""
    text = _place(stratum, output)
    known = index.counts.get(stratum)
    size = n if n is not None else (known.n if known else None)
    return shorten(text, 22) + (f"  (n {count(size)})" if size is not None else "")


def _place(stratum: str, output: str | None) -> str:
    text = "All units" if stratum == "overall" else stratum
    return text if output is None else f"{output}: {text}"


def chosen(found: tuple[C, ...], index: Index, most: int) -> list[C]:
    """Everyone first, of each class or label; then single attributes in order, the site last."""
    order = [s for levels in index.single.values() for s in levels]
    outputs = (None, *index.result.cohort.outputs)

    def place(c: C) -> tuple[bool, int, int]:
        return c.stratum != "overall", outputs.index(c.output), order.index(c.stratum)

    return sorted((c for c in found if c.stratum in order), key=place)[:most]


def calibration(index: Index) -> list[Block]:
    """Make the calibration figures."""
    curves = index.result.curves.calibration
    if not curves:
        return [Text(("Calibration was not assessed: the score is not a probability, or no "
                      "stratum has enough units for a curve.",))]  # fmt: skip
    shown = chosen(curves, index, PRINT_PANELS)
    rest = len(curves) - len(shown)
    note = "Points are groups of equal size with the interval of the observed share; "
    if index.result.cohort.task == "survival":
        note = "Points are groups of equal size: their Kaplan-Meier risk at the horizon with its "
        note += "interval, against their mean predicted risk; "
    else:
        note += "the line is the flexible curve in its pointwise band (grey); "
    note += "the dashed diagonal is perfect calibration. Above it the model predicts too low a "
    note += "risk. Titles give n."
    return [
        Figure(
            "calibration",
            "calibration",
            "Calibration by subgroup: observed share against predicted risk",
            _calibration_alt(index, shown),
            [_calibration_panel(index, c) for c in shown],
            note,
            left_out(rest, "curve"),
        )
    ]


def _calibration_panel(index: Index, c: CalibrationCurve) -> dict[str, Any]:
    n = sum(b.n for b in c.bins)
    return {
        "title": panel_title(index, c.stratum, n, c.output),
        "smooth": smooth_points(c),
        "bins": [
            {"p": b.predicted, "o": b.observed, "l": b.lower, "u": b.upper, "n": b.n}
            for b in c.bins
        ],
    }


def smooth_points(c: CalibrationCurve) -> list[dict[str, float | None]]:
    """Points of the flexible curve and its band; none where it was not fitted."""
    if c.smooth is None:
        return []
    ends = zip(c.smooth.predicted, c.smooth.observed, c.smooth.lower, c.smooth.upper, strict=True)
    return [{"p": p, "o": o, "l": low, "u": high} for p, o, low, high in ends]


def _calibration_alt(index: Index, curves: list[CalibrationCurve]) -> str:
    known = [
        e for c in curves
        if (e := Index(index.result, c.output).estimate("oe_ratio", c.stratum)) is not None
        and e.status == "ok"
    ]  # fmt: skip
    if not known:
        return f"Calibration curves of {plural(len(curves), 'stratum', 'strata')}."
    ordered = sorted(known, key=lambda e: e.value or 0)
    low, high = ordered[0], ordered[-1]
    places = digits("oe_ratio")

    def text(e: Any) -> str:
        return with_interval(e.value, e.lower, e.upper, places)

    def where(e: Any) -> str:
        return e.stratum if e.output is None else f"{e.output}, {e.stratum}"

    if low is high:
        return f"Calibration curve of {where(low)}; observed to expected ratio {text(low)}."
    return (
        f"The ratio of observed to expected events is lowest in {where(low)}, {text(low)}, and "
        f"highest in {where(high)}, {text(high)}. {plural(len(curves), 'curve')} drawn."
    )


def decision(index: Index) -> list[Block]:
    """Make the decision curve."""
    curves = index.result.curves.decision
    if not curves:
        return [Text(("No decision curve: the score is not a probability.",))]
    shown = chosen(curves, index, DECISION_PANELS)
    t = index.result.cohort.threshold
    note = "Net benefit is in true positives per unit. Solid: the model; dashed: treat all; "
    note += "dotted: treat none."
    if any(c.lower for c in shown):
        note += " The grey band is the pointwise interval of the model."
    if t is not None:
        note += f" The vertical line is the declared threshold, {t.value:g}."
    rest = len(curves) - len(shown)
    return [
        Figure(
            "decision",
            "decision",
            "Decision curve: net benefit over threshold probabilities",
            _decision_alt(index),
            _panels(index, [_decision_panel(index, c) for c in shown]),
            note,
            left_out(rest, "curve"),
        )
    ]


def _panels(index: Index, panels: list[dict[str, Any]]) -> dict[str, Any]:
    t = index.result.cohort.threshold
    return {"threshold": t.value if t is not None else None, "panels": panels}


def _decision_panel(index: Index, c: DecisionCurve) -> dict[str, Any]:
    nothing = (None,) * len(c.thresholds)
    points = zip(c.thresholds, c.net_benefit, c.treat_all, c.lower or nothing, c.upper or nothing,
                 strict=True)  # fmt: skip
    return {
        "title": panel_title(index, c.stratum, None, c.output),
        "top": max(0.02, *c.net_benefit, *c.treat_all),
        "points": [{"t": t, "m": m, "a": a, "l": low, "u": high} for t, m, a, low, high in points],
    }


def _decision_alt(index: Index) -> str:
    e = index.estimate("net_benefit", "overall")
    t = index.result.cohort.threshold
    if e is None or e.value is None or t is None:
        return "Net benefit of the model beside treating all and treating none."
    value = with_interval(e.value, e.lower, e.upper, digits("net_benefit"))
    return (
        f"At the threshold {t.value:g} the net benefit of the model in all units is {value} true "
        "positives per unit; treating none is 0 by definition."
    )


def risk(index: Index) -> list[Block]:
    """Make the distribution of risk by outcome."""
    curves = index.result.curves.risk
    if not curves:
        return [Text(("No risk distribution: the score is not a probability.",))]
    shown = chosen(curves, index, RISK_PANELS)
    rest = len(curves) - len(shown)
    note = "Share of units with the outcome (up, filled) and without it (down, hollow) in each "
    note += (
        "bin of predicted risk; each side sums to 1. Panel titles count both (+ / \N{MINUS SIGN})."
    )
    t = index.result.cohort.threshold
    if t is not None:
        note += f" The dashed line is the declared threshold, {t.value:g}."
    whole = index.estimate("auroc", "overall")
    alt = "Predicted risk of units with and without the outcome"
    if whole is not None and whole.value is not None:
        alt += f"; a unit with the outcome scores higher with probability {fixed(whole.value, 3)}"
    return [
        Figure(
            "risk",
            "risk",
            "Distribution of predicted risk by outcome",
            f"{alt}. {plural(len(shown), 'panel')} drawn.",
            _panels(index, [_risk_panel(c) for c in shown]),
            note,
            left_out(rest, "distribution"),
        )
    ]


def _risk_panel(c: RiskDistribution) -> dict[str, Any]:
    positives, negatives = sum(c.positives), sum(c.negatives)
    bins = []
    for i, (p, q) in enumerate(zip(c.positives, c.negatives, strict=True)):
        bins.append({
            "x": c.edges[i], "x2": c.edges[i + 1], "np": p, "nn": q,
            "up": p / positives if positives else None,
            "down": -q / negatives if negatives else None,
        })  # fmt: skip
    name = shorten(_place(c.stratum, c.output), 18)
    title = f"{name}  {count(positives)}+ / {count(negatives)}\N{MINUS SIGN}"
    return {"title": title, "bins": bins}


@dataclass(frozen=True)
class Choice:
    """The panels of a figure that the page lets choose from, and the attribute of each.

    Attributes are told by their place in the cohort, None for everyone; `rest` are in the
    attached audit alone.
    """

    data: dict[str, Any]
    attributes: list[tuple[str, int | None]]
    rest: int


def choice(index: Index, form: str) -> Choice | None:
    """Give the page more panels than print has room for; None where a figure has no such ones."""
    makers: dict[str, tuple[tuple[Any, ...], Callable[[Any], dict[str, Any]]]] = {
        "decision": (index.result.curves.decision, lambda c: _decision_panel(index, c)),
        "risk": (index.result.curves.risk, _risk_panel),
    }
    if form not in makers:
        return None
    found, make = makers[form]
    shown = chosen(found, index, PAGE_PANELS)
    panels = [make(c) for c in shown]
    titles = [
        (p["title"], _attribute(index, c.stratum)) for p, c in zip(panels, shown, strict=True)
    ]
    return Choice(_panels(index, panels), titles, len(found) - len(shown))


def _attribute(index: Index, stratum: str) -> int | None:
    names = [a.name for a in index.attributes]
    return next((names.index(a) for a in names if stratum in index.single.get(a, ())), None)
