"""Distribution of predicted risk: with the outcome upwards, without it downwards."""

from typing import Any

import altair as alt

from reports.figures import theme

COLUMNS = 4
SIDE = 131


def spec(data: dict[str, Any]) -> dict[str, Any]:
    """Draw mirrored histograms on common axes."""
    rows = [
        {"title": p["title"], "i": i, "mark": data["threshold"], "zero": 0, **b}
        for p in data["panels"]
        for i, b in enumerate(p["bins"])
    ]
    axis = alt.Axis(tickCount=4, format="~f", grid=False)
    y_axis = alt.Axis(tickCount=4, grid=False, labelExpr="format(abs(datum.value), '.1f')")
    x = alt.X("x:Q", title="Predicted risk", axis=axis, scale=alt.Scale(domain=[0, 1]))

    def bars(field: str, **look: Any) -> Any:
        y = alt.Y(f"{field}:Q", title="Share of units", axis=y_axis)
        kept = alt.Chart().transform_filter(f"datum.{field} != null")
        return kept.mark_bar(**look).encode(
            x=x,
            x2="x2:Q",
            y=y,
            y2=alt.Y2("zero:Q"),
            tooltip=[
                alt.Tooltip("x:Q", title="From risk", format=".2f"),
                alt.Tooltip("np:Q", title="With outcome (n)"),
                alt.Tooltip("nn:Q", title="Without outcome (n)"),
            ],
        )

    zero = alt.Chart().transform_filter("datum.i == 0").mark_rule(color=theme.INK, strokeWidth=0.8)
    at = (
        alt.Chart()
        .transform_filter("datum.i == 0 && datum.mark != null")
        .mark_rule(color=theme.INK, strokeDash=[3, 2], strokeWidth=1)
    )
    drawn = alt.layer(
        bars("up", fill=theme.BLUE, stroke="white", strokeWidth=0.4),
        bars("down", fill="white", stroke=theme.VERMILION, strokeWidth=1),
        zero.encode(y="zero:Q"),
        at.encode(x=alt.X("mark:Q", title="Predicted risk", axis=axis)),
        data=alt.NamedData("bins"),
    ).properties(width=SIDE, height=64)
    order = [p["title"] for p in data["panels"]]
    facet = alt.Facet("title:N", sort=order, header=alt.Header(title=None))
    return theme.finished(drawn.facet(facet=facet, columns=COLUMNS), {"bins": rows})
