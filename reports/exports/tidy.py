"""Every estimate and disparity as one row of one table: CSV for spreadsheets, Parquet for programs.

Columns are the same for every task and every audit. What is null stays empty; status and reason
say why.
"""

import csv
import io
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, Literal

from audit.result import Disparity, Estimate
from checklists.tables import defused
from reports import words
from reports.exports.record import audit_sha256
from reports.papers import Papers

if TYPE_CHECKING:
    import pyarrow as pa

Kind = Literal["text", "number", "count"]
Value = str | float | int | None
Row = dict[str, Value]
COLUMNS: dict[str, Kind] = {
    "record": "text",
    "id": "text",
    "measure": "text",
    "measure_name": "text",
    "output": "text",
    "attribute": "text",
    "contrast": "text",
    "stratum": "text",
    "reference": "text",
    "value": "number",
    "lower": "number",
    "upper": "number",
    "level": "number",
    "method": "text",
    "status": "text",
    "reason": "text",
    "n": "count",
    "n_positive": "count",
    "n_negative": "count",
    "events": "count",
    "denominator": "count",
    "clusters": "count",
    "undefined_fraction": "number",
    "baseline": "number",
    "shrunk_value": "number",
    "shrunk_lower": "number",
    "shrunk_upper": "number",
    "null_mean": "number",
    "null_q95": "number",
    "null_excess": "number",
    "null_p": "number",
    "p": "number",
    "p_adjusted": "number",
    "family": "text",
    "simultaneous_lower": "number",
    "simultaneous_upper": "number",
}


def rows(papers: Papers) -> list[Row]:
    """One row a record: estimates, then disparities, as they stand in the audit."""
    groups = {s.stratum: " & ".join(s.attributes) for s in papers.result.cohort.strata}
    made = [_estimate(e, groups) for e in papers.result.estimates]
    return made + [_disparity(d) for d in papers.result.disparities]


def _estimate(e: Estimate, groups: Mapping[str, str]) -> Row:
    shrunk = e.shrunk.model_dump() if e.shrunk is not None else {}
    own = ("n", "n_positive", "n_negative", "events", "denominator", "clusters", "baseline")
    return (
        _common(e)
        | {"record": "estimate", "attribute": groups.get(e.stratum) or None}
        | {name: getattr(e, name) for name in own}
        | {f"shrunk_{name}": shrunk.get(name) for name in ("value", "lower", "upper")}
    )


def _disparity(d: Disparity) -> Row:
    own = ("attribute", "contrast", "reference", "p", "p_adjusted", "family")
    found: Row = _common(d) | {"record": "disparity"} | {name: getattr(d, name) for name in own}
    if d.simultaneous is not None:
        found["simultaneous_lower"] = d.simultaneous.lower
        found["simultaneous_upper"] = d.simultaneous.upper
    return found


def _common(record: Estimate | Disparity) -> Row:
    found: Row = dict.fromkeys(COLUMNS)
    own = (
        "id", "measure", "output", "stratum", "value", "lower", "upper", "level", "method",
        "status", "reason", "undefined_fraction",
    )  # fmt: skip
    found |= {name: getattr(record, name) for name in own}
    found["measure_name"] = words.name(record.measure)
    if record.null is not None:
        null = record.null.model_dump()
        found |= {f"null_{name}": null[name] for name in ("mean", "q95", "excess", "p")}
    return found


def tidy_csv(papers: Papers) -> bytes:
    """The table as CSV in UTF-8; text that a spreadsheet would run gets an apostrophe before it."""
    stream = io.StringIO(newline="")
    writer = csv.writer(stream, lineterminator="\r\n")
    writer.writerow(COLUMNS)
    writer.writerows([[_cell(row[name]) for name in COLUMNS] for row in rows(papers)])
    return stream.getvalue().encode("utf-8-sig")


def _cell(value: Value) -> str:
    """A cell; a number is written with all its digits and is never taken for a formula."""
    if value is None:
        return ""
    return defused(value) if isinstance(value, str) else repr(value)


def tidy_parquet(papers: Papers) -> bytes:
    """The table as Parquet, with the hash of the audit in the file's metadata."""
    import pyarrow as pa
    import pyarrow.parquet as parquet

    types: dict[Kind, Callable[[], Any]] = {
        "text": pa.string,
        "number": pa.float64,
        "count": pa.int64,
    }
    schema = pa.schema([pa.field(name, types[kind]()) for name, kind in COLUMNS.items()])
    table = pa.Table.from_pylist(rows(papers), schema=schema.with_metadata(_metadata(papers)))
    return _written(table, parquet)


def _written(table: "pa.Table", parquet: Any) -> bytes:
    stream = io.BytesIO()
    parquet.write_table(table, stream, compression="zstd")
    return stream.getvalue()


def _metadata(papers: Papers) -> dict[str, str]:
    used = papers.result.provenance
    return {
        "equipoise.audit_sha256": audit_sha256(papers),
        "equipoise.plan_sha256": used.plan_sha256,
        "equipoise.schema_version": papers.result.schema_version,
        "equipoise.tool": f"{used.tool} {used.tool_version}",
    }
