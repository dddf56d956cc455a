"""ALTAI, the AI Act and FDA for the heart model: answered from its audit, and stale on new data."""

import json
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import yaml

from audit.result_file import read_result
from checklists.answering import also_answered, figure_evidence, file_evidence, new_answer
from checklists.answers import Answer, FigureEvidence, Person
from checklists.answers_file import change_answers, read_answers
from checklists.assessment import ItemState
from checklists.figures import figures
from checklists.scales import SCALES
from checklists.staleness import CurrentAudit
from commands.audit import Flags, run_audit
from commands.checklist.desk import Desk, open_desk
from commands.demos.heart import build
from tests.checklists.builders import MOMENT, write_yaml
from tests.end_to_end.checklist_folder import Checklist
from tests.end_to_end.command import run

pytestmark = pytest.mark.slow
ON = "2026-11-23"
ADA = Person(name="Ada", role="regulatory affairs")
FOLLOWED = ("altai", "eu-ai-act", "fda-ai-dsf", "gmlp")
PROFILE = {
    "role": ["provider"],
    "jurisdiction": ["EU", "US"],
    "lifecycle": "premarket",
    "ai_act_route": ["annex_i"],
    "mdr_class": "IIa",
    "medical_device": True,
    "fda_pathway": "de_novo",
    "generative": False,
    "instruments": [*FOLLOWED],
}


@dataclass(frozen=True)
class Product:
    """The folder of the demonstration: plan and profile, predictions, audit, answers."""

    path: Path
    original: bytes

    @property
    def predictions(self) -> Path:
        return self.path / "predictions.parquet"

    def audit(self) -> None:
        run_audit(
            [], self.path / "equipoise.yaml", Flags(), model=None, out=self.path / "out", quiet=True
        )

    def sentences(self) -> dict[str, str]:
        return dict(figures(read_result(self.path / "out" / "audit.json")))

    def answers(self) -> dict[str, Answer]:
        return read_answers(self.path / "ours.yaml").answers

    def change_one_row(self) -> None:
        table = pq.read_table(self.predictions)
        scores = table["p"].to_pylist()
        scores[0] = 1 - scores[0]
        place = table.column_names.index("p")
        pq.write_table(table.set_column(place, "p", pa.array(scores)), self.predictions)


@pytest.fixture(scope="module")
def answered(tmp_path_factory: pytest.TempPathFactory) -> Product:
    """The demonstration with fewer resamples, every item of four instruments answered."""
    folder = tmp_path_factory.mktemp("heart")
    build(folder)
    plan = folder / "equipoise.yaml"
    text = yaml.safe_load(plan.read_text(encoding="utf-8"))
    # Fewer resamples and no pairs of attributes: what is cited differs, what is tested does not.
    write_yaml(plan, {**text, "resamples": 200, "depth": 1, "profile": PROFILE})
    (folder / "manual.md").write_text("# Quality manual\n", encoding="utf-8")
    product = Product(folder, (folder / "predictions.parquet").read_bytes())
    product.audit()
    desk = open_desk(plan, folder / "ours.yaml", None, ON)
    while wanted := [s for s in desk.assess().items if s.open]:
        answer_all(desk, wanted)
    return product


def answer_all(desk: Desk, states: list[ItemState]) -> None:
    """Answer items as a person would; what an equal item says already is not said again."""
    assert desk.audit is not None
    made: dict[str, Answer] = {}
    given = {*desk.answers().answers}
    shared: set[str] = set()
    for state in states:
        if state.item.id not in shared:
            answer = answer_one(desk, desk.audit, state, given | {*made})
            made[state.item.id] = answer
            shared |= {*answer.also}
    change_answers(desk.answers_path, dict.fromkeys(made), lambda id, _: made[id])


def answer_one(desk: Desk, audit: CurrentAudit, state: ItemState, given: set[str]) -> Answer:
    """Cite what the audit offers; in part where it does not show all; a document where nothing."""
    base = desk.answers_path.parent
    offered = audit.evidence.proposals(state.item)
    verdicts = {f"verdict/{v.requirement}": v.status for v in audit.file.result.verdicts}
    against = any(verdicts.get(p.figure, "met") != "met" for p in offered)
    words = [r.id for r in SCALES[state.item.scale].responses if r.status == "partly"]
    first = SCALES[state.item.scale].responses[0].id
    return new_answer(
        state.standing,
        response=words[0] if against and words else first,
        rationale="The audit does not show it for every group." if against else "As cited.",
        options=[*state.item.options],
        evidence=[figure_evidence(audit, p.figure, base) for p in offered]
        or [file_evidence(base / "manual.md", base, "chapter 2")],
        also=also_answered(desk.profile.catalogue, state.item.id, desk.on, but=given),
        by=ADA,
        at=MOMENT,
    )


@pytest.fixture
def product(answered: Product, monkeypatch: pytest.MonkeyPatch) -> Iterator[Product]:
    """The demonstration with the predictions that were audited, and so it is left behind."""
    monkeypatch.chdir(answered.path)
    monkeypatch.setenv("EQUIPOISE_ANSWERS", "ours.yaml")
    monkeypatch.setenv("EQUIPOISE_AS_OF", ON)
    monkeypatch.setenv("EQUIPOISE_NAME", "Ben")
    monkeypatch.setenv("EQUIPOISE_ROLE", "biostatistician")
    yield answered
    answered.predictions.write_bytes(answered.original)


@pytest.fixture
def checklist(
    product: Product, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> Checklist:
    return lambda *words: run(capsys, monkeypatch, "checklist", *words)


def rows(checklist: Checklist) -> list[dict[str, Any]]:
    """Every item that counts, as it stands."""
    exported = json.loads(checklist("export", "--format", "json").out)
    found: list[dict[str, Any]] = exported["items"]
    wanted = ("due_now", "readiness_gap", "watch")
    return [row for row in found if row["state"] in wanted and row["branch"] == "asked"]


def cites(row: dict[str, Any]) -> bool:
    return any("figure" in evidence for evidence in row["answer"]["evidence"])


def causes(row: dict[str, Any]) -> set[str]:
    return {reason["cause"] for reason in row["stale"]}


def test_all_of_it_is_answered_from_one_audit(product: Product, checklist: Checklist) -> None:
    found = rows(checklist)
    assert all(row["answer"] is not None and not row["stale"] for row in found)
    counts = Counter(row["instrument"] for row in found)
    assert counts.keys() == {*FOLLOWED}
    assert all(
        counts[name] > least for name, least in zip(FOLLOWED, (100, 200, 80, 9), strict=True)
    )
    ended = checklist("status", "--fail-on", "unanswered", "--fail-on", "stale")
    assert ended.code == 0
    for name in FOLLOWED:
        assert f"\n{name}  " in ended.out
        assert f"  all: {counts[name]} of {counts[name]} answered" in ended.out
    # What the audit found against the model is said in every answer that it concerns.
    assert checklist("status", "--fail-on", "contradicted").code == 0
    assert "to be explained" not in ended.out


def test_every_figure_that_is_cited_is_one_of_the_audit(
    product: Product, checklist: Checklist
) -> None:
    sentences = product.sentences()
    cited = [
        evidence
        for answer in product.answers().values()
        for evidence in answer.evidence
        if isinstance(evidence, FigureEvidence)
    ]
    assert all(evidence.statement == sentences[evidence.figure] for evidence in cited)
    used = {evidence.figure for evidence in cited}
    assert used >= {"verdict/auroc-hospital", "auroc/overall", "auroc/gap/sex", "provenance"}
    with_figures = Counter(row["instrument"] for row in rows(checklist) if cites(row))
    assert with_figures.keys() == {*FOLLOWED}
    assert sum(with_figures.values()) > 100


def test_one_changed_row_makes_stale_what_rests_on_it_and_nothing_else(
    product: Product, checklist: Checklist
) -> None:
    before = rows(checklist)
    rests, stands = "AIA-10.2.f", "AIA-17.1.a"
    assert {row["id"]: cites(row) for row in before if row["id"] in (rests, stands)} == {
        rests: True, stands: False,
    }  # fmt: skip
    assert checklist("review", rests, stands).code == 0
    product.change_one_row()
    after = rows(checklist)
    assert [row["id"] for row in after] == [row["id"] for row in before]
    for row in after:
        assert causes(row) == ({"data_changed"} if cites(row) else set()), row["id"]
    stale = sum(cites(row) for row in after)
    ended = checklist("status", "--fail-on", "stale")
    assert ended.code == 1
    told = "predictions.parquet: it is not the file that was audited; run `equipoise audit` again"
    assert " ".join(ended.out.split()).count(f"! stale, {told}") == stale
    linted = checklist("lint")
    assert linted.code == 1
    assert linted.out.count("stale, ") == stale
    sign = ("--decision", "signed_off")
    refused = checklist("review", rests, *sign)
    assert refused.code == 2
    assert f"{rests}: it is stale ({told})" in refused.err
    assert checklist("review", stands, *sign).code == 0
    product.predictions.write_bytes(product.original)
    assert not any(causes(row) for row in rows(checklist))
    assert checklist("lint").code == 0


def test_a_new_audit_leaves_answers_stale_and_says_what_the_figures_say_now(
    product: Product, checklist: Checklist
) -> None:
    path = product.path / "out" / "audit.json"
    original, old = path.read_bytes(), product.sentences()
    product.change_one_row()
    product.audit()
    new = product.sentences()
    assert old["auroc/overall"] != new["auroc/overall"]
    moved = 0
    for row in rows(checklist):
        if not cites(row):
            assert causes(row) == set()
            continue
        assert causes(row) >= {"data_changed"}
        assert not causes(row) & {"plan_changed", "model_changed", "audit_missing"}
        now = {r["what"]: r["detail"] for r in row["stale"] if r["cause"] == "audit_changed"}
        for figure in (e["figure"] for e in row["answer"]["evidence"]):
            if new.get(figure) != old[figure]:
                assert now[figure] == f"it now says: {new[figure]}"
                moved += 1
            else:
                assert figure not in now
    assert moved > 100
    shown = " ".join(checklist("show", "AIA-15.1").out.split())
    assert f"auroc/overall: it now says: {new['auroc/overall']}" in shown
    assert f"- auroc/overall: {old['auroc/overall']}" in shown

    # The old data give the old audit, whatever the profile says of the product by now.
    product.predictions.write_bytes(product.original)
    plan = product.path / "equipoise.yaml"
    text = yaml.safe_load(plan.read_text(encoding="utf-8"))
    write_yaml(plan, {**text, "profile": {**PROFILE, "connected": True}})
    product.audit()
    assert path.read_bytes() == original
    assert not any(causes(row) for row in rows(checklist))
