"""The figures, one module each: data of the view in, one Vega-Lite specification out.

The same specification is converted to SVG for the PDF and drawn by Vega in the page.
"""

from collections.abc import Callable
from typing import Any

from reports.blocks import Figure


def specification(figure: Figure) -> dict[str, Any]:
    """Give the specification of a figure."""
    from reports.figures import (
        calibration,
        decision,
        forest,
        funnel,
        heatmap,
        ledger,
        missingness,
        radar,
        risk,
        slope,
    )

    makers: dict[str, Callable[[Any], dict[str, Any]]] = {
        "forest": forest.spec,
        "calibration": calibration.spec,
        "decision": decision.spec,
        "risk": risk.spec,
        "heatmap": heatmap.spec,
        "missingness": missingness.spec,
        "funnel": funnel.spec,
        "ledger": ledger.spec,
        "slope": slope.spec,
        "radar": radar.spec,
    }
    return makers[figure.form](figure.data)
