"""Disparities: differences, ratios and gaps between the levels of one attribute."""

from audit.result import Disparity
from reports import words
from reports.blocks import Block, Cell, Column, Group, Row, Table, Text
from reports.format import (
    DASH,
    bare,
    count,
    digits,
    fixed,
    interval,
    left_out,
    p_value,
    plural,
    signed,
)
from reports.parts.index import Index

KEY = ("sensitivity", "specificity", "auroc", "oe_ratio", "net_benefit", "flag_rate", "ppv")
PRINT_CONTRASTS = 36
SCREEN_CONTRASTS = 400
PRINT_GAPS = 36
PRIMARY = "primary"


def blocks(index: Index) -> list[Block]:
    """Make the section."""
    single = [d for d in index.result.disparities if " & " not in d.attribute]
    if not single:
        return [Text(("No attribute has two levels to compare.",))]
    pairs = _pairs(single)
    gaps = [d for d in single if d.contrast == "gap"]
    out: list[Block] = [Text(_intro(index, len(pairs), single))]
    if gaps:
        out.append(_gap_table(gaps))
    if pairs:
        out.append(_pair_table(pairs))
    return out


def _intro(index: Index, pairs: int, single: list[Disparity]) -> tuple[str, ...]:
    total = len(index.result.disparities)
    primary = sum(d.family.startswith(PRIMARY) for d in single)
    first = (
        f"{plural(total, 'contrast')} were formed, {plural(pairs, 'pair')} of them between a level "
        "of one attribute and its reference. A difference is level minus reference; a ratio is "
        "level over reference. p tests that the two are equal."
    )
    second = (
        "Contrasts marked screening were not declared as primary: their p values are adjusted by "
        "Benjamini-Hochberg over the whole audit and point to where to look. "
        + (f"{plural(primary, 'contrast')} of the primary family are adjusted by Holm. "
           if primary else "")
        + "A difference whose interval holds zero is not evidence of equality."
    )  # fmt: skip
    return first, second


def _pairs(single: list[Disparity]) -> list[tuple[Disparity | None, Disparity | None]]:
    found: dict[tuple[str, str, str], dict[str, Disparity]] = {}
    for d in single:
        if d.contrast != "gap":
            found.setdefault((d.measure, d.stratum, d.reference), {})[d.contrast] = d
    return [(f.get("difference"), f.get("ratio")) for f in found.values()]


def _weight(pair: tuple[Disparity | None, Disparity | None]) -> tuple[bool, bool, float]:
    """Primary first, then the measures of the front page, then by p value."""
    d = pair[0] or pair[1]
    if d is None:
        return True, True, 2.0
    return not d.family.startswith(PRIMARY), d.measure not in KEY, 2.0 if d.p is None else d.p


def _pair_table(pairs: list[tuple[Disparity | None, Disparity | None]]) -> Table:
    known = [p for p in pairs if (p[0] or p[1]) is not None]
    weighed = sorted(known, key=_weight)
    printed = {id(p) for p in weighed[:PRINT_CONTRASTS]}
    shown = weighed[:SCREEN_CONTRASTS]
    by: dict[str, list[Row]] = {}
    for pair in sorted(shown, key=lambda p: words.rank(_one(p).measure)):
        by.setdefault(words.name(_one(pair).measure), []).append(
            _pair_row(pair, id(pair) not in printed)
        )
    columns = (
        Column("Level against reference", "text", 26),
        Column("Difference", "value", 19),
        Column("Ratio", "value", 17),
        Column("p", "count", 9),
        Column("p adjusted", "count", 10),
        Column("Family", "text", 12),
    )
    rest, note = left_out(len(known) - len(printed), "pair"), ""
    if len(known) > len(shown):
        note = f"{plural(len(known) - len(shown), 'pair')} of {count(len(known))} with larger p "
        note += "values are not in this table."
    if rest:
        rest = "Printed are primary contrasts, then those of the front-page measures with the "
        rest += "smallest p. " + left_out(len(known) - len(printed), "pair")
    groups = tuple(Group(name, tuple(rows)) for name, rows in by.items())
    return Table("contrasts", "Differences and ratios to the reference level", columns, groups,
                 note, rest)  # fmt: skip


def _one(pair: tuple[Disparity | None, Disparity | None]) -> Disparity:
    d = pair[0] or pair[1]
    if d is None:
        raise ValueError("a pair without a contrast")
    return d


def _pair_row(pair: tuple[Disparity | None, Disparity | None], screen_only: bool) -> Row:
    difference, ratio = pair
    d = _one(pair)
    return Row(
        (
            Cell(f"{d.attribute}: {bare(d.stratum)}", f"against {bare(d.reference)}"),
            _value(difference),
            _value(ratio),
            Cell(p_value(d.p), sort=d.p),
            Cell(p_value(d.p_adjusted), sort=d.p_adjusted),
            Cell(family(d.family), kind="label"),
        ),
        screen_only,
    )


def family(text: str) -> str:
    """Name a family of contrasts."""
    return "primary" if text.startswith(PRIMARY) else text.replace("_", " ")


def _value(d: Disparity | None) -> Cell:
    if d is None:
        return Cell("not formed", kind="status")
    if d.value is None:
        return Cell(words.STATUS[d.status], d.reason or "", "status", "", None)
    places = digits(d.measure, d.contrast)
    write = signed if d.contrast == "difference" else fixed
    detail = interval(d.lower, d.upper, places, d.contrast == "difference")
    if d.status != "ok":
        detail = words.STATUS[d.status]
    kind = "weak" if d.status != "ok" else ""
    return Cell(write(d.value, places), detail, kind, f"dis:{d.id}".replace(" ", "%20"), d.value,
                d.reason or "")  # fmt: skip


def _gap_table(gaps: list[Disparity]) -> Table:
    ordered = sorted(gaps, key=lambda d: (words.rank(d.measure), d.attribute))
    front = [d for d in ordered if d.measure in KEY]
    printed = {d.id for d in (front or ordered)[:PRINT_GAPS]}
    by: dict[str, list[Row]] = {}
    for d in ordered:
        by.setdefault(words.name(d.measure), []).append(_gap_row(d, d.id not in printed))
    columns = (
        Column("Attribute", "text", 16),
        Column("Worst level", "text", 20, "lowest where no direction is better"),
        Column("Best level", "text", 20),
        Column("Gap", "value", 20),
        Column("p", "count", 9),
        Column("p adjusted", "count", 10),
    )
    note = "A gap between the extremes grows with the number of levels even when there is no "
    note += "disparity; its interval and p value allow for that. For a measure without a better "
    note += "end the two levels are the highest and the lowest."
    rest = left_out(len(ordered) - len(printed), "gap")
    groups = tuple(Group(name, tuple(rows)) for name, rows in by.items())
    return Table("gaps", "Largest gap between levels of each attribute", columns, groups, note,
                 rest)  # fmt: skip


def _gap_row(d: Disparity, screen_only: bool) -> Row:
    known = d.value is not None
    return Row(
        (
            Cell(d.attribute),
            Cell(bare(d.stratum) if known else DASH),
            Cell(bare(d.reference) if known else DASH),
            _value(d),
            Cell(p_value(d.p), sort=d.p),
            Cell(p_value(d.p_adjusted), sort=d.p_adjusted),
        ),
        screen_only,
    )
