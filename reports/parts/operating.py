"""Operating points: where another threshold would lead, and where each one comes from."""

from audit.curve_sections import OperatingPoint, ThresholdSweep
from reports import words
from reports.blocks import Block, Cell, Column, Group, Row, Table
from reports.format import DASH, bare, crossed, fixed, left_out
from reports.parts.index import Index

PRINT_STRATA = 14
PRINT_SWEEPS = 1
STEPS = 10


def blocks(index: Index) -> list[Block]:
    """Make the tables; empty where no threshold could be moved."""
    curves = index.result.curves
    out: list[Block] = []
    if curves.sweep:
        out.append(_sweep(index, curves.sweep))
    points = tuple(p for p in curves.operating_points if not crossed(p.stratum))
    if points:
        out.append(_points(points))
    return out


def _label(stratum: str, output: str | None) -> str:
    return words.of_output("All units" if stratum == "overall" else stratum, output)


def _number(value: float | None) -> Cell:
    return Cell(DASH) if value is None else Cell(fixed(value, 3), sort=value)


def _sweep(index: Index, found: tuple[ThresholdSweep, ...]) -> Table:
    whole = sum(s.stratum == "overall" for s in found)
    ordered = sorted(found, key=lambda s: s.stratum != "overall")
    columns = (
        Column("Threshold", "text", 20),
        *(Column(words.short(m), "count", 16)
          for m in ("sensitivity", "specificity", "ppv", "npv", "flag_rate")),
    )  # fmt: skip
    groups = tuple(
        Group(_label(s.stratum, s.output), _sweep_rows(index, s, i >= max(PRINT_SWEEPS, whole)))
        for i, s in enumerate(ordered)
    )
    t = index.result.cohort.threshold
    note = "Values without intervals, to see how steeply they move. A threshold chosen from this "
    note += "table is tuned on these data, and every value at it is optimistic."
    if t is not None:
        note += f" The declared threshold, {t.value:g}, was {words.SOURCE[t.source]}."
    hidden = max(0, len(found) - max(PRINT_SWEEPS, whole))
    return Table("sweep", "If the threshold moved", columns, groups, note,
                 left_out(hidden, "subgroup"), dense=True)  # fmt: skip


def _sweep_rows(index: Index, s: ThresholdSweep, screen_only: bool) -> tuple[Row, ...]:
    step = max(1, (len(s.thresholds) - 1) // STEPS)
    chosen = set(range(step, len(s.thresholds) - 1, step))
    declared = index.result.cohort.threshold
    if declared is not None:
        chosen |= {i for i, t in enumerate(s.thresholds) if t == declared.value}
    return tuple(
        Row(
            (
                Cell(_named(s.thresholds[i], declared.value if declared else None)),
                *(_number(v[i]) for v in (s.sensitivity, s.specificity, s.ppv, s.npv, s.flag_rate)),
            ),
            screen_only,
        )
        for i in sorted(chosen)
    )


def _named(threshold: float, declared: float | None) -> str:
    return f"{threshold:g}" + (" (declared)" if threshold == declared else "")


def _points(found: tuple[OperatingPoint, ...]) -> Table:
    by: dict[tuple[str | None, str], list[OperatingPoint]] = {}
    for p in found:
        by.setdefault((p.output, p.stratum), []).append(p)
    heads = list(dict.fromkeys((p.fixed, p.at_least) for p in found))
    columns = [Column("Subgroup", "text", 24)]
    for fixed_on, least in heads:
        other = "sensitivity" if fixed_on == "specificity" else "specificity"
        columns.append(Column(f"Threshold for {fixed_on} ≥ {least:g}", "count", 19))
        columns.append(Column(f"{other.capitalize()} there", "count", 19))
    rows = []
    for place, ((output, stratum), points) in enumerate(by.items()):
        cells = [Cell(words.of_output("All units" if stratum == "overall" else bare(stratum),
                                      output))]  # fmt: skip
        for head in heads:
            cells += _pair(next((p for p in points if (p.fixed, p.at_least) == head), None))
        rows.append(Row(tuple(cells), place >= PRINT_STRATA))
    note = "Thresholds found on these data (tuned here), so optimistic. Subgroups that need very "
    note += "different thresholds for the same specificity are not served alike by one."
    hidden = max(0, len(by) - PRINT_STRATA)
    return Table("operating-points", "Threshold at which each subgroup reaches a wanted value",
                 tuple(columns), (Group("", tuple(rows)),), note,
                 left_out(hidden, "subgroup"), dense=True)  # fmt: skip


def _pair(p: OperatingPoint | None) -> list[Cell]:
    if p is None or p.threshold is None:
        return [Cell("not reached", kind="status"), Cell(DASH)]
    other = p.sensitivity if p.fixed == "specificity" else p.specificity
    return [_number(p.threshold), _number(other)]
