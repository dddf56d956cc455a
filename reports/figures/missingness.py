"""Map of what is missing, in greys: white is none, and every cell tells its share and count."""

from typing import Any

from reports.figures import matrix, theme
from reports.parts.matrix import MatrixData

NAMES = 168
GREYS: matrix.Ramp = (
    ("white", theme.INK),
    ("#e9ecee", theme.INK),
    ("#cfd5d9", theme.INK),
    ("#a4adb4", theme.INK),
    ("#656f78", "white"),
    ("#333c44", "white"),
)


def spec(data: MatrixData) -> dict[str, Any]:
    """Draw what is missing by stratum."""
    return matrix.spec(data, GREYS, NAMES)
