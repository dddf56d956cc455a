"""The answers file with faults in it, and with several people and processes writing it."""

import os
import subprocess
import sys
import threading
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import pytest
from filelock import FileLock

from audit.problems import InputError, Problem
from checklists import answers_file
from checklists.answers import Answer
from checklists.answers_file import (
    HEADER,
    ChangedMeanwhileError,
    change_answer,
    change_answers,
    natural,
    read_answers,
    whole,
)
from tests.checklists.papers import KEPT, answers_of, kept_file, plain, put

ROOT = Path(__file__).parents[2]


def problems(act: Callable[[], object]) -> tuple[Problem, ...]:
    with pytest.raises(InputError) as caught:
        act()
    return caught.value.problems


# Merge conflicts and other faults


def test_a_merge_conflict_is_told_with_both_sides_and_nothing_is_written(tmp_path: Path) -> None:
    path = tmp_path / "answers.yaml"
    ours = whole({"A-1": plain("met", name="Ada")})[len(HEADER) :]
    base = whole({"A-1": plain("not_met", name="Old")})[len(HEADER) :]
    theirs = whole({"A-1": plain("partly", name="Ben"), "A-2": plain("met", name="Ben")})
    text = (
        f"{HEADER}<<<<<<< HEAD\n{ours}||||||| base\n{base}=======\n{theirs[len(HEADER) :]}"
        ">>>>>>> branch\n"
    )
    path.write_text(text)
    for act in (lambda: read_answers(path), lambda: put(path, "A-3", plain())):
        (found,) = problems(act)
        lines = text.splitlines()
        assert found.code == "merge_conflict"
        assert found.where == f"{path}: lines 5 to {len(lines)}"
        assert lines[4] == "<<<<<<< HEAD"
        assert found.reason == (
            "a merge left a conflict: one side answers A-1 and says met and is by Ada, the other "
            "answers A-1, A-2 and says partly, met and is by Ben"
        )
    assert path.read_text() == text
    assert os.listdir(tmp_path) == ["answers.yaml"]


def test_every_merge_conflict_is_told(tmp_path: Path) -> None:
    path = tmp_path / "answers.yaml"
    part = "<<<<<<< a\n    status: met\n=======\n    status: partly\n>>>>>>> b\n"
    path.write_text(f"version: 1\nanswers:\n  A-1:\n{part}  A-2:\n{part}")
    found = problems(lambda: read_answers(path))
    assert [p.where for p in found] == [f"{path}: lines 4 to 8", f"{path}: lines 10 to 14"]
    assert all("one side says met, the other says partly" in p.reason for p in found)


def test_conflict_marks_inside_an_answer_are_text(tmp_path: Path) -> None:
    path = tmp_path / "answers.yaml"
    told = "<<<<<<< HEAD\n=======\n>>>>>>> b"
    put(path, "A-1", plain(rationale=told))
    assert answers_of(path)["A-1"].rationale == told


def test_an_item_that_is_there_twice_is_told_and_nothing_is_written(tmp_path: Path) -> None:
    path = kept_file(tmp_path)
    text = KEPT.replace("A-10.1:", "A-2:")
    path.write_text(text)
    (found,) = problems(lambda: put(path, "A-3", plain()))
    assert (found.code, found.reason) == ("repeated_key", "key 'A-2' is written twice")
    line = found.where.rpartition("line ")[2]
    assert text.splitlines()[int(line) - 1] == "  A-2:"
    assert path.read_text() == text


def test_every_fault_of_a_file_is_told_with_its_line(tmp_path: Path) -> None:
    path = kept_file(tmp_path)
    path.write_text(
        KEPT.replace("status: met", "status: mett").replace("role: 'quality'", "rule: 1")
    )
    found = {(p.code, p.where.rpartition(": ")[2]) for p in problems(lambda: read_answers(path))}
    assert found == {
        ("bad_value", "line 7"),
        ("unknown_key", "line 20"),
        ("missing_key", "line 20"),
    }


# Others write too


def test_the_same_answer_changed_meanwhile_is_told_and_nothing_is_written(tmp_path: Path) -> None:
    path = kept_file(tmp_path)
    seen = answers_of(path)["A-2"]
    put(path, "A-2", plain("not_met", name="Ben"))
    between = path.read_bytes()
    with pytest.raises(ChangedMeanwhileError) as caught:
        change_answer(path, "A-2", seen, lambda _: plain("partly"))
    assert caught.value.theirs == plain("not_met", name="Ben")
    (problem,) = caught.value.problems
    assert problem.code == "changed_meanwhile"
    assert problem.reason == (
        "A-2 was answered by Ben (clinician) at 2026-11-28 12:00 UTC while you were answering it; "
        "yours is not saved"
    )
    assert "equipoise checklist show A-2" in problem.remedy
    assert path.read_bytes() == between


def test_an_answer_removed_or_given_meanwhile_is_told(tmp_path: Path) -> None:
    path = kept_file(tmp_path)
    seen = answers_of(path)["A-2"]
    path.write_text(KEPT.replace("  A-2:", "  A-3:"))
    assert "A-2 was removed while" in problems(
        lambda: change_answer(path, "A-2", seen, lambda _: plain())
    )[0].reason  # fmt: skip
    assert "A-3 was answered by Ada" in problems(
        lambda: change_answer(path, "A-3", None, lambda _: plain())
    )[0].reason  # fmt: skip


def test_another_answer_changed_meanwhile_is_no_matter(tmp_path: Path) -> None:
    path = kept_file(tmp_path)
    seen = answers_of(path)["A-2"]
    put(path, "A-10.1", plain("not_met", name="Ben"))
    change_answer(path, "A-2", seen, lambda _: plain("partly"))
    assert {id: a.status for id, a in answers_of(path).items()} == {
        "A-2": "partly", "A-10.1": "not_met",
    }  # fmt: skip


def test_of_several_answers_all_are_changed_or_none(tmp_path: Path) -> None:
    path = kept_file(tmp_path)
    seen = {"A-1": None, **answers_of(path)}
    put(path, "A-10.1", plain("not_met"))
    between = path.read_bytes()
    with pytest.raises(ChangedMeanwhileError):
        change_answers(path, seen, lambda id, _: plain("partly"))
    assert path.read_bytes() == between
    assert os.listdir(tmp_path) == ["answers.yaml"]


WRITER = """
import sys
from pathlib import Path
from checklists import answers_file
from checklists.answers import Answer

path, name, items = Path(sys.argv[1]), sys.argv[2], sys.argv[3:]
answers_file.WAIT_S = 60.0
answer = Answer.model_validate({
    "status": "met", "by": {"name": name, "role": "r"}, "at": "2026-11-28T12:00:00Z",
    "item_sha256": "a" * 64, "edition": "e", "rationale": name,
})
for item in items:
    try:
        answers_file.change_answer(path, item, None, lambda _: answer)
    except answers_file.ChangedMeanwhileError as error:
        print("told", item, error.theirs.by.name)
    else:
        print("saved", item, name)
"""


def written_by(path: Path, work: dict[str, list[str]]) -> list[list[str]]:
    """Let processes answer items at the same time; what each was told."""
    started = [
        subprocess.Popen(
            [sys.executable, "-c", WRITER, str(path), name, *items],
            cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        )
        for name, items in work.items()
    ]  # fmt: skip
    lines = []
    for process in started:
        out, err = process.communicate(timeout=120)
        assert (process.returncode, err) == (0, "")
        lines += [line.split() for line in out.splitlines()]
    return lines


def test_processes_that_answer_other_items_lose_nothing(tmp_path: Path) -> None:
    path = kept_file(tmp_path)
    work = {f"P{p}": [f"P-{n}.{p}" for n in range(15)] for p in range(6)}
    told = written_by(path, work)
    wanted = {item: name for name, items in work.items() for item in items}
    assert Counter(word for word, *_ in told) == {"saved": 90}
    found = answers_of(path)
    assert {i: a.by.name for i, a in found.items() if i in wanted} == wanted
    assert len(found) == 92
    assert [*found] == sorted(found, key=natural)
    lines = path.read_text().splitlines()
    assert all(line in lines for line in KEPT.splitlines() if "#" in line)
    assert os.listdir(tmp_path) == ["answers.yaml"]


def test_of_processes_that_answer_the_same_items_one_wins_each(tmp_path: Path) -> None:
    path = kept_file(tmp_path)
    rounds = [f"R-{n}" for n in range(10)]
    told = written_by(path, {f"P{p}": rounds for p in range(4)})
    winners = {item: name for word, item, name in told if word == "saved"}
    assert Counter(word for word, *_ in told) == {"saved": 10, "told": 30}
    assert set(winners) == set(rounds)
    assert all(name == winners[item] for word, item, name in told if word == "told")
    assert {i: answers_of(path)[i].by.name for i in rounds} == winners
    assert os.listdir(tmp_path) == ["answers.yaml"]


def test_of_people_who_read_at_the_same_moment_one_wins_each_round(tmp_path: Path) -> None:
    path = kept_file(tmp_path)
    people, rounds = ("P0", "P1", "P2"), 8
    together = threading.Barrier(len(people))
    outcomes: list[tuple[int, str, bool]] = []

    def sit(name: str) -> None:
        for turn in range(rounds):
            together.wait()
            seen = answers_of(path)
            together.wait()
            saved = False
            with suppress(ChangedMeanwhileError):
                put(path, "A-2", plain(name=name, edition=f"turn {turn}"), seen)
                saved = True
            outcomes.append((turn, name, saved))

    threads = [threading.Thread(target=sit, args=(name,)) for name in people]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert Counter(turn for turn, _, saved in outcomes if saved) == dict.fromkeys(range(rounds), 1)
    assert len(outcomes) == rounds * len(people)


def test_a_lock_that_is_held_too_long_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = kept_file(tmp_path)
    monkeypatch.setattr(answers_file, "WAIT_S", 0.2)
    lock = tmp_path / ".answers.yaml.lock"
    with FileLock(lock):
        (found,) = problems(lambda: put(path, "A-3", plain()))
    assert (found.code, found.where) == ("locked", str(path))
    assert found.reason == "another process has held it for 0.2 seconds"
    assert found.remedy == f"wait for it to end; if none runs, remove {lock}"
    assert path.read_text() == KEPT
    put(path, "A-3", plain())
    assert "A-3" in answers_of(path)
    assert os.listdir(tmp_path) == ["answers.yaml"]


def test_nothing_is_left_behind_when_the_change_fails(tmp_path: Path) -> None:
    path = kept_file(tmp_path)

    def fail(_: Answer | None) -> Answer:
        raise KeyError("no such answer")

    with pytest.raises(KeyError, match="no such answer"):
        change_answer(path, "A-3", None, fail)
    assert path.read_text() == KEPT
    assert os.listdir(tmp_path) == ["answers.yaml"]


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root writes anywhere")
def test_a_folder_that_may_not_be_written_to_is_told(tmp_path: Path) -> None:
    path = kept_file(tmp_path)
    tmp_path.chmod(0o500)
    try:
        (found,) = problems(lambda: put(path, "A-3", plain()))
    finally:
        tmp_path.chmod(0o700)
    assert (found.code, found.where) == ("unwritable", str(path))


def test_a_folder_that_cannot_be_made_is_told(tmp_path: Path) -> None:
    path = kept_file(tmp_path) / "answers.yaml"
    (found,) = problems(lambda: put(path, "A-3", plain()))
    assert (found.code, found.where) == ("unwritable", str(path))
    assert found.reason.startswith("it cannot be locked (")
