"""Sample size: whether each stratum is large enough for the wanted precision (Riley 2021)."""

from audit.sections import Adequacy
from reports import words
from reports.blocks import Block, Cell, Column, Group, Row, Table
from reports.format import bare, count, crossed, fixed, left_out
from reports.parts.index import Index

PRINT_ROWS = 26


def blocks(index: Index) -> list[Block]:
    """Make the table; empty where sample size was not assessed."""
    found = [a for a in index.result.sample_size if not crossed(a.stratum)]
    if not found:
        return []
    measures = sorted({a.measure for a in found}, key=words.rank)
    by: dict[tuple[str | None, str], dict[str, Adequacy]] = {}
    for a in found:
        by.setdefault((a.output, a.stratum), {})[a.measure] = a
    columns = (
        Column("Subgroup", "text", 22),
        Column("n", "count", 8),
        Column("Events", "count", 8),
        *(Column(f"{words.short(m)}, {_target(found, m)}", "value", 16) for m in measures),
    )
    rows: dict[str, list[Row]] = {}
    for place, ((output, stratum), own) in enumerate(by.items()):
        attribute = stratum.partition("=")[0] if stratum != "overall" else ""
        label = words.of_output(attribute or "All units", output)
        rows.setdefault(label, []).append(_row(stratum, own, measures, place >= PRINT_ROWS))
    groups = tuple(Group(name, tuple(own)) for name, own in rows.items())
    note = "Width of the interval, and whether it is as narrow as its target: ✓ reached, ✗ not "
    note += "reached; below it the n at which it would be (Riley et al. 2021, "
    note += "doi:10.1002/sim.9025)."
    hidden = max(0, len(by) - PRINT_ROWS)
    return [Table("sample-size", "Is each subgroup large enough? Interval width against its target",
                  columns, groups, note, left_out(hidden, "subgroup"), dense=True)]  # fmt: skip


def _target(found: list[Adequacy], measure: str) -> str:
    wanted = next(a.target_width for a in found if a.measure == measure)
    return f"width {wanted:g}"


def _row(stratum: str, own: dict[str, Adequacy], measures: list[str], screen_only: bool) -> Row:
    first = next(iter(own.values()))
    label = "All units" if stratum == "overall" else bare(stratum)
    return Row(
        (
            Cell(label),
            Cell(count(first.n), sort=first.n),
            Cell(count(first.events), sort=first.events),
            *(_cell(own.get(m)) for m in measures),
        ),
        screen_only,
    )


def _cell(a: Adequacy | None) -> Cell:
    if a is None:
        return Cell("not assessed", kind="status")
    if a.status != "ok" or a.adequate is None:
        return Cell(words.why(a.status, a.reason), a.reason or "", "status")
    width = "" if a.achieved_width is None else fixed(a.achieved_width, 2)
    text = f"✓ {width}" if a.adequate else f"✗ {width}"
    needed = "" if a.adequate or a.n_needed is None else f"n needed {count(a.n_needed)}"
    return Cell(text, needed, sort=a.achieved_width)
