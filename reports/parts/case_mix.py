"""Gaps seen again with site or case-mix held fixed."""

from audit.sections import CaseMix, SiteSplit, StandardisedGap
from reports import words
from reports.blocks import Block, Bullets, Cell, Column, Group, Row, Table
from reports.format import count, digits, left_out, names, percent, signed
from reports.parts.cells import against, bounded
from reports.parts.index import Index

KEY = ("sensitivity", "specificity", "ppv", "oe_ratio", "flag_rate", "net_benefit")
PRINT_ROWS = 18
NAMED = 6


def blocks(index: Index) -> list[Block]:
    """Make the section; empty where nothing was held fixed."""
    mix: CaseMix = index.result.case_mix
    out: list[Block] = []
    if mix.by_site:
        out += [*_reversals(mix.by_site), _splits(mix.by_site)]
    if mix.standardised:
        out.append(_standardised(mix.standardised))
    return out


def _reversals(found: tuple[SiteSplit, ...]) -> list[Block]:
    items = []
    for kind, said in (
        ("resolved", "resolved by both intervals"),
        ("point", "of the point values only; the intervals do not resolve it"),
    ):
        mine = [s for s in found if s.reversal == kind]
        if mine:
            told = [f"{_title(s)}, {against(s.stratum, s.reference)}" for s in mine]
            items.append(f"{count(len(mine))} {said}: {names(told, NAMED)}.")
    lead = "Simpson's reversal: inside sites the difference has the other sign than pooled."
    return [Bullets(tuple(items), lead)] if items else []


def _title(s: SiteSplit | StandardisedGap) -> str:
    return words.of_output(words.name(s.measure), s.output)


def _contrast(s: SiteSplit | StandardisedGap) -> str:
    return f"{s.attribute}: {against(s.stratum, s.reference)}"


def _order(s: SiteSplit) -> tuple[bool, bool, int, str]:
    return s.reversal != "resolved", s.measure not in KEY, words.rank(s.measure), s.output or ""


def _splits(found: tuple[SiteSplit, ...]) -> Table:
    printed = {s.id for s in sorted(found, key=_order)[:PRINT_ROWS]}
    by: dict[str, list[Row]] = {}
    for s in sorted(found, key=lambda s: (s.output or "", words.rank(s.measure))):
        by.setdefault(_contrast(s), []).append(_split_row(s, s.id not in printed))
    columns = (
        Column("Measure", "text", 30),
        Column("Difference", "value", 19),
        Column("Inside sites", "value", 19),
        Column("Between sites", "value", 19),
        Column("Reversal", "text", 13),
    )
    note = "The pooled difference is the sum of a part inside sites and a part due to attending "
    note += "different sites (Kitagawa 1955)."
    groups = tuple(Group(name, tuple(rows)) for name, rows in by.items())
    return Table("by-site", "Differences split into a part inside sites and a part between sites",
                 columns, groups, note,
                 left_out(len(found) - len(printed), "difference"))  # fmt: skip


def _split_row(s: SiteSplit, screen_only: bool) -> Row:
    places = digits(s.measure)
    parts = [
        bounded(b.value, b.lower, b.upper, places, sign=True, status=s.status, reason=s.reason)
        for b in (s.total, s.within, s.between)
    ]
    only = f"one group only at {names(list(s.one_group_only), 3)}" if s.one_group_only else ""
    reversal = {"resolved": "yes", "point": "not resolved", "none": "no"}.get(s.reversal or "", "")
    label = Cell(_title(s), only)
    return Row((label, *parts, Cell(reversal)), screen_only)


def _standardised(found: tuple[StandardisedGap, ...]) -> Table:
    ordered = sorted(found, key=lambda s: (s.measure not in KEY, words.rank(s.measure)))
    printed = {s.id for s in ordered[:PRINT_ROWS]}
    by: dict[str, list[Row]] = {}
    for s in sorted(found, key=lambda s: (s.output or "", words.rank(s.measure))):
        by.setdefault(_contrast(s), []).append(_standardised_row(s, s.id not in printed))
    columns = (
        Column("Measure", "text", 38),
        Column("Crude", "value", 16),
        Column("Standardised", "value", 24),
        Column("Covered", "count", 14, "share of the denominator in cells where both groups occur"),
    )
    covariates = ", ".join(dict.fromkeys(c for s in found for c in s.covariates))
    note = "Covered: share of the pooled denominator in cells where both groups occur. A low share "
    note += "means that the groups can hardly be compared."
    groups = tuple(Group(name, tuple(rows)) for name, rows in by.items())
    return Table("standardised", f"Differences standardised to one distribution of {covariates}",
                 columns, groups, note,
                 left_out(len(found) - len(printed), "difference"))  # fmt: skip


def _standardised_row(s: StandardisedGap, screen_only: bool) -> Row:
    places = digits(s.measure)
    value = bounded(s.value, s.lower, s.upper, places, sign=True, status=s.status, reason=s.reason)
    crude = Cell("" if s.crude is None else signed(s.crude, places), sort=s.crude)
    covered = Cell("" if s.covered is None else percent(s.covered), sort=s.covered)
    label = Cell(_title(s))
    return Row((label, crude, value, covered), screen_only)
