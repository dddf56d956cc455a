"""Verdicts and a short summary as plain text: 100 columns, symbols with words, no colour."""

import json
import textwrap
from collections.abc import Sequence

from audit.result import AuditResult
from reports import words
from reports.format import count, digits, fixed, interval, plural, shorten
from reports.parts.front import verdict_line, verdict_sentence
from reports.parts.index import Index

COLUMNS = 100
KEY = ("sensitivity", "specificity", "auroc", "oe_ratio")
CELL = 17
SHOWN_LEVELS = 24
SHOWN_WARNINGS = 3


def gate_text(result: AuditResult) -> str:
    """List every requirement with its verdict, interval and reason."""
    index = Index(result)
    out = _wrap(verdict_sentence(result), "")
    for line in (verdict_line(index, v) for v in result.verdicts):
        out += ["", *_wrap(f"{line.symbol} {line.word.upper()}  {line.statement}  ({line.id})", "")]
        where = f" in {line.where}" if line.where else ""
        out += _wrap(f"value {line.value}{where}; limit {line.margin}", "    ")
        out += _wrap(line.reason, "    ")
        if line.more:
            out += _wrap(line.more, "    ")
    return "\n".join(out) + "\n"


def gate_json(result: AuditResult) -> str:
    """Give the verdicts as JSON, one object for each requirement."""
    keep = ("requirement", "statement", "status", "measure", "stratum", "value", "lower", "upper",
            "level", "margin", "reason", "detectable", "n_needed", "evidence")  # fmt: skip
    verdicts = [v.model_dump(include=set(keep)) for v in result.verdicts]
    content = {
        "schema_version": result.schema_version,
        "plan_sha256": result.provenance.plan_sha256,
        "verdicts": [{k: v[k] for k in keep} for v in verdicts],
    }
    return json.dumps(content, indent=1, ensure_ascii=False, allow_nan=False) + "\n"


def summary_text(result: AuditResult) -> str:
    """Sum the audit up for a terminal: cohort, key measures by level, verdicts, warnings."""
    index = Index(result)
    c = result.cohort
    patients = f", {plural(c.patients, 'patient')}" if c.patients_declared else ""
    cohort = (
        f"{plural(c.analysed, 'unit')} of {plural(c.rows, 'row')}{patients}; "
        f"{count(c.n_positive)} with {index.positive}"
    )
    out = [*_wrap(cohort, ""), "", *_levels(index), ""]
    out += _wrap(verdict_sentence(result), "")
    for line in (verdict_line(index, v) for v in result.verdicts):
        out += _wrap(f"{line.symbol} {line.word}: {line.statement}. {line.reason}", "  ")
    refused = sum(e.status != "ok" for e in result.estimates)
    out.append(f"{plural(refused, 'estimate')} of {len(result.estimates)} without inference.")
    out.append(f"{plural(len(result.warnings), 'warning')}.")
    for w in result.warnings[:SHOWN_WARNINGS]:
        out += _wrap(f"! {w.message}", "  ")
    return "\n".join(out) + "\n"


def _wrap(text: str, indent: str) -> list[str]:
    return textwrap.wrap(
        text, COLUMNS, initial_indent=indent, subsequent_indent=indent + "    ",
        break_on_hyphens=False,
    )  # fmt: skip


def _levels(index: Index) -> list[str]:
    measures = [m for m in KEY if m in index.measures]
    width = COLUMNS - 7 - (CELL + 1) * len(measures)
    head = f"{'':<{width}} {'n':>6}" + "".join(f" {words.short(m):>{CELL}}" for m in measures)
    out = [head.rstrip()]
    for attribute, strata in index.single.items():
        if attribute:
            out.append(shorten(attribute, width))
        out += [_level(index, s, measures, width) for s in strata[:SHOWN_LEVELS]]
        if len(strata) > SHOWN_LEVELS:
            out.append(f"  and {len(strata) - SHOWN_LEVELS} more")
    return out


def _level(index: Index, stratum: str, measures: Sequence[str], width: int) -> str:
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
    if e.status != "ok":
        return f"{fixed(e.value, places)} (too few)"
    return f"{fixed(e.value, places)} {interval(e.lower, e.upper, places)}"
