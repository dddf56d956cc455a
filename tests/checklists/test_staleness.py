"""Answers go stale by what they rest on, each cause by itself, and by nothing else."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from audit.provenance import file_hash
from audit.result import AuditResult, AuditWarning
from checklists.answering import figure_evidence, file_evidence
from checklists.answers import Answer, Evidence, FigureEvidence
from checklists.profile import Profile, read_profile
from checklists.staleness import CurrentAudit, Stale, Workplace, stale_reasons
from tests.audit.builders import random_columns, write
from tests.checklists.builders import (
    instrument_data,
    item_data,
    small_audit,
    write_instrument,
    write_yaml,
)
from tests.checklists.papers import ON, assessed, plain, saved, single, state_of, with_model

ROWS = 400
OTHER = "9" * 64


@dataclass(frozen=True)
class Office:
    """A folder with data, a model, an audit of them, a profile and a document."""

    folder: Path

    @property
    def audit_path(self) -> Path:
        return self.folder / "out" / "audit.json"

    @property
    def data(self) -> Path:
        return self.folder / "0.parquet"

    @property
    def model(self) -> Path:
        return self.folder / "m.onnx"

    @property
    def report(self) -> Path:
        return self.folder / "report.pdf"

    def profile(self) -> Profile:
        return read_profile(self.folder / "equipoise.yaml")

    def workplace(self, audit: CurrentAudit | None = None) -> Workplace:
        return Workplace(self.folder, self.profile(), audit)

    def answer(self, *evidence: Evidence) -> Answer:
        return plain(evidence=evidence)

    def cited(self, figure: str = "auroc/overall", statement: str | None = None) -> Answer:
        """An answer that cites a figure of the audit as it was first made."""
        audit = saved(audit_of(self), self.audit_path)
        return self.answer(figure_evidence(audit, figure, self.folder, statement))

    def stale(self, answer: Answer, audit: CurrentAudit | None = None) -> list[Stale]:
        return [*stale_reasons(answer, True, self.workplace(audit))]


def audit_of(office: Office) -> AuditResult:
    return with_model(small_audit(), file_hash(office.model).sha256)


@pytest.fixture
def office(tmp_path: Path) -> Office:
    found = Office(tmp_path)
    write(random_columns(1, ROWS), found.data)
    found.model.write_bytes(b"the model")
    found.report.write_bytes(b"the report")
    write_instrument(tmp_path, instrument_data("house", item_data("H-1")))
    write_yaml(
        tmp_path / "equipoise.yaml",
        {
            "product": {"model": "m.onnx"},
            "profile": {"instruments": ["house.yaml"]},
            "data": "0.parquet",
        },
    )
    return found


def causes(found: Iterable[Stale]) -> list[str]:
    return [s.cause for s in found]


def provenance(result: AuditResult, **changes: Any) -> AuditResult:
    return result.model_copy(update={"provenance": result.provenance.model_copy(update=changes)})


# Nothing changed


def test_nothing_is_stale_when_nothing_changed(office: Office) -> None:
    (figure,) = office.cited().evidence
    answer = office.answer(figure, file_evidence(office.report, office.folder, "page 3"))
    assert office.stale(answer) == []


def test_an_audit_that_is_made_anew_and_the_same_is_no_reason(office: Office) -> None:
    answer = office.cited()
    office.audit_path.unlink()
    saved(audit_of(office), office.audit_path)
    assert office.stale(answer) == []


def test_a_sentence_of_ones_own_is_no_reason(office: Office) -> None:
    assert office.stale(office.cited(statement="It ranks well enough for us.")) == []


def test_an_answer_without_evidence_rests_on_its_question_alone(office: Office) -> None:
    assert office.stale(office.answer()) == []
    (found,) = stale_reasons(office.answer(), False, office.workplace())
    assert (found.cause, str(found)) == (
        "item_changed", "question: its text changed since it was answered",
    )  # fmt: skip


# The audit


def _other_data(result: AuditResult) -> AuditResult:
    (file,) = result.provenance.data
    return provenance(result, data=(file.model_copy(update={"sha256": OTHER}),))


def _without_figure(result: AuditResult) -> AuditResult:
    kept = tuple(e for e in result.estimates if e.id != "auroc/overall")
    return result.model_copy(update={"estimates": kept})


def _other_value(result: AuditResult) -> AuditResult:
    changed = tuple(
        e.model_copy(update={"value": 0.512}) if e.id == "auroc/overall" else e
        for e in result.estimates
    )
    return result.model_copy(update={"estimates": changed})


def _warned(result: AuditResult) -> AuditResult:
    return result.model_copy(update={"warnings": (AuditWarning(code="new", message="New."),)})


REMADE: dict[str, tuple[Callable[[AuditResult], AuditResult], list[str]]] = {
    "other bytes": (_warned, ["audit_changed"]),
    "other plan": (lambda r: provenance(r, plan_sha256=OTHER), ["plan_changed"]),
    "other model": (lambda r: with_model(r, OTHER, name="n.onnx"), ["model_changed"]),
    "no model": (lambda r: provenance(r, model=None), ["model_changed"]),
    "figure gone": (_without_figure, ["audit_changed", "figure_gone"]),
    "figure changed": (_other_value, ["audit_changed", "audit_changed"]),
}


@pytest.mark.parametrize("how", REMADE)
def test_an_audit_that_is_made_anew_and_differs(how: str, office: Office) -> None:
    remade, wanted = REMADE[how]
    answer = office.cited()
    saved(remade(audit_of(office)), office.audit_path)
    found = office.stale(answer)
    assert causes(found) == wanted
    assert found[0].what == "out/audit.json"


def test_an_audit_of_other_data(office: Office) -> None:
    """The data at hand are not those of the new audit either, which is told by itself."""
    answer = office.cited()
    saved(_other_data(audit_of(office)), office.audit_path)
    found = office.stale(answer)
    assert [(s.cause, s.what) for s in found] == [
        ("data_changed", "0.parquet"), ("data_changed", "out/audit.json"),
    ]  # fmt: skip
    office.data.unlink()
    assert [str(s) for s in office.stale(answer)] == [
        "out/audit.json: it was made from other data since"
    ]


def test_the_new_sentence_of_a_figure_is_told(office: Office) -> None:
    answer = office.cited()
    now = saved(_other_value(audit_of(office)), office.audit_path)
    sentence = now.evidence.sentences["auroc/overall"]
    assert "0.512" in sentence
    assert str(office.stale(answer)[1]) == f"auroc/overall: it now says: {sentence}"


def test_a_figure_that_says_the_same_in_an_audit_that_differs_is_told_once(office: Office) -> None:
    answer = office.cited("auroc/sex=F")
    saved(_other_value(audit_of(office)), office.audit_path)
    assert [str(s) for s in office.stale(answer)] == [
        "out/audit.json: it was made anew and differs"
    ]


@pytest.mark.parametrize("content", [None, "", "{}", "[1, 2"])
def test_an_audit_that_is_not_there_or_broken(content: str | None, office: Office) -> None:
    answer = office.cited()
    office.audit_path.unlink()
    if content is not None:
        office.audit_path.write_text(content)
    (found,) = office.stale(answer)
    assert (found.cause, found.what) == ("audit_missing", "out/audit.json")
    assert "--audit" in found.detail


def test_several_figures_of_one_audit_tell_the_same_reason_once(office: Office) -> None:
    audit = saved(audit_of(office), office.audit_path)
    evidence = [figure_evidence(audit, id, office.folder) for id in ("auroc/sex=F", "auroc/sex=M")]
    saved(_warned(audit_of(office)), office.audit_path)
    assert causes(office.stale(office.answer(*evidence))) == ["audit_changed"]


# An audit that is given


def test_an_audit_that_is_given_stands_for_the_one_recorded(office: Office) -> None:
    answer = office.cited()
    elsewhere = saved(audit_of(office), office.folder / "elsewhere.json")
    office.audit_path.unlink()
    assert causes(office.stale(answer)) == ["audit_missing"]
    assert office.stale(answer, elsewhere) == []


def test_an_audit_that_is_given_and_differs_makes_stale(office: Office) -> None:
    answer = office.cited()
    other = saved(_warned(audit_of(office)), office.folder / "elsewhere.json")
    assert office.stale(answer) == []
    assert causes(office.stale(answer, other)) == ["audit_changed"]


# The files at hand


def _byte(path: Path) -> None:
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(bytes(data))


def _row(path: Path) -> None:
    columns = random_columns(1, ROWS)
    columns["y"] = np.append(columns["y"][:-1], 1 - columns["y"][-1])
    write(columns, path)


@pytest.mark.parametrize("change", [_byte, _row])
def test_data_at_hand_that_were_not_audited(change: Callable[[Path], None], office: Office) -> None:
    answer = office.cited()
    change(office.data)
    (found,) = office.stale(answer)
    assert str(found) == (
        "0.parquet: it is not the file that was audited; run `equipoise audit` again"
    )
    assert found.cause == "data_changed"


def test_data_that_are_not_at_hand_are_not_judged(office: Office) -> None:
    answer = office.cited()
    office.data.unlink()
    assert office.stale(answer) == []


def test_a_model_at_hand_that_was_not_audited(office: Office) -> None:
    answer = office.cited()
    office.model.write_bytes(b"the model!")
    (found,) = office.stale(answer)
    assert (found.cause, found.what) == ("model_changed", "m.onnx")
    office.model.unlink()
    assert office.stale(answer) == []


def test_two_data_files_of_one_name_are_each_what_was_audited(office: Office) -> None:
    second = office.folder / "more" / "0.parquet"
    second.parent.mkdir()
    second.write_bytes(b"other rows")
    write_yaml(
        office.folder / "equipoise.yaml",
        {
            "profile": {"instruments": ["house.yaml"]},
            "data": ["0.parquet", "more/0.parquet"],
        },
    )
    result = provenance(small_audit(), data=(file_hash(office.data), file_hash(second)))
    audit = saved(result, office.audit_path)
    answer = office.answer(figure_evidence(audit, "auroc/overall", office.folder))
    assert office.stale(answer) == []
    _byte(second)
    assert causes(office.stale(answer)) == ["data_changed"]


def test_a_cited_file_that_changed_or_is_gone(office: Office) -> None:
    answer = office.answer(file_evidence(office.report, office.folder))
    office.report.write_bytes(b"the report.")
    (found,) = office.stale(answer)
    assert (found.cause, found.what) == ("file_changed", "report.pdf")
    office.report.write_bytes(b"the report")
    assert office.stale(answer) == []
    office.report.unlink()
    (found,) = office.stale(answer)
    assert (found.cause, found.what) == ("file_missing", "report.pdf")


def test_paths_are_from_the_folder_of_the_answers(office: Office) -> None:
    base = office.folder / "answers"
    base.mkdir()
    evidence = file_evidence(office.report, base)
    assert evidence.file == "../report.pdf"
    workplace = Workplace(base, office.profile(), None)
    assert stale_reasons(office.answer(evidence), True, workplace) == ()


def test_every_reason_is_told(office: Office) -> None:
    (figure,) = office.cited().evidence
    assert isinstance(figure, FigureEvidence)
    answer = office.answer(file_evidence(office.report, office.folder), figure)
    office.report.unlink()
    _byte(office.data)
    office.model.write_bytes(b"another")
    audited = with_model(small_audit(), figure.audit.model or "")
    saved(provenance(audited, plan_sha256=OTHER), office.audit_path)
    found = stale_reasons(answer, False, office.workplace())
    assert causes(found) == [
        "item_changed", "file_missing", "data_changed", "model_changed", "plan_changed",
    ]  # fmt: skip


# The question


def of_item(**changes: Any) -> list[str]:
    """What is stale about an answer to an item that has changed since."""
    before = single(item_data("H-1", options={"a": "A"})).items["H-1"]
    answer = plain(item_sha256=before.sha256(before.versions[0]))
    now = single(item_data("H-1", **{"options": {"a": "A"}, **changes}))
    return causes(state_of(assessed(now, {"H-1": answer}), "H-1").stale)


@pytest.mark.parametrize("changes", [
    {"question": "Is it in place?"},
    {"heading": "Another heading"},
    {"options": {"a": "A", "b": "B"}},
    {"options": {"a": "B"}},
    {"scale": "measure"},
])  # fmt: skip
def test_an_item_whose_text_changed_is_asked_again(changes: dict[str, Any]) -> None:
    assert of_item(**changes) == ["item_changed"]


@pytest.mark.parametrize("changes", [
    {},
    {"locator": "Point two"},
    {"certainty": "memory"},
    {"verified_on": date(2026, 11, 2)},
    {"evidence": ["another record"]},
    {"evidence_keys": ["PERF"]},
    {"automation": "yes"},
    {"note": "A note."},
    {"maps_to": {"related": ["H-1"]}},
])  # fmt: skip
def test_what_only_places_an_item_may_be_corrected(changes: dict[str, Any]) -> None:
    assert of_item(**changes) == []


def test_a_question_that_changes_with_its_edition_is_asked_again_from_that_day() -> None:
    catalogue = single(
        item_data(
            "H-1",
            versions=[
                {"edition": "first", "valid_from": date(2025, 1, 1),
                 "valid_until": date(2027, 1, 1), "status": "binding"},
                {"edition": "first", "valid_from": date(2027, 1, 1), "status": "binding",
                 "question": "Is more in place?"},
            ],
        )
    )  # fmt: skip
    item = catalogue.items["H-1"]
    given = {"H-1": plain(item_sha256=item.sha256(item.versions[0]))}
    assert state_of(assessed(catalogue, given, on=date(2026, 12, 31)), "H-1").stale == ()
    (found,) = state_of(assessed(catalogue, given, on=date(2027, 1, 1)), "H-1").stale
    assert found.cause == "item_changed"
    assert date(2027, 1, 1) > ON
