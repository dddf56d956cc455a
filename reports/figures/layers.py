"""Parts of Vega-Lite specifications that several figures need."""

from collections.abc import Sequence
from typing import Any

Spec = dict[str, Any]


def layer(mark: Spec, encoding: Spec, *steps: Spec, data: str | None = None) -> Spec:
    """Draw the rows that the steps leave; `data` names them, unless what is around does."""
    drawn: Spec = {"mark": mark, "encoding": encoding}
    if steps:
        drawn["transform"] = list(steps)
    return drawn if data is None else {"data": {"name": data}, **drawn}


def where(condition: str) -> Spec:
    """Keep the rows that meet a condition."""
    return {"filter": condition}


def only(field: str, value: str) -> Spec:
    """Keep the rows whose field has a value."""
    return where(f"datum.{field} == '{value}'")


def computed(name: str, expression: str) -> Spec:
    """Add a field to every row."""
    return {"calculate": expression, "as": name}


def quantitative(field: str, **more: Any) -> Spec:
    """Encode a number."""
    return {"field": field, "type": "quantitative", **more}


def nominal(field: str, **more: Any) -> Spec:
    """Encode a text."""
    return {"field": field, "type": "nominal", **more}


def text_mark(align: str, *, bold: bool) -> Spec:
    """Make a mark of text."""
    return {"type": "text", "align": align, "fontWeight": 600 if bold else 400}


def multiples(drawn: Spec, titles: Sequence[str], columns: int, data: str) -> Spec:
    """Repeat a drawing for every title, in that order."""
    facet = nominal("title", sort=list(titles), header={"title": None})
    return {"data": {"name": data}, "facet": facet, "spec": drawn, "columns": columns}
