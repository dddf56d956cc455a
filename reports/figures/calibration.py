"""Calibration by subgroup: observed share against predicted risk, one panel each."""

import math
from typing import Any

import altair as alt

from reports.figures import theme

WIDTH = 610
GAP = 14


def spec(panels: list[dict[str, Any]]) -> dict[str, Any]:
    """Draw small multiples on common axes."""
    rows = [
        {"title": p["title"], "kind": kind, "i": i, **b}
        for p in panels
        for kind, points in (("bin", p["bins"]), ("curve", p["smooth"]))
        for i, b in enumerate(points)
    ]
    bins = [r for r in rows if r["kind"] == "bin"]
    columns = 5 if len(panels) > 12 and len(panels) != 16 else 4
    side = (WIDTH - GAP * (columns - 1)) // columns
    top = max((max(r["u"], r["p"], r["o"]) for r in bins), default=1.0)
    end = min(1.0, math.ceil(top * 10) / 10)
    scale = alt.Scale(domain=[0, end], nice=False)
    # No gridlines: crossed by the intervals they would pass for a ruled table.
    axis = alt.Axis(tickCount=4, grid=False)
    groups = alt.Chart().transform_filter("datum.kind == 'bin'")
    base = groups.encode(
        x=alt.X("p:Q", scale=scale, axis=axis, title="Predicted risk"),
        y=alt.Y("o:Q", scale=scale, axis=axis, title="Observed share"),
    )
    tips = [
        alt.Tooltip("p:Q", title="Predicted", format=".3f"),
        alt.Tooltip("o:Q", title="Observed", format=".3f"),
        alt.Tooltip("l:Q", title="Lower", format=".3f"),
        alt.Tooltip("u:Q", title="Upper", format=".3f"),
        alt.Tooltip("n:Q", title="n"),
    ]
    ideal = (
        alt.Chart()
        .transform_filter("datum.i == 0 && datum.kind == 'bin'")
        .transform_calculate(from_="0", to=str(end))
        .mark_rule(color=theme.QUIET, strokeDash=[4, 3])
        .encode(
            x=alt.X("from_:Q", scale=scale, axis=axis, title="Predicted risk"),
            y=alt.Y("from_:Q", scale=scale, axis=axis, title="Observed share"),
            x2="to:Q",
            y2="to:Q",
        )
    )
    bars = base.mark_rule(color=theme.BLUE, clip=True).encode(y="l:Q", y2="u:Q")
    fitted = (
        alt.Chart()
        .transform_filter("datum.kind == 'curve'")
        .encode(x=alt.X("p:Q", scale=scale, axis=axis, title="Predicted risk"))
    )
    band = (
        fitted.transform_filter("datum.l != null && datum.u != null")
        .mark_area(color=theme.BAND, opacity=1, clip=True)
        .encode(y=alt.Y("l:Q", scale=scale, axis=axis, title="Observed share"), y2="u:Q")
    )
    line = fitted.mark_line(color=theme.INK, strokeWidth=1.1, clip=True).encode(
        y=alt.Y("o:Q", scale=scale, axis=axis, title="Observed share")
    )
    dots = base.mark_point(
        shape="circle", size=22, fill=theme.BLUE, stroke=theme.BLUE, opacity=1
    ).encode(tooltip=tips)
    drawn = alt.layer(band, ideal, bars, line, dots, data=alt.NamedData("bins")).properties(
        width=side, height=side
    )
    order = [p["title"] for p in panels]
    facet = alt.Facet("title:N", sort=order, header=alt.Header(title=None))
    return theme.finished(drawn.facet(facet=facet, columns=columns), {"bins": rows})
