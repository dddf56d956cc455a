"""Compact arrays of every estimate and disparity, for the tables and selectors of the page."""

from collections.abc import Hashable
from dataclasses import dataclass, field
from typing import Any

from audit.curve_sections import CalibrationCurve
from audit.glossary import ENTRIES
from audit.result import Disparity, Estimate
from reports import words
from reports.format import digits
from reports.parts.curves import panel_title, smooth_points
from reports.parts.forest import LOG
from reports.parts.index import Index
from reports.parts.results import piece_level

SIGNIFICANT = 6
P_DIGITS = 3
RISK_DIGITS = 3
STATUS = {s: i for i, s in enumerate(words.STATUS)}
CONTRAST = {c: i for i, c in enumerate(words.CONTRAST)}
Places = dict[tuple[str, str | None], int]
Parts = list[tuple[int, int]]


class _Codes:
    """Texts by number, in order of first use."""

    def __init__(self) -> None:
        self.texts: dict[Hashable, int] = {}

    def __call__(self, text: Hashable) -> int:
        return self.texts.setdefault(text, len(self.texts))


@dataclass(frozen=True)
class _Texts:
    """The texts that rows repeat, and where each measure stands."""

    measures: Places
    strata: _Codes = field(default_factory=_Codes)
    crossings: _Codes = field(default_factory=_Codes)
    reasons: _Codes = field(default_factory=_Codes)
    methods: _Codes = field(default_factory=_Codes)


def _number(value: float | None, places: int) -> float | int | None:
    """Shorten a number, unless it would then be printed as another one."""
    if value is None:
        return None
    short = float(f"{value:.{SIGNIFICANT}g}")
    kept = short if round(short, places) == round(value, places) else value
    return int(kept) if kept.is_integer() and abs(kept) < 1e15 else kept


def explorer(index: Index) -> dict[str, Any]:
    """Pack the result's numbers; patterns repeat, so texts are numbered.

    A measure of a class or label is an entry of its own.
    """
    result = index.result
    seen = [(one, m) for one in (index, *index.outputs) for m in one.measures]
    texts = _Texts({(m, one.output): i for i, (one, m) in enumerate(seen)})
    estimates = [_estimate(e, texts) for e in result.estimates]
    disparities = [_disparity(d, texts) for d in result.disparities]
    strata = [str(s) for s in texts.strata.texts]
    return {
        "level": piece_level(index),
        "positives": index.has_outcome or any(one.has_outcome for one in index.outputs),
        "measures": [_measure(one, m) for one, m in seen],
        "attributes": [[a.name, int(a.role == "site"), list(a.levels)] for a in index.attributes],
        "status": list(words.STATUS.values()),
        "contrasts": list(words.CONTRAST.items()),
        "strata": strata,
        "parts": _parts(index, strata),
        "crossings": list(texts.crossings.texts),
        "reasons": list(texts.reasons.texts),
        "methods": [_method(str(m)) for m in texts.methods.texts],
        "estimates": estimates,
        "disparities": disparities,
        "limits": [[texts.measures[m, one.output], s, x.lower, x.upper]
                   for one in (index, *index.outputs)
                   for (m, s), x in one.limits.items() if (m, one.output) in texts.measures],
        "calibration": [_calibration(index, c) for c in result.curves.calibration],
    }  # fmt: skip


def _method(id: str) -> str:
    """Name an interval method as the glossary does."""
    entry = ENTRIES.get(id.split("+")[0])  # what follows says how a tally was binned
    return entry.name if entry is not None else id.replace("_", " ")


def _measure(index: Index, id: str) -> dict[str, Any]:
    declared = index.declared(id)
    return {
        "id": id if index.output is None else f"{id}[{index.output}]",
        "name": words.of_output(words.name(id), index.output),
        "output": index.output,
        "digits": digits(id),
        "log": id in LOG,
        "share": declared is not None and declared.inference == "proportion",
        "bounds": [b if abs(b) < 1e300 else None for b in declared.bounds] if declared else [],
    }


def _parts(index: Index, strata: list[str]) -> list[Parts]:
    """Attribute and level of every part of each stratum's name, by number; none where unknown.

    A level's own text may hold an ampersand, so names are taken apart by the levels that exist.
    """
    places = {
        f"{a.name}={level}": (i, j)
        for i, a in enumerate(index.attributes)
        for j, level in enumerate(a.levels)
    }

    def apart(name: str) -> Parts | None:
        if name in places:
            return [places[name]]
        cut = name.find(" & ")
        while cut >= 0:
            first, rest = places.get(name[:cut]), name[cut + 3 :]
            if first is not None and (after := apart(rest)) is not None:
                return [first, *after]
            cut = name.find(" & ", cut + 1)
        return None

    return [sorted(apart(name) or []) for name in strata]


def _estimate(e: Estimate, texts: _Texts) -> list[Any]:
    hidden = e.status == "suppressed"
    places = digits(e.measure)
    return [
        texts.measures[e.measure, e.output], texts.strata(e.stratum), _number(e.value, places),
        _number(e.lower, places), _number(e.upper, places), None if hidden else e.n,
        None if hidden else e.n_positive, None if hidden else e.events,
        None if hidden else e.denominator, STATUS[e.status],
        texts.reasons(e.reason) if e.reason else -1, None if hidden else e.clusters,
        texts.methods(e.method),
    ]  # fmt: skip


def _disparity(d: Disparity, texts: _Texts) -> list[Any]:
    places = digits(d.measure, d.contrast)
    return [
        texts.measures.get((d.measure, d.output), -1), CONTRAST[d.contrast],
        texts.strata(d.stratum), texts.strata(d.reference), _number(d.value, places),
        _number(d.lower, places), _number(d.upper, places), _number(d.p, P_DIGITS),
        _number(d.p_adjusted, P_DIGITS), STATUS[d.status],
        texts.reasons(d.reason) if d.reason else -1, int(d.family != "screening"),
        texts.crossings(d.attribute),
    ]  # fmt: skip


def _calibration(index: Index, c: CalibrationCurve) -> list[Any]:
    """Stratum, output, title, groups and smooth curve of one panel."""
    return [
        c.stratum, c.output, panel_title(index, c.stratum, sum(b.n for b in c.bins), c.output),
        [[_number(v, RISK_DIGITS) for v in (b.predicted, b.observed, b.lower, b.upper)] + [b.n]
         for b in c.bins],
        [[_number(v, RISK_DIGITS) for v in q.values()] for q in smooth_points(c)],
    ]  # fmt: skip
