"""Disparities: differences, ratios and gaps between the levels of one attribute."""

from audit.result import Disparity
from reports import words
from reports.blocks import Block, Cell, Column, Group, Row, Table, Text
from reports.format import (
    DASH,
    anchor,
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

KEY = (
    "sensitivity", "specificity", "auroc", "oe_ratio", "net_benefit", "flag_rate", "ppv",
    "accuracy", "macro_sensitivity", "macro_auroc", "quadratic_kappa", "mae", "rmse", "bias",
)  # fmt: skip
PRINT_CONTRASTS = 22
SCREEN_CONTRASTS = 400
PRINT_GAPS = 21
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
        out.append(_gap_table(gaps, index.site_attributes))
    if pairs:
        out.append(_pair_table(pairs, index.site_attributes))
    return out


def _intro(index: Index, pairs: int, single: list[Disparity]) -> tuple[str, ...]:
    total = len(index.result.disparities)
    primary = sum(d.family.startswith(PRIMARY) for d in single)
    first = (
        f"{plural(total, 'contrast')} were formed, {plural(pairs, 'pair')} of them between a level "
        "of one attribute and its reference or everyone else. A difference is level minus "
        "reference; a ratio is level over reference. p tests that the two are equal."
    )
    second = (
        "Contrasts marked screening were not declared as primary: their p values are adjusted by "
        "Benjamini-Hochberg over the whole audit and point to where to look. "
        + (f"{plural(primary, 'contrast')} of the primary family {'is' if primary == 1 else 'are'} "
           "adjusted by Holm; a family-wise interval holds for all of that family at once. "
           if primary else "")
        + "A difference whose interval holds zero is not evidence of equality."
    )  # fmt: skip
    return first, second


def _pairs(single: list[Disparity]) -> list[tuple[Disparity | None, Disparity | None]]:
    found: dict[tuple[str, str, str, str | None], dict[str, Disparity]] = {}
    for d in single:
        if d.contrast != "gap":
            found.setdefault((d.measure, d.stratum, d.reference, d.output), {})[d.contrast] = d
    return [(f.get("difference"), f.get("ratio")) for f in found.values()]


def _weight(d: Disparity, sites: frozenset[str]) -> tuple[bool, bool, bool, float]:
    """Primary first, then groups of people before sites, front-page measures, small p values."""
    p = 2.0 if d.p is None else d.p
    return not d.family.startswith(PRIMARY), d.attribute in sites, d.measure not in KEY, p


def _pair_table(
    pairs: list[tuple[Disparity | None, Disparity | None]], sites: frozenset[str]
) -> Table:
    known = [p for p in pairs if (p[0] or p[1]) is not None]
    weighed = sorted(known, key=lambda p: _weight(_one(p), sites))
    printed = {id(p) for p in weighed[:PRINT_CONTRASTS]}
    shown = weighed[:SCREEN_CONTRASTS]
    by: dict[str, list[Row]] = {}
    for pair in sorted(shown, key=lambda p: _place(_one(p))):
        by.setdefault(_title(_one(pair)), []).append(_pair_row(pair, id(pair) not in printed))
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
        rest = "Printed are primary contrasts, then those of people before those of sites, of "
        rest += "front-page measures, with the smallest p. " + left_out(
            len(known) - len(printed), "pair"
        )
    groups = tuple(Group(name, tuple(rows)) for name, rows in by.items())
    title = "Differences and ratios to the reference level and to everyone else"
    return Table("contrasts", title, columns, groups, note, rest)


def _title(d: Disparity) -> str:
    return words.of_output(words.name(d.measure), d.output)


def _place(d: Disparity) -> tuple[str, int]:
    """The whole task first, then every class or label."""
    return d.output or "", words.rank(d.measure)


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
        return Cell(words.STATUS[d.status], _why(d), "status", "", None)
    places = digits(d.measure, d.contrast)
    write = signed if d.contrast == "difference" else fixed
    detail = interval(d.lower, d.upper, places, d.contrast == "difference")
    if d.status != "ok":
        detail = _why(d)
    elif d.simultaneous is not None and d.simultaneous.lower is not None:
        both = interval(d.simultaneous.lower, d.simultaneous.upper, places,
                        d.contrast == "difference")  # fmt: skip
        detail += f"; family-wise {both}"
    kind = "weak" if d.status != "ok" else ""
    return Cell(write(d.value, places), detail, kind, anchor(d.id), d.value,
                d.reason or "")  # fmt: skip


def _why(d: Disparity) -> str:
    """Say why there is no inference; the reason of a contrast opens with the stratum at fault."""
    stratum, colon, reason = (d.reason or "").rpartition(": ")
    brief = words.why(d.status, reason)
    if brief == words.STATUS[d.status]:
        return reason or brief
    return f"{bare(stratum)}: {brief}" if colon else brief


def _gap_table(gaps: list[Disparity], sites: frozenset[str]) -> Table:
    ordered = sorted(gaps, key=lambda d: (d.attribute, *_place(d)))
    weighed = sorted(ordered, key=lambda d: (*_weight(d, sites)[:3], _place(d)))
    printed = {d.id for d in weighed[:PRINT_GAPS]}
    by: dict[str, list[Row]] = {}
    for d in ordered:
        by.setdefault(d.attribute, []).append(_gap_row(d, d.id not in printed))
    columns = (
        Column("Measure", "text", 18),
        Column("Worst level", "text", 15, "highest where no direction is better"),
        Column("Best level", "text", 15),
        Column("Gap", "value", 16),
        Column("p", "count", 8),
        Column("p adjusted", "count", 9),
        Column("By chance alone", "value", 19),
    )
    note = "For a measure without a better end the two levels are the highest and the lowest. A "
    note += "gap between extremes grows with the number of levels even when there is no disparity: "
    note += "its interval and p allow for that. By chance alone: the mean gap, and the gap that "
    note += "chance exceeds once in 20, when the attribute is permuted over patients within site; "
    note += "p is the share of permutations with a gap as large."
    rest = left_out(len(ordered) - len(printed), "gap")
    groups = tuple(Group(name, tuple(rows)) for name, rows in by.items())
    return Table("gaps", "Largest gap between levels of each attribute", columns, groups, note,
                 rest)  # fmt: skip


def _gap_row(d: Disparity, screen_only: bool) -> Row:
    known = d.value is not None
    return Row(
        (
            Cell(_title(d)),
            Cell(bare(d.stratum) if known else DASH),
            Cell(bare(d.reference) if known else DASH),
            _value(d),
            Cell(p_value(d.p), sort=d.p),
            Cell(p_value(d.p_adjusted), sort=d.p_adjusted),
            _by_chance(d),
        ),
        screen_only,
    )


def _by_chance(d: Disparity) -> Cell:
    if d.null is None:
        return Cell(DASH)
    places = digits(d.measure, d.contrast)
    more = f"95 % < {fixed(d.null.q95, places)}; p {p_value(d.null.p)}"
    return Cell(fixed(d.null.mean, places), more, sort=d.null.p)
