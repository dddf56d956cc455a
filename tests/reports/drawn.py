"""What figures are made of, read back for tests: texts, numbers, and samples that strain them."""

import json
import re
from collections.abc import Iterable
from dataclasses import asdict
from functools import cache
from html import unescape
from typing import Any

from audit.result import AuditResult
from reports.blocks import Block, Figure
from reports.figures import specification
from reports.parts.matrix import MatrixData, MatrixPanel, Tile
from reports.svg import to_svg
from tests.reports.sample import LEVELS, sample_dict

NAMES = (
    "<b onload=x>&amp;</b>",
    "L" * 120,
    "東京大学医学部附属病院",
    "مستشفى الملك فيصل",
    "a & b = c",
)


def figures(blocks: Iterable[Block]) -> list[Figure]:
    return [b for b in blocks if isinstance(b, Figure)]


def svg(figure: Figure) -> str:
    return to_svg(specification(figure))


def texts(figure: Figure) -> list[str]:
    """Every text that the drawn figure shows."""
    return [unescape(t) for t in re.findall(r"<text[^>]*>([^<]*)</text>", svg(figure))]


def everything(figure: Figure) -> str:
    """All that a figure tells, on paper or on the page."""
    told = {"data": asdict(figure.data), "alt": figure.alt, "note": figure.note}
    return json.dumps((told, specification(figure)), ensure_ascii=False)


def tiles(figure: Figure, panel: int = 0) -> dict[tuple[str, str], Tile]:
    """Cells by the names of their row and column."""
    data: MatrixData = figure.data
    one: MatrixPanel = data.panels[panel]
    return {(data.rows[t.row].text, one.columns[t.column].text): t for t in one.tiles}


@cache
def _written() -> str:
    return json.dumps(sample_dict(), ensure_ascii=False)


def fresh() -> dict[str, Any]:
    """The sample as plain data of one's own, to be altered."""
    data: dict[str, Any] = json.loads(_written())
    return data


def renamed() -> dict[str, Any]:
    """The sample with names for its sites that are long, foreign or markup."""
    text = _written()
    for old, new in zip(LEVELS["hospital"], NAMES, strict=True):
        text = text.replace(json.dumps(old, ensure_ascii=False)[1:-1],
                            json.dumps(new, ensure_ascii=False)[1:-1])  # fmt: skip
    data: dict[str, Any] = json.loads(text)
    return data | {"curves": {"calibration": [], "decision": [], "risk": []}}


def with_clinics(many: int) -> AuditResult:
    """The sample with strange names and a further attribute of many levels, crossed with sex."""
    data = renamed()
    cohort = data["cohort"]
    model = next(c for c in cohort["strata"] if c["stratum"] == "sex=F")
    known = [e for e in data["estimates"] if e["stratum"] == "sex=F"]
    levels = [f"clinic {i:03d}" for i in range(many)]
    for i, level in enumerate(levels):
        n = model["n"] - i
        for stratum, names in ((f"clinic={level}", ["clinic"]),
                               (f"clinic={level} & sex=F", ["clinic", "sex"])):  # fmt: skip
            cohort["strata"].append(model | {"stratum": stratum, "attributes": names, "n": n})
            own = {"stratum": stratum, "n": n}
            data["estimates"] += [e | own | {"id": f"{e['measure']}/{stratum}"} for e in known]
    added = {"name": "clinic", "column": "clinic", "edges": None, "levels": levels}
    cohort["attributes"].append(cohort["attributes"][0] | added | {"reference": levels[0]})
    return AuditResult.model_validate(data)


def changed(stratum: str, *measures: str, **fields: Any) -> AuditResult:
    """The sample with some estimates of one stratum altered."""
    data = fresh()
    for e in data["estimates"]:
        if e["stratum"] == stratum and (not measures or e["measure"] in measures):
            e |= fields
    return AuditResult.model_validate(data)
