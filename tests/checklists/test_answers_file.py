"""The answers file: one answer is changed and the rest stays, byte for byte."""

import re
import textwrap
from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from checklists.answers import Answer, AnswersFile, reviewed
from checklists.answers_file import (
    HEADER,
    change_answer,
    change_answers,
    natural,
    parse_answers,
    read_answers,
    whole,
    with_answers,
)
from tests.checklists.builders import BEN, MOMENT
from tests.checklists.papers import ANSWERS, IDS, ITEMS, KEPT, answers_of, kept_file, plain, put

# What stays


def test_a_changed_answer_leaves_every_other_line_as_it_was(tmp_path: Path) -> None:
    path = kept_file(tmp_path)
    put(path, "A-2", plain("partly"))
    head, rest = KEPT.split("  A-2:\n")
    _, tail = rest.split("\n\n  # The chapter", 1)
    new = path.read_text()
    assert new.startswith(head)
    assert new.endswith("\n\n  # The chapter" + tail)
    middle = new[len(head) : -len("\n\n  # The chapter" + tail)]
    assert middle.startswith("  A-2:\n    status: partly\n")
    assert "#" not in middle
    assert answers_of(path)["A-2"] == plain("partly")


def test_the_last_answer_is_changed_without_the_comment_below_it(tmp_path: Path) -> None:
    path = kept_file(tmp_path)
    put(path, "A-10.1", plain("met"))
    head = KEPT.split("  A-10.1:\n")[0]
    new = path.read_text()
    assert new.startswith(head + "  A-10.1:\n    status: met\n")
    assert new.endswith("edition: first\n# The end.\n")


def test_a_new_answer_lands_in_natural_order_and_comments_stay_above_theirs(tmp_path: Path) -> None:
    path = kept_file(tmp_path)
    put(path, "A-9.2", plain("partly"))
    new = path.read_text()
    assert [*answers_of(path)] == ["A-2", "A-9.2", "A-10.1"]
    above, below = KEPT.split("  # The chapter on people.\n")
    assert new.startswith(above + "  A-9.2:\n")
    assert new.endswith("\n\n  # The chapter on people.\n" + below)


def test_a_heading_stays_above_its_answers_though_a_line_is_left_blank(tmp_path: Path) -> None:
    path = kept_file(tmp_path)
    put(path, "A-1", plain())
    assert path.read_text().endswith("\n\n" + KEPT.split("answers:\n")[1])


def test_new_answers_go_first_last_and_between_in_one_change(tmp_path: Path) -> None:
    path = kept_file(tmp_path)
    made = {id: plain(rationale=id) for id in ("A-11", "A-3", "A-1", "B-1", "A-10.1.a")}
    change_answers(path, dict.fromkeys(made), lambda id, _: made[id])
    wanted = ["A-1", "A-2", "A-3", "A-10.1", "A-10.1.a", "A-11", "B-1"]
    assert [*answers_of(path)] == wanted
    kept = [line for line in KEPT.splitlines() if line.strip()]
    left = iter(path.read_text().splitlines())
    assert all(line in left for line in kept)  # each, in the same order


@given(st.lists(st.sampled_from(["A-1", "A-9", "A-9.2", "A-10.1", "A-10.1.a", "A-10.11", "B-2"]),
                unique=True, min_size=1))  # fmt: skip
def test_however_they_come_answers_end_up_in_order(ids: list[str]) -> None:
    text = ""
    for id in ids:
        text = with_answers(text, {id: plain(rationale=id)})
    assert [*parse_answers(text, "a").answers] == sorted(ids, key=natural)
    assert text == whole({id: plain(rationale=id) for id in ids})


@pytest.mark.parametrize(("first", "second"), [
    ("AIA-9.2", "AIA-10.1"), ("A-2", "A-11"), ("A-10", "A-10.1"), ("A-1.a", "A-1.b"),
    ("A-9", "B-1"), ("A-1.2", "A-1.a"),
])  # fmt: skip
def test_numbers_in_ids_count_as_numbers(first: str, second: str) -> None:
    assert natural(first) < natural(second)


def test_digits_that_are_no_numbers_are_letters() -> None:
    assert sorted(["A-1²", "A-1"], key=natural) == ["A-1", "A-1²"]


def test_a_file_is_begun_with_a_header(tmp_path: Path) -> None:
    path = tmp_path / "deep" / "answers.yaml"
    put(path, "A-1", plain())
    assert path.read_text().startswith(HEADER + "  A-1:\n    status: met\n")
    assert [*answers_of(path)] == ["A-1"]
    assert whole({}) == HEADER.rstrip() + " {}\n"
    assert parse_answers(whole({}), "a") == AnswersFile()


def test_a_sign_off_survives_the_file(tmp_path: Path) -> None:
    path = tmp_path / "answers.yaml"
    signed = reviewed(plain(rationale="x: # y\n\n  z"), "accepted", BEN, MOMENT)
    put(path, "A-1", reviewed(signed, "signed_off", BEN, MOMENT))
    assert answers_of(path)["A-1"].decision() == "signed_off"
    path.write_text(path.read_text().replace("status: met", "status: partly"))
    assert answers_of(path)["A-1"].voided()


def test_a_symbolic_link_is_followed(tmp_path: Path) -> None:
    real = kept_file(tmp_path)
    link = tmp_path / "link.yaml"
    link.symlink_to(real)
    put(link, "A-3", plain())
    assert link.is_symlink()
    assert "A-3" in answers_of(real)


# Layouts

FLOW = '{version: 1, answers: {A-2: {status: met, by: {name: Ada, role: r}, at: "2026-11-28T12:00:00Z", item_sha256: "%s", edition: e}}}'  # noqa: E501
BODY = KEPT.split("answers:\n")[1]
ALIASED = KEPT.replace("by: {name: Ada", "by: &ada {name: Ada").replace(
    "by: {name: Ben, role: 'quality'}", "by: *ada"
)
LAYOUTS = {
    "flow": FLOW % ("a" * 64),
    "flow inside": "version: 1\nanswers: " + (FLOW % ("a" * 64)).split("answers: ")[1][:-1] + "\n",
    "four spaces": "version: 1\nanswers:\n" + textwrap.indent(BODY, "  "),
    "one space": "answers:\n" + re.sub("^ ", "", BODY, flags=re.M),
    "no final newline": KEPT.split("# The end")[0].rstrip("\n"),
    "empty file": "",
    "blank file": "\n\n",
    "no answers": "# none yet\nversion: 1\nanswers: {}\n",
    "no key": "version: 1\n",
    "version last": "answers:\n" + BODY + "version: 1\n",
    "marks": "\ufeff---\n" + KEPT + "...\n",
    "quoted keys": KEPT.replace("A-2:", '"A-2":').replace("A-10.1:", "? 'A-10.1'\n  :"),
    "anchors": ALIASED,
    "blank lines": KEPT.replace("\n", "\n\n"),
    "tagged": KEPT.replace("answers:", "answers: !!map"),
}


@pytest.mark.parametrize("ends", ["\n", "\r\n"])
@pytest.mark.parametrize("item", ["A-1", "A-2", "A-9", "A-10.1", "Z-1"])
@pytest.mark.parametrize("layout", LAYOUTS)
def test_no_answer_is_lost_in_an_odd_layout(
    layout: str, item: str, ends: str, tmp_path: Path
) -> None:
    path = tmp_path / "answers.yaml"
    path.write_bytes(LAYOUTS[layout].replace("\n", ends).encode())
    before = read_answers(path).answers if LAYOUTS[layout].strip() else {}
    answer = plain("partly", rationale="New.\n\n  # text")
    change_answer(path, item, before.get(item), lambda _: answer)
    assert answers_of(path) == {**before, item: answer}
    data = path.read_bytes()
    if "\n" in LAYOUTS[layout] and ends == "\r\n":
        assert data.count(b"\r\n") == data.count(b"\n")
    else:
        assert b"\r" not in data


@pytest.mark.parametrize("layout", ["four spaces", "one space", "no final newline", "version last"])
def test_comments_are_kept_in_other_layouts(layout: str, tmp_path: Path) -> None:
    path = tmp_path / "answers.yaml"
    path.write_text(LAYOUTS[layout])
    put(path, "A-9", plain())
    before = [line for line in LAYOUTS[layout].splitlines() if line.strip()]
    left = iter(path.read_text().splitlines())
    assert all(line in left for line in before)


def test_line_ends_of_windows_stay_in_every_other_answer(tmp_path: Path) -> None:
    path = tmp_path / "answers.yaml"
    old = KEPT.replace("\n", "\r\n").encode()
    path.write_bytes(old)
    put(path, "A-9", plain())
    new = path.read_bytes()
    cut = old.index(b"  # The chapter")
    assert new.startswith(old[:cut])
    assert new.endswith(old[cut:])


# Any text


@settings(max_examples=30, deadline=None)
@example({"A-1": plain(rationale="a\x85b\nc\u2028d\u2029e")}, {})
@example({"A-1": plain(rationale="one\n # two\n\n\n three\n:")}, {"A-0": plain()})
@example({"A-1": plain(rationale="word " * 40 + "# " + "x" * 120)}, {})
@example({"1²": plain(), "11": plain()}, {})
@given(
    first=st.dictionaries(ITEMS, ANSWERS, max_size=3),
    then=st.dictionaries(ITEMS, ANSWERS, max_size=3),
)
def test_what_is_written_reads_back_as_it_was(
    first: dict[str, Answer], then: dict[str, Answer]
) -> None:
    text = whole(first)
    assert parse_answers(text, "a").answers == first
    changed = dict(then)
    if first:
        changed[min(first)] = plain("partly", rationale="Changed.")
    if changed:
        read = parse_answers(with_answers(text, changed), "a").answers
        assert read == {**first, **changed}
        assert {i: a.sha256() for i, a in read.items()} == {
            i: a.sha256() for i, a in {**first, **changed}.items()
        }


@settings(max_examples=30, deadline=None)
@given(st.dictionaries(IDS, ANSWERS, min_size=2, max_size=3), st.integers(0, 3), st.integers(0, 4))
def test_a_change_touches_no_other_block_and_no_comment(
    given_: dict[str, Answer], which: int, indent: int
) -> None:
    ids = sorted(given_, key=natural)
    blocks = [whole({id: given_[id]})[len(HEADER) :] for id in ids]
    comments = [f"{' ' * min(indent, 2)}# about {n}\n" for n in range(len(ids))]
    text = HEADER + "\n".join(c + b for c, b in zip(comments, blocks, strict=True))
    chosen = which % len(ids)
    new = plain("partly", rationale="# not a comment\n# at all")
    blocks[chosen] = whole({ids[chosen]: new})[len(HEADER) :]
    wanted = HEADER + "\n".join(c + b for c, b in zip(comments, blocks, strict=True))
    assert with_answers(text, {ids[chosen]: new}) == wanted
