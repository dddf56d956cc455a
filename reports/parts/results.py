"""Results by subgroup: forest plots and tables."""

from audit.result import Estimate, StratumCount
from reports import words
from reports.blocks import Block, Cell, Column, Figure, Group, Row, Table
from reports.format import (
    WITHHELD,
    anchor,
    bare,
    count,
    digits,
    fixed,
    interval,
    left_out,
    level_text,
    p_value,
    plural,
    with_interval,
)
from reports.parts.forest import forest_data
from reports.parts.index import Index

PRINT_LEVELS = 24
FIGURE_ROWS = 44
FRONT = ("sensitivity", "specificity", "auroc", "oe_ratio", "net_benefit")
TABLES = (
    ("decision", "Decisions at the threshold", ("sensitivity", "specificity", "ppv", "npv")),
    ("whole", "Ranking, error and utility", ("auroc", "brier", "net_benefit", "flag_rate")),
    ("calibration", "Calibration", ("oe_ratio", "citl", "calibration_slope", "ece")),
)
PER_TABLE = 5


def blocks(index: Index) -> list[Block]:
    """Make the section: figures first, then a table for each family of measures."""
    out: list[Block] = [*forests(index, index.demographic)]
    shown: set[str] = set()
    for id, title, measures in TABLES:
        present = tuple(m for m in measures if m in index.measures)
        shown |= set(present)
        if present:
            out.append(table(index, f"results-{id}", title, present, index.demographic))
    return out


def further(index: Index) -> list[Block]:
    """Tables of the measures that the front tables leave out."""
    shown = {m for _, _, measures in TABLES for m in measures}
    rest = [m for m in index.measures if m not in shown]
    if not rest:
        return []
    tables = -(-len(rest) // PER_TABLE)
    each = -(-len(rest) // tables)
    return [
        table(
            index,
            f"further-{i // each}",
            "Further measures" + (", continued" if i else ""),
            tuple(rest[i : i + each]),
            index.single,
        )
        for i in range(0, len(rest), each)
    ]


def forests(index: Index, strata: dict[str, tuple[str, ...]], id: str = "forest") -> list[Figure]:
    """Forest plots in print-sized pieces; the page has one that is chosen by selectors."""
    rows = [(a, s) for a, levels in strata.items() for s in levels[:PRINT_LEVELS]]
    measures = [m for m in FRONT if _drawable(index, m, [s for _, s in rows])][:4]
    if not measures or len(rows) < 2:
        return []
    pieces = _pieces(rows)
    return [
        Figure(
            f"{id}-{i}",
            "forest",
            f"{_and([words.name(m) for m in measures])} by subgroup"
            + (f" (part {i + 1} of {len(pieces)})" if len(pieces) > 1 else ""),
            _alt(index, measures, [s for _, s in piece]),
            forest_data(index, measures, piece),
            f"Points with {level_text(piece_level(index))} intervals; open circles are values "
            "without inference; dashed lines are limits set by the plan; the grey line is the "
            "value in all units. Rows without an estimate say why.",
            print_only=True,
        )
        for i, piece in enumerate(pieces)
    ]


def piece_level(index: Index) -> float:
    """Give the level of the intervals in the tables."""
    return index.result.estimates[0].level if index.result.estimates else 0.95


def _drawable(index: Index, measure: str, strata: list[str]) -> bool:
    found = (index.estimate(measure, s) for s in strata)
    return any(e is not None and e.value is not None for e in found)


def _pieces(rows: list[tuple[str, str]]) -> list[list[tuple[str, str]]]:
    """Cut between attributes where possible, so that no piece is taller than a page."""
    pieces: list[list[tuple[str, str]]] = [[]]
    for attribute in dict.fromkeys(a for a, _ in rows):
        own = [r for r in rows if r[0] == attribute]
        if len(pieces[-1]) + len(own) > FIGURE_ROWS:
            pieces.append([rows[0]])
        pieces[-1] += own
    return [p for p in pieces if p]


def _and(items: list[str]) -> str:
    return ", ".join(items[:-1]) + " and " + items[-1] if len(items) > 1 else items[0]


def _alt(index: Index, measures: list[str], strata: list[str]) -> str:
    parts = []
    for m in measures:
        known = [e for s in strata if s != "overall" and (e := index.estimate(m, s)) is not None]
        ok = sorted((e for e in known if e.status == "ok" and e.value is not None),
                    key=lambda e: e.value or 0)  # fmt: skip
        if not ok:
            continue
        low, high = ok[0], ok[-1]
        missing = len(known) - len(ok)
        parts.append(
            f"{words.name(m)} is lowest in the subgroup {low.stratum} at {_short(low)} and highest "
            f"in the subgroup {high.stratum} at {_short(high)}"
            + (f"; {plural(missing, 'subgroup')} without inference" if missing else "")
        )
    return ". ".join(parts) + f". {plural(len(strata), 'row')} drawn."


def _short(e: Estimate) -> str:
    places = digits(e.measure)
    if e.value is None or e.lower is None or e.upper is None:
        return with_interval(e.value, None, None, places)
    return (
        f"{fixed(e.value, places)} (interval {fixed(e.lower, places)} to {fixed(e.upper, places)})"
    )


def table(
    index: Index, id: str, title: str, measures: tuple[str, ...], strata: dict[str, tuple[str, ...]]
) -> Table:
    """Make a table of measures by stratum: value, interval and denominator in each cell."""
    width = (100 - 22 - 12) // len(measures)
    columns = (
        Column("Subgroup", "text", 22),
        Column("n / n+", "count", 12, "units, and units with the outcome"),
        *(Column(words.short(m), "value", width, words.name(m)) for m in measures),
    )
    groups = tuple(
        Group(name, tuple(_row(index, s, measures, i >= PRINT_LEVELS)
                          for i, s in enumerate(levels)))
        for name, levels in strata.items()
    )  # fmt: skip
    hidden = sum(row.screen_only for g in groups for row in g.rows)
    return Table(id, f"{title} by subgroup", columns, groups, _note(index, measures),
                 left_out(hidden, "level"))  # fmt: skip


def _note(index: Index, measures: tuple[str, ...]) -> str:
    parts = [
        "Small before the value: events / denominator of a proportion; other measures rest on n. "
        f"Below it: the {level_text(piece_level(index))} interval."
    ]
    if "ece" in measures:
        parts.append("ECE stands beside the mean of its null (a perfectly calibrated model of this "
                     "size) and the p value against it; groups are not ranked by it.")  # fmt: skip
    return " ".join(parts)


def _row(index: Index, stratum: str, measures: tuple[str, ...], screen_only: bool) -> Row:
    label = "All units" if stratum == "overall" else bare(stratum)
    estimates = [index.estimate(m, stratum) for m in measures]
    return Row(
        (
            Cell(label),
            _counts_cell(index.counts.get(stratum), estimates),
            *(estimate_cell(e) for e in estimates),
        ),
        screen_only,
    )


def _counts_cell(known: StratumCount | None, estimates: list[Estimate | None]) -> Cell:
    first = next((e for e in estimates if e is not None), None)
    if any(e is not None and e.status == "suppressed" for e in estimates):
        return Cell(WITHHELD, kind="status")
    if known is not None:
        if known.n is None:
            return Cell(WITHHELD, kind="status")
        return Cell(count(known.n), count(known.n_positive), sort=known.n)
    return Cell(count(first.n), count(first.n_positive), sort=first.n) if first else Cell("")


def estimate_cell(e: Estimate | None) -> Cell:
    """Write an estimate; a status in words where there is no value."""
    if e is None:
        return Cell("not computed", kind="status")
    link = anchor(e.id)
    if e.value is None:
        return Cell(words.STATUS[e.status], e.reason or "", "status", link)
    places = digits(e.measure)
    base = ""
    if e.events is not None and _is_share(e):
        base = f"{count(e.events)}/{count(e.denominator)}"
    if e.status != "ok":
        detail = words.STATUS[e.status]
    elif e.null is not None:
        detail = f"null {fixed(e.null.mean, places)}, p {p_value(e.null.p)}"
    else:
        detail = interval(e.lower, e.upper, places)
    kind = "weak" if e.status != "ok" else ""
    return Cell(fixed(e.value, places), detail, kind, link, e.value, e.reason or "", base)


def _is_share(e: Estimate) -> bool:
    declared = words.measure(e.measure)
    return declared is not None and declared.inference == "proportion"
