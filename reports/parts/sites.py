"""Sites: results by site, and how far they differ."""

from dataclasses import replace
from typing import Any

from audit.result import Heterogeneity, Sites
from reports import words
from reports.blocks import Block, Bullets, Cell, Column, Figure, Group, Row, Table, Text
from reports.format import (
    DASH,
    bare,
    digits,
    fixed,
    interval,
    left_out,
    names,
    p_value,
    plural,
    with_interval,
)
from reports.parts import forest, results
from reports.parts.index import Index

FIGURE_SITES = 36
PRINT_ROWS = 36
FEW = 5


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
    for id, title, measures in results.TABLES:
        present = tuple(m for m in measures if m in index.measures)
        if present:
            table = results.table(index, f"sites-{id}", title, present, own)
            out.append(_by_site(table, title))
    if sites.heterogeneity:
        out.append(_heterogeneity(sites.heterogeneity))
        out += _influence(sites.heterogeneity)
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
    pooled = {h.measure: h for h in sites.heterogeneity if h.contrast is None}
    strata = sites.strata[:FIGURE_SITES]
    measures = [m for m in results.FRONT if m in pooled][:4]
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
    note = "Diamond: pooled value with its interval. Thick bar: where 95 % of new sites are "
    note += "expected. Open circles are values without inference."
    return Figure("site-forest", "forest", "Results by site, pooled, and expected at a new site",
                  _alt([pooled[m] for m in measures]),
                  forest.ForestData(len(labels), tuple(labels), tuple(panels)), note,
                  left_out(len(sites.strata) - len(strata), "site"))  # fmt: skip


def _pooled_points(h: Heterogeneity, y: int) -> list[dict[str, Any]]:
    why = words.STATUS[h.status] if h.status != "ok" else "no interval"
    blank: dict[str, Any] = {"floor": None, "ceiling": None, "base": None, "n": f"{h.k} sites",
                             "status": words.STATUS[h.status]}  # fmt: skip
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
    plain = [h for h in found if h.contrast is None]
    gaps = [h for h in found if h.contrast is not None]
    columns = (
        Column("Measure or gap", "text", 27),
        Column("Sites k", "count", 8),
        Column("Pooled", "value", 18),
        Column("Expected at a new site", "value", 18),
        Column("τ²", "count", 9, "variance between sites, on the scale that is pooled"),
        Column("I²", "count", 9, "share of the variation that is between sites"),
        Column("Q, p", "count", 11, "Cochran's test that the sites are equal"),
    )
    groups = [Group("Measures", tuple(_het_row(h, i) for i, h in enumerate(plain)))]
    if gaps:
        groups.append(Group("Gaps between groups inside sites",
                            tuple(_het_row(h, i) for i, h in enumerate(gaps))))  # fmt: skip
    hidden = sum(r.screen_only for g in groups for r in g.rows)
    note = "Random effects by REML with Hartung-Knapp intervals. τ² is on the logit scale for "
    note += "proportions and AUROC and on the log scale for O:E."
    if any(h.k < FEW for h in found if h.status == "ok"):
        note += f" With fewer than {FEW} sites τ² and the prediction interval are poorly known."
    return Table("heterogeneity", "Differences between sites", columns, tuple(groups), note,
                 left_out(hidden, "row"))  # fmt: skip


def _het_row(h: Heterogeneity, place: int) -> Row:
    title, detail = words.name(h.measure), ""
    if h.contrast is not None:
        title = f"{words.name(h.measure)}, {words.CONTRAST[h.contrast]}"
        detail = f"{h.stratum or ''} against {h.reference or ''}"
    elif h.excluded:
        detail = f"without {names([bare(s) for s in h.excluded], 3)}"
    screen_only = place >= PRINT_ROWS
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
        if h.measure not in results.FRONT or h.contrast is not None:
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
