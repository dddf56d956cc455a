"""What `equipoise check` found, as plain text in 100 columns."""

from audit.leakage import Overlap
from audit.planning import Planned
from audit.readiness import Readiness, Stratum
from reports.format import count, percent, plural, shorten
from reports.gate.columns import wrapped

SHOWN_STRATA = 40
NAME = 32  # columns
BELOW = {"units": "n", "patients": "patients", "positives": "pos.", "negatives": "neg."}
NAMES = {
    "shared_patients": "rows of patients who are in both",
    "shared_units": "units that are in both",
    "exact_rows": "exact duplicate rows",
    "near_rows": "near duplicate rows",
    "same_files": "same image files",
    "same_images": "images with the same pixels",
    "repeated_units": "rows whose unit id stands there twice",
    "repeated_rows": "rows that equal another row",
    "patients_at_several_sites": "patients at several sites",
}
STATUS = {
    "ready": "Ready: nothing stands against reading the scores.",
    "stopped": "Not ready: leakage, or coverage that the plan does not allow.",
    "undecidable": "Not ready: some requirement cannot be decided with these sizes.",
}
MARK = {"decidable": "✓ can be decided", "undecidable": "✗ cannot be decided",
        "not_planned": "– not planned beforehand"}  # fmt: skip


def readiness_text(found: Readiness) -> str:
    """Tell what was found, most important first."""
    patients = f", {plural(found.patients, 'patient')}" if found.patients_declared else ""
    head = f"{plural(found.labelled, 'unit')} of {plural(found.rows, 'row')}{patients}; "
    head += "scores were not read."
    out = [STATUS[found.status], *wrapped(head, ""), ""]
    out += [*_leakage(found), *_coverage(found), *_planned(found), *_roles(found)]
    out += [*_strata(found), *_warnings(found)]
    return "\n".join(out) + "\n"


def _leakage(found: Readiness) -> list[str]:
    out: list[str] = []
    for file in dict.fromkeys(o.file for o in found.leakage):
        out += [f"Against {file}" if file else "Within the cohort"]
        for one in (o for o in found.leakage if o.file == file):
            out += wrapped(_overlap(one), "  ")
    if not any(o.file for o in found.leakage):
        out += ["No development file was given: overlap with it was not looked for."]
    return [*out, ""]


def _overlap(one: Overlap) -> str:
    name = NAMES[one.what]
    if one.count is None or one.of is None:
        return f"– {name}: not looked for, {one.reason}"
    share = f"{count(one.count)} of {count(one.of)}"
    if one.count:
        share += f" ({percent(one.count / one.of)})"
    text = f"{'✗' if one.leak else '✓' if not one.count else '?'} {name}: {share}"
    if one.by_site:
        sites = [f"{s.site} {count(s.count)} of {count(s.of)}" for s in one.by_site]
        text += f" (by site: {', '.join(sites)})"
    return f"{text}; {one.reason}" if one.reason else text


def _coverage(found: Readiness) -> list[str]:
    if not found.coverage:
        return []
    mark = {"met": "✓", "violated": "✗"}
    out = ["Coverage"]
    for v in found.coverage:
        out += wrapped(
            f"{mark.get(v.status, '–')} {v.requirement}: {v.statement}. {v.reason}", "  "
        )
    return [*out, ""]


def _planned(found: Readiness) -> list[str]:
    if not found.planned:
        return ["The plan sets no requirement on a measure.", ""]
    a = found.assumptions
    out = ["What can be shown"]
    told = f"At {percent(a.power, 0)} power for every stratum or pair by itself; "
    told += f"rows of one patient with a correlation of {a.icc:g} "
    told += f"({a.icc_from}; {a.rows_per_patient:.3g} rows a patient)"
    if a.contrasts_at_once > 1:
        told += f"; {a.contrasts_at_once} contrasts hold at once (Bonferroni, on the cautious side)"
    out += wrapped(f"{told}.", "  ")
    for one in found.planned:
        out += wrapped(f"{MARK[one.status]}: {one.statement} ({one.requirement})", "  ")
        out += wrapped(_power(one), "      ")
    return [*out, ""]


def _power(one: Planned) -> str:
    if one.status == "not_planned":
        return one.reason
    parts = []
    if one.stratum:
        parts.append(one.stratum)
    if one.assumed is not None:
        parts.append(f"assumed {one.assumed:.3g} ({one.assumed_from})")
    if one.detectable is not None:
        margin = "" if one.margin is None else f", of {one.margin:.3g} there is room for"
        parts.append(f"smallest detectable distance {one.detectable:.3g}{margin}")
    if one.have is not None:
        lacking = ""
        if one.needed is not None:
            more = max(0, one.needed - one.have)
            best = "" if one.needed_for is None else f" were the truth {one.needed_for:g}"
            lacking = f", {count(one.needed)} needed{best}"
            lacking += f" ({count(more)} more)" if more else ""
        parts.append(f"{one.unit}: {count(one.have)}{lacking}")
    if one.reason:
        parts.append(one.reason)
    return "; ".join(parts)


def _roles(found: Readiness) -> list[str]:
    out = ["Columns"]
    for one in found.roles:
        gaps = "not read" if one.missing is None else f"{count(one.missing)} missing"
        out += wrapped(f"{one.column}: {one.role}; {gaps}", "  ")
    for a in found.attributes:
        named = a.reference or "none"
        share = percent((a.missing or 0) / found.rows)
        out += wrapped(f"{a.name}: {plural(len(a.levels), 'level')}, reference {named}, "
                       f"{share} not recorded", "  ")  # fmt: skip
    return [*out, ""]


def _strata(found: Readiness) -> list[str]:
    known = found.strata[0].positives is not None
    head = f"{'Stratum':<{NAME}} {'n':>9} "
    head += f"{'positives':>10} {'negatives':>10} " if known else ""
    out = [head + f"{'patients':>9}  below the minimum"]
    small = sum(bool(s.below) for s in found.strata)
    out += [_stratum(s, known) for s in found.strata[:SHOWN_STRATA]]
    rest = found.strata[SHOWN_STRATA:]
    if rest:
        out.append(f"  and {count(len(rest))} more, all of them in --format json")
    out.append(f"{plural(small, 'stratum', 'strata')} of {count(len(found.strata))} below the "
               "minimum of the plan: shown without inference.")  # fmt: skip
    return [*out, ""]


def _stratum(s: Stratum, known: bool) -> str:
    text = f"{shorten(s.stratum, NAME):<{NAME}} {count(s.n):>9} "
    if known:
        text += f"{count(s.positives):>10} {count(s.negatives):>10} "
    below = ", ".join(BELOW[word] for word in s.below)
    return (text + f"{count(s.patients):>9}  {below}").rstrip()


def _warnings(found: Readiness) -> list[str]:
    out: list[str] = []
    for w in found.warnings:
        out += wrapped(f"! {w.message}", "")
    return out
