"""A small product with answers of every kind, made as people make them: files, answers, reviews."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from audit.result_file import ResultFile
from checklists.answering import figure_evidence, file_evidence, new_answer
from checklists.answers import Decision, Evidence, Person, reviewed
from checklists.answers_file import change_answer
from checklists.assessment import Assessment, ItemState
from commands.checklist.desk import Desk, open_desk
from tests.reports.sample import sample

AT = datetime(2027, 12, 2, 9, 30, tzinfo=UTC)
ANN = Person(name="Ann Example", role="Clinical lead")
BEN = Person(name="Ben Beispiel", role="Quality manager")
PROFILE = """\
product:
  name: Example risk score
  version: "1.2"
  manufacturer: Example Ltd
  intended_use: Shows how answers are exported; not a medical product.
profile:
  role: [provider]
  jurisdiction: [EU, US]
  instruments: [gmlp, fda-cybersecurity, nyc-local-law-144]
"""
SIGNED, PARTLY, NOT_MET, WITH_FIGURE = "GMLP-1", "GMLP-2", "GMLP-3", "GMLP-4"
STALE, CONTRADICTED, NOT_APPLICABLE = "GMLP-5", "GMLP-8", "GMLP-7"
UNANSWERED, BARE, SENT_BACK = "GMLP-10", "524B-c", "524B-b1"


@dataclass(frozen=True)
class Answered:
    """The product's papers as they lie on disk."""

    desk: Desk
    audit: ResultFile

    @property
    def assessment(self) -> Assessment:
        return self.desk.assess()

    @property
    def document(self) -> Path:
        return self.desk.answers_path.parent / "risk file.md"

    def state(self, item: str) -> ItemState:
        return next(s for s in self.assessment.items if s.item.id == item)

    def answer(
        self,
        item: str,
        response: str,
        *reviews: Decision,
        rationale: str | None = None,
        evidence: Sequence[Evidence] = (),
    ) -> None:
        """Answer an item, then review the answer."""
        answer = new_answer(
            self.state(item).standing,
            response=response,
            by=ANN,
            at=datetime(2027, 11, 30, 8, tzinfo=UTC),
            rationale=rationale,
            evidence=evidence,
        )
        for decision in reviews:
            comment = "Name the sites." if decision == "changes_requested" else None
            answer = reviewed(answer, decision, BEN, datetime(2027, 12, 1, 8, tzinfo=UTC), comment)
        change_answer(self.desk.answers_path, item, None, lambda _: answer)


def unanswered(folder: Path) -> Answered:
    """A profile with an audit beside it, and no answer yet."""
    (folder / "out").mkdir()
    (folder / "out" / "audit.json").write_text(sample().to_json(), "utf-8")
    (folder / "equipoise.yaml").write_text(PROFILE, "utf-8")
    desk = open_desk(folder / "equipoise.yaml", folder / "answers.yaml", None, "2027-12-02")
    assert desk.audit is not None
    return Answered(desk, desk.audit.file)


def answered(folder: Path) -> Answered:
    """The same with answers: met, partly, not met, not applicable, stale, disputed, none."""
    papers = unanswered(folder)
    assert papers.desk.audit is not None
    papers.document.write_text("Hazards and measures.\n", "utf-8")
    changing = folder / "protocol.md"
    changing.write_text("Version 1.\n", "utf-8")
    file = file_evidence(papers.document, folder, "section 3")
    figure = figure_evidence(papers.desk.audit, "auroc/overall", folder)
    protocol = file_evidence(changing, folder)
    papers.answer(SIGNED, "met", "accepted", "signed_off", evidence=[file])
    papers.answer(PARTLY, "partly", rationale="Two sites are\n\nmissing.", evidence=[file])
    papers.answer(NOT_MET, "not_met", rationale="Nobody did it yet.")
    papers.answer(WITH_FIGURE, "met", evidence=[figure])
    papers.answer(STALE, "met", "accepted", "signed_off", evidence=[protocol])
    papers.answer(NOT_APPLICABLE, "not_applicable", rationale="No person is in the loop.")
    papers.answer(CONTRADICTED, "met", rationale="It performs well.")
    papers.answer(SENT_BACK, "met", "changes_requested", rationale="See the label.")
    papers.answer(BARE, "met")
    changing.write_text("Version 2.\n", "utf-8")
    return papers
