"""Map of the crossings of two attributes: darker is higher; every cell tells its value and n."""

from typing import Any

from reports.figures import matrix, theme
from reports.parts.matrix import MatrixData

NAMES = 148
# One hue; lightness falls evenly, so that the order is kept in grey.
BLUES: matrix.Ramp = (
    ("#e6eff7", theme.INK),
    ("#c5dbec", theme.INK),
    ("#9bc3df", theme.INK),
    ("#69a5cf", theme.INK),
    ("#2f78ad", "white"),
    ("#0d4a7c", "white"),
)


def spec(data: MatrixData) -> dict[str, Any]:
    """Draw one or two measures over the same levels."""
    return matrix.spec(data, BLUES, NAMES)
