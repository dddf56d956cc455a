"""Distribution of predicted risk: with the outcome upwards, without it downwards."""

from typing import Any

from reports.figures import theme
from reports.figures.layers import Spec, layer, multiples, quantitative, where

COLUMNS = 4
SIDE = 131
X: Spec = {
    "title": "Predicted risk",
    "axis": {"tickCount": 4, "format": "~f", "grid": False},
}
Y: Spec = {
    "title": "Share of units",
    "axis": {"tickCount": 4, "grid": False, "labelExpr": "format(abs(datum.value), '~g')"},
}
TIPS = [
    quantitative("x", title="From risk", format=".2f"),
    quantitative("np", title="With outcome (n)", format=",d"),
    quantitative("nn", title="Without outcome (n)", format=",d"),
]


def spec(data: dict[str, Any]) -> Spec:
    """Draw mirrored histograms on common axes."""
    rows = [
        {"title": p["title"], "i": i, "mark": data["threshold"], "zero": 0, **b}
        for p in data["panels"]
        for i, b in enumerate(p["bins"])
    ]
    line = {"type": "rule", "color": theme.INK}
    layers = [
        _bars("up", {"fill": theme.BLUE, "stroke": "white", "strokeWidth": 0.4}),
        _bars("down", {"fill": "white", "stroke": theme.VERMILION, "strokeWidth": 1}),
        layer(line | {"strokeWidth": 0.8}, {"y": quantitative("zero")}, where("datum.i == 0")),
        layer(
            line | {"strokeDash": [3, 2], "strokeWidth": 1},
            {"x": quantitative("mark", **X)},
            where("datum.i == 0 && datum.mark != null"),
        ),
    ]
    drawn = {"layer": layers, "width": SIDE, "height": 64}
    order = [p["title"] for p in data["panels"]]
    return theme.finished(multiples(drawn, order, COLUMNS, "bins"), {"bins": rows})


def _bars(field: str, look: Spec) -> Spec:
    encoding = {
        "x": quantitative("x", scale={"domain": [0, 1]}, **X),
        "x2": {"field": "x2"},
        "y": quantitative(field, **Y),
        "y2": {"field": "zero"},
        "tooltip": TIPS,
    }
    return layer({"type": "bar", **look}, encoding, where(f"datum.{field} != null"))
