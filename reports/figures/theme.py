"""Look of all figures: one family, small type, few lines, colours that also differ in grey."""

from typing import Any

FONT = "Inter"
INK = "#1b2733"
QUIET = "#5c6873"
# Okabe & Ito's palette, distinguishable by colour-blind readers; darkness differs too.
BLUE = "#0072B2"
VERMILION = "#D55E00"
LIGHT_BLUE = "#9fc8e3"
BAND = "#d3d9de"
SMALL = 10
WIDTH = 656


def finished(drawn: dict[str, Any], datasets: dict[str, Any]) -> dict[str, Any]:
    """Apply the look, and add the data that the layers name."""
    config: dict[str, Any] = {
        "background": "white",
        "font": FONT,
        "view": {"stroke": None},
        "axis": {
            "labelFontSize": SMALL,
            "titleFontSize": SMALL + 0.5,
            "titleFontWeight": 600,
            "labelColor": INK,
            "titleColor": INK,
            "gridColor": "#e8ecef",
            "domainColor": QUIET,
            "tickColor": QUIET,
            "tickSize": 3,
            "labelPadding": 2,
            "titlePadding": 4,
        },
        "header": {
            "labelFontSize": SMALL,
            "labelFontWeight": 600,
            "labelColor": INK,
            "labelPadding": 3,
        },
        "legend": {"labelFontSize": SMALL, "titleFontSize": SMALL},
        "text": {"font": FONT, "fontSize": SMALL, "color": INK},
        "concat": {"spacing": 12},
        "facet": {"spacing": 12},
    }
    rows = {name: list(rows) for name, rows in datasets.items()}
    return {**drawn, "config": config, "datasets": rows}
