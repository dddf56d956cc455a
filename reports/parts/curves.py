"""Calibration, decision curve and risk distribution, and their alternative texts."""

from typing import Any

from audit.result import CalibrationCurve, DecisionCurve, RiskDistribution
from reports.blocks import Block, Figure, Text
from reports.format import count, digits, fixed, left_out, plural, shorten, with_interval
from reports.parts.index import Index

PRINT_PANELS = 12
DECISION_PANELS = 13
RISK_PANELS = 12


def panel_title(index: Index, stratum: str, n: int | None = None) -> str:
    """Name a small multiple: the stratum and its n."""
    text = "All units" if stratum == "overall" else stratum
    known = index.counts.get(stratum)
    size = n if n is not None else (known.n if known else None)
    return shorten(text, 22) + (f"  (n {count(size)})" if size is not None else "")


def _first(strata: list[str], index: Index, most: int) -> list[str]:
    """Overall first, then single attributes in order; demographic before site."""
    order = [s for levels in index.single.values() for s in levels]
    known = [s for s in order if s in set(strata)]
    return known[:most]


def calibration(index: Index) -> list[Block]:
    """Make the calibration figures."""
    curves = {c.stratum: c for c in index.result.curves.calibration}
    if not curves:
        return [Text(("Calibration was not assessed: the score is not a probability, or no "
                      "stratum has enough units for a curve.",))]  # fmt: skip
    chosen = _first(list(curves), index, PRINT_PANELS)
    rest = len(curves) - len(chosen)
    note = "Points are groups of equal size with the interval of the observed share; the dashed "
    note += "diagonal is perfect calibration. Above it the model predicts too low a risk."
    return [
        Figure(
            "calibration",
            "calibration",
            "Calibration by subgroup: observed share against predicted risk",
            _calibration_alt(index, [curves[s] for s in chosen]),
            [_calibration_panel(index, curves[s]) for s in chosen],
            note,
            left_out(rest, "curve"),
        )
    ]


def _calibration_panel(index: Index, c: CalibrationCurve) -> dict[str, Any]:
    n = sum(b.n for b in c.bins)
    return {
        "title": panel_title(index, c.stratum, n),
        "bins": [
            {"p": b.predicted, "o": b.observed, "l": b.lower, "u": b.upper, "n": b.n}
            for b in c.bins
        ],
    }


def _calibration_alt(index: Index, curves: list[CalibrationCurve]) -> str:
    known = [
        e for c in curves
        if (e := index.estimate("oe_ratio", c.stratum)) is not None and e.status == "ok"
    ]  # fmt: skip
    if not known:
        return f"Calibration curves of {plural(len(curves), 'stratum', 'strata')}."
    ordered = sorted(known, key=lambda e: e.value or 0)
    low, high = ordered[0], ordered[-1]
    places = digits("oe_ratio")

    def text(e: Any) -> str:
        return with_interval(e.value, e.lower, e.upper, places)

    if low is high:
        return f"Calibration curve of {low.stratum}; observed to expected ratio {text(low)}."
    return (
        f"The ratio of observed to expected events is lowest in {low.stratum}, {text(low)}, and "
        f"highest in {high.stratum}, {text(high)}. {plural(len(curves), 'curve')} drawn."
    )


def decision(index: Index) -> list[Block]:
    """Make the decision curve."""
    curves = {c.stratum: c for c in index.result.curves.decision}
    if not curves:
        return [Text(("No decision curve: the score is not a probability.",))]
    chosen = _first(list(curves), index, DECISION_PANELS)
    t = index.result.cohort.threshold
    note = "Net benefit is in true positives per unit. Solid: the model; dashed: treat all; "
    note += "dotted: treat none."
    if t is not None:
        note += f" The vertical line is the declared threshold, {t.value:g}."
    rest = len(curves) - len(chosen)
    return [
        Figure(
            "decision",
            "decision",
            "Decision curve: net benefit over threshold probabilities",
            _decision_alt(index),
            {
                "threshold": t.value if t is not None else None,
                "panels": [_decision_panel(index, curves[s]) for s in chosen],
            },
            note,
            left_out(rest, "curve"),
        )
    ]


def _decision_panel(index: Index, c: DecisionCurve) -> dict[str, Any]:
    points = zip(c.thresholds, c.net_benefit, c.treat_all, strict=True)
    return {
        "title": panel_title(index, c.stratum),
        "top": max(0.02, *c.net_benefit, *c.treat_all),
        "points": [{"t": t, "m": m, "a": a} for t, m, a in points],
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
    curves = {c.stratum: c for c in index.result.curves.risk}
    if not curves:
        return [Text(("No risk distribution: the score is not a probability.",))]
    chosen = _first(list(curves), index, RISK_PANELS)
    t = index.result.cohort.threshold
    rest = len(curves) - len(chosen)
    note = "Share of units with the outcome (up, filled) and without it (down, hollow) in each "
    note += (
        "bin of predicted risk; each side sums to 1. Panel titles count both (+ / \N{MINUS SIGN})."
    )
    whole = index.estimate("auroc", "overall")
    alt = "Predicted risk of units with and without the outcome"
    if whole is not None and whole.value is not None:
        alt += f"; a unit with the outcome scores higher with probability {fixed(whole.value, 3)}"
    return [
        Figure(
            "risk",
            "risk",
            "Distribution of predicted risk by outcome",
            f"{alt}. {plural(len(chosen), 'panel')} drawn.",
            {
                "threshold": t.value if t is not None else None,
                "panels": [_risk_panel(index, curves[s]) for s in chosen],
            },
            note,
            left_out(rest, "distribution"),
        )
    ]


def _risk_panel(index: Index, c: RiskDistribution) -> dict[str, Any]:
    positives, negatives = sum(c.positives), sum(c.negatives)
    bins = []
    for i, (p, q) in enumerate(zip(c.positives, c.negatives, strict=True)):
        bins.append({
            "x": c.edges[i], "x2": c.edges[i + 1], "np": p, "nn": q,
            "up": p / positives if positives else None,
            "down": -q / negatives if negatives else None,
        })  # fmt: skip
    name = shorten("All units" if c.stratum == "overall" else c.stratum, 18)
    title = f"{name}  {count(positives)}+ / {count(negatives)}\N{MINUS SIGN}"
    return {"title": title, "bins": bins}
