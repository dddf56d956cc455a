"""Two models compared: who got worse first, slope charts, flips of decisions, levelling down."""

from collections.abc import Sequence

from audit.comparison.records import ComparedFile, Comparison, Flips, Paired
from audit.result import AuditResult
from reports import comparison as told
from reports import words
from reports.blocks import Block, Bullets, Cell, Column, Facts, Figure, Group, Row, Table, Text
from reports.format import (
    count,
    digits,
    fixed,
    interval,
    level_text,
    p_value,
    plural,
    signed,
)
from reports.papers import Papers
from reports.parts.slope import slope_data

FIGURE_STRATA = 24
PRINT_STRATA = 24
PRINT_JUDGED = 30
SCREEN_WORSE = 200
NOTE = (
    "Diamond and thick line: worse. Filled circle: better. Open circle: neither is shown, or no "
    "worse than the margin. Cross and dotted line: no inference. A thin line leads from a label to "
    "its point; rows on the left are in the order of model a, on the right in that of model b. "
)


def blocks(papers: Papers) -> list[Block]:
    """Make the section; empty where no comparison is at hand."""
    found = papers.comparison
    if found is None:
        return []
    return [
        Text(tuple(told.lead(found))),
        Facts(_sides(found, papers.result), "The two models"),
        *_worse(found),
        *_judged(found),
        *_slopes(found),
        *_by_measure(found),
        *_flips(found),
        *([Bullets(tuple(last))] if (last := told.told(found)) else []),
    ]


def _sides(found: Comparison, result: AuditResult) -> tuple[tuple[str, str], ...]:
    """What each side is, and whether this document is about it."""
    sides = (("a", found.a), ("b", found.b))
    pairs = [(f"Model {name}", _side(side)) for name, side in sides]
    same = [name for name, side in sides if _audited(side, result)]
    here = " and ".join(f"model {name}" for name in same)
    here = f"{here[0].upper()}{here[1:]}" if same else "Neither: it was made from other files"
    pairs.append(("Audited here", here))
    if found.plan_sha256 != result.provenance.plan_sha256:
        pairs.append(("Plan", f"Another one than the audit's: SHA-256 {found.plan_sha256}"))
    return tuple(pairs)


def _side(side: ComparedFile) -> str:
    files = ", ".join(f"{f.name} (SHA-256 {f.sha256[:12]}…)" for f in side.files)
    text = f"column {side.score} of {files}"
    if side.model:
        text += f"; made by {side.model.get('name')} (SHA-256 "
        text += f"{str(side.model.get('sha256', 'not stated'))[:12]}…)"
    return text


def _audited(side: ComparedFile, result: AuditResult) -> bool:
    """Whether the audit was made from these files; of several score columns, from this one."""
    used = {f.sha256 for f in result.provenance.data}
    return {f.sha256 for f in side.files} == used and side.score == result.cohort.score


def _columns(*, measure: bool) -> tuple[Column, ...]:
    first = (Column("Measure", "text", 17),) if measure else ()
    return (
        *first,
        Column("Stratum", "text", 19),
        Column("n", "count", 8),
        Column("a", "value", 8),
        Column("b", "value", 8),
        Column("Difference b − a", "value", 25),
        Column("p", "count", 8),
        Column("Change", "text", 17),
    )


def _row(r: Paired, screen_only: bool, *, measure: bool) -> Row:
    first = (Cell(words.of_output(words.name(r.measure), r.output)),) if measure else ()
    return Row(
        (
            *first,
            Cell("All units" if r.stratum == "overall" else r.stratum),
            Cell(count(r.n), sort=r.n),
            _value(r, r.value_a),
            _value(r, r.value_b),
            _difference(r),
            Cell(p_value(told.p_of(r)), sort=told.p_of(r)),
            Cell(told.change_text(r), kind="verdict" if r.change == "worse" else ""),
        ),
        screen_only,
    )


def _value(r: Paired, value: float | None) -> Cell:
    if value is None:
        return Cell("no value", kind="status")
    return Cell(fixed(value, digits(r.measure)), sort=value)


def _difference(r: Paired) -> Cell:
    places = digits(r.measure)
    if r.difference is None:
        return Cell("no value", kind="status")
    value = signed(r.difference, places)
    if r.status != "ok":
        return Cell(value, words.STATUS[r.status], "weak", sort=r.difference)
    return Cell(f"{value} {interval(r.lower, r.upper, places, True)}", sort=r.difference)


def _worse(found: Comparison) -> list[Block]:
    """Who got worse, the surest first."""
    by_id = {r.id: r for r in found.paired}
    records = [by_id[id] for id in found.worsened]
    if not records:
        return []
    shown = records[:SCREEN_WORSE]
    rows = tuple(_row(r, i >= told.SHOWN, measure=True) for i, r in enumerate(shown))
    print_rest, rest = len(records) - told.SHOWN, len(records) - len(shown)
    note = f"{told.further(rest)} {told.HOLM} {_level(found)}".strip()
    extra = told.further(print_rest) if rest <= 0 else ""
    return [Table("compared-worse", "Who got worse, the surest first", _columns(measure=True),
                  (Group("", rows),), note, extra)]  # fmt: skip


def _level(found: Comparison) -> str:
    return (
        f"Beside a difference: its {level_text(float(found.plan.get('level') or 0.95))} interval."
    )


def _judged(found: Comparison) -> list[Block]:
    """What was held against a margin that was declared beforehand."""
    records = told.judged_records(found)
    if not records:
        return []
    rows = tuple(_row(r, i >= PRINT_JUDGED, measure=True) for i, r in enumerate(records))
    margins = dict.fromkeys(f"{words.name(r.measure)} {r.margin:g}" for r in records)
    note = f"Margins, how much worse b may be: {', '.join(margins)}."
    return [Table("compared-margins", "Against the margins", _columns(measure=True),
                  (Group("", rows),), note, told.further(len(rows) - PRINT_JUDGED))]  # fmt: skip


def _groups(found: Comparison) -> dict[str, list[Paired]]:
    """Key measures with their strata, in reporting order."""
    out: dict[str, list[Paired]] = {}
    for r in told.key_records(found):
        out.setdefault(r.measure, []).append(r)
    return out


def _by_measure(found: Comparison) -> list[Block]:
    groups = tuple(
        Group(words.name(measure),
              tuple(_row(r, i >= PRINT_STRATA, measure=False) for i, r in enumerate(records)))
        for measure, records in _groups(found).items()
    )  # fmt: skip
    if not groups:
        return []
    hidden = sum(r.screen_only for g in groups for r in g.rows)
    note = f"{told.HOLM} {_level(found)} A change that is not shown may still be there."
    return [Table("compared", "Measures by stratum under both models", _columns(measure=False),
                  groups, note, told.further(hidden), dense=True)]  # fmt: skip


def _flips(found: Comparison) -> list[Block]:
    flips = told.shown_flips(found)
    if not flips:
        return []
    by: dict[str, list[Row]] = {}
    for f in flips:
        rows = by.setdefault(f"Units that are {f.label}", [])
        rows.append(_flip(f, len(rows) >= PRINT_STRATA))
    columns = (
        Column("Stratum", "text", 34),
        Column("n", "count", 14),
        Column("Right in a only", "count", 18),
        Column("Right in b only", "count", 18),
        Column("p", "count", 16),
    )
    groups = tuple(Group(label, tuple(rows)) for label, rows in by.items())
    hidden = sum(r.screen_only for g in groups for r in g.rows)
    return [Table("compared-flips", "Decisions that changed", columns, groups, told.MCNEMAR,
                  told.further(hidden), dense=True)]  # fmt: skip


def _flip(f: Flips, screen_only: bool) -> Row:
    p = told.p_of_flips(f)
    return Row(
        (
            Cell("All units" if f.stratum == "overall" else f.stratum),
            Cell(count(f.n), sort=f.n),
            Cell(count(f.lost), sort=f.lost),
            Cell(count(f.gained), sort=f.gained),
            Cell(p_value(p), sort=p),
        ),
        screen_only,
    )


def _slopes(found: Comparison) -> list[Block]:
    """One chart for each key measure that has a value under both models."""
    made: list[Block] = []
    for measure, records in _groups(found).items():
        known = [r for r in records if r.value_a is not None and r.value_b is not None]
        if not known:
            continue
        chosen = _chosen(known, found.worsened)
        note = NOTE + _left(len(known) - len(chosen), [r for r in records if r not in known])
        made.append(
            Figure(
                f"slope-{measure}",
                "slope",
                f"{words.name(measure)} by stratum under model a and model b",
                _alt(measure, chosen),
                slope_data(chosen),
                note.strip(),
            )
        )
    return made


def _chosen(known: list[Paired], worsened: Sequence[str]) -> list[Paired]:
    """Everyone, then who got worse, then the largest changes, as many as a figure holds."""
    rank = {id: place for place, id in enumerate(worsened)}

    def order(r: Paired) -> tuple[bool, int, float, str]:
        place = rank.get(r.id, len(rank))
        return r.stratum != "overall", place, -abs(r.difference or 0.0), r.stratum

    return sorted(known, key=order)[:FIGURE_STRATA]


def _left(rest: int, without: list[Paired]) -> str:
    parts = []
    if rest:
        more = plural(rest, "further stratum", "further strata")
        parts.append("Drawn are all units, those that got worse and the largest changes; "
                     f"{more} in the table below.")  # fmt: skip
    if without:
        names = ", ".join(r.stratum for r in without[:4])
        more = f" and {len(without) - 4} more" if len(without) > 4 else ""
        parts.append(f"Without a value under both models: {names}{more}.")
    return " ".join(parts)


def _alt(measure: str, chosen: list[Paired]) -> str:
    places = digits(measure)

    def moved(r: Paired) -> str:
        name = "all units" if r.stratum == "overall" else r.stratum
        return f"{name} from {fixed(r.value_a or 0.0, places)} to {fixed(r.value_b or 0.0, places)}"

    parts = [f"{words.name(measure)} in {plural(len(chosen), 'stratum', 'strata')}, model a to b"]
    for change, label in (("worse", "Worse"), ("better", "Better")):
        own = [r for r in chosen if r.change == change]
        more = f" and {len(own) - 6} more" if len(own) > 6 else ""
        listed = ", ".join(moved(r) for r in own[:6])
        parts.append(f"{label} in {len(own)}" + (f": {listed}{more}" if own else ""))
    rest = sum(r.change not in ("worse", "better") for r in chosen)
    return ". ".join([*parts, f"Neither is shown in {rest}"]) + "."
