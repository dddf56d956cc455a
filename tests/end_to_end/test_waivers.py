"""Waivers through the commands: on record in audits, attached to dossiers, careful when shared."""

import json
from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest

from audit.disclosure import shareable
from audit.problems import InputError
from audit.result import AuditResult
from audit.waivers import apply_waivers, read_waivers
from commands.papers import Named, gather
from commands.verify import repeated
from reports.attachments import attachments
from reports.outline import outline
from reports.papers import Papers
from reports.verification import papers_of
from tests.audit.builders import audited, random_columns, write
from tests.end_to_end.command import run
from tests.end_to_end.gating import PLAN, WAIVERS

ON = date(2026, 3, 1)
# Group C is small, so that whatever is said of it is withheld from a shared result.
TEXT = (
    PLAN.replace("attributes: {sex: }", "attributes: {race: }").replace(
        "resamples: 200", "resamples: 100"
    )
    + """\
requirements:
  - {id: violated, measure: sensitivity, floor: 0.9}
  - {id: hidden-met, measure: sensitivity, floor: 0.01, strata: race=C}
  - {id: hidden-violated, measure: sensitivity, floor: 0.99, strata: race=C}
"""
)
ENTRY = "".join(WAIVERS.splitlines(keepends=True)[2:])
EVERY = WAIVERS + ENTRY.replace(": violated", ": hidden-met") + ENTRY.replace(
    ": violated", ": hidden-violated"
)  # fmt: skip


@pytest.fixture(scope="module")
def full() -> AuditResult:
    columns = random_columns(8, 700)
    return audited(TEXT, {name: columns[name] for name in ("y", "p", "race", "uid")})


@pytest.fixture
def named(full: AuditResult, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Named:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("SOURCE_DATE_EPOCH", raising=False)
    Path("audit.json").write_text(full.to_json(), encoding="utf-8")
    Path("waivers.yaml").write_text("# ours\n" + EVERY, encoding="utf-8")
    return Named(Path("audit.json"), waivers=Path("waivers.yaml"))


def status(result: AuditResult) -> dict[str, tuple[str, str | None]]:
    return {v.requirement: (v.status, v.found) for v in result.verdicts}


def made_again(papers: Papers, folder: Path) -> Papers:
    """The papers from what a dossier of them would have attached."""
    files = {f.name: f.content for f in attachments(papers, "full")}
    manifest = json.loads(files["manifest.json"])
    return papers_of(files, manifest, folder)


def test_the_cohort_is_what_the_tests_say(full: AuditResult) -> None:
    assert status(full) == {
        "violated": ("violated", None),
        "hidden-met": ("met", None),
        "hidden-violated": ("violated", None),
    }
    assert status(shareable(full))["hidden-met"] == ("not_estimable", None)


@pytest.mark.parametrize(("on", "found"), [("2026-03-01", "waived"), ("2026-12-01", "violated")])
def test_a_dossier_holds_the_waivers_and_the_audit_as_it_was(
    named: Named, tmp_path: Path, full: AuditResult, on: str, found: str
) -> None:
    papers = gather(replace(named, as_of=on), outline("full"))
    assert status(papers.result)["violated"][0] == found
    assert papers.audit_json == full.to_json().encode()
    assert papers.waivers_text is not None
    files = {f.name: f.content for f in attachments(papers, "full")}
    assert files["waivers.yaml"].decode() == "# ours\n" + EVERY
    assert json.loads(files["manifest.json"])["document"]["waivers_as_of"] == on
    again = made_again(papers, tmp_path)
    assert again.result == papers.result
    assert attachments(again, "full") == attachments(papers, "full")


def test_without_waivers_nothing_is_attached_or_stated(named: Named) -> None:
    papers = gather(replace(named, waivers=None), outline("full"))
    files = {f.name: f.content for f in attachments(papers, "full")}
    assert "waivers.yaml" not in files
    assert "waivers_as_of" not in files["manifest.json"].decode()


def test_waivers_on_record_lapse_in_a_later_dossier(
    named: Named, tmp_path: Path, full: AuditResult
) -> None:
    stored = apply_waivers(full, read_waivers(Path("waivers.yaml")), ON)
    named.audit.write_text(stored.to_json(), encoding="utf-8")
    later = gather(replace(named, waivers=None, as_of="2026-12-01"), outline("full"))
    assert status(later.result)["violated"] == ("violated", None)
    assert made_again(later, tmp_path).result == later.result
    now = gather(replace(named, waivers=None), outline("full"))  # as of the audit
    assert now.result == stored


def test_a_dossier_needs_a_date_and_reads_no_clock(named: Named, full: AuditResult) -> None:
    origin = full.provenance.model_copy(update={"as_of": None})
    bare = full.model_copy(update={"provenance": origin})
    named.audit.write_text(bare.to_json(), encoding="utf-8")
    with pytest.raises(InputError, match="judged from a date"):
        gather(named, outline("full"))


def test_a_shared_dossier_keeps_waivers_and_not_what_they_would_tell(
    named: Named, tmp_path: Path
) -> None:
    papers = gather(replace(named, share=True), outline("full"))
    waived = ("waived", "not_estimable")
    assert status(papers.result) == {
        "violated": ("waived", "violated"),
        "hidden-met": waived,
        "hidden-violated": waived,
    }
    assert papers.waivers_text == EVERY  # without comments, which may tell of anything
    assert papers.result.findings == ()
    assert made_again(papers, tmp_path).result == papers.result
    met, violated = papers.result.verdicts[1:]
    same = {"requirement", "statement", "margin", "waiver"}
    assert met.model_dump(exclude=same) == violated.model_dump(exclude=same)


def test_sharing_afterwards_tells_no_more_than_before(full: AuditResult, named: Named) -> None:
    waivers, on = read_waivers(Path("waivers.yaml")), ON
    stored = apply_waivers(full, waivers, on)
    assert [f.code for f in stored.findings] == ["waiver_not_needed"]
    assert shareable(stored) == apply_waivers(shareable(full), waivers, on)


def test_words_that_tell_a_withheld_number_do_not_leave(named: Named, full: AuditResult) -> None:
    count = next(c for c in full.cohort.strata if c.stratum == "race=C")
    words = f"There are only {count.n} of race=C."
    text = EVERY.replace("Recalibration is under way.", words, 1)
    Path("waivers.yaml").write_text(text, encoding="utf-8")
    gather(named, outline("full"))  # inside the house it may be said
    with pytest.raises(InputError) as caught:
        gather(replace(named, share=True), outline("full"))
    (problem,) = caught.value.problems
    assert "waivers.yaml: waiver of 'violated'" in str(problem)
    assert "tells a number of race=C" in str(problem)


def test_an_audit_is_written_with_its_waivers_and_repeated_with_them(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    write(random_columns(8, 700), tmp_path / "p.parquet")
    Path("equipoise.yaml").write_text(TEXT, encoding="utf-8")
    Path("waivers.yaml").write_text(EVERY + ENTRY.replace(": violated", ": violatd"), "utf-8")
    call = ("audit", "p.parquet", "--plan", "equipoise.yaml", "-q", "--waivers", "waivers.yaml")
    ended = run(capsys, monkeypatch, *call)
    assert ended.code == 0
    assert "waived" in ended.out
    content = Path("out/audit.json").read_bytes()
    stored = AuditResult.from_json(content)
    assert status(stored)["violated"] == ("waived", "violated")
    assert [f.code for f in stored.findings] == ["waiver_not_needed", "waiver_unmatched"]
    assert stored.provenance.command.endswith("--waivers waivers.yaml")
    assert stored.provenance.as_of == "2026-03-01"
    files = {"audit.json": content, "equipoise.yaml": TEXT.encode()}
    check = repeated(files, tmp_path, quiet=True)
    assert (check.outcome, check.detail) == ("same", "on the same inputs, byte for byte")
    Path("waivers.yaml").write_text("version: 1\n", encoding="utf-8")
    assert run(capsys, monkeypatch, *call).code == 2
    assert Path("out/audit.json").read_bytes() == content
