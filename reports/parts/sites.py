"""Sites: results by site, and how far they differ."""

from dataclasses import replace
from typing import Any

from audit.result import Heterogeneity, Sites
from audit.sections import NestedSites
from reports import words
from reports.blocks import Block, Bullets, Cell, Column, Figure, Group, Row, Table, Text
from reports.format import (
    DASH,
    bare,
    digits,
    fixed,
    interval,
    left_out,
    level_text,
    names,
    p_value,
    plural,
    with_interval,
)
from reports.parts import forest, results
from reports.parts.index import Index

FIGURE_SITES = 36
PRINT_ROWS = 12
PRINT_GAPS = 6
FEW = 5
FRONT = frozenset(m for front in results.TASK_FRONT.values() for m in front)
FIRST = FRONT | {"citl", "calibration_slope", "ppv", "npv", "flag_rate", "brier"}


def blocks(index: Index) -> list[Block]:
    """Make the section."""
    sites = index.result.sites
    if sites is None:
        return [Text(("No site column was declared: differences between sites, and what to expect "
                      "at a new one, were not assessed.",))]  # fmt: skip
    own = {"": ("overall",), sites.attribute: sites.strata}
    out: list[Block] = []
    figure = _figure(index, sites)
    if figure:
        out.append(figure)
    for id, title, measures in results.TASK_TABLES[index.task]:
        present = tuple(m for m in measures if m in index.measures)
        if present:
            table = results.table(index, f"sites-{id}", title, present, own)
            out.append(_by_site(table, title))
    if sites.heterogeneity:
        out.append(_heterogeneity(sites.heterogeneity))
        out += _influence(sites.heterogeneity)
        out += _left_out(sites.heterogeneity)
    if sites.nested:
        out.append(_nested(sites.nested))
    return out


def _by_site(table: Table, title: str) -> Table:
    """Give the table its caption; the row of all units is linked in the table by subgroup."""
    first, *rest = table.groups
    rows = tuple(
        replace(r, cells=tuple(replace(c, anchor="") for c in r.cells)) for r in first.rows
    )
    groups = (replace(first, rows=rows), *rest)
    return replace(table, caption=f"{title} by site", groups=groups)


def _figure(index: Index, sites: Sites) -> Figure | None:
    pooled = {h.measure: h for h in sites.heterogeneity if h.contrast is None and h.output is None}
    strata = sites.strata[:FIGURE_SITES]
    measures = [m for m in results.TASK_FRONT[index.task] if m in pooled][:4]
    if len(strata) < 2 or not measures:
        return None
    rows = [(sites.attribute, s) for s in strata]
    labels, places = forest.layout(index, rows)
    last = len(labels)
    labels.append({"y": last, "text": "Pooled (random effects)", "head": 1, "n": ""})
    labels.append({"y": last + 1, "text": "Expected at a new site", "head": 1, "n": ""})
    panels = []
    for m in measures:
        made = forest.panel(m, [(y, index.estimate(m, s)) for y, s in places], index)
        extra = _pooled_points(pooled[m], last)
        points = (*made.points, *extra)
        panels.append(
            forest.Panel(made.title, made.log, forest.domain(m, list(points), made.log), points)
        )
    note = f"Filled points with {level_text(results.piece_level(index))} intervals; open circles "
    note += "are values without inference; dashed lines are limits set by the plan; the solid "
    note += "vertical line is the value in all units. Diamond: pooled value with its interval. "
    note += "Thick bar: where 95 % of new sites are expected."
    return Figure("site-forest", "forest", "Results by site, pooled, and expected at a new site",
                  _alt([pooled[m] for m in measures]),
                  forest.ForestData(len(labels), tuple(labels), tuple(panels),
                                    "n / n+" if index.has_outcome else "n"), note,
                  left_out(len(sites.strata) - len(strata), "site"))  # fmt: skip


def _pooled_points(h: Heterogeneity, y: int) -> list[dict[str, Any]]:
    why = words.why(h.status, h.reason) if h.status != "ok" else "no interval"
    blank: dict[str, Any] = {"floor": None, "ceiling": None, "base": None, "n": f"{h.k} sites",
                             "status": words.why(h.status, h.reason)}  # fmt: skip
    nothing: dict[str, Any] = {
        "v": None,
        "l": None,
        "u": None,
        "mark": "none",
        "text": why,
        "tip": why,
    }
    places = digits(h.measure)
    pooled, expected = nothing, nothing
    if h.pooled is not None:
        p = h.pooled
        tip = with_interval(p.value, p.lower, p.upper, places)
        pooled = {
            "v": p.value,
            "l": p.lower,
            "u": p.upper,
            "mark": "pooled",
            "text": "",
            "tip": tip,
        }
    if h.prediction is not None:
        q = h.prediction
        tip = interval(q.lower, q.upper, places)
        expected = {"v": None, "l": q.lower, "u": q.upper, "mark": "prediction", "text": "",
                    "tip": tip}  # fmt: skip
    return [
        {"y": y, "name": "Pooled", **pooled, **blank},
        {"y": y + 1, "name": "New site", **expected, **blank},
    ]


def _alt(found: list[Heterogeneity]) -> str:
    parts = []
    for h in found:
        if h.pooled is None:
            continue
        places = digits(h.measure)
        line = f"{words.name(h.measure)} pooled over {plural(h.k, 'site')} is "
        line += fixed(h.pooled.value, places)
        if h.prediction is not None:
            low, high = fixed(h.prediction.lower, places), fixed(h.prediction.upper, places)
            line += f", and a new site is expected between {low} and {high}"
        parts.append(line)
    return ". ".join(parts) + "." if parts else "Values by site; none could be pooled."


def _heterogeneity(found: tuple[Heterogeneity, ...]) -> Table:
    columns = (
        Column("Measure or gap", "text", 27),
        Column("Sites k", "count", 8),
        Column("Pooled", "value", 18),
        Column("Expected at a new site", "value", 18),
        Column("τ²", "count", 9, "variance between sites, on the scale that is pooled"),
        Column("I²", "count", 9, "share of the variation that is between sites"),
        Column("Q, p", "count", 11, "Cochran's test that the sites are equal"),
    )
    printed = {
        id(h)
        for kind, most in ((True, PRINT_ROWS), (False, PRINT_GAPS))
        for h in sorted((h for h in found if (h.contrast is None) is kind), key=_weight)[:most]
    }
    groups = [
        Group(title, tuple(_het_row(h, id(h) not in printed) for h in own))
        for title, own in (
            ("Measures", [h for h in found if h.contrast is None]),
            ("Gaps between groups inside sites", [h for h in found if h.contrast is not None]),
        )
        if own
    ]
    hidden = sum(r.screen_only for g in groups for r in g.rows)
    note = "Random effects by REML with Hartung-Knapp intervals. τ² is on the logit scale for "
    note += "proportions and AUROC and on the log scale for O:E."
    if any(h.k < FEW for h in found if h.status == "ok"):
        note += f" With fewer than {FEW} sites τ² and the prediction interval are poorly known."
    return Table("heterogeneity", "Differences between sites", columns, tuple(groups), note,
                 left_out(hidden, "row"))  # fmt: skip


def _weight(h: Heterogeneity) -> tuple[bool, bool, bool, int]:
    """What could be pooled, of the whole task and of the front tables, first."""
    return h.pooled is None, h.output is not None, h.measure not in FIRST, words.rank(h.measure)


def _het_row(h: Heterogeneity, screen_only: bool) -> Row:
    title, detail = words.of_output(words.name(h.measure), h.output), ""
    if h.contrast is not None:
        title = f"{title}, {words.CONTRAST[h.contrast]}"
        detail = f"{h.stratum or ''} against {h.reference or ''}"
    elif h.excluded:
        detail = f"without {names([bare(s) for s in h.excluded], 3)}"
    if h.pooled is None:
        why = Cell(words.STATUS[h.status], h.reason or "", "status")
        rest = (Cell(DASH) for _ in range(4))
        return Row((Cell(title, detail), Cell(str(h.k), sort=h.k), why, *rest), screen_only)
    places = digits(h.measure, h.contrast)
    p, q = h.pooled, h.prediction
    return Row(
        (
            Cell(title, detail),
            Cell(str(h.k), sort=h.k),
            Cell(fixed(p.value, places), interval(p.lower, p.upper, places), "", "", p.value),
            Cell(interval(q.lower, q.upper, places) if q else "no interval",
                 kind="" if q else "status"),
            Cell(_or_dash(h.tau2, 4), sort=h.tau2),
            Cell(f"{fixed(h.i2, 0)} %" if h.i2 is not None else DASH, sort=h.i2),
            Cell(_or_dash(h.q, 1), f"p {p_value(h.q_p)}" if h.q_p is not None else "", sort=h.q),
        ),
        screen_only,
    )  # fmt: skip


def _or_dash(value: float | None, places: int) -> str:
    return DASH if value is None else fixed(value, places)


def _influence(found: tuple[Heterogeneity, ...]) -> list[Block]:
    """Name, for each measure, the site whose omission moves the pooled value most."""
    items = []
    for h in found:
        if h.measure not in FRONT or h.contrast is not None or h.output is not None:
            continue
        if h.pooled is None or not h.leave_one_out:
            continue
        base = h.pooled.value
        most = max(h.leave_one_out, key=lambda left, b=base: abs(left.value - b))  # type: ignore[misc]
        places = digits(h.measure)
        items.append(
            f"{words.name(h.measure)}: {fixed(base, places)} with all sites, "
            f"{with_interval(most.value, most.lower, most.upper, places)} without "
            f"{bare(most.site)}."
        )
    lead = "Leaving out one site at a time, the largest change of the pooled value:"
    return [Bullets(tuple(items), lead)] if items else []


def _left_out(found: tuple[Heterogeneity, ...]) -> list[Block]:
    """Give every pooled value without each site in turn; the page alone has it whole."""
    groups = []
    for h in found:
        if h.measure in FRONT and h.contrast is None and h.leave_one_out:
            places = digits(h.measure)
            rows = tuple(
                Row((
                    Cell(bare(one.site)),
                    Cell(fixed(one.value, places), interval(one.lower, one.upper, places),
                         sort=one.value),
                    Cell(fixed(one.tau2, 4), sort=one.tau2),
                ))
                for one in h.leave_one_out
            )  # fmt: skip
            groups.append(Group(words.of_output(words.name(h.measure), h.output), rows))
    if not groups:
        return []
    columns = (
        Column("Without", "text", 50),
        Column("Pooled", "value", 30),
        Column("τ²", "count", 20),
    )
    return [Table("left-out", "Pooled values with each site left out", columns, tuple(groups),
                  screen_only=True)]  # fmt: skip


def _nested(found: tuple[NestedSites, ...]) -> Table:
    """Summarise an attribute nested in the sites, such as scanners within hospitals."""
    columns = (
        Column("Measure", "text", 24),
        Column("Levels", "text", 22),
        Column("Pooled", "value", 18),
        Column("Expected elsewhere", "value", 18),
        Column("τ² between sites", "count", 12),
        Column("τ² inside sites", "count", 12),
        Column("Q, p", "count", 11),
    )
    rows = tuple(_nested_row(n, i >= PRINT_ROWS) for i, n in enumerate(found))
    one = found[0]
    note = f"Random effects on two levels: {one.inner} within {one.outer}, on the scale of the "
    note += "measure (logit for proportions and AUROC, log for O:E)."
    return Table("nested", f"Differences between {one.outer}s and, inside them, between "
                 f"{one.inner}s", columns, (Group("", rows),), note,
                 left_out(max(0, len(found) - PRINT_ROWS), "row"))  # fmt: skip


def _nested_row(n: NestedSites, screen_only: bool) -> Row:
    places = digits(n.measure)
    label = Cell(words.of_output(words.name(n.measure), n.output))
    levels = Cell(f"{plural(n.k_outer, n.outer)}, {plural(n.k_inner, n.inner)}")
    if n.pooled is None or n.pooled.value is None:
        why = Cell(words.why(n.status, n.reason), n.reason or "", "status")
        return Row((label, levels, why, *(Cell(DASH) for _ in range(4))), screen_only)
    q, p = n.prediction, n.pooled
    expected = interval(q.lower, q.upper, places) if q is not None else ""
    return Row(
        (
            label,
            levels,
            Cell(fixed(p.value or 0.0, places), interval(p.lower, p.upper, places)),
            Cell(expected or "no interval", kind="" if expected else "status"),
            Cell(_or_dash(n.tau2_outer, 4), sort=n.tau2_outer),
            Cell(_or_dash(n.tau2_inner, 4), sort=n.tau2_inner),
            Cell(_or_dash(n.q, 1), f"p {p_value(n.q_p)}" if n.q_p is not None else ""),
        ),
        screen_only,
    )
