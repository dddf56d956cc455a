"""A product with answers for the documents of an authority: every kind of answer, three people."""

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

from audit.result import AuditResult
from checklists.answering import figure_evidence, file_evidence, new_answer
from checklists.answers import AnswersFile, Decision, Evidence, Person, reviewed
from checklists.answers_file import change_answer
from commands.checklist.desk import Desk, open_desk
from reports.blocks import Block, Heading, Report
from reports.outline import Outline, OutlineSection, outline
from reports.papers import Papers
from reports.view import build_view
from tests.reports.sample import sample

ON = "2026-11-23"
DECISIONS: tuple[Decision, ...] = ("accepted", "signed_off")
TEMPLATES = ("fda", "eu-annex-iv", "altai")
ANN = Person(name="Ann Example", role="Clinical lead")
BEN = Person(name="Ben Beispiel", role="Quality manager")
PROFILE = """\
product:
  name: CardioScan
profile:
  role: [provider]
  jurisdiction: [EU, US]
  ai_act_route: [{route}]
  mdr_class: IIa
  medical_device: true
  fda_pathway: 510k
  change_plan: {change_plan}
  lifecycle: premarket
  instruments: [gmlp]
"""
# Item -> response, rationale, file or figure, reviewed: the profile follows none of them.
ANSWERS = {
    "ANNEX-IV.1.a": ("met", "General description, version 3.", "ifu.md", True),
    "ANNEX-IV.1.f": ("not_applicable", "It is no component of another product.", "", False),
    "ANNEX-IV.2.f": ("not_met", "No change is determined yet.", "", False),
    "ANNEX-IV.2.g": ("met", "Validated at five hospitals.", "auroc/overall", False),
    "ANNEX-IV.9": ("met", "Plan, version 1.", "changing.md", True),
    "ANNEX-V.6": ("met", "EN 62304:2006 + A1:2015.", "ifu.md", False),
    "ANNEX-V.7": ("not_met", "No body is chosen.", "", False),
    "AIDSF-V.1": ("met", "Stated on page 1.", "ifu.md", True),
    "AIDSF-V.2": ("partly", "Outputs are open.", "", False),
    "AIDSF-X.7": ("met", "Reported by subgroup.", "", False),
    "AIDSF-VII.1": ("met", "Risk file.", "changing.md", False),
    "MC-1": ("reported", "Created in 2026.", "", False),
    "PCCP-VI.B.1": ("met", "New hospitals.", "ifu.md", False),
    "PCCP-VI.B.2": ("not_applicable", "Nothing is automatic.", "", False),
    "PCCP-VI.C": ("partly", "Types are named.", "", False),
    "PCCP-VII.B.1": ("met", "Data plan.", "", False),
    "PCCP-VII.B.3": ("not_met", "No criteria.", "", False),
    "1.a.1": ("yes", "Adults.", "", False),
    "ALTAI-0.1": ("yes", "By race.", "auroc/overall", False),
    "ALTAI-1.1.1": ("dont_know", "Under study.", "", False),
    "ALTAI-2.1.2": ("no", "No scheme yet.", "", True),
}


def desk_at(folder: Path, route: str = "annex_i", change_plan: str = "true") -> Desk:
    """A profile, an audit and documents; nothing is answered."""
    (folder / "out").mkdir()
    (folder / "out" / "audit.json").write_text(sample().to_json(), "utf-8")
    for name in ("ifu.md", "changing.md"):
        (folder / name).write_text(name, "utf-8")
    text = PROFILE.format(route=route, change_plan=change_plan)
    (folder / "equipoise.yaml").write_text(text, "utf-8")
    return open_desk(folder / "equipoise.yaml", folder / "answers.yaml", None, ON)


def answer(desk: Desk) -> None:
    """Answer; one document changes afterwards."""
    for item, (response, rationale, cited, signed) in ANSWERS.items():
        made = new_answer(
            desk.state(item).standing,
            response=response,
            by=ANN,
            at=datetime(2026, 11, 3, 9, tzinfo=UTC),
            rationale=rationale,
            evidence=list(_evidence(desk, cited)),
        )
        for decision in DECISIONS if signed else ():
            made = reviewed(made, decision, BEN, datetime(2026, 11, 20, 8, tzinfo=UTC))
        change_answer(desk.answers_path, item, None, lambda _, made=made: made)  # type: ignore[misc]
    (desk.answers_path.parent / "changing.md").write_text("Version 2.", "utf-8")


def _evidence(desk: Desk, cited: str) -> Iterator[Evidence]:
    folder = desk.answers_path.parent
    if "/" in cited:
        assert desk.audit is not None
        yield figure_evidence(desk.audit, cited, folder)
    elif cited:
        yield file_evidence(folder / cited, folder, "section 3")


def papers_at(desk: Desk, template: str, answers: AnswersFile | None = None) -> Papers:
    """Papers whose assessment holds the instruments that the template asks for."""
    result: AuditResult = sample()
    assessment = desk.assess(outline(template).instruments, answers)
    return Papers(result, result.to_json().encode(), "version: 1\n", assessment)


def every(planned: tuple[OutlineSection, ...]) -> Iterator[OutlineSection]:
    """Sections and what is below them."""
    for section in planned:
        yield section
        yield from every(section.subsections)


def by_section(template: Outline, papers: Papers) -> dict[str, str]:
    """Text of every section and subsection by its id."""
    found: dict[str, list[Block]] = {}
    known = {section.id for section in every(template.sections)}
    for section in build_view(papers, template).sections:
        place = section.id
        found[place] = []
        for block in section.blocks:
            if isinstance(block, Heading) and block.id in known:
                place = block.id
                found[place] = []
            else:
                found[place].append(block)
    return {id: " ".join(str(block) for block in blocks) for id, blocks in found.items()}


def told(view: Report) -> str:
    """Everything a document says, as one text."""
    parts = [str(view.cover), str(view.summary), view.kind, view.neutral]
    return " ".join([*parts, *(str(section) for section in view.sections)])
