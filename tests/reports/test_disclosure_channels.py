"""Who holds everything that left of a shared audit cannot work out what was withheld."""

import json
import math
from collections.abc import Iterable, Iterator
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import pytest

import audit.suppression
from audit.disclosure import shareable, withheld_from
from audit.result import AuditResult
from checklists.shared_texts import TOLD
from commands.papers import Named, gather
from reports import words
from reports.outline import outline, outlines
from reports.papers import Papers
from tests.audit.builders import audited
from tests.reports.attacker import (
    Known,
    World,
    beside,
    read_audit,
    read_records,
    read_sentences,
    recovered,
    recovered_bins,
    telling,
)
from tests.reports.channels import AS_OF, Left, lay_out, leaving
from tests.reports.drawn import texts as texts_drawn
from tests.reports.nasty import CASES, full, shared
from tests.reports.quoting import CLAIMED, RELOCKED, claimed, relocked, size

pytestmark = pytest.mark.slow
# Each of these has its papers made in full, with answers that cite what is withheld.
IN_FULL = ("two-by-two", "few-positives", "covariate")
EVERY_TEMPLATE = "few-positives"
Found = dict[tuple[str, str], tuple[int, int]]


def attack(name: str, result: AuditResult, strata: Iterable[str] | None = None) -> Found:
    """What the audit alone gives away."""
    case = CASES[name]
    audit = json.loads(result.to_json())
    world, known = World.of(audit, case.possible), Known()
    read_audit(audit, known, world)
    return recovered(world, known, case.min_cell, strata)


def primary_only(name: str) -> AuditResult:
    """The result with no more withheld than what is small itself."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(audit.suppression, "_complete", lambda *_: None)
        return shareable(full(name), CASES[name].min_cell)


@pytest.mark.parametrize("name", CASES)
def test_no_withheld_count_is_recovered(name: str) -> None:
    gone = withheld_from(shared(name))
    assert set(CASES[name].protected) <= gone
    assert gone < {c.stratum for c in full(name).cohort.strata}
    assert attack(name, shared(name)) == {}


@pytest.mark.parametrize("name", CASES)
def test_the_attacker_recovers_them_from_the_audit_that_stays(name: str) -> None:
    truth = {c.stratum: c for c in full(name).cohort.strata}
    gone = withheld_from(shared(name))
    found = attack(name, full(name), gone)
    assert {stratum for stratum, _ in found} == gone
    for (stratum, count), (low, high) in found.items():
        assert low == high == getattr(truth[stratum], count)
    for stratum in CASES[name].protected:
        small = [v for c in ("tp", "fn", "fp", "tn") if (v := getattr(truth[stratum], c))]
        assert min(small) < CASES[name].min_cell


@pytest.mark.parametrize("name", [n for n, c in CASES.items() if c.secondary])
def test_nor_is_it_enough_to_withhold_what_is_small(name: str) -> None:
    found = attack(name, primary_only(name))
    assert found
    truth = {c.stratum: c for c in full(name).cohort.strata}
    for (stratum, count), (low, high) in found.items():
        assert low == high == getattr(truth[stratum], count)


@pytest.mark.parametrize(
    ("name", "part"), [("both-left-out", "disparities"), ("both-left-out-sites", "sites")]
)
def test_a_figure_over_the_others_tells_that_the_rest_is_small(name: str, part: str) -> None:
    """Two withheld levels of which each has fewer than ten and both together eighteen."""
    told = shared(name).model_copy(update={part: getattr(full(name), part)})
    if part == "disparities":
        gaps = [d for d in full(name).disparities if d.id == "sensitivity/gap/race"]
        assert [d.status for d in gaps] == ["ok"]
        told = shared(name).model_copy(update={part: tuple(gaps)})
    found = attack(name, told)
    assert found[CASES[name].protected[0], "n_positive"] == (9, 9)


@pytest.mark.parametrize("name", ["few-positives", "nested-twice", "five"])
def test_no_small_bin_of_scores_is_recovered(name: str) -> None:
    before, after = (json.loads(r.to_json()) for r in (full(name), shared(name)))
    unions: dict[str, list[str]] = {}
    if "region" in CASES[name].names:
        for hospital, region in CASES[name].cells:
            unions.setdefault(f"region={region}", []).append(f"hospital={hospital}")
    for attribute in CASES[name].names[:1]:
        assert recovered_bins(after, attribute, CASES[name].min_cell, unions) == {}
        found = recovered_bins(before, attribute, CASES[name].min_cell)
        counts = {r["stratum"]: r for r in before["curves"]["risk"]}
        for (stratum, outcome, low), (least, most) in found.items():
            assert least == most == counts[stratum][outcome][round(low * 20)]
        assert found


TWINS = {
    "one-small-level": ("race=C", "race=D"),
    "few-positives": ("race=C", "race=B"),
    "nested": ("hospital=h3", "hospital=h4"),
    "both-left-out": ("race=C", "race=D"),
    "both-left-out-sites": ("site=s3", "site=s4"),
}


@pytest.mark.parametrize("name", TWINS)
def test_a_cohort_that_differs_in_withheld_counts_alone_gives_the_same(name: str) -> None:
    """One person of each kind is put into the other withheld stratum: nothing that leaves moves."""
    case, (one, other) = CASES[name], TWINS[name]
    attribute, _, level = one.partition("=")
    columns = {n: v.copy() for n, v in case.columns.items()}
    moved = 0
    for outcome in (0, 1):
        for flagged in (False, True):
            mine = (columns["y"] == outcome) & ((columns["p"] >= 0.4) == flagged)
            rows = np.flatnonzero(mine & (columns[attribute] == level))
            if rows.size > 1:
                columns[attribute][rows[0]] = other.partition("=")[2]
                moved += 1
    assert moved >= 2
    twin = shareable(audited(case.plan, columns), case.min_cell)
    before, after = (json.loads(r.to_json()) for r in (shared(name), twin))
    for record in (before, after):
        record["provenance"]["data"] = None
    assert [*differences(before, after)] == []
    assert [*differences(json.loads(full(name).to_json()), before)]


def differences(one: Any, other: Any, path: str = "") -> Iterator[str]:
    """Where two records differ by more than the last digits of a sum."""
    if isinstance(one, dict) and isinstance(other, dict):
        for key in one.keys() | other.keys():
            yield from differences(one.get(key), other.get(key), f"{path}.{key}")
    elif isinstance(one, list) and isinstance(other, list) and len(one) == len(other):
        for i, pair in enumerate(zip(one, other, strict=True)):
            yield from differences(*pair, f"{path}[{i}]")
    elif isinstance(one, float) and isinstance(other, float):
        if not math.isclose(one, other, rel_tol=1e-9, abs_tol=1e-9):
            yield f"{path}: {one} and {other}"
    elif one != other:
        yield f"{path}: {one} and {other}"


def test_counts_at_the_edge_of_the_rule() -> None:
    """Ten are withheld under a rule of eleven, eleven are not; the same at other rules."""
    for name in ("at-the-edge", "five", "twenty"):
        case, counts = CASES[name], {c.stratum: c for c in full(name).cohort.strata}
        (edge,) = case.protected
        assert case.min_cell - 1 in (counts[edge].tp, counts[edge].fn)
        assert counts["race=B"].tp in (case.min_cell, case.min_cell + 1)
        assert "race=B" not in withheld_from(shared(name))
        assert edge in withheld_from(shared(name))


@cache
def left(name: str, share: bool) -> Left:
    """Everything that can be made of a case by the command line's own path."""
    case = CASES[name]
    stratum, attribute = case.protected[0], case.names[0]
    cited = [f"sensitivity/{stratum}", f"cohort/{stratum}", "verdict/floor",
             f"sensitivity/gap/{attribute}"]  # fmt: skip
    with TemporaryDirectory() as place:
        folder = Path(place)
        path = lay_out(folder, case.plan, relocked(full(name), stratum), cited)
        (folder / "croissant.json").write_text(claimed(full(name), stratum), "utf-8")
        named = Named(
            path,
            folder / "equipoise.yaml",
            answers=folder / "answers.yaml",
            as_of=AS_OF,
            croissant=folder / "croissant.json",
            share=share,
            min_cell=case.min_cell if share else None,
        )
        templates = outlines() if name == EVERY_TEMPLATE else {"full": outline("full")}
        papers = {id: gather(named, template) for id, template in templates.items()}
    made = leaving(papers)
    if name == EVERY_TEMPLATE:
        drawn(papers["full"], made)
    return made


def drawn(papers: Papers, made: Left) -> None:
    """Add the texts of the figures as they are drawn on paper."""
    from reports.view import build_view

    for figure in build_view(papers).figures:
        lines = texts_drawn(figure)
        made.texts[f"drawn {figure.id}"] = "\n".join(
            " | ".join(lines[i : i + 6]) for i in range(len(lines))
        )


def counts_of(name: str) -> dict[str, list[str]]:
    """Withheld stratum -> its counts as they would be printed."""
    gone = withheld_from(shared(name))
    return {
        c.stratum: sorted({str(v) for v in c.model_dump(exclude={"attributes"}).values()
                           if isinstance(v, int) and v})
        for c in full(name).cohort.strata if c.stratum in gone
    }  # fmt: skip


def printed(name: str, made: Left) -> dict[str, list[str]]:
    """Lines of each channel in which a count stands beside the name of its withheld stratum."""
    counts = counts_of(name)
    found = {
        channel: [line for s, numbers in counts.items() for line in beside(text, s, numbers)]
        for channel, text in made.texts.items()
    }
    return {channel: lines for channel, lines in found.items() if lines}


def told(name: str, made: Left) -> dict[str, list[str]]:
    """Objects of each channel that name a withheld stratum and hold a number of theirs."""
    gone = withheld_from(shared(name))
    found = {channel: [*telling(content, gone)] for channel, content in made.data.items()}
    numbers = ("value", "lower", "upper", "n", "n_positive", "n_negative", "events", "denominator",
               "clusters", "shrunk_value", "null_mean", "p", "p_adjusted")  # fmt: skip
    for channel, records in made.records.items():
        found[f"rows of {channel}"] = [
            f"{r['measure']} {r['stratum']}"
            for r in records
            if gone & {r["stratum"], r.get("reference")}
            and any(isinstance(r.get(n), int | float) for n in numbers)
        ]
    return {channel: objects for channel, objects in found.items() if objects}


@pytest.mark.parametrize("name", IN_FULL)
def test_no_channel_prints_a_withheld_count(name: str) -> None:
    made = left(name, share=True)
    assert printed(name, made) == {}
    assert told(name, made) == {}


@pytest.mark.parametrize("name", IN_FULL)
def test_channels_of_the_unshared_audit_print_them(name: str) -> None:
    made = left(name, share=False)
    seen = set(printed(name, made)) | set(told(name, made))
    wanted = {
        "page", "sentences", "workbook", "oscal", "cyclonedx", "checklists json", "dossier full",
        "figure full funnel", "rows of csv", "rows of parquet", "rows of page", "rows of workbook",
        "attached full audit.json", "attached full answers.yaml", "attached full croissant.json",
    }  # fmt: skip
    if name == EVERY_TEMPLATE:
        wanted |= {"dossier fda", "dossier eu-annex-iv", "dossier altai", "terminal",
                   "attached fda answers.yaml", "gate json", "gate sarif", "chai", "huggingface",
                   "page 1", "dossier model-card", "checklists markdown", "figure full forest-0",
                   "attached full estimates.csv", "drawn forest-0", "ml-bom"}  # fmt: skip
    assert wanted - seen == set()


@pytest.mark.parametrize("name", IN_FULL)
def test_words_of_others_that_tell_a_count_are_withheld(name: str) -> None:
    """Why a plan was locked again, and what the data set's provider claims."""
    (stratum, *_), said = CASES[name].protected, " ".join(TOLD.split()[1:]).rstrip(".")
    places = {
        RELOCKED: ("page", "dossier full", "attached full audit.json"),
        CLAIMED: ("dossier full", "attached full croissant.json"),
    }
    for form, channels in places.items():
        told = form % size(full(name), stratum)
        before, after = left(name, share=False), left(name, share=True)
        for channel in channels:
            assert told in before.texts[channel], channel
            assert said in after.texts[channel], channel
        assert [c for c, text in after.texts.items() if told in text] == []


@pytest.mark.parametrize("name", IN_FULL)
def test_all_channels_together_give_nothing_away(name: str) -> None:
    world, known = everything(name, left(name, share=True), shared(name))
    assert recovered(world, known, CASES[name].min_cell) == {}


def test_all_channels_of_the_unshared_audit_give_it_away() -> None:
    """Each alone: the tables, and the sentences that stand in texts."""
    name = "few-positives"
    made, audit = left(name, share=False), json.loads(full(name).to_json())
    world = World.of(audit, CASES[name].possible)
    for records in made.records.values():
        known = Known()
        read_records(records, known, world)
        found = recovered(world, known, 11, CASES[name].protected)
        assert found["race=C", "tp"] == (3, 3)
    for channel in ("sentences", "oscal", "dossier fda", "attached fda answers.yaml"):
        known = Known()
        assert read_sentences(" ".join(made.texts[channel].split()), measures(), known)
        assert recovered(world, known, 11, ["race=C"])["race=C", "tp"] == (3, 3), channel


def measures() -> dict[str, str]:
    ids = ("sensitivity", "specificity", "ppv", "npv", "flag_rate", "prevalence")
    return {words.name(id).casefold(): id for id in ids}


def everything(name: str, made: Left, result: AuditResult) -> tuple[World, Known]:
    """The statements of all channels at once."""
    audit: Any = json.loads(result.to_json())
    world, known = World.of(audit, CASES[name].possible), Known()
    read_audit(audit, known, world)
    for records in made.records.values():
        read_records(records, known, world)
    for text in made.texts.values():
        read_sentences(" ".join(text.split()), measures(), known)
    return world, known
