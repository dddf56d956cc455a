"""The key metrics of a CHAI card: of everyone, by group of people, and by site."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from audit.measures import BY_CLASS
from audit.result import Disparity, Estimate, Heterogeneity, Verdict
from reports import words
from reports.exports.record import NOT_STATED, measure_name, without
from reports.papers import Papers
from reports.parts import results as front_measures

PLACES = 4
_CALIBRATION = ("oe_ratio", "calibration_slope", "citl", "oe_at_horizon", "slope_at_horizon")


@dataclass(frozen=True)
class Group:
    """One of the three groups of metrics on the card, and the item that asks for it."""

    element: str
    item: str


USEFULNESS = Group("UsefulnessUsabilityEfficacy", "CHAI-KM.U")
FAIRNESS = Group("FairnessEquity", "CHAI-KM.F")
SAFETY = Group("SafetyReliability", "CHAI-KM.S")
GROUPS = (USEFULNESS, FAIRNESS, SAFETY)


def groups_of(papers: Papers, verdict: Verdict) -> set[Group]:
    """Which groups a requirement belongs to, by what it was held against."""
    found = {_of_id(papers, part.id) for part in verdict.parts}
    return found or {USEFULNESS}


def _of_id(papers: Papers, id: str) -> Group:
    disparity = papers.index.disparities.get(id)
    if disparity is not None:
        return _of_attributes(papers, disparity.attribute)
    return _of_attributes(papers, id.partition("/")[2].partition("=")[0])


def _of_attributes(papers: Papers, attribute: str) -> Group:
    if attribute in ("", "overall"):
        return USEFULNESS
    return SAFETY if attribute in papers.index.site_attributes else FAIRNESS


def results(papers: Papers, group: Group) -> list[tuple[str, str]]:
    """Label and value of every metric of a group; the card wants at least one."""
    made = {USEFULNESS: _usefulness, FAIRNESS: _fairness, SAFETY: _safety}[group]
    return list(made(papers)) or [(NOT_STATED, _value(None, None, None, 0.0))]


def headline(papers: Papers) -> list[str]:
    """The measures that requirements name, then those that stand first in reports."""
    task = papers.result.cohort.task
    named = [v.measure for v in papers.result.verdicts]
    wanted = dict.fromkeys([*named, *front_measures.TASK_FRONT[task], *_CALIBRATION])
    known = {e.measure for e in papers.result.estimates}
    return [measure for measure in wanted if measure in known]


def _usefulness(papers: Papers) -> Iterator[tuple[str, str]]:
    yield from _estimates(papers, ("overall",))


def _fairness(papers: Papers) -> Iterator[tuple[str, str]]:
    strata = tuple(s for a, some in papers.index.demographic.items() if a for s in some)
    wanted = set(headline(papers))
    for d in papers.result.disparities:
        if d.contrast == "gap" and d.measure in wanted and d.attribute in papers.index.demographic:
            yield _gap_label(d), _value(d.value, d.lower, d.upper, d.level)
    yield from _estimates(papers, strata)


def _safety(papers: Papers) -> Iterator[tuple[str, str]]:
    sites = papers.result.sites
    if sites is None:
        return
    wanted = set(headline(papers))
    for h in sites.heterogeneity:
        if h.contrast is None and h.measure in wanted:
            yield _pooled(h, sites.attribute, papers)
    yield from _estimates(papers, sites.strata)


def _estimates(papers: Papers, strata: tuple[str, ...]) -> Iterator[tuple[str, str]]:
    """Estimates of the headline measures, of single classes or structures where they count."""
    wanted, shown = set(headline(papers)), set(strata)
    named = {(v.measure, v.output) for v in papers.result.verdicts}
    by_class = papers.result.cohort.task in BY_CLASS
    for e in papers.result.estimates:
        own = e.output is None or by_class or (e.measure, e.output) in named
        if e.measure in wanted and e.stratum in shown and own:
            yield _label(e), _value(e.value, e.lower, e.upper, e.level)


def _label(e: Estimate) -> str:
    where = "overall" if e.stratum == "overall" else e.stratum
    return f"{measure_name(e.measure, e.output)}, {where}{_why(e)}"


def _gap_label(d: Disparity) -> str:
    return f"Largest gap of {measure_name(d.measure, d.output)} by {d.attribute}{_why(d)}"


def _why(record: Estimate | Disparity) -> str:
    return "" if record.status == "ok" else f" ({without(record)})"


def _pooled(h: Heterogeneity, attribute: str, papers: Papers) -> tuple[str, str]:
    """The value to expect at a new site, between which limits."""
    level = float(papers.result.plan.get("level") or 0.95)
    label = f"{measure_name(h.measure, h.output)} at a new {attribute} (prediction interval)"
    if h.status != "ok":
        label += f" ({words.STATUS[h.status]}: {h.reason})"
    if h.pooled is None or h.prediction is None:
        return label, _value(None, None, None, level)
    return label, _value(h.pooled.value, h.prediction.lower, h.prediction.upper, level)


def _value(value: float | None, lower: float | None, upper: float | None, level: float) -> str:
    """A value as the card writes it: with its interval, alone, or null where there is none."""
    content: dict[str, Any] = {"kind": "single", "value": _rounded(value)}
    if value is not None and lower is not None and upper is not None:
        content = {
            "kind": "estimate_ci",
            "estimate": _rounded(value),
            "lower": _rounded(lower),
            "upper": _rounded(upper),
            "level": _rounded(100 * level),
        }
    return json.dumps(content, separators=(",", ":"))


def _rounded(value: float | None) -> float | int | None:
    """A number without more decimals than it has use for; a whole one as such."""
    if value is None:
        return None
    rounded = round(value, PLACES)
    return int(rounded) if rounded.is_integer() else rounded
