"""Calibration by subgroup: observed share against predicted risk, one panel each."""

import math
from typing import Any

import altair as alt

from reports.figures import theme

WIDTH = 610
GAP = 14


def spec(panels: list[dict[str, Any]]) -> dict[str, Any]:
    """Draw small multiples on common axes."""
    rows = [{"title": p["title"], "i": i, **b} for p in panels for i, b in enumerate(p["bins"])]
    columns = 5 if len(panels) > 12 and len(panels) != 16 else 4
    side = (WIDTH - GAP * (columns - 1)) // columns
    top = max((max(r["u"], r["p"], r["o"]) for r in rows), default=1.0)
    end = min(1.0, math.ceil(top * 10) / 10)
    scale = alt.Scale(domain=[0, end], nice=False)
    # No gridlines: crossed by the intervals they would pass for a ruled table.
    axis = alt.Axis(tickCount=4, grid=False)
    base = alt.Chart().encode(
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
        .transform_filter("datum.i == 0")
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
    line = base.mark_line(color=theme.LIGHT_BLUE, strokeWidth=1.2)
    dots = base.mark_point(
        shape="circle", size=22, fill=theme.BLUE, stroke=theme.BLUE, opacity=1
    ).encode(tooltip=tips)
    drawn = alt.layer(ideal, bars, line, dots, data=alt.NamedData("bins")).properties(
        width=side, height=side
    )
    order = [p["title"] for p in panels]
    facet = alt.Facet("title:N", sort=order, header=alt.Header(title=None))
    return theme.finished(drawn.facet(facet=facet, columns=columns), {"bins": rows})
