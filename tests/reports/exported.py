"""Papers for the tests of exports: alone, with answers, and shared beside what is withheld."""

from dataclasses import dataclass
from functools import cache
from hashlib import sha256
from pathlib import Path
from typing import Any

from audit.disclosure import shareable
from audit.result import AuditResult
from checklists.answering import figure_evidence
from checklists.answers_file import read_answers
from checklists.assessment import assess
from checklists.profile import read_profile
from checklists.staleness import CurrentAudit, Workplace
from commands.checklist.desk import open_desk
from reports.exports.record import audit_file
from reports.papers import Papers
from tests.audit.builders import audited, random_columns
from tests.reports.answered import Answered
from tests.reports.sample import papers_of, sample, sample_dict

PROFILE = """\
product:
  name: Example risk score
  version: "1.2"
  intended_use: Shows how answers are exported; not a medical product.
profile:
  role: [provider]
  jurisdiction: [EU, US]
  lifecycle: market
  lay_users: true
  instruments: [chai-model-card, gmlp]
"""
PLAN = """
columns: {label: y, score: p, site: site}
threshold: {value: 0.4}
resamples: 100
depth: 2
attributes: {sex: , race: }
requirements:
  - {id: floor, measure: sensitivity, strata: [overall, sex, race], floor: 0.5}
  - {id: gap, measure: auroc, contrast: gap, attribute: race, margin: 0.4}
"""


@dataclass(frozen=True)
class Pair:
    """An audit, and what of it may leave."""

    full: AuditResult
    shared: AuditResult

    @property
    def withheld(self) -> list[Any]:
        """Records as they were, that have lost their value."""
        before: list[Any] = [*self.full.estimates, *self.full.disparities]
        after: list[Any] = [*self.shared.estimates, *self.shared.disparities]
        both = zip(before, after, strict=True)
        return [was for was, now in both if was.value is not None and now.value is None]


@cache
def pair() -> Pair:
    """Give an audit of 260 rows, in which many strata are small."""
    full = audited(PLAN, random_columns(0, 260))
    return Pair(full, shareable(full))


def altered(**changes: Any) -> Papers:
    """Papers of the sample with other fields at the top."""
    return papers_of(AuditResult.model_validate(sample_dict() | changes))


def planned(**product: Any) -> Papers:
    """Papers of the sample whose plan describes the product so."""
    return altered(plan=sample_dict()["plan"] | {"product": product})


def with_answers(folder: Path, result: AuditResult | None = None) -> Papers:
    """Papers with answers to the card, one citing a figure, one stale, one not applicable."""
    used = result or sample()
    (folder / "out").mkdir()
    (folder / "out" / "audit.json").write_text(used.to_json(), "utf-8")
    (folder / "equipoise.yaml").write_text(PROFILE, "utf-8")
    desk = open_desk(folder / "equipoise.yaml", folder / "answers.yaml", None, "2027-12-02")
    assert desk.audit is not None
    made = Answered(desk, desk.audit.file)
    cited = next(e for e in used.estimates if e.stratum.startswith("race=") and e.value is not None)
    figure = figure_evidence(desk.audit, cited.id, folder)
    made.answer("CHAI-BI.3", "reported", rationale="card@example.org")
    made.answer("CHAI-W.2", "reported", rationale="Seen by race.", evidence=[figure])
    made.answer("CHAI-SF.7", "reported", rationale="The training set was weighted by race.")
    made.answer("CHAI-TI.1", "not_reported", rationale="The funder is not named yet.")
    made.answer("CHAI-R.2", "not_applicable", rationale="No trial was made.")
    return beside(folder, used)


def beside(folder: Path, result: AuditResult) -> Papers:
    """Those answers with this audit as the one at hand."""
    papers = papers_of(result)
    profile = read_profile(folder / "equipoise.yaml")
    place = Workplace(folder, profile, CurrentAudit(audit_file(papers)))
    on = open_desk(folder / "equipoise.yaml", folder / "answers.yaml", None, "2027-12-02").on
    given = read_answers(folder / "answers.yaml")
    assessment = assess(profile, given, on, place)
    return Papers(papers.result, papers.audit_json, assessment=assessment)


def digest(content: bytes | str) -> str:
    """Hash an export."""
    return sha256(content if isinstance(content, bytes) else content.encode()).hexdigest()
