"""Who was audited: counts, attributes with their levels, and how covariates were recorded."""

from audit.result import AttributeLevels, CovariateAtSite
from reports.blocks import Block, Bullets, Cell, Column, Facts, Group, Row, Table
from reports.format import DASH, count, left_out, names, plural, share
from reports.parts.front import outcome_text, threshold
from reports.parts.index import Index

PRINT_LEVELS = 24


def blocks(index: Index) -> list[Block]:
    """Make the section."""
    out: list[Block] = [_facts(index), _levels(index)]
    notes = _attribute_notes(index.attributes)
    if notes:
        out.append(Bullets(notes, "How the attributes were taken:"))
    if index.result.cohort.covariates:
        out.append(_covariates(index.result.cohort.covariates))
        out += _traps(index.result.cohort.covariates)
    return out


def _facts(index: Index) -> Facts:
    c = index.result.cohort
    patients = count(c.patients) if c.patients_declared else "no patient column was declared"
    pairs = [
        ("Rows", count(c.rows)),
        ("Analysed units", f"{count(c.analysed)} ({share(c.analysed, c.rows)} of rows)"),
        ("Left out", f"{count(c.missing_label)} without label, "
         f"{count(c.missing_score)} without score"),
        *_outcome(index),
        ("Patients", patients),
    ]  # fmt: skip
    if c.patients_declared:
        pairs.append(("Most rows of one patient", count(c.largest_patient)))
        pairs.append(("Patients at several sites", count(c.patients_at_several_sites)))
    pairs += [("Score", f"{c.score} ({c.score_kind})"), ("Decision", threshold(index.result))]
    return Facts(tuple(pairs), "The cohort in counts")


def _outcome(index: Index) -> list[tuple[str, str]]:
    c = index.result.cohort
    if c.task != "binary":
        return [("Task", c.task), ("Outcome", outcome_text(index))]
    present = f"{count(c.n_positive)} ({share(c.n_positive, c.analysed)}), {index.positive}"
    absent = f"{count(c.n_negative)} ({share(c.n_negative, c.analysed)})"
    return [("Outcome present", present), ("Outcome absent", absent)]


def _levels(index: Index) -> Table:
    c = index.result.cohort
    outcome = (Column("With outcome n+", "count", 12), Column("Prevalence", "count", 11))
    columns = (
        Column("Level", "text", 34),
        Column("Rows", "count"),
        Column("Analysed n", "count", 11),
        *(outcome if index.has_outcome else ()),
        Column("Patients", "count"),
        Column("No label", "count"),
        Column("No score", "count"),
    )
    groups = [
        Group(
            _heading(index, name),
            tuple(_level_row(index, s, i >= PRINT_LEVELS) for i, s in enumerate(strata)),
        )
        for name, strata in index.single.items()
    ]
    hidden = sum(row.screen_only for g in groups for row in g.rows)
    note = "Prevalence: share of analysed units with the outcome." if index.has_outcome else ""
    return Table("cohort-levels", f"Units by level ({plural(c.analysed, 'unit')} analysed)",
                 columns, tuple(groups), note, left_out(hidden, "level"))  # fmt: skip


def _heading(index: Index, name: str) -> str:
    found = [a for a in index.attributes if a.name == name]
    if not found or found[0].reference is None:
        return name
    return f"{name} (reference: {found[0].reference})"


def _level_row(index: Index, stratum: str, screen_only: bool) -> Row:
    s = index.counts.get(stratum)
    label = stratum.partition("=")[2] or "All units"
    if s is None:
        width = 7 if index.has_outcome else 5
        return Row((Cell(label), *(Cell(DASH) for _ in range(width))), screen_only)
    prevalence = "undefined" if s.n == 0 else share(s.n_positive, s.n)
    left = [Cell(count(v), sort=v) for v in (s.rows, s.n)]
    right = [Cell(count(v), sort=v) for v in (s.patients, s.missing_label, s.missing_score)]
    ratio = s.n_positive / s.n if s.n and s.n_positive is not None else None
    outcome = (Cell(count(s.n_positive), sort=s.n_positive), Cell(prevalence, sort=ratio))
    shown = outcome if index.has_outcome else ()
    return Row((Cell(label), *left, *shown, *right), screen_only)


def _attribute_notes(attributes: tuple[AttributeLevels, ...]) -> tuple[str, ...]:
    notes = []
    for a in attributes:
        parts = [f"{a.name}: column {a.column}"]
        if a.edges:
            parts.append(f"banded at {', '.join(f'{e:g}' for e in a.edges)} (half-open [a,b))")
        if a.reference is not None:
            how = "declared in the plan" if a.reference_chosen == "declared" else "largest level"
            parts.append(f"reference {a.reference} ({how})")
        parts.append(
            f"{plural(a.missing, 'row')} without a value, kept as level (missing)"
            if a.missing
            else "no value missing"
        )
        notes.append("; ".join(parts) + ".")
    return tuple(notes)


def _covariates(recorded: tuple[CovariateAtSite, ...]) -> Table:
    columns = (
        Column("Covariate at site", "text", 40),
        Column("Rows", "count"),
        Column("Missing", "count", 16),
        Column("Zeros", "count", 16),
        Column("Distinct values", "count", 14),
    )
    by: dict[str, list[Row]] = {}
    for i, c in enumerate(recorded):
        numeric = c.zeros is not None or c.missing is None  # in a shared result both are withheld
        zeros = f"{count(c.zeros)} ({share(c.zeros, c.rows)})" if numeric else "not numeric"
        cells = (
            Cell(c.site),
            Cell(count(c.rows), sort=c.rows),
            Cell(f"{count(c.missing)} ({share(c.missing, c.rows)})", sort=c.missing),
            Cell(zeros, sort=c.zeros),
            Cell(count(c.distinct), sort=c.distinct),
        )
        by.setdefault(c.column, []).append(Row(cells, i >= 60))
    groups = tuple(Group(name, tuple(rows)) for name, rows in by.items())
    return Table("covariates", "How covariates were recorded at each site (counts of rows)",
                 columns, groups)  # fmt: skip


def _traps(recorded: tuple[CovariateAtSite, ...]) -> list[Block]:
    absent, constant, zeros = [], [], []
    for c in recorded:
        if c.rows is None or c.missing is None or c.distinct is None:
            continue
        where = f"{c.column} at {c.site}"
        if c.rows and c.missing == c.rows:
            absent.append(where)
        elif c.distinct == 1:
            constant.append(where)
        elif c.zeros and c.distinct > 2:
            zeros.append(f"{where} ({share(c.zeros, c.rows)})")
    items = []
    if absent:
        items.append(f"Never recorded: {names(absent)}.")
    if constant:
        items.append(f"One value only: {names(constant)}. It carries no information there.")
    if zeros:
        items.append(f"Zeros: {names(zeros)}. A zero may be a measurement or stand for a missing "
                     "value; the data cannot tell which.")  # fmt: skip
    return [Bullets(tuple(items), "To check with the site before the groups are compared:")] * bool(
        items
    )
