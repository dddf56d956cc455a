"""What could not be assessed, and why; and every warning in full."""

import re
from collections import defaultdict
from dataclasses import dataclass, field

from audit.result import Estimate
from reports import words
from reports.blocks import Block, Cell, Column, Facts, Group, Row, Table, Text
from reports.format import count, crossed, left_out, names, plural
from reports.parts.index import Index

PRINT_REASONS = 14
PRINT_ALIKE = 6
_NUMBER = re.compile(r"\d+(?:\.\d+)?")


@dataclass
class _Reason:
    """Estimates that share a reason up to the first number in it."""

    estimates: list[Estimate] = field(default_factory=list)
    numbers: list[float] = field(default_factory=list)

    def text(self, pattern: str) -> str:
        if not self.numbers:
            return words.worded(pattern)
        low, high = min(self.numbers), max(self.numbers)
        between = f"{low:g}" if low == high else f"{low:g} to {high:g}"
        return words.worded(pattern.replace("#", between, 1))


def blocks(index: Index) -> list[Block]:
    """Make the section."""
    refused = [e for e in index.result.estimates if e.status != "ok"]
    out: list[Block] = []
    if refused:
        present = [s for s in words.STATUS_READING if any(e.status == s for e in refused)]
        readings = tuple((words.STATUS[s], words.STATUS_READING[s]) for s in present)
        out += [Facts(readings, "The words used where there is no inference"), _table(refused)]
    else:
        out.append(Text(("Every estimate has a value and an interval.",)))
    return out


def _table(refused: list[Estimate]) -> Table:
    grouped: dict[tuple[str, str], _Reason] = defaultdict(_Reason)
    for e in refused:
        reason = e.reason or words.STATUS[e.status]
        # Only a number that opens the reason varies from stratum to stratum.
        found = _NUMBER.search(reason.partition(";")[0])
        pattern = reason
        if found:
            pattern = reason[: found.start()] + "#" + reason[found.end() :]
        one = grouped[(e.status, pattern)]
        one.estimates.append(e)
        if found:
            one.numbers.append(float(found.group()))
    by: dict[str, list[Row]] = {}
    ordered = sorted(
        grouped.items(), key=lambda g: (list(words.STATUS).index(g[0][0]), -len(g[1].estimates))
    )
    for i, ((status, pattern), one) in enumerate(ordered):
        by.setdefault(words.STATUS[status], []).append(_row(one, pattern, i >= PRINT_REASONS))
    columns = (
        Column("Reason", "text", 36),
        Column("Estimates", "count", 10),
        Column("Measures", "text", 22),
        Column("Strata", "text", 32),
    )
    groups = tuple(Group(status, tuple(rows)) for status, rows in by.items())
    kinds = " or ".join(by)  # as the summary counts them
    caption = f"{plural(len(refused), 'estimate')} {kinds}, by reason"
    hidden = sum(r.screen_only for g in groups for r in g.rows)
    return Table("refused", caption, columns, groups, "", left_out(hidden, "reason"))


def _row(one: _Reason, pattern: str, screen_only: bool) -> Row:
    measures = sorted({e.measure for e in one.estimates}, key=words.rank)
    # Single attributes first: they are the ones the tables above show.
    strata = sorted(dict.fromkeys(e.stratum for e in one.estimates), key=crossed)
    return Row(
        (
            Cell(one.text(pattern)),
            Cell(count(len(one.estimates)), sort=len(one.estimates)),
            Cell(names([words.short(m) for m in measures], 5)),
            Cell(names(strata, 3)),
        ),
        screen_only,
    )


def warnings(index: Index) -> list[Block]:
    """Make the table of warnings, alike ones together."""
    found = index.result.warnings
    if not found:
        return [Text(("The audit raised no warning.",))]
    by: dict[str, list[Row]] = {}
    for w in found:
        where = w.stratum or w.column or "whole cohort"
        rows = by.setdefault(w.code.replace("_", " ").capitalize(), [])
        rows.append(Row((Cell(where), Cell(words.warning(w))), len(rows) >= PRINT_ALIKE))
    columns = (Column("Concerns", "text", 26), Column("Warning", "text", 74))
    hidden = sum(r.screen_only for rows in by.values() for r in rows)
    groups = tuple(Group(code, tuple(rows)) for code, rows in by.items())
    return [Table("warnings", f"{plural(len(found), 'warning')} in full", columns, groups, "",
                  left_out(hidden, "warning"))]  # fmt: skip
