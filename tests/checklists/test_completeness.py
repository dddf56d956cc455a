"""Nothing of the reference notes is lost: every entry is an item, or listed with a reason."""

import re
from collections import Counter
from datetime import date
from pathlib import Path
from string import ascii_lowercase

import pytest
import yaml

from checklists.catalogue import load_catalogue
from checklists.instrument import Version

ROOT = Path(__file__).parents[2]
NOTES = ROOT.parent / "shared" / "regs"
LEFT_OUT = ROOT / "checklists" / "not_included.yaml"

needs_notes = pytest.mark.skipif(
    not NOTES.is_dir(), reason=f"the reference notes are not at hand ({NOTES})"
)
# What follows an id without being part of it: phase, novelty, level of recommendation.
_SUFFIX = re.compile(r" (D|E|DE|M|N|U|X|R\+\+? D\+\+?)$")


def left_out() -> dict[str, str]:
    found = yaml.safe_load(LEFT_OUT.read_text("utf-8"))
    assert isinstance(found, dict)
    return {str(id): str(reason) for id, reason in found.items()}


def entries() -> list[tuple[str, str]]:
    """Id and text of every entry, in all files."""
    found = []
    for path in sorted(NOTES.glob("*.md")):
        for line in path.read_text("utf-8").splitlines():
            id, bar, text = line.partition(" | ")
            # Prose that explains the format quotes it.
            if bar and "`" not in id:
                found.append((_SUFFIX.sub("", id), text))
    return found


def members(id: str) -> tuple[str, ...]:
    """The ids that a range or a list stands for; none where it is neither.

    ``2.a.1-4``, ``PROB-E1.1..1.3``, ``AIA-6.1a-1c``, ``AIA-5.1.ba/bb``, ``STD-18229-1/-2``: the
    last id gives as much of its end as differs.
    """
    split = max(id.rfind(".."), id.rfind("/"))
    split = split if split >= 0 else id.rfind("-")
    separator = ".." if id.startswith("..", split) else id[split]
    first, last = id[:split], id[split + len(separator) :].removeprefix("-")
    if split < 0 or not re.fullmatch(r"[0-9a-z]+(\.[0-9a-z]+)*", last):
        return ()
    shape = r"\.".join(r"\d+[a-z]*" if part[0].isdigit() else r"[a-z]+" for part in last.split("."))
    tail = re.search(rf"{shape}$", first)
    if tail is None:
        return ()
    head, start = first[: tail.start()], tail[0]
    if separator == "/":
        return head + start, head + last
    same = max(start.rfind("."), last.rfind(".")) + 1
    return tuple(head + start[:same] + step for step in _steps(start[same:], last[same:]))


def _steps(first: str, last: str) -> list[str]:
    if first.isdigit() and last.isdigit():
        return [str(n) for n in range(int(first), int(last) + 1)]
    start, end = ascii_lowercase.index(first[-1]), ascii_lowercase.index(last[-1])
    letters = ascii_lowercase[start : end + 1]
    return [first[:-1] + letter for letter in letters]


def applications(version: Version) -> set[date]:
    dates = version.applies_from
    return set(dates.values()) if isinstance(dates, dict) else {dates or version.valid_from}


@pytest.mark.parametrize(("id", "expected"), [
    ("HTI1-A.1-4", "HTI1-A.1 HTI1-A.2 HTI1-A.3 HTI1-A.4"),
    ("HTI1-A.9-11", "HTI1-A.9 HTI1-A.10 HTI1-A.11"),
    ("PROB-E1.1..1.3", "PROB-E1.1 PROB-E1.2 PROB-E1.3"),
    ("PROB-APP1..3", "PROB-APP1 PROB-APP2 PROB-APP3"),
    ("2.a.1-4", "2.a.1 2.a.2 2.a.3 2.a.4"),
    ("GSPR-2/3", "GSPR-2 GSPR-3"),
    ("AIA-5.1.ba/bb", "AIA-5.1.ba AIA-5.1.bb"),
    ("AIA-3.14a/14b", "AIA-3.14a AIA-3.14b"),
    ("AIA-99.6/6a", "AIA-99.6 AIA-99.6a"),
    ("AIA-2.6/2.8", "AIA-2.6 AIA-2.8"),
    ("AIA-6.1a-1c", "AIA-6.1a AIA-6.1b AIA-6.1c"),
    ("AIA-3.29-3.33", "AIA-3.29 AIA-3.30 AIA-3.31 AIA-3.32 AIA-3.33"),
    ("ANNEX-VII.4.3-4.5", "ANNEX-VII.4.3 ANNEX-VII.4.4 ANNEX-VII.4.5"),
    ("STD-18229-1/-2", "STD-18229-1 STD-18229-2"),
    ("UK-PRIN-1..5", "UK-PRIN-1 UK-PRIN-2 UK-PRIN-3 UK-PRIN-4 UK-PRIN-5"),
    ("AIA-10.2.f", ""),
    ("ALTAI-0.1.1", ""),
    ("TRIPOD-ABS-12", ""),
    ("ST-1.1a", ""),
    ("FAI-Us3", ""),
])  # fmt: skip
def test_members_of_a_range(id: str, expected: str) -> None:
    assert members(id) == tuple(expected.split())


@needs_notes
def test_the_notes_are_read_whole() -> None:
    ids = [id for id, _ in entries()]
    assert len(ids) > 1_250
    assert [id for id, count in Counter(ids).items() if count > 1] == []
    for id in ("AIA-10.2.f", "ALTAI-0.1", "TRIPOD-5a", "ST-1.1a", "FAI-F1", "STARD-1", "DATE-10"):
        assert id in ids


@needs_notes
def test_every_entry_is_an_item_or_all_of_its_members_are_or_it_is_left_out_for_a_reason() -> None:
    items, reasons = load_catalogue().items, left_out()
    wrong = []
    for id, _ in entries():
        itself = id in items
        spelt = [member in items for member in members(id)]
        ways = itself + (bool(spelt) and all(spelt)) + (id in reasons)
        # In one way and not in two; and never some members of a range without the others.
        if ways != 1 or (any(spelt) and not all(spelt)):
            wrong.append(id)
    assert wrong == []


@needs_notes
def test_every_item_goes_back_to_an_entry() -> None:
    known = {id for id, _ in entries()}
    known |= {member for id in known for member in members(id)}
    assert [id for id in load_catalogue().items if id not in known] == []


@needs_notes
def test_nothing_is_left_out_that_is_not_in_the_notes() -> None:
    assert set(left_out()) - {id for id, _ in entries()} == set()


@needs_notes
def test_an_item_marked_as_not_checked_in_the_notes_is_not_called_verified() -> None:
    items = load_catalogue().items
    marked = [
        member
        for id, text in entries()
        if re.search(r"\[mem\]|\[sec\]|\(from memory\)|\[title-level\]", text)
        for member in (id, *members(id))
        if member in items
    ]
    assert len(marked) > 15
    for id in marked:
        item = items[id]
        # Where the mark is on an aside alone, the item says so of the aside.
        told = re.search(r"memory|not (yet )?checked|to be checked|verify", item.note or "")
        assert item.certainty != "verified" or told, id


@needs_notes
def test_an_entry_of_the_amending_act_is_not_called_verified() -> None:
    items = load_catalogue().items
    amended = [
        items[member]
        for id, text in entries()
        if "[OMN" in text
        for member in (id, *members(id))
        if member in items
    ]
    assert len(amended) > 25
    # Of the entry on Art. 99(6) and (6a) the first is of 2024.
    assert [item.id for item in amended if item.certainty == "verified"] == ["AIA-99.6"]


@needs_notes
def test_dates_that_are_left_out_as_items_are_carried_by_timelines_and_proposals() -> None:
    act = load_catalogue().instruments["eu-ai-act"]
    versions = [version for item in act.items for version in item.versions]
    carried = {str(version.valid_from) for version in versions}
    carried |= {str(day) for version in versions for day in applications(version)}
    proposed = {proposal.id for proposal in act.proposals}
    reasons = left_out()
    dated = [(id, text) for id, text in entries() if id.startswith("DATE-")]
    assert len(dated) == 14
    for id, text in dated:
        if "timelines" in reasons[id]:
            assert text.partition(" | ")[0] in carried, id
        else:
            assert "proposals" in reasons[id]
            assert id in proposed


def test_what_is_left_out_is_no_item_and_has_a_reason() -> None:
    items = load_catalogue().items
    for id, reason in left_out().items():
        assert id not in items
        assert len(reason) >= 40, id
        assert reason.endswith("."), id


def test_reasons_name_instruments_that_exist() -> None:
    known = {*load_catalogue().instruments, "study"}
    named = {name for reason in left_out().values() for name in re.findall(r"`([^`]+)`", reason)}
    assert len(named) > 25
    assert named <= known
