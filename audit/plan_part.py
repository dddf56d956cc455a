"""What every part of the plan is: frozen, and strict about its keys."""

from itertools import pairwise

from pydantic import BaseModel, ConfigDict


class PlanPart(BaseModel):
    """A frozen part of the plan; unknown keys are refused."""

    # Built when the first one is made: a short command makes few kinds of record.
    model_config = ConfigDict(frozen=True, extra="forbid", defer_build=True, allow_inf_nan=False)


def rising(edges: tuple[float, ...], name: str) -> tuple[float, ...]:
    """Return edges that increase; raises ValueError for others."""
    if any(b <= a for a, b in pairwise(edges)):
        raise ValueError(f"{name} edges must increase")
    return edges
