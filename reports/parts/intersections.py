"""Intersections of attributes: the least favourable by their interval, and how many there are."""

from audit.result import Estimate
from reports import words
from reports.blocks import Block, Cell, Column, Group, Row, Table, Text
from reports.format import count, crossed, digits, estimate_text, fixed, interval, plural
from reports.parts.index import Index

WORST = 5
MEASURES = {
    "binary": ("sensitivity", "specificity", "auroc", "oe_ratio"),
    "multiclass": ("accuracy", "macro_sensitivity"),
    "multilabel": ("macro_sensitivity",),
    "regression": ("mae", "bias"),
    "segmentation": ("dice", "missed_rate"),
    "image": ("psnr", "ssim"),
    "detection": ("object_sensitivity", "false_positives_per_image"),
    "survival": ("harrell_c", "oe_at_horizon"),
}


def blocks(index: Index) -> list[Block]:
    """Make the section; empty when no attributes were crossed."""
    found = [e for e in index.own if crossed(e.stratum)]
    if not found:
        return []
    strata = len({e.stratum for e in found})
    ok = sum(e.status == "ok" for e in found)
    lead = (
        f"{plural(strata, 'intersection')} of attributes were audited, giving "
        f"{plural(len(found), 'estimate')}, of which {ok} with inference. The tables give, for "
        f"each measure, the {WORST} whose interval is least favourable (its better end is worst), "
        "so that a small group's chance extreme does not lead. With this many looks some will be "
        "extreme by chance; all of them are in audit.json. The shrunken value draws a group's own "
        "towards what its attributes suggest, the more the fewer its units (empirical Bayes); "
        "weight is the share of its own value in it."
    )
    groups = []
    for m in MEASURES[index.task]:
        own = [e for e in found if e.measure == m and e.status == "ok" and e.lower is not None]
        if own:
            groups.append(_group(index, m, own))
    out: list[Block] = [Text((lead,))]
    if groups:
        out.append(_table(tuple(groups)))
    return out


def better_end(e: Estimate) -> float:
    """How far the better end of the interval is from good; larger is worse."""
    declared = words.measure(e.measure)
    if e.lower is None or e.upper is None or declared is None:
        return 0.0
    if declared.direction == "higher":
        return -e.upper
    if declared.direction == "lower":
        return e.lower
    target = declared.target if declared.target is not None else 0.0
    return max(e.lower - target, target - e.upper)


def _group(index: Index, measure: str, own: list[Estimate]) -> Group:
    whole = index.estimate(measure, "overall")
    title = words.name(measure)
    if whole is not None and whole.value is not None:
        title += f" (all units {estimate_text(whole)})"
    worst = sorted(own, key=better_end, reverse=True)[:WORST]
    return Group(title, tuple(_row(e) for e in worst))


def _row(e: Estimate) -> Row:
    places = digits(e.measure)
    return Row(
        (
            Cell(e.stratum),
            Cell(_sizes(e), sort=e.n),
            Cell(fixed(e.value or 0.0, places), sort=e.value),
            Cell(interval(e.lower, e.upper, places), sort=e.upper),
            _shrunken(e, places),
        )
    )


def _sizes(e: Estimate) -> str:
    return count(e.n) if e.n_positive is None else f"{count(e.n)} / {count(e.n_positive)}"


def _shrunken(e: Estimate, places: int) -> Cell:
    s = e.shrunk
    if s is None:
        return Cell("")
    text = f"{fixed(s.value, places)} {interval(s.lower, s.upper, places)}"
    return Cell(f"{text}, {fixed(s.weight, 2)}", sort=s.value)


def _table(groups: tuple[Group, ...]) -> Table:
    columns = (
        Column("Intersection", "text", 40),
        Column("n / n+", "count", 11),
        Column("Value", "count", 8),
        Column("Interval", "count", 15),
        Column("Shrunken [interval], weight", "count", 26),
    )
    return Table("intersections", "Intersections with the least favourable intervals", columns,
                 groups, dense=True)  # fmt: skip
