"""Decision curves: net benefit of the model beside treating all and treating none."""

from typing import Any

import altair as alt

from reports.figures import theme

COLUMNS = 4
QUIET = {"grid": False}
SIDE = 131
DASH = {"model": [1, 0], "treat all": [5, 3], "treat none": [1.5, 2.5]}
COLOUR = {"model": theme.BLUE, "treat all": theme.VERMILION, "treat none": theme.INK}
# Treating all falls without end; below this share of the top nothing is to be read.
FLOOR = 0.25


def spec(data: dict[str, Any]) -> dict[str, Any]:
    """Draw all units large, and the subgroups as small multiples below."""
    panels = data["panels"]
    t = data["threshold"]
    data_sets = {"whole": _rows(panels[:1], t), "groups": _rows(panels[1:], t)}
    first = _chart(panels[:1], "whole", 590, 116)
    if len(panels) == 1:
        return theme.finished(first, data_sets)
    rest = _chart(panels[1:], "groups", SIDE, 62)
    both = alt.vconcat(first, rest, spacing=14)
    both = both.resolve_scale(color="independent", strokeDash="independent")
    return theme.finished(both, data_sets)


def _rows(panels: list[dict[str, Any]], threshold: float | None) -> list[dict[str, Any]]:
    return [
        {"title": p["title"], "t": q["t"], "v": v, "line": line, "mark": threshold}
        | ({"l": q["l"], "u": q["u"]} if line == "model" else {"l": None, "u": None})
        for p in panels
        for q in p["points"]
        for line, v in (("model", q["m"]), ("treat all", q["a"]), ("treat none", 0))
        if v >= -3 * p["top"]
    ]


def _chart(panels: list[dict[str, Any]], data: str, width: int, height: int) -> Any:
    top = max(p["top"] for p in panels)
    lines, dashes = list(DASH), list[Any](DASH.values())
    y = alt.Y(
        "v:Q",
        title="Net benefit (per unit)" if height > 100 else "Net benefit",
        scale=alt.Scale(domain=[-FLOOR * top, 1.05 * top], nice=False),
        # No axis line: with the gridlines and the threshold it would pass for a ruled table.
        axis=alt.Axis(tickCount=4, domain=False),
    )
    end = max(q["t"] for p in panels for q in p["points"])
    scale = alt.Scale(domain=[0, end], nice=False)
    legend = (
        alt.Legend(
            title=None,
            orient="top",
            direction="horizontal",
            symbolStrokeWidth=2,
            symbolSize=400,
            columnPadding=18,
        )
        if height > 100
        else None
    )
    drawn = (
        alt.Chart()
        .mark_line(clip=True, strokeWidth=1.6)
        .encode(
            x=alt.X("t:Q", title="Threshold probability", scale=scale, axis=QUIET),
            y=y,
            color=alt.Color("line:N", scale=alt.Scale(domain=lines, range=list(COLOUR.values())),
                            legend=legend),
            strokeDash=alt.StrokeDash("line:N", legend=legend,
                                      scale=alt.Scale(domain=lines, range=dashes)),
            tooltip=[
                alt.Tooltip("line:N", title="Strategy"),
                alt.Tooltip("t:Q", title="Threshold", format=".2f"),
                alt.Tooltip("v:Q", title="Net benefit", format=".3f"),
            ],
        )
    )  # fmt: skip
    rule = (
        alt.Chart()
        .transform_filter(f"datum.mark != null && datum.t == {panels[0]['points'][0]['t']}")
        .transform_filter("datum.line == 'treat none'")
        .mark_rule(color=theme.QUIET, strokeWidth=1)
        .encode(x=alt.X("mark:Q", scale=scale, title="Threshold probability", axis=QUIET))
    )
    band = (
        alt.Chart()
        .transform_filter("datum.line == 'model' && datum.l != null && datum.u != null")
        .mark_area(color=theme.BAND, opacity=1, clip=True)
        .encode(x=alt.X("t:Q", scale=scale, axis=QUIET, title="Threshold probability"),
                y=y.copy(), y2="u:Q")
    )  # fmt: skip
    band.encoding.y.shorthand = "l:Q"
    both = alt.layer(band, rule, drawn, data=alt.NamedData(data)).properties(
        width=width, height=height
    )
    order = [p["title"] for p in panels]
    facet = alt.Facet("title:N", sort=order, header=alt.Header(title=None))
    return both.facet(facet=facet, columns=COLUMNS)
