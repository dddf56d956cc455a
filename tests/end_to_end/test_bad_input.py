"""Bad input: exit code 2, one clear line per problem, all of them at once, nothing written."""

from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tests.end_to_end.command import Outcome, run

HEADER = "id,pid,hospital,sex,age,y,p\n"
GOOD = [
    f"u{i},p{i // 2},{'AB'[i % 2]},{'FM'[i % 3 % 2]},{30 + i},{i % 2},0.{i:02}" for i in range(40)
]

Audit = Callable[..., Outcome]


@pytest.fixture
def audit(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> Audit:
    def call(path: Path, *more: str) -> Outcome:
        flags = ["--label", "y", "--score", "p", "--threshold", "0.5", "--by", "sex"]
        out = tmp_path / "out"
        ended = run(capsys, monkeypatch, "audit", path, *flags, *more, "--out", out)
        if ended.code == 2:
            assert not out.exists() or not list(out.iterdir()), "something was written"
            assert "Traceback" not in ended.err
        return ended

    return call


def csv(tmp_path: Path, rows: list[str], header: str = HEADER) -> Path:
    path = tmp_path / "predictions.csv"
    path.write_text(header + "\n".join(rows) + ("\n" if rows else ""), encoding="utf-8")
    return path


def changed(row: int, column: int, value: str) -> list[str]:
    """The good rows with one cell changed; rows count from 0."""
    cells = GOOD[row].split(",")
    cells[column] = value
    return [*GOOD[:row], ",".join(cells), *GOOD[row + 1 :]]


def only(outcome: Outcome) -> str:
    assert outcome.code == 2, outcome.err
    assert len(outcome.errors) == 1, outcome.err
    return outcome.errors[0]


def test_good_rows_pass(tmp_path: Path, audit: Audit) -> None:
    assert audit(csv(tmp_path, GOOD), "--site", "hospital", "--patient", "pid").code == 0


def test_missing_file(tmp_path: Path, audit: Audit) -> None:
    line = only(audit(tmp_path / "nothing.csv"))
    assert "nothing.csv" in line
    assert "no such file" in line


def test_misspelt_column_suggests_the_nearest(tmp_path: Path, audit: Audit) -> None:
    line = only(audit(csv(tmp_path, GOOD), "--site", "hospitl"))
    assert "hospitl" in line
    assert "did you mean 'hospital'?" in line


def test_label_with_three_values(tmp_path: Path, audit: Audit) -> None:
    line = only(audit(csv(tmp_path, changed(6, 5, "2"))))
    assert "'y'" in line
    assert "2" in line


def test_score_outside_0_1(tmp_path: Path, audit: Audit) -> None:
    line = only(audit(csv(tmp_path, changed(8, 6, "1.2"))))
    assert "line 10" in line
    assert "'p'" in line
    assert "rank" in line


@pytest.mark.parametrize("value", ["nan", "inf", "-inf", "NaN"])
def test_score_that_is_not_finite(tmp_path: Path, audit: Audit, value: str) -> None:
    line = only(audit(csv(tmp_path, changed(3, 6, value))))
    assert "line 5" in line
    assert "'p'" in line


def test_score_that_is_not_a_number(tmp_path: Path, audit: Audit) -> None:
    assert "line 2" in only(audit(csv(tmp_path, changed(0, 6, "high"))))


def test_empty_file(tmp_path: Path, audit: Audit) -> None:
    path = tmp_path / "predictions.csv"
    path.touch()
    assert "empty" in only(audit(path))


def test_header_only(tmp_path: Path, audit: Audit) -> None:
    assert "no rows" in only(audit(csv(tmp_path, [])))


def test_duplicate_unit_ids(tmp_path: Path, audit: Audit) -> None:
    line = only(audit(csv(tmp_path, [*GOOD, GOOD[4]]), "--unit", "id"))
    assert "'id'" in line
    assert "line" in line
    assert "u4" not in line, "an identifier was printed"


def test_a_patient_at_two_sites_is_allowed_and_reported(tmp_path: Path, audit: Audit) -> None:
    ended = audit(csv(tmp_path, GOOD), "--site", "hospital", "--patient", "pid")
    assert ended.code == 0
    text = (tmp_path / "out" / "audit.json").read_text(encoding="utf-8")
    assert '"patient_at_several_sites"' in text


def test_attribute_with_10_000_levels(tmp_path: Path, audit: Audit) -> None:
    rows = [f"u{i},p{i},A,F,{i},{i % 2},0.5" for i in range(10_000)]
    line = only(audit(csv(tmp_path, rows), "--by", "age"))
    assert "'age'" in line
    assert "10,000" in line or "10000" in line
    assert "band" in line


@pytest.mark.parametrize("encoding", ["utf-16", "latin-1"])
def test_wrong_encoding(tmp_path: Path, audit: Audit, encoding: str) -> None:
    path = tmp_path / "predictions.csv"
    path.write_bytes((HEADER + "\n".join(changed(2, 2, "Köln")) + "\n").encode(encoding))
    assert "UTF-8" in only(audit(path, "--site", "hospital"))


def test_truncated_parquet(tmp_path: Path, audit: Audit) -> None:
    path = tmp_path / "predictions.parquet"
    pq.write_table(pa.table({"y": [0, 1] * 50, "p": [0.2, 0.8] * 50, "sex": ["F", "M"] * 50}), path)
    path.write_bytes(path.read_bytes()[:-40])
    line = only(audit(path))
    assert "predictions.parquet" in line
    assert "Parquet" in line


def test_output_folder_that_cannot_be_written(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    out = tmp_path / "out"
    out.write_text("mine", encoding="utf-8")  # a file where the folder should be
    words = ("audit", csv(tmp_path, GOOD), "--label", "y", "--score", "p", "--out", out)
    assert str(out) in only(run(capsys, monkeypatch, *words))
    assert out.read_text(encoding="utf-8") == "mine"


def test_plan_with_an_unknown_key_names_the_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    plan = tmp_path / "plan.yaml"
    plan.write_text("columns:\n  label: y\n  score: p\ntreshold: {value: 0.5}\n", encoding="utf-8")
    words = ("audit", csv(tmp_path, GOOD), "--plan", plan, "--out", tmp_path / "out")
    line = only(run(capsys, monkeypatch, *words))
    assert "line 4" in line
    assert "did you mean 'threshold'?" in line


def test_all_problems_at_once(tmp_path: Path, audit: Audit) -> None:
    rows = changed(3, 6, "inf")
    rows[7] = rows[7].replace("0.07", "1.7")
    rows[9] = rows[9].replace(",1,", ",maybe,")
    ended = audit(csv(tmp_path, [*rows, GOOD[0]]), "--unit", "id")
    assert ended.code == 2
    text = "\n".join(ended.errors)
    for sign in ("line 5", "line 9", "maybe", "'id'"):
        assert sign in text, text


def test_flags_and_plan_together(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    words = ("audit", csv(tmp_path, GOOD), "--plan", tmp_path / "plan.yaml", "--label", "y")
    assert "--label cannot be used with --plan" in only(run(capsys, monkeypatch, *words))


def test_flags_that_are_missing_are_named_together(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    ended = run(capsys, monkeypatch, "audit", csv(tmp_path, GOOD))
    assert ended.code == 2
    assert len(ended.errors) == 2


def test_usage_error_is_2(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert run(capsys, monkeypatch, "audit", "--no-such-flag").code == 2


def test_an_internal_error_is_4_and_shows_no_traceback(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(id: str) -> str:
        raise RuntimeError("boom")

    monkeypatch.setattr("commands.explain.run_explain", broken)
    ended = run(capsys, monkeypatch, "explain", "auroc")
    assert ended.code == 4
    assert "boom" in ended.err
    assert "Traceback" not in ended.err
