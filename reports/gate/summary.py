"""A short summary of an audit as plain text: 100 columns, symbols with words, no colour."""

from collections.abc import Sequence

from audit.result import AuditResult, Estimate
from reports import words
from reports.format import count, digits, fixed, interval, names, plural, shorten
from reports.gate.columns import COLUMNS, wrapped
from reports.gate.entries import lock_text
from reports.parts.front import outcome_text, urgent, verdict_line, verdict_sentence
from reports.parts.index import Index

KEY = {
    "binary": ("sensitivity", "specificity", "auroc", "oe_ratio"),
    "multiclass": ("accuracy", "macro_sensitivity", "macro_auroc", "quadratic_kappa"),
    "multilabel": ("macro_sensitivity", "macro_specificity", "macro_auroc"),
    "regression": ("mae", "rmse", "bias", "r2"),
    "segmentation": ("dice", "nsd", "hd95", "missed_rate"),
    "image": ("psnr", "ssim", "nrmse"),
    "detection": ("sensitivity_at_fp", "object_sensitivity", "false_positives_per_image"),
    "survival": ("harrell_c", "uno_c", "brier_at_horizon", "oe_at_horizon"),
}
CELL = 18
SHOWN_LEVELS = 24
SHOWN_WARNINGS = 3
NO_LOCK = "The plan was not locked: nothing shows that it was fixed before scores were read."


def summary_text(result: AuditResult) -> str:
    """Sum the audit up for a terminal: cohort, key measures by level, verdicts, warnings."""
    index = Index(result)
    c = result.cohort
    patients = f", {plural(c.patients, 'patient')}" if c.patients_declared else ""
    cohort = (
        f"{plural(c.analysed, 'unit')} of {plural(c.rows, 'row')}{patients}; "
        + (f"{count(c.n_positive)} with {index.positive}" if index.has_outcome
           else outcome_text(index))
    )  # fmt: skip
    out = [*wrapped(cohort, ""), "", *_levels(index), *_outputs(index), ""]
    out += wrapped(verdict_sentence(result), "")
    for line in (verdict_line(index, v) for v in result.verdicts):
        out += wrapped(f"{line.symbol} {line.word}: {line.statement}. {line.reason}", "  ")
    out += _lock(result)
    refused = sum(e.status != "ok" for e in result.estimates)
    out += _reversals(result)
    out.append(f"{plural(refused, 'estimate')} of {len(result.estimates)} without inference.")
    out.append(f"{plural(len(result.warnings), 'warning')}.")
    for w in urgent(result)[:SHOWN_WARNINGS]:
        out += wrapped(f"! {words.warning(w)}", "  ")
    return "\n".join(out) + "\n"


def _lock(result: AuditResult) -> list[str]:
    """How the plan departs from the one that was locked; that none was is said too."""
    if result.lock is None:
        return [NO_LOCK]
    out = wrapped(lock_text(result), "")
    for told in result.lock.deviations:
        out += wrapped(f"! deviates from the lock: {told}", "  ")
    return out


def _head(measures: Sequence[str], width: int, first: str = "") -> str:
    titles = "".join(f" {shorten(words.short(m), CELL):>{CELL}}" for m in measures)
    return (f"{first:<{width}} {'n':>6}" + titles).rstrip()


def _levels(index: Index) -> list[str]:
    measures = [m for m in KEY[index.task] if m in index.measures]
    width = COLUMNS - 7 - (CELL + 1) * len(measures)
    out = [_head(measures, width)]
    weak = False
    for attribute, strata in index.single.items():
        if attribute:
            out.append(shorten(attribute, width))
        out += [_level(index, s, measures, width) for s in strata[:SHOWN_LEVELS]]
        weak |= any(_weak(index.estimate(m, s)) for s in strata[:SHOWN_LEVELS] for m in measures)
        if len(strata) > SHOWN_LEVELS:
            out.append(f"  and {len(strata) - SHOWN_LEVELS} more")
    if weak:
        out += wrapped(_minimum(index.result), "")
    return out


def _weak(e: Estimate | None) -> bool:
    return e is not None and e.value is not None and e.status != "ok"


def _minimum(result: AuditResult) -> str:
    least = result.plan.get("minimum") or {}
    text = "In brackets without an interval: why there is none."
    if least:
        text += f" The plan asks for {least.get('denominator')} in the denominator and "
        text += f"{least.get('events')} in the rarer class."
    return text


def _outputs(index: Index) -> list[str]:
    """Give every class or label against the rest, in all units; groups stand in the report."""
    if not index.outputs:
        return []
    kinds = KEY[index.outputs[0].task]
    measures = [m for m in kinds if any(m in one.measures for one in index.outputs)]
    width = COLUMNS - 7 - (CELL + 1) * len(measures)
    kind = words.OUTPUT.get(index.result.cohort.task, "output")
    out = ["", _head(measures, width, f"each {kind}")]
    out += [
        _level(one, "overall", measures, width, f"  {one.output}")
        for one in index.outputs[:SHOWN_LEVELS]
    ]
    if len(index.outputs) > SHOWN_LEVELS:
        out.append(f"  and {len(index.outputs) - SHOWN_LEVELS} more")
    return out


def _reversals(result: AuditResult) -> list[str]:
    """Name pooled differences whose sign is another inside the sites."""
    found = [s for s in result.case_mix.by_site if s.reversal == "resolved"]
    if not found:
        return []
    told = names([f"{words.of_output(words.name(s.measure), s.output)} "
                  f"{s.stratum}:{s.reference}" for s in found], 3)  # fmt: skip
    return wrapped(f"Simpson's reversal (another sign inside sites than pooled): {told}.", "")


def _level(
    index: Index, stratum: str, measures: Sequence[str], width: int, name: str | None = None
) -> str:
    if name is None:
        name = "all units" if stratum == "overall" else "  " + stratum.partition("=")[2]
    known = index.counts.get(stratum)
    found = [index.estimate(m, stratum) for m in measures]
    hidden = any(e is not None and e.status == "suppressed" for e in found)
    n = count(known.n) if known and not hidden else ""
    return f"{shorten(name, width):<{width}} {n:>6}" + "".join(
        f" {_cell(index, m, stratum):>{CELL}}" for m in measures
    )


def _cell(index: Index, measure: str, stratum: str) -> str:
    e = index.estimate(measure, stratum)
    if e is None:
        return "not computed"
    if e.value is None:
        return words.STATUS[e.status]
    places = min(2, digits(measure))
    value = fixed(e.value, places)
    if e.status != "ok":
        return shorten(f"{value} ({words.why_brief(e.status, e.reason)})", CELL)
    text = f"{value} {interval(e.lower, e.upper, places)}"
    return text if len(text) <= CELL else shorten_interval(e, CELL)


def shorten_interval(e: Estimate, most: int) -> str:
    """Write large numbers with fewer decimals, so that value and interval stay readable."""
    for places in (1, 0):
        text = f"{fixed(e.value or 0.0, places)} {interval(e.lower, e.upper, places)}"
        if len(text) <= most:
            return text
    return fixed(e.value or 0.0, 0)
