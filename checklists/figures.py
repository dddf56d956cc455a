"""One sentence for every figure of an audit, found by its id: what it says and how sure it is.

No sentence says more than its interval: a value without inference is called that, an undefined one
is not called zero, an inconclusive verdict is not called a pass.
"""

from collections.abc import Callable, Mapping

from audit.result import AuditResult, Disparity, Estimate, Heterogeneity, StratumCount, Verdict
from audit.sections import Adequacy, CalibrationInteraction

MISSING = "(missing)"
# Why a measure has no inference in a stratum, by the statuses of its estimates.
_WITHOUT = {
    ("insufficient", "undefined"): "undefined or shown without inference",
    ("suppressed",): "withheld for privacy",
    ("not_collected",): "not collected",
}
_VERDICT = {
    "met": "is met",
    "violated": "is violated",
    "inconclusive": "is inconclusive, which is not a pass",
    "not_estimable": "cannot be judged, which is not a pass",
    "not_applicable": "does not apply to these data",
    "waived": "is waived, which is not a pass",
}
_THRESHOLD = {
    "fixed": "fixed before these data were seen",
    "external": "tuned on other data",
    "tuned_here": "tuned on these data, so that every value at it is optimistic",
}


def figures(result: AuditResult) -> Mapping[str, str]:
    """Id -> sentence, for everything in an audit that an answer may cite."""
    found: dict[str, str] = {}
    for estimate in result.estimates:
        found[estimate.id] = _estimate(estimate, result)
    for disparity in result.disparities:
        found[disparity.id] = _disparity(disparity)
    for verdict in result.verdicts:
        found[f"verdict/{verdict.requirement}"] = _verdict(verdict)
    for count in result.cohort.strata:
        found[f"cohort/{count.stratum}"] = _stratum(count, result)
    for attribute in result.cohort.attributes:
        found[f"cohort/{attribute.name}"] = _composition(attribute.name, result)
    if result.sites is not None:
        for summary in result.sites.heterogeneity:
            found[_site_id(summary)] = _sites(summary, result)
    for row in result.sample_size:
        found[f"sample_size/{row.id}"] = _adequacy(row)
    for test in result.calibration_tests:
        found[test.id] = _calibration_test(test)
    for code in dict.fromkeys(w.code for w in result.warnings):
        found[f"warnings/{code}"] = _warnings(code, result)
    for id, told in _WHOLE.items():
        sentence = told(result)
        if sentence is not None:
            found[id] = sentence
    return found


def measure_name(id: str) -> str:
    """A measure in words."""
    from audit.measures import DECLARED  # brings the numerical libraries, which take a while

    declared = DECLARED.get(id)
    return declared.name if declared else id.replace("_", " ")


def _site_id(summary: Heterogeneity) -> str:
    parts = [summary.measure, summary.contrast, summary.attribute, summary.stratum]
    return "/".join(["sites", *(part for part in parts if part)])


def _estimate(e: Estimate, result: AuditResult) -> str:
    name = _of(e.measure, e.output)
    where = "overall" if e.stratum == "overall" else f"in {e.stratum}"
    if e.status == "undefined":
        return f"{name} has no value {where}: {e.reason}. It is not zero."
    if e.status == "suppressed":
        return f"{name} {where} is withheld for privacy."
    if e.status == "not_collected" or e.value is None:
        return f"{name} {where} was not collected: {e.reason}."
    behind = _behind(e, result)
    if e.status == "insufficient":
        return (
            f"{name} {where} was {number(e.value)} ({behind}); no conclusion is drawn: {e.reason}."
        )
    return f"{name} {where} was {number(e.value)} ({_interval(e)}; {behind})."


def _behind(e: Estimate, result: AuditResult) -> str:
    if e.n is None:
        return "counts withheld"
    parts = [f"n = {e.n:,}"]
    if e.n_positive is not None:
        parts.append(f"{e.n_positive:,} with the condition")
    if result.cohort.patients_declared and e.clusters is not None:
        parts.append(f"{e.clusters:,} patients")
    return ", ".join(parts)


def _disparity(d: Disparity) -> str:
    name = _of(d.measure, d.output)
    if d.contrast == "gap":
        what = f"The largest gap of {_lower(name)} by {d.attribute}"
    else:
        against = "everyone else" if d.reference.startswith("not ") else d.reference
        what = f"The {d.contrast} of {_lower(name)} between {d.stratum} and {against}"
    if d.value is None:
        return f"{what} has no value: {d.reason}."
    if d.status != "ok" or d.lower is None:
        return f"{what} was {number(d.value)}; no conclusion is drawn: {d.reason}."
    between = f", between {d.stratum} and {d.reference}" if d.contrast == "gap" else ""
    kind = "declared beforehand" if d.family != "screening" else "screening, not declared"
    p = d.p_adjusted if d.p_adjusted is not None else d.p
    tested = "" if p is None else f"; {_p(p)} after adjustment, {kind}"
    return f"{what} was {number(d.value)} ({_interval(d)}{tested}){between}."


def _verdict(v: Verdict) -> str:
    start = f"The requirement '{v.statement}' {_VERDICT[v.status]}"
    if v.value is None:
        return f"{start}: {v.reason}."
    where = f" in {v.stratum}" if v.stratum else ""
    if v.output is not None and f"'{v.output}'" not in v.statement:
        where += f" ({v.output})"
    interval = "no interval" if v.lower is None or v.upper is None else _interval(v)
    needed = ""
    if v.status == "inconclusive" and v.n_needed is not None:
        needed = f"; about n = {v.n_needed:,} would be needed"
    return f"{start}: {number(v.value)} ({interval}){where}{needed}."


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


def _sites(h: Heterogeneity, result: AuditResult) -> str:
    attribute = result.sites.attribute if result.sites is not None else "site"
    name = _of(h.measure, h.output)
    if h.contrast is not None:
        name = f"The {h.contrast} of {_lower(name)} between {h.stratum} and {h.reference}"
    if h.pooled is None or h.pooled.lower is None or h.pooled.upper is None:
        return f"{name} cannot be pooled over {attribute}: {h.reason}."
    level = float(result.plan.get("level", 0.95)) * 100
    text = (
        f"{name} over {h.k} levels of {attribute} is {number(h.pooled.value)} pooled "
        f"({level:g} % interval {number(h.pooled.lower)} to {number(h.pooled.upper)})"
    )
    if h.prediction is not None:
        low, high = number(h.prediction.lower), number(h.prediction.upper)
        text += f"; at a new site it is expected between {low} and {high}"
    if h.i2 is not None:
        text += f"; I² {h.i2:.0f} %"
    few = ". It rests on few sites" if h.k < 5 else ""
    return f"{text}{few}."


def _adequacy(row: Adequacy) -> str:
    name, where = _of(row.measure, row.output), row.stratum
    if row.achieved_width is None or row.adequate is None:
        return f"Whether {where} is large enough for {_lower(name)} cannot be said: {row.reason}."
    verdict = "large enough" if row.adequate else "too small"
    needed = f"; about {row.n_needed:,} needed" if row.n_needed is not None else ""
    n = f"n = {row.n:,}" if row.n is not None else "n withheld"
    return (
        f"For {_lower(name)} {where} is {verdict} (Riley 2021): interval width "
        f"{number(row.achieved_width)} against {number(row.target_width)} wanted, {n}{needed}."
    )


def _calibration_test(test: CalibrationInteraction) -> str:
    what = "calibration" if test.output is None else f"calibration ({test.output})"
    if test.joint_p is None or test.slope_p is None:
        return f"C{what[1:]} by {test.attribute} could not be tested: {test.reason}."
    return (
        f"Test of equal {what} by {test.attribute}: intercepts and slopes together "
        f"{_p(test.joint_p)}, slopes alone {_p(test.slope_p)}."
    )


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
    source = _THRESHOLD[used.source]
    return f"Units are flagged at a score of {used.value:g} or more; the threshold was {source}."


def _insufficient(result: AuditResult) -> str:
    strata = [c.stratum for c in result.cohort.strata if c.stratum != "overall"]
    told = [
        f"in {len(named)} of {len(strata)} strata some measures are {what}: "
        + ", ".join(named[:8])
        + (f" and {len(named) - 8} more" if len(named) > 8 else "")
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


def number(value: float) -> str:
    """A value in three decimals, or as many as its size leaves meaning for."""
    text = f"{value:.3f}" if abs(value) < 100 else f"{value:,.1f}"
    return text.replace("-", "\N{MINUS SIGN}")


def _interval(x: Estimate | Disparity | Verdict) -> str:
    if x.lower is None or x.upper is None:
        return "no interval"
    return f"{x.level * 100:g} % interval {number(x.lower)} to {number(x.upper)}"


def _p(p: float) -> str:
    return "p < 0.001" if p < 0.001 else f"p = {p:.3f}"


def _of(measure: str, output: str | None) -> str:
    name = measure_name(measure)
    return name if output is None else f"{name} ({output})"


def _lower(name: str) -> str:
    """A name inside a sentence: abbreviations keep their capitals."""
    return name if name[:2].isupper() or name[1:2] == ":" else name[0].lower() + name[1:]
