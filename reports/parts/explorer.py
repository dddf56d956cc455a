"""Compact arrays of every estimate and disparity, for the tables and selectors of the page."""

from collections.abc import Hashable
from typing import Any

from audit.result import Disparity, Estimate
from reports import words
from reports.format import digits
from reports.parts.curves import panel_title, smooth_points
from reports.parts.forest import LOG
from reports.parts.index import Index

SIGNIFICANT = 6
STATUS = {s: i for i, s in enumerate(words.STATUS)}
CONTRAST = {c: i for i, c in enumerate(words.CONTRAST)}
Places = dict[tuple[str, str | None], int]


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
    """Pack the result's numbers; patterns repeat, so texts are numbered.

    A measure of a class or label is an entry of its own.
    """
    strata, reasons, methods = _Codes(), _Codes(), _Codes()
    result = index.result
    seen = [(one, m) for one in (index, *index.outputs) for m in one.measures]
    measure: Places = {(m, one.output): i for i, (one, m) in enumerate(seen)}
    estimates = [_estimate(e, measure, strata, reasons, methods) for e in result.estimates]
    disparities = [_disparity(d, measure, strata, reasons) for d in result.disparities]
    return {
        "measures": [_measure(one, m) for one, m in seen],
        "attributes": {k or "overall": list(v) for k, v in index.single.items()},
        "status": list(words.STATUS.values()),
        "contrasts": list(words.CONTRAST.values()),
        "strata": list(strata.texts),
        "reasons": list(reasons.texts),
        "methods": list(methods.texts),
        "estimates": estimates,
        "disparities": disparities,
        "limits": [[measure[m, one.output], s, x.lower, x.upper]
                   for one in (index, *index.outputs)
                   for (m, s), x in one.limits.items() if (m, one.output) in measure],
        "calibration": [
            [c.stratum, panel_title(index, c.stratum, sum(b.n for b in c.bins), c.output),
             [[_number(v) for v in (b.predicted, b.observed, b.lower, b.upper)] + [b.n]
              for b in c.bins],
             [[_number(v) for v in q.values()] for q in smooth_points(c)]]
            for c in result.curves.calibration
        ],
    }  # fmt: skip


def _measure(index: Index, id: str) -> dict[str, Any]:
    declared = index.declared(id)
    return {
        "id": id if index.output is None else f"{id}[{index.output}]",
        "name": words.of_output(words.name(id), index.output),
        "digits": digits(id),
        "log": id in LOG,
        "share": declared is not None and declared.inference == "proportion",
        "reading": declared.reading if declared is not None else "",
        "bounds": [b if abs(b) < 1e300 else None for b in declared.bounds] if declared else [],
    }


def _estimate(
    e: Estimate, measure: Places, strata: _Codes, reasons: _Codes, methods: _Codes
) -> list[Any]:
    hidden = e.status == "suppressed"
    return [
        measure[e.measure, e.output], strata(e.stratum), _number(e.value), _number(e.lower),
        _number(e.upper), None if hidden else e.n, None if hidden else e.n_positive,
        None if hidden else e.events, None if hidden else e.denominator, STATUS[e.status],
        reasons(e.reason) if e.reason else -1, None if hidden else e.clusters, methods(e.method),
    ]  # fmt: skip


def _disparity(d: Disparity, measure: Places, strata: _Codes, reasons: _Codes) -> list[Any]:
    return [
        measure.get((d.measure, d.output), -1), CONTRAST[d.contrast], strata(d.stratum),
        strata(d.reference), _number(d.value), _number(d.lower), _number(d.upper),
        _number(d.p), _number(d.p_adjusted), STATUS[d.status],
        reasons(d.reason) if d.reason else -1, int(d.family != "screening"),
        d.attribute if d.contrast == "gap" else 0,
    ]  # fmt: skip
