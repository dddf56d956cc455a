"""What an audit offers to an item, and its findings that speak against an answer."""

from functools import cache
from typing import Any

import pytest

from checklists.answers import AuditSource, FigureEvidence
from checklists.assessment import Contradiction, contradictions
from checklists.catalogue import load_catalogue
from checklists.figures import site_id
from checklists.instrument import Item
from checklists.proposals import ELSEWHERE, AuditEvidence
from checklists.vocabulary import KEY_NAMES, KEYS, Key
from tests.checklists.builders import item_data
from tests.checklists.papers import AUDITS, judged, plain, single


@cache
def evidence(name: str) -> AuditEvidence:
    return AuditEvidence(AUDITS[name]())


# Proposals


def item_with(*keys: Key, automation: str = "yes", **more: Any) -> Item:
    return single(
        item_data("H-1", evidence_keys=[*keys], automation=automation, **more)
    ).items["H-1"]  # fmt: skip


@pytest.mark.parametrize("name", AUDITS)
@pytest.mark.parametrize("key", KEYS)
def test_every_key_has_figures_or_a_reason_why_not(key: Key, name: str) -> None:
    audit = evidence(name)
    offered = audit.proposals(item_with(key))
    why = audit.unanswered(item_with(key))
    assert (len(offered) > 0) != (len(why) > 0)
    assert all(p.figure in audit.sentences for p in offered)
    assert all(p.sentence == audit.sentences[p.figure] for p in offered)
    assert all(p.keys == (key,) for p in offered)
    assert len({p.figure for p in offered}) == len(offered)
    if why:
        reason = ELSEWHERE.get(key, "this audit holds no such figure")
        assert why == (f"{KEY_NAMES[key]}: {reason}",)


NOTHING = {
    "judged": set(ELSEWHERE),
    "shared": set(ELSEWHERE),
    "few": {*ELSEWHERE, "ROB", "CARD"},
    "classes": {*ELSEWHERE, "ROB", "CARD"},
    "amounts": {*ELSEWHERE, "ROB", "CARD", "THR"},
}


@pytest.mark.parametrize("name", AUDITS)
def test_only_what_no_such_audit_holds_goes_without_figures(name: str) -> None:
    audit = evidence(name)
    assert {key for key in KEYS if not audit.proposals(item_with(key))} == NOTHING[name]


@pytest.mark.parametrize("name", AUDITS)
def test_every_shipped_item_gets_figures_or_reasons(name: str) -> None:
    audit = evidence(name)
    for item in load_catalogue().items.values():
        offered = {key for p in audit.proposals(item) for key in p.keys}
        told = {line.split(":")[0] for line in audit.unanswered(item)}
        missing = {KEY_NAMES[key] for key in item.evidence_keys if key not in offered}
        assert told == missing


def test_a_figure_for_several_keys_is_offered_once_with_all_of_them() -> None:
    offered = evidence("judged").proposals(item_with("DQ", "DATA"))
    keys = {p.figure: p.keys for p in offered}
    assert keys["cohort/overall"] == ("DQ", "DATA")
    assert keys["cohort/race"] == ("DATA",)
    assert offered[0].figure == "cohort/overall"


def test_verdicts_speak_to_what_they_are_about_and_come_first() -> None:
    audit = evidence("judged")
    assert audit.verdict_keys == {
        "good": {"PERF"}, "bad": {"PERF"}, "narrow": {"SUB"}, "cal": {"CAL"},
        "everywhere": {"SUB", "ROB"}, "use": {"THR", "PERF"},
    }  # fmt: skip
    offered = audit.proposals(item_with("PERF"))
    assert [(p.figure, p.verdict) for p in offered] == [
        ("verdict/good", "met"), ("verdict/bad", "violated"), ("verdict/use", "met"),
        ("auroc/overall", None), ("sensitivity/overall", None), ("net_benefit/overall", None),
    ]  # fmt: skip
    assert [p.figure for p in audit.proposals(item_with("ROB"))][:2] == [
        "verdict/everywhere", "sites/auroc",
    ]  # fmt: skip


def test_a_task_of_several_classes_is_spoken_for_as_a_whole() -> None:
    audit = evidence("classes")
    figures_ = [p.figure for p in audit.proposals(item_with("PERF"))]
    assert figures_[:4] == ["verdict/ranks", "verdict/each", "verdict/mel", "macro_auroc/overall"]
    assert "sensitivity[naevus]/overall" in figures_
    calibration = {p.figure for p in audit.proposals(item_with("CAL"))}
    assert {f"oe_ratio[{name}]/overall" for name in ("mel", "naevus", "bcc")} <= calibration


def test_sites_of_one_measure_have_one_id_each() -> None:
    sites = judged().sites
    assert sites is not None
    ids = [site_id(h) for h in sites.heterogeneity]
    assert len(set(ids)) == len(ids)
    assert {"sites/auroc", "sites/auroc/difference/race/race=B"} <= {*ids}


# Findings against an answer

SOURCE = AuditSource(file="audit.json", sha256="1" * 64, plan="2" * 64, data=())


def found(item: Item, status: str, *cited: str, name: str = "judged") -> dict[str, Contradiction]:
    given = [FigureEvidence(figure=f, audit=SOURCE, statement="Seen.") for f in cited]
    answer = plain(status, rationale="So.", evidence=given)
    return {c.finding: c for c in contradictions(item, answer, evidence(name))}


AGAINST: list[tuple[Key, set[str]]] = [
    ("PERF", {"verdict/bad"}),
    ("SUB", {"verdict/narrow", "verdict/everywhere"}),
    ("ROB", {"verdict/everywhere"}),
    ("CAL", set()),
    ("THR", set()),
    ("LOG", set()),
    ("ADV", set()),
]


@pytest.mark.parametrize(("key", "wanted"), AGAINST)
@pytest.mark.parametrize("automation", ["yes", "partly"])
def test_met_is_held_against_what_is_violated_or_not_shown(
    key: Key, wanted: set[str], automation: str
) -> None:
    against = found(item_with(key, automation=automation), "met")
    assert set(against) == wanted
    for id, c in against.items():
        assert c.sentence == evidence("judged").sentences[id]
        assert not c.explained
        assert c.shown == (id == "verdict/bad")
        assert c.words == (
            "the audit says otherwise (to be explained)" if c.shown
            else "the audit does not show it (to be explained)"
        )  # fmt: skip


def test_met_is_held_against_what_cannot_be_judged() -> None:
    against = found(item_with("SUB"), "met", name="few")
    assert {id: c.shown for id, c in against.items()} == {
        "verdict/all": False, "verdict/none": False,
    }  # fmt: skip
    assert "which is not a pass" in against["verdict/none"].sentence


def test_a_finding_that_is_cited_is_explained_and_stays_on_record() -> None:
    against = found(item_with("PERF", "SUB"), "met", "verdict/bad", "auroc/overall")
    assert {id: c.explained for id, c in against.items()} == {
        "verdict/bad": True, "verdict/narrow": False, "verdict/everywhere": False,
    }  # fmt: skip
    assert against["verdict/bad"].words == "the audit says otherwise (explained)"


@pytest.mark.parametrize("status", ["not_met", "partly", "not_assessed"])
def test_nothing_speaks_against_an_answer_that_claims_nothing(status: str) -> None:
    assert found(item_with("PERF", "SUB", "ROB", "DATA"), status) == {}


@pytest.mark.parametrize("status", ["met", "not_applicable"])
def test_nothing_speaks_against_an_item_that_an_audit_cannot_judge(status: str) -> None:
    assert found(item_with("PERF", "SUB", automation="no"), status) == {}


def test_not_applicable_is_held_against_figures_at_hand() -> None:
    against = found(item_with("DATA"), "not_applicable")
    assert {id: c.shown for id, c in against.items()} == {"cohort/overall": True}
    assert found(item_with("DATA"), "not_applicable", "cohort/overall")["cohort/overall"].explained
    assert found(item_with("DATA", automation="partly"), "not_applicable") == {}
    assert found(item_with("ADV"), "not_applicable") == {}
    assert found(item_with(), "not_applicable") == {}


def test_nothing_speaks_against_an_answer_without_an_audit_or_no_answer() -> None:
    item = item_with("PERF")
    assert contradictions(item, plain("met"), None) == ()
    assert contradictions(item, None, evidence("judged")) == ()


@pytest.mark.parametrize("scale", ["descriptive", "classification"])
def test_nothing_speaks_against_a_description(scale: str) -> None:
    assert set(found(item_with("PERF"), "met")) == {"verdict/bad"}
    assert found(item_with("PERF", scale=scale), "met") == {}
