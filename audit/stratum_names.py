"""How strata and levels are called in a result."""

from collections.abc import Sequence

OVERALL = "overall"
MISSING = "(missing)"


def stratum_name(attributes: Sequence[str], levels: Sequence[str]) -> str:
    """Write a stratum as canonical text; the attributes must be in alphabetical order."""
    pairs = zip(attributes, levels, strict=True)
    return " & ".join(f"{attribute}={level}" for attribute, level in pairs) or OVERALL
