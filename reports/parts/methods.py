"""Methods: the measures used, the interval methods met, and how comparisons are read."""

from collections import Counter

from reports import words
from reports.blocks import Block, Bullets, Cell, Column, Group, Row, Table
from reports.format import level_text
from reports.parts.index import Index
from reports.parts.results import piece_level

FAMILY = {
    "cohort": "Cohort",
    "classification": "Decisions at the threshold",
    "ranking": "Ranking",
    "probability": "Probability",
    "calibration": "Calibration",
    "utility": "Utility",
}


def blocks(index: Index) -> list[Block]:
    """Make the section."""
    return [_principles(index), _measures(index), _intervals(index)]


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
        "Predictive values, Brier score, O:E and net benefit depend on prevalence: a difference "
        "between groups of different prevalence is not by itself a difference in how well the "
        "model works.",
    ]
    if minimum:
        items.append(
            f"Below {minimum.get('denominator')} in the denominator or {minimum.get('events')} in "
            "the rarer class (units and patients) a value is shown without inference."
        )
    return Bullets(tuple(items), "How the numbers are made and read:")


def _measures(index: Index) -> Table:
    by: dict[str, list[Row]] = {}
    for id in index.measures:
        declared = words.measure(id)
        if declared is None:
            by.setdefault("Other", []).append(Row((Cell(words.name(id)), Cell(""), Cell(""))))
            continue
        by.setdefault(FAMILY[declared.family], []).append(
            Row(
                (
                    Cell(declared.name, declared.formula),
                    Cell(declared.reading),
                    Cell(declared.reference, kind="reference"),
                )
            )
        )
    columns = (
        Column("Measure and formula", "text", 34),
        Column("How to read it", "text", 34),
        Column("Reference", "text", 32),
    )
    groups = tuple(Group(name, tuple(rows)) for name, rows in by.items())
    return Table("measures", "Measures used", columns, groups)


def _intervals(index: Index) -> Table:
    used = Counter(e.method for e in index.result.estimates)
    used.update(d.method for d in index.result.disparities)
    if index.result.sites is not None:
        used.update(h.method for h in index.result.sites.heterogeneity)
    rows = tuple(
        Row((Cell(words.method(m)), Cell(m, kind="code"), Cell(str(n), sort=n)))
        for m, n in sorted(used.items(), key=lambda item: (-item[1], item[0]))
        if m and m != "none"
    )
    columns = (
        Column("Method in words", "text", 58),
        Column("Name in audit.json", "text", 30),
        Column("Times used", "count", 12),
    )
    return Table("intervals", "How the intervals were formed", columns, (Group("", rows),))
