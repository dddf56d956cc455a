"""One statement for many items: which ask the same, which are drafts, and who disagrees."""

from collections.abc import Mapping
from datetime import date, timedelta
from itertools import product
from typing import Any, get_args

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from checklists.answering import also_answered
from checklists.answers import Answer, FileEvidence
from checklists.catalogue import Catalogue, crossed, load_catalogue
from checklists.crosswalk import Overlap, equals, matrix, offers
from checklists.vocabulary import Relation
from tests.checklists.builders import (
    MOMENT,
    Data,
    catalogue_of,
    instrument_data,
    instrument_of,
    item_data,
)
from tests.checklists.papers import ON, assessed, plain, state_of

RELATIONS: tuple[Relation, ...] = get_args(Relation)
TURNED: Mapping[Relation, Relation] = {
    "equal": "equal", "related": "related", "subset": "superset", "superset": "subset",
}  # fmt: skip
Links = dict[tuple[str, str], Relation]
NAMES = tuple(f"{name}-{n}" for name in "PQR" for n in (1, 2, 3))


def mapped(
    links: Links,
    both: frozenset[tuple[str, str]] = frozenset(),
    changed: Mapping[str, Data] = {},
) -> Catalogue:
    """Three instruments of three items; a link may be written down at both of its ends."""
    written = dict(links)
    written |= {(b, a): TURNED[links[a, b]] for a, b in both if (a, b) in links}
    data = []
    for name in "PQR":
        items = []
        for id in (n for n in NAMES if n.startswith(name)):
            maps: dict[str, list[str]] = {}
            for (one, other), relation in written.items():
                if one == id:
                    maps.setdefault(relation, []).append(other)
            items.append(item_data(id, maps_to=maps, **changed.get(id, {})))
        data.append(instrument_data(name.lower(), *items))
    return catalogue_of(*data)


@st.composite
def graphs(draw: st.DrawFn) -> tuple[Links, frozenset[tuple[str, str]]]:
    pairs = [(a, b) for a, b in product(NAMES, NAMES) if a < b]
    chosen = draw(st.lists(st.sampled_from(pairs), unique=True, max_size=12))
    links = {}
    for a, b in chosen:
        one, other = draw(st.sampled_from([(a, b), (b, a)]))
        links[one, other] = draw(st.sampled_from(["equal", *RELATIONS]))
    both = draw(st.lists(st.sampled_from([*links]), unique=True)) if links else []
    return links, frozenset(both)


def closure(links: Links) -> dict[str, set[str]]:
    """Which items ask the same, by trying every way (Warshall)."""
    same = {(a, a) for a in NAMES}
    for (a, b), relation in links.items():
        if relation == "equal":
            same |= {(a, b), (b, a)}
    for k, i, j in product(NAMES, repeat=3):
        if (i, k) in same and (k, j) in same:
            same.add((i, j))
    return {a: {b for b in NAMES if (a, b) in same} for a in NAMES}


# The same


@settings(max_examples=150, deadline=None)
@given(graphs())
def test_asking_the_same_is_an_equivalence(
    graph: tuple[Links, frozenset[tuple[str, str]]],
) -> None:
    links, both = graph
    catalogue = mapped(links, both)
    classes = closure(links)
    for id in NAMES:
        found = equals(catalogue, id)
        assert [*found] == sorted(classes[id] - {id})
        for other in found:
            assert {*equals(catalogue, other), other} == {*found, id}


@settings(max_examples=150, deadline=None)
@given(graphs())
def test_a_mapping_reads_the_same_from_both_ends(
    graph: tuple[Links, frozenset[tuple[str, str]]],
) -> None:
    links, both = graph
    found = mapped(links, both).mapped
    told = {(a, b): relation for a, others in found.items() for b, relation in others.items()}
    assert told == links | {(b, a): TURNED[relation] for (a, b), relation in links.items()}


# Drafts


@settings(max_examples=150, deadline=None)
@given(graphs(), st.sets(st.sampled_from(NAMES)))
def test_offers_are_what_is_mapped_to_the_item_or_to_one_that_asks_the_same(
    graph: tuple[Links, frozenset[tuple[str, str]]], answered: set[str]
) -> None:
    links, both = graph
    catalogue = mapped(links, both)
    order: list[Relation] = ["superset", "subset", "related"]
    for id, same in closure(links).items():
        wanted: dict[str, Relation] = {}
        for (a, b), relation in links.items():
            for mine, other, turned in ((a, b, TURNED[relation]), (b, a, relation)):
                if mine not in same or other in same or other not in answered:
                    continue
                if other not in wanted or order.index(turned) < order.index(wanted[other]):
                    wanted[other] = turned
        found = offers(catalogue, id, answered)
        assert {o.item: o.relation for o in found} == wanted
        ranks = [(order.index(o.relation), o.item) for o in found]
        assert ranks == sorted(ranks)


def test_the_wider_statement_is_offered_first_then_the_narrower_then_the_related() -> None:
    catalogue = mapped(
        {("P-1", "Q-3"): "subset", ("P-1", "Q-1"): "superset", ("R-1", "P-1"): "related",
         ("R-2", "P-1"): "superset"}
    )  # fmt: skip
    found = offers(catalogue, "P-1", NAMES)
    assert [(o.item, o.relation) for o in found] == [
        ("Q-3", "superset"), ("R-2", "superset"), ("Q-1", "subset"), ("R-1", "related"),
    ]  # fmt: skip
    assert offers(catalogue, "P-1", ["R-1", "nowhere"])[0].item == "R-1"
    assert offers(catalogue, "P-1", []) == ()


def test_nothing_is_offered_to_itself_or_as_a_draft_of_what_it_answers() -> None:
    links: Links = {
        ("P-1", "Q-1"): "equal", ("Q-1", "R-1"): "equal", ("R-1", "P-1"): "related",
    }  # fmt: skip
    assert offers(mapped(links), "P-1", NAMES) == ()


# The matrix


def test_the_matrix_is_that_counted_by_hand() -> None:
    catalogue = mapped(
        {
            ("P-1", "Q-1"): "equal",
            ("Q-1", "R-1"): "equal",
            ("P-1", "R-1"): "related",  # less than equal, which P-1 and R-1 are through Q-1
            ("P-2", "Q-2"): "subset",
            ("P-3", "Q-1"): "superset",
            ("P-3", "Q-2"): "related",  # less than superset
            ("R-2", "P-2"): "related",
            ("R-3", "R-2"): "subset",  # within one instrument
        }
    )
    assert matrix(catalogue, ["p", "q", "r"]) == (
        Overlap("p", "q", items=3, equal=1, part=2, related=0),
        Overlap("p", "r", items=3, equal=1, part=0, related=1),
        Overlap("q", "p", items=3, equal=1, part=1, related=0),
        Overlap("q", "r", items=3, equal=1, part=0, related=0),
        Overlap("r", "p", items=3, equal=1, part=0, related=1),
        Overlap("r", "q", items=3, equal=1, part=0, related=0),
    )
    assert matrix(catalogue, ["q", "p"]) == (
        Overlap("q", "p", items=3, equal=1, part=1, related=0),
        Overlap("p", "q", items=3, equal=1, part=2, related=0),
    )
    assert matrix(catalogue, ["p"]) == ()


@settings(max_examples=100, deadline=None)
@given(graphs())
def test_no_item_is_counted_twice_in_a_cell(
    graph: tuple[Links, frozenset[tuple[str, str]]],
) -> None:
    links, both = graph
    classes = closure(links)
    for cell in matrix(mapped(links, both), ["p", "q", "r"]):
        mine = [n for n in NAMES if n.startswith(cell.instrument.upper())]
        theirs = {n for n in NAMES if n.startswith(cell.other.upper())}
        linked = {a for pair in links for a, b in (pair, pair[::-1]) if b in theirs}
        assert cell.equal == sum(bool(classes[n] & theirs) for n in mine)
        assert cell.equal + cell.part + cell.related == sum(
            n in linked or bool(classes[n] & theirs) for n in mine
        )


@pytest.mark.parametrize(("mine", "theirs", "told"), [
    ({"equal": ["B-1"]}, {"related": ["A-1"]}, ["B-1 is mapped to A-1 as equal and related"]),
    ({"subset": ["B-1"]}, {"subset": ["A-1"]}, ["B-1 is mapped to A-1 as superset and subset"]),
    ({"subset": ["B-1"]}, {"superset": ["A-1"]}, []),
    ({"equal": ["B-1"], "related": ["B-1"]}, {}, ["A-1 is mapped to B-1 as equal and related"]),
])  # fmt: skip
def test_two_relations_between_the_same_items_are_refused(
    mine: Data, theirs: Data, told: list[str]
) -> None:
    read = [
        ("a.yaml", instrument_of(instrument_data("a", item_data("A-1", maps_to=mine)))),
        ("b.yaml", instrument_of(instrument_data("b", item_data("B-1", maps_to=theirs)))),
    ]
    found = [*crossed(read)]
    assert [p.reason for p in found] == told
    assert {p.code for p in found} <= {"two_relations"}


def test_the_shipped_mapping_is_consistent() -> None:
    catalogue = load_catalogue()
    for id in catalogue.items:
        same = equals(catalogue, id)
        assert all(id in equals(catalogue, other) for other in same)
        for other, relation in catalogue.mapped[id].items():
            assert catalogue.mapped[other][id] == TURNED[relation]
            assert (relation == "equal") <= (other in same)
            assert other != id


# One statement for several items

SAME: Links = {("P-1", "Q-1"): "equal", ("Q-1", "R-1"): "equal", ("P-1", "Q-2"): "superset"}


def statement(catalogue: Catalogue, item: str = "P-1", status: str = "met", **more: Any) -> Answer:
    asked = catalogue.items[item]
    return plain(
        status,
        item_sha256=asked.sha256(asked.versions[0]),
        also=also_answered(catalogue, item, ON),
        **more,
    )


def test_a_statement_answers_every_item_that_asks_the_same() -> None:
    catalogue = mapped(SAME)
    given_ = {"P-1": statement(catalogue)}
    assert [*given_["P-1"].also] == ["Q-1", "R-1"]
    assessment = assessed(catalogue, given_)
    through = {s.item.id: s.through for s in assessment.items if s.answer is not None}
    assert through == {"P-1": None, "Q-1": "P-1", "R-1": "P-1"}
    assert all(s.status == "met" and s.stale == () and not s.open
               for s in assessment.items if s.answer is not None)  # fmt: skip
    assert [*also_answered(catalogue, "P-1", ON, but=["Q-1"])] == ["R-1"]
    assert also_answered(catalogue, "Q-2", ON) == {}


def test_it_goes_stale_for_the_item_whose_text_changed_and_for_no_other() -> None:
    given_ = {"P-1": statement(mapped(SAME))}
    later = mapped(SAME, changed={"Q-1": {"question": "Is more asked?"}})
    stale = {s.item.id: [c.cause for c in s.stale] for s in assessed(later, given_).items}
    assert {id: causes for id, causes in stale.items() if causes} == {"Q-1": ["item_changed"]}
    own = mapped(SAME, changed={"P-1": {"question": "Is more asked?"}})
    stale = {s.item.id: [c.cause for c in s.stale] for s in assessed(own, given_).items}
    assert {id: causes for id, causes in stale.items() if causes} == {"P-1": ["item_changed"]}


def test_it_goes_stale_for_all_of_them_with_its_evidence() -> None:
    catalogue = mapped(SAME)
    gone = FileEvidence(file="gone.pdf", sha256="a" * 64)
    assessment = assessed(catalogue, {"P-1": statement(catalogue, evidence=(gone,))})
    assert [s.item.id for s in assessment.items if s.stale] == ["P-1", "Q-1", "R-1"]


def test_the_hash_is_of_the_text_on_the_day_of_the_answer() -> None:
    versions = [
        {"edition": "first", "valid_from": date(2025, 1, 1), "valid_until": date(2027, 1, 1),
         "status": "binding"},
        {"edition": "first", "valid_from": date(2027, 1, 1), "status": "binding",
         "question": "Is more asked?"},
    ]  # fmt: skip
    catalogue = mapped(SAME, changed={"Q-1": {"versions": versions}})
    item = catalogue.items["Q-1"]
    for on, version in ((date(2026, 12, 31), 0), (date(2027, 1, 1), 1)):
        assert also_answered(catalogue, "P-1", on)["Q-1"] == item.sha256(item.versions[version])


@pytest.mark.parametrize(("status", "told"), [("partly", [("P-1", "Q-1")]), ("met", [])])
def test_an_answer_of_its_own_stands_and_a_disagreement_is_told(
    status: str, told: list[tuple[str, str]]
) -> None:
    catalogue = mapped(SAME)
    own = plain(status, item_sha256=catalogue.items["Q-1"].sha256())
    assessment = assessed(catalogue, {"P-1": statement(catalogue), "Q-1": own})
    state = state_of(assessment, "Q-1")
    assert (state.through, state.status) == (None, status)
    assert [*assessment.disagreements] == told
    assert state_of(assessment, "R-1").through == "P-1"


@pytest.mark.parametrize("seconds", [-60, 60])
def test_of_two_statements_the_later_one_answers(seconds: int) -> None:
    catalogue = mapped(SAME)
    moment = MOMENT + timedelta(seconds=seconds)
    given_ = {
        "P-1": statement(catalogue, at=MOMENT),
        "Q-1": statement(catalogue, "Q-1", at=moment),
    }
    state = state_of(assessed(catalogue, given_), "R-1")
    assert state.through == ("Q-1" if seconds > 0 else "P-1")


def test_equal_items_with_answers_of_their_own_that_differ_are_told_once() -> None:
    catalogue = mapped(SAME)
    one = plain("met", item_sha256=catalogue.items["P-1"].sha256())
    other = plain("not_met", item_sha256=catalogue.items["R-1"].sha256())
    assessment = assessed(catalogue, {"P-1": one, "R-1": other})
    assert [*assessment.disagreements] == [("P-1", "R-1")]


def test_what_is_not_mapped_as_equal_any_more_is_no_answer_and_is_told() -> None:
    given_ = {"P-1": statement(mapped(SAME))}
    later = mapped({("P-1", "Q-1"): "related", ("Q-1", "R-1"): "equal"})
    assessment = assessed(later, given_)
    assert [s.item.id for s in assessment.items if s.answer is not None] == ["P-1"]
    assert [*assessment.unmapped] == [("P-1", "Q-1"), ("P-1", "R-1")]
    assert assessed(mapped(SAME), given_).unmapped == ()
