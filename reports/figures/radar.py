"""Radar."""
from typing import Any
def spec(data: Any) -> dict[str, Any]:
    return {}
