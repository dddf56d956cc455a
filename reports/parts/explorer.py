"""Compact arrays of every estimate and disparity, for the tables and selectors of the page."""

from collections.abc import Callable, Hashable
from typing import Any

from audit.result import AuditResult
from reports import words
from reports.format import digits
from reports.parts.curves import panel_title
from reports.parts.forest import LOG
from reports.parts.index import Index

SIGNIFICANT = 6


class _Codes:
    """Texts by number, in order of first use."""

    def __init__(self) -> None:
        self.texts: dict[Hashable, int] = {}

    def __call__(self, text: Hashable) -> int:
        return self.texts.setdefault(text, len(self.texts))


def _number(value: float | None) -> float | int | None:
    if value is None:
        return None
    rounded = float(f"{value:.{SIGNIFICANT}g}")
    return int(rounded) if rounded.is_integer() and abs(rounded) < 1e15 else rounded


def explorer(index: Index) -> dict[str, Any]:
    """Pack the result's numbers; patterns repeat, so texts are numbered."""
    strata, reasons = _Codes(), _Codes()
    result = index.result
    measure = {m: i for i, m in enumerate(index.measures)}
    estimates = _estimates(result, measure, strata, reasons)
    disparities = _disparities(result, measure, strata, reasons)
    return {
        "measures": [_measure(index, m) for m in index.measures],
        "attributes": {k or "overall": list(v) for k, v in index.single.items()},
        "status": list(words.STATUS.values()),
        "contrasts": list(words.CONTRAST.values()),
        "strata": list(strata.texts),
        "reasons": list(reasons.texts),
        "estimates": estimates,
        "disparities": disparities,
        "limits": [[measure[m], s, x.lower, x.upper]
                   for (m, s), x in index.limits.items() if m in measure],
        "calibration": [
            [c.stratum, panel_title(index, c.stratum, sum(b.n for b in c.bins)),
             [[_number(v) for v in (b.predicted, b.observed, b.lower, b.upper)] + [b.n]
              for b in c.bins]]
            for c in result.curves.calibration
        ],
    }  # fmt: skip


def _measure(index: Index, id: str) -> dict[str, Any]:
    declared = words.measure(id)
    proportion = declared is not None and declared.inference == "proportion"
    return {
        "id": id,
        "name": words.name(id),
        "digits": digits(id),
        "log": id in LOG,
        "share": proportion,
        "reading": declared.reading if declared is not None else "",
        "bounds": [b if abs(b) < 1e300 else None for b in declared.bounds] if declared else [],
    }


def _estimates(
    result: AuditResult, measure: dict[str, int], strata: Callable[[Hashable], int],
    reasons: Callable[[Hashable], int],
) -> list[list[Any]]:  # fmt: skip
    status = {s: i for i, s in enumerate(words.STATUS)}
    out = []
    for e in result.estimates:
        hidden = e.status == "suppressed"
        out.append([
            measure[e.measure], strata(e.stratum), _number(e.value), _number(e.lower),
            _number(e.upper), None if hidden else e.n, None if hidden else e.n_positive,
            None if hidden else e.events, None if hidden else e.denominator, status[e.status],
            reasons(e.reason) if e.reason else -1,
        ])  # fmt: skip
    return out


def _disparities(
    result: AuditResult, measure: dict[str, int], strata: Callable[[Hashable], int],
    reasons: Callable[[Hashable], int],
) -> list[list[Any]]:  # fmt: skip
    status = {s: i for i, s in enumerate(words.STATUS)}
    contrast = {c: i for i, c in enumerate(words.CONTRAST)}
    return [
        [
            measure.get(d.measure, -1), contrast[d.contrast], strata(d.stratum),
            strata(d.reference), _number(d.value), _number(d.lower), _number(d.upper),
            _number(d.p), _number(d.p_adjusted), status[d.status],
            reasons(d.reason) if d.reason else -1, int(d.family != "screening"),
            d.attribute if d.contrast == "gap" else 0,
        ]
        for d in result.disparities
    ]  # fmt: skip
