"""Methods: the measures used, the interval methods met, and how comparisons are read."""

from collections import Counter

from audit.measures import BY_CLASS
from audit.result import AuditResult
from reports import words
from reports.blocks import Block, Bullets, Cell, Column, Group, Row, Table
from reports.format import count, level_text
from reports.parts.index import Index
from reports.parts.results import TASK_TABLES, piece_level

FAMILY = {
    "cohort": "Cohort",
    "classification": "Decisions at the threshold",
    "ranking": "Ranking",
    "probability": "Probability",
    "calibration": "Calibration",
    "utility": "Utility",
    "regression": "Predicted numbers",
    "segmentation": "Masks",
    "image": "Made images",
    "detection": "Objects in images",
    "survival": "Time to event",
}


def blocks(index: Index) -> list[Block]:
    """Make the section."""
    return [_principles(index), *_measures(index), _intervals(index)]


def _principles(index: Index) -> Bullets:
    minimum = index.result.plan.get("minimum") or {}
    level = level_text(piece_level(index))
    items = [
        f"Intervals are two-sided at the {level} level. The sampling unit is the patient; rows of "
        "one patient are not treated as independent."
        if index.result.cohort.patients_declared
        else f"Intervals are two-sided at the {level} level. No patient column was declared, so "
        "rows are treated as independent; if patients have several rows, intervals are too narrow.",
        "A missing attribute value is a level of its own, (missing); no row is dropped for it.",
        "A measure without a value says why in words. It is never shown as zero.",
        "A requirement is met when its whole interval lies inside, violated when it lies outside, "
        "and inconclusive otherwise. The absence of a significant difference is not taken as "
        "equality.",
    ]
    if index.result.cohort.task in BY_CLASS:
        items.append(
            "Predictive values, Brier score, O:E and net benefit depend on prevalence: a "
            "difference between groups of different prevalence is not by itself a difference in "
            "how well the model works."
        )
    if minimum:
        items.append(
            f"Below {minimum.get('denominator')} in the denominator or {minimum.get('events')} in "
            "the rarer class (units and patients) a value is shown without inference."
        )
    return Bullets(tuple(items), "How the numbers are made and read:")


def _measures(index: Index) -> list[Block]:
    """Define every measure: those of the front tables in full, the others in brief on paper."""
    by: dict[str, list[Row]] = {}
    brief = []
    for one, id in _used(index):
        declared = one.declared(id)
        if declared is None:
            by.setdefault("Other", []).append(Row((Cell(words.name(id)), Cell(""), Cell(""))))
            continue
        further = all(id not in measures for _, _, measures in TASK_TABLES[one.task])
        if further:
            brief.append(f"{declared.name}: {declared.formula}. {declared.reference}.")
        cells = (
            Cell(declared.name, declared.formula),
            Cell(declared.reading),
            Cell(declared.reference, kind="reference"),
        )
        by.setdefault(FAMILY[declared.family], []).append(Row(cells, further))
    columns = (
        Column("Measure and formula", "text", 34),
        Column("How to read it", "text", 34),
        Column("Reference", "text", 32),
    )
    groups = tuple(Group(name, tuple(rows)) for name, rows in by.items())
    out: list[Block] = [Table("measures", "Measures used", columns, groups, dense=True)]
    if brief:
        lead = "Measures of the annex, with formula and source:"
        out.append(Bullets(tuple(brief), lead, print_only=True, dense=True))
    return out


def _used(index: Index) -> list[tuple[Index, str]]:
    """Every measure once, of the whole task and of its classes or labels."""
    used = dict.fromkeys(index.measures, index)
    for one in index.outputs:
        for id in one.measures:
            used.setdefault(id, one)
    return [(one, id) for id, one in used.items()]


def _intervals(index: Index) -> Table:
    used = Counter(e.method for e in index.result.estimates)
    used.update(d.method for d in index.result.disparities)
    if index.result.sites is not None:
        used.update(h.method for h in index.result.sites.heterogeneity)
        used.update(n.method for n in index.result.sites.nested)
    used.update(_of_sections(index.result))
    found = [(m, n) for m, n in used.items() if m and m != "none"]
    rows = tuple(
        Row((Cell(words.method(m)), Cell(m, kind="code"), Cell(count(n), sort=n)))
        for m, n in sorted(found, key=lambda item: (-item[1], item[0]))
    )
    columns = (
        Column("Method in words", "text", 58),
        Column("Name in audit.json", "text", 30),
        Column("Times used", "count", 12),
    )
    return Table("intervals", "How the intervals were formed", columns, (Group("", rows),),
                 dense=True)  # fmt: skip


def _of_sections(result: AuditResult) -> Counter[str]:
    """Count the methods of the further sections."""
    mix, curves = result.case_mix, result.curves
    found = Counter(c.method for c in result.criteria)
    found.update(s.method for s in mix.by_site)
    found.update(s.method for s in mix.standardised)
    found.update(t.method for t in result.calibration_tests)
    found.update(c.method for c in curves.calibration)
    found.update(c.method for c in curves.decision)
    found.update(c.smooth.method for c in curves.calibration if c.smooth is not None)
    return found
