"""Tally at each hospital, merge, judge: the audit of all rows without any row leaving its site."""

import json
from pathlib import Path

import numpy as np
import pytest

from audit.result import AuditResult
from tests.audit.builders import Columns, estimate, random_columns, take, write
from tests.end_to_end.command import Outcome, run

PLAN = """
columns: {label: y, score: p, patient: pid, unit: uid, site: site}
threshold: {value: 0.4}
attributes: {race: , sex: {reference: M}}
measures: [sensitivity, specificity, auroc, oe_ratio, brier, calibration_slope]
resamples: 100
permutations: 0
requirements:
  - {id: finds, measure: sensitivity, floor: 0.5}
  - {id: equal, measure: brier, contrast: difference, attribute: sex, margin: 0.2}
"""
FLAGS = ("--label", "y", "--score", "p", "--threshold", "0.4", "--by", "sex", "--patient", "pid")


@pytest.fixture
def hospitals(tmp_path: Path) -> Columns:
    """Three hospitals' predictions, each patient at one of them, and a plan."""
    columns = random_columns(7, 1200, patients=500, decimals=None)
    patient = np.array([int(p[1:]) for p in columns["pid"]])
    columns["site"] = np.array(["north", "south", "west"])[patient % 3]
    for name in ("north", "south", "west"):
        write(take(columns, columns["site"] == name), tmp_path / f"{name}.parquet")
    write(columns, tmp_path / "all.parquet")
    (tmp_path / "plan.yaml").write_text(PLAN, encoding="utf-8")
    return columns


class Site:
    """The command line in a folder."""

    def __init__(
        self,
        folder: Path,
        capsys: pytest.CaptureFixture[str],
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        monkeypatch.chdir(folder)
        self._fixtures = capsys, monkeypatch

    def __call__(self, *words: str) -> Outcome:
        return run(*self._fixtures, *words)


@pytest.fixture
def site(
    tmp_path: Path,
    hospitals: Columns,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> Site:
    del hospitals
    return Site(tmp_path, capsys, monkeypatch)


def tallied(site: Site, *names: str) -> None:
    for name in names:
        words = (f"{name}.parquet", "--plan", "plan.yaml", "--out", f"{name}.tally.json")
        ended = site("tally", *words)
        assert ended.code == 0, ended.err


def test_three_hospitals_give_the_audit_of_all_their_rows(site: Site, tmp_path: Path) -> None:
    tallied(site, "north", "south", "west")
    ended = site(
        "merge", "west.tally.json", "north.tally.json", "south.tally.json",
        "--out", "out", "--tally", "all.tally.json",
    )  # fmt: skip
    assert ended.code == 0, ended.err
    assert "456 patients" in ended.out
    assert (tmp_path / "out" / "report.html").stat().st_size > 10_000
    merged = AuditResult.from_json((tmp_path / "out" / "audit.json").read_bytes())

    assert site("audit", "all.parquet", "--plan", "plan.yaml", "--out", "rows").code == 0
    rows = AuditResult.from_json((tmp_path / "rows" / "audit.json").read_bytes())
    for measure in ("sensitivity", "specificity", "oe_ratio", "brier"):
        for stratum in ("overall", "sex=F", "race=C", "site=west"):
            found, truth = estimate(merged, measure, stratum), estimate(rows, measure, stratum)
            assert found.value == pytest.approx(truth.value, rel=1e-12)
            assert found.lower == pytest.approx(truth.lower, rel=1e-9)
            assert found.upper == pytest.approx(truth.upper, rel=1e-9)
    auroc, exact = estimate(merged, "auroc"), estimate(rows, "auroc")
    assert auroc.method.startswith("none+tally_4096(error<=")
    assert auroc.value == pytest.approx(exact.value, abs=1e-3)
    assert [v.status for v in merged.verdicts] == [v.status for v in rows.verdicts]
    assert merged.provenance.command == (
        "equipoise merge north.tally.json south.tally.json west.tally.json"
    )
    assert merged.provenance.plan_sha256 == rows.provenance.plan_sha256
    assert site("gate", "out/audit.json").code == 0


def test_merged_tally_is_that_of_all_rows_to_the_byte(site: Site, tmp_path: Path) -> None:
    tallied(site, "north", "south", "west", "all")
    words = ("north.tally.json", "south.tally.json", "west.tally.json", "--tally", "m.tally.json")
    assert site("merge", *words, "--out", "out").code == 0
    merged = (tmp_path / "m.tally.json").read_bytes()
    assert merged == (tmp_path / "all.tally.json").read_bytes()
    assert site("merge", "m.tally.json", "--out", "again").code == 0
    one, other = (json.loads((tmp_path / f / "audit.json").read_text()) for f in ("out", "again"))
    for result in (one, other):
        result["provenance"].pop("command")
    assert one == other


def test_a_tally_warns_that_it_holds_small_cells(site: Site, tmp_path: Path) -> None:
    ended = site("tally", "all.parquet", *FLAGS, "--out", "all.tally.json")
    assert ended.code == 0
    assert "not for publication" in ended.err
    assert "1,200 rows, 1,200 assessed" in ended.out
    text = (tmp_path / "all.tally.json").read_text(encoding="utf-8")
    assert "not for publication" in text
    assert "u00001" not in text


def test_flags_and_bins(site: Site, tmp_path: Path) -> None:
    words = ("--label", "y", "--score", "p", "--score-kind", "rank", "--edges", "0.2,0.4,0.6")
    assert site("tally", "all.parquet", *words, "--out", "rank.json").code == 0
    data = json.loads((tmp_path / "rank.json").read_text(encoding="utf-8"))
    assert data["bins"] == {"uniform": 0, "cuts": [0.2, 0.4, 0.6]}
    assert site("tally", "all.parquet", *FLAGS, "--bins", "64", "--out", "coarse.json").code == 0
    assert site("merge", "coarse.json", "--out", "out").code == 0
    result = AuditResult.from_json((tmp_path / "out" / "audit.json").read_bytes())
    assert "tally_64(error<=" in estimate(result, "auroc").method


def refused(ended: Outcome) -> str:
    assert ended.code == 2, ended.err
    assert len(ended.errors) == 1, ended.err
    assert "Traceback" not in ended.err
    return ended.errors[0]


def test_tallies_of_different_plans(site: Site) -> None:
    tallied(site, "north")
    assert site("tally", "south.parquet", *FLAGS, "--out", "south.tally.json").code == 0
    line = refused(site("merge", "north.tally.json", "south.tally.json", "--out", "out"))
    assert "different plans" in line


def test_bad_input_is_one_line_and_code_2(site: Site, tmp_path: Path) -> None:
    tallied(site, "north")
    (tmp_path / "bad.json").write_text('{"equipoise_tally": 1}', encoding="utf-8")
    assert "not a tally" in refused(site("merge", "bad.json", "--out", "out"))
    assert "no such file" in refused(site("merge", "none.json", "--out", "out"))
    twice = ("north.tally.json", "./north.tally.json")
    assert "given twice" in refused(site("merge", *twice, "--out", "out"))
    lost = ("--share", "--min-cell", "1")
    assert "--min-cell 1" in refused(site("merge", "north.tally.json", *lost))
    assert not (tmp_path / "out").exists() or not list((tmp_path / "out").iterdir())
    assert "not numbers" in refused(site("tally", "all.parquet", *FLAGS, "--edges", "a,b"))
    missing = ("all.parquet", "--label", "y", "--score", "nope", "--out", "x.json")
    assert "there is no column 'nope'" in refused(site("tally", *missing))
    assert not (tmp_path / "x.json").exists()
    both = ("all.parquet", "--plan", "plan.yaml", "--label", "y")
    assert "--label cannot be used with --plan" in refused(site("tally", *both))


def test_a_shared_result_of_tallies(site: Site, tmp_path: Path) -> None:
    tallied(site, "all")
    assert site("merge", "all.tally.json", "--share", "--out", "out").code == 0
    result = AuditResult.from_json((tmp_path / "out" / "audit.json").read_bytes())
    assert result.disclosure is not None
    assert estimate(result, "sensitivity").status == "ok"
