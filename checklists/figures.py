"""One sentence for every figure of an audit, found by its id: what it says and how sure it is.

A sentence gives the value, its interval, how many it rests on, what it is held against and what to
bear in mind. None says more than its interval: a value without inference is called that, an
undefined one is not called zero, an inconclusive verdict is not called a pass.
"""

from collections.abc import Callable, Mapping

from audit.result import AuditResult, Heterogeneity, StratumCount
from audit.sections import Adequacy, CalibrationInteraction
from checklists.sentences import (
    THRESHOLD,
    Records,
    inside,
    measure_of,
    number,
    of_disparity,
    of_estimate,
    of_verdict,
    p_text,
)

MISSING = "(missing)"
# Why a measure has no inference in a stratum, by the statuses of its estimates.
_WITHOUT = {
    ("insufficient", "undefined"): "undefined or shown without inference",
    ("suppressed",): "withheld for privacy",
    ("not_collected",): "not collected",
}


def figures(result: AuditResult) -> Mapping[str, str]:
    """Id -> sentence, for everything in an audit that an answer may cite."""
    found: dict[str, str] = {}
    audit = Records(result)
    for estimate in result.estimates:
        found[estimate.id] = of_estimate(estimate, audit)
    for disparity in result.disparities:
        found[disparity.id] = of_disparity(disparity, audit)
    for verdict in result.verdicts:
        found[f"verdict/{verdict.requirement}"] = of_verdict(verdict, audit)
    for count in result.cohort.strata:
        found[f"cohort/{count.stratum}"] = _stratum(count, result)
    for attribute in result.cohort.attributes:
        found[f"cohort/{attribute.name}"] = _composition(attribute.name, result)
    if result.sites is not None:
        for summary in result.sites.heterogeneity:
            found[site_id(summary)] = _sites(summary, audit)
    for row in result.sample_size:
        found[f"sample_size/{row.id}"] = _adequacy(row)
    for test in result.calibration_tests:
        found[test.id] = _calibration_test(test, audit)
    for code in dict.fromkeys(w.code for w in result.warnings):
        found[f"warnings/{code}"] = _warnings(code, result)
    for id, told in _WHOLE.items():
        sentence = told(result)
        if sentence is not None:
            found[id] = sentence
    return found


def site_id(summary: Heterogeneity) -> str:
    """Id of a measure, or a gap, over the sites; of one class or label where it names one."""
    output = f"[{summary.output}]" if summary.output is not None else ""
    parts = [summary.measure + output, summary.contrast, summary.attribute, summary.stratum]
    return "/".join(["sites", *(part for part in parts if part)])


def _stratum(c: StratumCount, result: AuditResult) -> str:
    where = "The cohort" if c.stratum == "overall" else f"The stratum {c.stratum}"
    if c.n is None or c.rows is None:
        return f"{where} is withheld for privacy: too few people to show."
    text = f"{where} holds {c.rows:,} units, {c.n:,} of them analysed"
    if c.n_positive is not None:
        text += f", {c.n_positive:,} with the condition"
    if result.cohort.patients_declared and c.patients is not None:
        text += f", of {c.patients:,} patients"
    lost = [(c.missing_label, "outcome"), (c.missing_score, "score")]
    told = [f"{count:,} without {what}" for count, what in lost if count is not None]
    return f"{text}; {' and '.join(told)}." if told else f"{text}."


def _composition(attribute: str, result: AuditResult) -> str:
    whole = next((c for c in result.cohort.strata if c.stratum == "overall"), None)
    rows = [c for c in result.cohort.strata if c.attributes == (attribute,)]
    parts = []
    for c in rows:
        level = c.stratum.partition("=")[2]
        if c.rows is None:
            parts.append(f"{level} withheld")
            continue
        share = f" ({c.rows / whole.rows:.0%})" if whole is not None and whole.rows else ""
        parts.append(f"{level} {c.rows:,}{share}")
    return f"Units by {attribute}: {'; '.join(parts)}."


def _sites(h: Heterogeneity, audit: Records) -> str:
    result = audit.result
    attribute = result.sites.attribute if result.sites is not None else "site"
    name = measure_of(h.measure, h.output)
    if h.contrast is not None:
        name = f"The {h.contrast} of {inside(name)} between {h.stratum} and {h.reference}"
    if h.pooled is None or h.pooled.lower is None or h.pooled.upper is None:
        return f"{name} cannot be pooled over {attribute}: {h.reason}."
    level = float(result.plan.get("level", 0.95)) * 100
    low, high = number(h.pooled.lower), number(h.pooled.upper)
    text = (
        f"{name} over {h.k} levels of {attribute} is {number(h.pooled.value)} pooled "
        f"({level:g} % interval {low} to {high}{_at_sites(h, audit)})"
    )
    if h.prediction is not None:
        low, high = number(h.prediction.lower), number(h.prediction.upper)
        text += f"; at a new site it is expected between {low} and {high}"
    if h.i2 is not None:
        text += f"; I² {h.i2:.0f} %"
    if h.excluded:
        text += f". Without {_listed(h.excluded)}, which could not be pooled"
    few = ". It rests on few sites" if h.k < 5 else ""
    return f"{text}{few}."


def _at_sites(h: Heterogeneity, audit: Records) -> str:
    """Units at the sites that were pooled; of a gap inside sites only the groups would count."""
    if h.contrast is not None or audit.result.sites is None:
        return ""
    attribute = audit.result.sites.attribute
    strata = [s if s.startswith(f"{attribute}=") else f"{attribute}={s}" for s in h.sites]
    sizes = [audit.n(h.measure, h.output, s) for s in strata]
    known = [n for n in sizes if n is not None]
    return f"; n = {sum(known):,}" if known and len(known) == len(sizes) else ""


def _adequacy(row: Adequacy) -> str:
    name, where = measure_of(row.measure, row.output), row.stratum
    if row.achieved_width is None or row.adequate is None:
        return f"Whether {where} is large enough for {inside(name)} cannot be said: {row.reason}."
    verdict = "large enough" if row.adequate else "too small"
    needed = f"; about {row.n_needed:,} needed" if row.n_needed is not None else ""
    n = f"n = {row.n:,}" if row.n is not None else "n withheld"
    return (
        f"For {inside(name)} {where} is {verdict} (Riley 2021): interval width "
        f"{number(row.achieved_width)} against {number(row.target_width)} wanted, {n}{needed}."
    )


def _calibration_test(test: CalibrationInteraction, audit: Records) -> str:
    what = "calibration" if test.output is None else f"calibration ({test.output})"
    if test.joint_p is None or test.slope_p is None:
        return f"C{what[1:]} by {test.attribute} could not be tested: {test.reason}."
    sizes = [audit.counts.get(f"{test.attribute}={level}") for level in test.levels]
    known = [n for n in sizes if n is not None]
    n = f"n = {sum(known):,}" if len(known) == len(sizes) else "n withheld"
    without = f" Without {_listed(test.left_out)}: too few to test." if test.left_out else ""
    return (
        f"Test of equal {what} by {test.attribute}: intercepts and slopes together "
        f"{p_text(test.joint_p)}, slopes alone {p_text(test.slope_p)} "
        f"({len(test.levels)} levels, {n}; screening, without adjustment).{without}"
    )


def _listed(names: tuple[str, ...]) -> str:
    more = f" and {len(names) - 8} more" if len(names) > 8 else ""
    return ", ".join(names[:8]) + more


def _warnings(code: str, result: AuditResult) -> str:
    messages = [w.message for w in result.warnings if w.code == code]
    more = f" ({len(messages) - 1} more of this kind.)" if len(messages) > 1 else ""
    return messages[0] + more


def _provenance(result: AuditResult) -> str:
    p = result.provenance
    data = ", ".join(f"{f.name} (SHA-256 {f.sha256[:12]}…)" for f in p.data) or "tallies"
    model = f", model {p.model.name} ({p.model.sha256[:12]}…)" if p.model is not None else ""
    return (
        f"The audit was made from {data}{model} by equipoise {p.tool_version} with plan "
        f"{p.plan_sha256[:12]}…, seed {p.seed} and {p.resamples:,} resamples; the same inputs give "
        "the same bytes."
    )


def _plan(result: AuditResult) -> str:
    count = len(result.verdicts)
    stated = f" as of {result.provenance.as_of}" if result.provenance.as_of else ""
    judged = f"{count} requirements" if count != 1 else "1 requirement"
    sha = result.provenance.plan_sha256[:12]
    return f"The audit followed the plan with SHA-256 {sha}…, which states {judged}{stated}."


def _threshold(result: AuditResult) -> str | None:
    used = result.cohort.threshold
    if used is None:
        return None
    source = THRESHOLD[used.source]
    return f"Units are flagged at a score of {used.value:g} or more; the threshold was {source}."


def _insufficient(result: AuditResult) -> str:
    strata = [c.stratum for c in result.cohort.strata if c.stratum != "overall"]
    told = [
        f"in {len(named)} of {len(strata)} strata some measures are {what}: {_listed(tuple(named))}"
        for statuses, what in _WITHOUT.items()
        if (named := _strata_with(statuses, strata, result))
    ]
    if not told:
        return f"Every measure has an estimate with inference in all {len(strata)} strata."
    text = "; ".join(told)
    return f"{text[0].upper()}{text[1:]}."


def _strata_with(statuses: tuple[str, ...], strata: list[str], result: AuditResult) -> list[str]:
    found = {e.stratum for e in result.estimates if e.status in statuses}
    return [stratum for stratum in strata if stratum in found]


def _product(result: AuditResult) -> str | None:
    product = result.plan.get("product") or {}
    use = str(product.get("intended_use") or "").strip()
    if not use:
        return None
    name = str(product.get("name") or "the model").strip()
    version = str(product.get("version") or "").strip()
    return f"The plan describes {name}{f', version {version}' if version else ''}: {use}"


_WHOLE: dict[str, Callable[[AuditResult], str | None]] = {
    "provenance": _provenance,
    "provenance/plan": _plan,
    "plan/threshold": _threshold,
    "plan/product": _product,
    "strata/without_inference": _insufficient,
}
