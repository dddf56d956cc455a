"""Results by subgroup: forest plots and tables."""

from dataclasses import replace

from audit.result import Estimate, StratumCount
from reports import words
from reports.blocks import Block, Cell, Column, Figure, Group, Heading, Row, Table, Text
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
    percent,
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
    (
        "calibration",
        "Calibration",
        ("oe_ratio", "citl", "calibration_slope", "ece", "spiegelhalter_z"),
    ),
)
TASK_TABLES = {
    "binary": TABLES,
    "multiclass": (
        (
            "whole",
            "All classes together",
            ("accuracy", "macro_sensitivity", "macro_auroc", "quadratic_kappa", "multiclass_brier"),
        ),
    ),
    "multilabel": (
        (
            "whole",
            "All labels together",
            ("macro_sensitivity", "macro_specificity", "macro_auroc", "macro_average_precision"),
        ),
    ),
    "regression": (
        ("error", "Error of the predicted number", ("mae", "rmse", "bias", "r2")),
        (
            "agreement",
            "Calibration line and limits of agreement",
            ("line_slope", "line_intercept", "loa_lower", "loa_upper"),
        ),
    ),
    "segmentation": (
        ("overlap", "Overlap of the masks", ("dice", "iou", "nsd", "volume_error")),
        ("distance", "Distances of the surfaces", ("hd95", "assd")),
        (
            "objects",
            "Missed and invented structures",
            ("missed_rate", "false_mask_rate", "lesion_sensitivity", "lesion_ppv"),
        ),
    ),
    "image": (("quality", "Likeness of the images", ("psnr", "ssim", "nrmse")),),
    "detection": (
        ("froc", "On the FROC curve", ("sensitivity_at_fp", "cpm")),
        (
            "threshold",
            "At the threshold",
            ("object_sensitivity", "object_ppv", "false_positives_per_image"),
        ),
    ),
    "survival": (
        ("order", "Order of the risks", ("harrell_c", "uno_c")),
        (
            "horizon",
            "Risk at the horizon",
            ("brier_at_horizon", "oe_at_horizon", "citl_at_horizon", "slope_at_horizon"),
        ),
    ),
}
TASK_FRONT = {
    "binary": FRONT,
    "multiclass": ("accuracy", "macro_sensitivity", "macro_auroc", "quadratic_kappa"),
    "multilabel": ("macro_sensitivity", "macro_specificity", "macro_auroc"),
    "regression": ("mae", "rmse", "bias", "r2"),
    "segmentation": ("dice", "nsd", "hd95", "missed_rate"),
    "image": ("psnr", "ssim", "nrmse"),
    "detection": ("sensitivity_at_fp", "object_sensitivity", "false_positives_per_image"),
    "survival": ("harrell_c", "uno_c", "brier_at_horizon", "oe_at_horizon"),
}
PER_TABLE = 5
# Room for what stands under the value, and for a long heading in one piece.
WIDER = {"ece": 6, "spiegelhalter_z": 1}
PRINT_OUTPUTS = 8
PRINT_STRATA = 7


def blocks(index: Index) -> list[Block]:
    """Make the section: figures first, then a table for each family of measures."""
    return [*forests(index, index.demographic), *_tables(index, "results", index.demographic)]


def _tables(index: Index, id: str, strata: dict[str, tuple[str, ...]]) -> list[Table]:
    return [
        table(index, f"{id}-{name}", words.of_output(title, index.output), present, strata)
        for name, title, measures in TASK_TABLES[index.task]
        if (present := tuple(m for m in measures if m in index.measures))
    ]


def by_output(index: Index) -> list[Block]:
    """Tables of each class or label against the rest; paper has the first ones."""
    out: list[Block] = []
    kind = words.OUTPUT.get(index.result.cohort.task, "output")
    for i, one in enumerate(index.outputs):
        strata = index.single if one.task == "binary" else one.single
        tables = _tables(one, f"output-{i}", strata)
        if tables:
            hidden = i >= PRINT_OUTPUTS
            out.append(Heading(f"{kind.capitalize()} {one.output}", f"output-{i}", hidden))
            out += [replace(t, screen_only=hidden) for t in tables]
    if not out:
        return []
    lead = "The tables above give the mean over the structures that a case has; these, each alone. "
    if index.outputs[0].task == "binary":
        lead = f"Each {kind} is held against the rest as a yes/no outcome; n+ counts the units "
        lead += "that have it. "
    lead += f"{left_out(max(0, len(index.outputs) - PRINT_OUTPUTS), kind)}"
    return [Text((lead.strip(),)), *out]


def further(index: Index) -> list[Block]:
    """Tables of the measures that the front tables leave out; on paper one narrow table."""
    out: list[Block] = []
    for place, one in enumerate((index, *index.outputs)):
        shown = {m for _, _, measures in TASK_TABLES[one.task] for m in measures}
        rest = [m for m in one.measures if m not in shown]
        if rest:
            out += _further(one, rest, f"further-{place}" if place else "further")
    return out


def _further(index: Index, rest: list[str], id: str) -> list[Block]:
    tables = -(-len(rest) // PER_TABLE)
    each = -(-len(rest) // tables)
    title = words.of_output("Further measures", index.output)
    on_screen = [
        replace(
            table(
                index,
                f"{id}-{i // each}",
                title + (", continued" if i else ""),
                tuple(rest[i : i + each]),
                index.single,
            ),
            screen_only=True,
        )
        for i in range(0, len(rest), each)
    ]
    return [*on_screen, *([] if index.output is not None else [_on_paper(index, rest, id)])]


def _on_paper(index: Index, rest: list[str], id: str) -> Table:
    """Measures down, subgroups across: what the annex needs on one page."""
    levels = [s for strata in index.demographic.values() for s in strata]
    strata = levels[:PRINT_STRATA]
    columns = (
        Column("Measure", "text", 22),
        *(Column("All units" if s == "overall" else s, "value", 12) for s in strata),
    )

    def cell(measure: str, stratum: str) -> Cell:
        return replace(estimate_cell(index.estimate(measure, stratum)), anchor="", base="")

    rows = tuple(
        Row((Cell(words.short(m)), *(cell(m, s) for s in strata)))
        for m in rest
    )  # fmt: skip
    many = len(levels) - len(strata) + sum(len(index.single[a]) for a in index.site_attributes)
    return Table(f"{id}-paper", "Further measures", columns, (Group("", rows),),
                 f"Below each value: the {level_text(piece_level(index))} interval, or why there "
                 f"is none. {left_out(many, 'level')}", print_only=True, dense=True)  # fmt: skip


def forests(index: Index, strata: dict[str, tuple[str, ...]], id: str = "forest") -> list[Figure]:
    """Forest plots in print-sized pieces; the page has one that is chosen by selectors."""
    rows = [(a, s) for a, levels in strata.items() for s in levels[:PRINT_LEVELS]]
    front = TASK_FRONT[index.task]
    measures = [m for m in front if _drawable(index, m, [s for _, s in rows])][:4]
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
            f"Filled points with {level_text(piece_level(index))} intervals; open circles are "
            "values without inference; dashed lines are limits set by the plan; the solid "
            "vertical line is the value in all units. Rows without an estimate say why.",
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
    width = (100 - 22 - 10) // len(measures)
    columns = (
        Column("Subgroup", "text", 22),
        Column("n / n+", "count", 12, "units, and units with the outcome")
        if index.has_outcome
        else Column("n", "count", 12, "units"),
        *(
            Column(words.short(m), "value", width + WIDER.get(m, 0), words.name(m))
            for m in measures
        ),
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
        ("Small before the value: events / denominator of a proportion; other measures rest on n. "
         if any(_proportion(index, m) for m in measures) else "")
        + f"Below the value: the {level_text(piece_level(index))} interval, or why there is none."
    ]  # fmt: skip
    if "ece" in measures:
        parts.append("ECE stands beside the mean of its null (a perfectly calibrated model of this "
                     "size) and the p value against it; groups are not ranked by it.")  # fmt: skip
    if "spiegelhalter_z" in measures:
        parts.append("Spiegelhalter's z is 0 in the mean for a calibrated model; p is two-sided.")
    if "average_precision" in measures:
        parts.append("Average precision by chance is the prevalence.")
    return " ".join(parts)


def _row(index: Index, stratum: str, measures: tuple[str, ...], screen_only: bool) -> Row:
    label = "All units" if stratum == "overall" else bare(stratum)
    estimates = [index.estimate(m, stratum) for m in measures]
    return Row(
        (
            Cell(label),
            _counts_cell(index.counts.get(stratum), estimates, index.has_outcome),
            *(estimate_cell(e) for e in estimates),
        ),
        screen_only,
    )


def _counts_cell(
    known: StratumCount | None, estimates: list[Estimate | None], has_outcome: bool
) -> Cell:
    first = next((e for e in estimates if e is not None), None)
    if any(e is not None and e.status == "suppressed" for e in estimates):
        return Cell(WITHHELD, kind="status")
    if known is not None:
        if known.n is None:
            return Cell(WITHHELD, kind="status")
        return _sizes(known.n, known.n_positive, has_outcome)
    return _sizes(first.n, first.n_positive, has_outcome) if first else Cell("")


def _sizes(n: int | None, positive: int | None, has_outcome: bool) -> Cell:
    return Cell(count(n), count(positive) if has_outcome else "", sort=n)


def estimate_cell(e: Estimate | None) -> Cell:
    """Write an estimate; a status in words where there is no value."""
    if e is None:
        return Cell("not computed", kind="status")
    link = anchor(e.id)
    if e.value is None:
        return Cell(words.STATUS[e.status], (e.reason or "").replace("withheld: ", ""), "status",
                    link)  # fmt: skip
    places = digits(e.measure)
    base = ""
    if e.events is not None and _is_share(e):
        base = f"{count(e.events)}/{count(e.denominator)}"
    if e.status != "ok":
        detail = words.why(e.status, e.reason)
    elif e.null is not None and e.measure == "spiegelhalter_z":
        detail = f"p {p_value(e.null.p)}"
    elif e.null is not None:
        detail = f"null {fixed(e.null.mean, places)}, p {p_value(e.null.p)}"
    else:
        detail = interval(e.lower, e.upper, places)
    if e.baseline is not None:
        detail += f"; by chance {fixed(e.baseline, places)}"
    kind = "weak" if e.status != "ok" else ""
    title = e.reason or ""
    if e.undefined_fraction:
        title = title or f"undefined in {percent(e.undefined_fraction)} of the resamples"
    return Cell(fixed(e.value, places), detail, kind, link, e.value, title, base)


def _is_share(e: Estimate) -> bool:
    declared = words.measure(e.measure)
    return declared is not None and declared.inference == "proportion"


def _proportion(index: Index, measure: str) -> bool:
    declared = index.declared(measure)
    return declared is not None and declared.inference == "proportion"
