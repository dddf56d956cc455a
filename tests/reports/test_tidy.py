import csv
import io
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from reports.exports.tidy import COLUMNS, tidy_csv, tidy_parquet
from reports.papers import Papers
from tests.reports.exported import altered, digest, pair
from tests.reports.sample import large, papers, papers_of, sample, sample_dict

FORMULA = '=HYPERLINK("http://x.invalid")'


def read_csv(papers: Papers) -> list[dict[str, str]]:
    text = tidy_csv(papers).decode("utf-8-sig")
    reader = csv.DictReader(io.StringIO(text, newline=""))
    found = list(reader)
    assert reader.fieldnames == list(COLUMNS)
    return found


def read_parquet(papers: Papers) -> Any:
    return pq.read_table(io.BytesIO(tidy_parquet(papers)))


def test_there_is_one_row_for_each_estimate_and_disparity() -> None:
    found = read_csv(papers())
    assert len({(row["record"], row["id"]) for row in found}) == len(found)
    wanted = [("estimate", e.id) for e in sample().estimates]
    wanted += [("disparity", d.id) for d in sample().disparities]
    assert [(row["record"], row["id"]) for row in found] == wanted


def test_numbers_have_all_their_digits_and_null_is_empty() -> None:
    rows = {row["id"]: row for row in read_csv(papers())}
    records: list[Any] = [*sample().estimates, *sample().disparities]
    for record in records:
        row = rows[record.id]
        for name in ("value", "lower", "upper", "undefined_fraction"):
            value = getattr(record, name)
            assert (float(row[name]) if row[name] else None) == value
        assert row["status"] == record.status
        assert row["reason"] == (record.reason or "")
    assert any(row["value"] == "" for row in rows.values())


def test_every_row_that_is_not_ok_has_a_reason() -> None:
    rows = [row for row in read_csv(papers()) if row["status"] != "ok"]
    assert rows
    assert all(row["reason"] for row in rows)


def test_attributes_nulls_and_families_are_told() -> None:
    rows = {row["id"]: row for row in read_csv(papers())}
    assert rows["auroc/overall"]["attribute"] == ""
    assert rows["auroc/race=Black & sex=F"]["attribute"] == "race & sex"
    assert rows["ece/overall"]["null_p"] == "0.012"
    gap = rows["sensitivity/gap/race"]
    assert (gap["contrast"], gap["attribute"], gap["n"]) == ("gap", "race", "")
    assert rows["sensitivity/difference/race=Black:race=White"]["family"] == "primary"


def test_shrunk_and_simultaneous_values_have_their_columns() -> None:
    data = sample_dict()
    shrunk = {"value": 0.5, "lower": 0.4, "upper": 0.6, "weight": 0.9}
    estimates = [data["estimates"][0] | {"shrunk": shrunk, "output": "mel", "baseline": 0.25}]
    ends = {"value": 0.1, "lower": -0.2, "upper": 0.3}
    disparities = [data["disparities"][0] | {"simultaneous": ends}]
    one, two = read_csv(altered(estimates=estimates, disparities=disparities))
    assert (one["shrunk_value"], one["shrunk_lower"], one["shrunk_upper"]) == ("0.5", "0.4", "0.6")
    assert (one["output"], one["baseline"], one["record"]) == ("mel", "0.25", "estimate")
    assert (two["simultaneous_lower"], two["simultaneous_upper"]) == ("-0.2", "0.3")


@pytest.mark.parametrize("start", ["=", "+", "@", "-", "\t", "'="])
def test_text_that_a_spreadsheet_would_run_is_defused_and_numbers_are_not(start: str) -> None:
    data = sample_dict()
    first = data["estimates"][0] | {"stratum": f"{start}x", "value": -0.5}
    (row,) = read_csv(altered(estimates=[first], disparities=[]))
    assert row["stratum"] == f"'{start}x"
    assert row["value"] == "-0.5"
    (kept,) = read_parquet(altered(estimates=[first], disparities=[])).column("stratum").to_pylist()
    assert kept == f"{start}x"


def test_quotes_line_ends_and_foreign_names_come_back_as_they_were() -> None:
    name = 'sex="F",\nשמאל 医師 ' + "x" * 120
    first = sample_dict()["estimates"][0] | {"stratum": name}
    (row,) = read_csv(altered(estimates=[first], disparities=[]))
    assert row["stratum"] == name


def test_parquet_holds_the_same_with_types() -> None:
    table, rows = read_parquet(papers()), read_csv(papers())
    types = {"text": pa.string(), "number": pa.float64(), "count": pa.int64()}
    assert table.column_names == list(COLUMNS)
    for name, kind in COLUMNS.items():
        assert table.schema.field(name).type == types[kind]
        values = [None if v is None else str(v) for v in table.column(name).to_pylist()]
        if kind == "text":
            assert values == [row[name] or None for row in rows]
        else:
            assert values == [row[name] or None for row in rows], name


def test_parquet_names_its_audit() -> None:
    found = read_parquet(papers()).schema.metadata
    assert found[b"equipoise.audit_sha256"].decode() == digest(papers().audit_json)
    assert found[b"equipoise.plan_sha256"].decode() == sample().provenance.plan_sha256


def test_an_audit_of_nothing_has_the_columns_all_the_same() -> None:
    nothing = altered(estimates=[], disparities=[])
    assert read_csv(nothing) == []
    assert read_parquet(nothing).column_names == list(COLUMNS)


def test_a_shared_audit_has_its_rows_without_their_values() -> None:
    rows = {(row["record"], row["id"]): row for row in read_csv(papers_of(pair().shared))}
    assert len(rows) == len(pair().full.estimates) + len(pair().full.disparities)
    hidden = [row for row in rows.values() if row["status"] == "suppressed"]
    assert hidden
    for row in hidden:
        assert {row[name] for name in ("value", "lower", "upper", "p", "null_mean")} == {""}
        assert row["reason"].startswith("withheld")


def test_the_same_papers_give_the_same_bytes() -> None:
    whole = papers_of(large())
    assert digest(tidy_csv(whole)) == digest(tidy_csv(whole))
    assert digest(tidy_parquet(whole)) == digest(tidy_parquet(whole))
