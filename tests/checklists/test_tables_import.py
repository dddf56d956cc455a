"""Answers that leave as a table, are filled in elsewhere and come back by the command."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import pytest

from checklists.answers import Answer, FileEvidence, Person
from checklists.answers_file import read_answers
from checklists.catalogue import load_catalogue
from checklists.tables import COLUMNS
from tests.checklists.builders import (
    instrument_data,
    item_data,
    profile_of,
    standing_of,
    write_instrument,
)
from tests.checklists.papers import ODD, Cells, cells_of, in_csv, in_xlsx, plain, put
from tests.end_to_end.command import Outcome, run

ITEMS = (
    item_data("H-1", question='=Is it\nin place, "really"; or not?'),
    item_data("H-2", scale="measure", options={"mri": "MRI", "ct": "CT"}),
    item_data("H-3", heading="-5 and less", evidence=["@home", "+1"]),
    item_data("H-4", ask_if={"item": "H-2", "response": ["no"]}),
)


@dataclass(frozen=True)
class Shop:
    """A folder with a profile and answers, and the commands run in it."""

    folder: Path
    call: Callable[..., Outcome]

    @property
    def answers(self) -> dict[str, Answer]:
        return read_answers(self.folder / "answers.yaml").answers

    def _run(self, *words: str | Path) -> Outcome:
        flags = ("--profile", self.folder / "equipoise.yaml",
                 "--answers", self.folder / "answers.yaml", "--as-of", "2026-11-28")  # fmt: skip
        return self.call("checklist", *words, *flags)

    def export(self, kind: str) -> Cells:
        path = self.folder / f"out.{kind}"
        done = self._run("export", "--out", path)
        assert (done.code, done.err) == (0, "")
        return cells_of(path)

    def take(self, cells: Cells, kind: str, *more: str) -> Outcome:
        path = self.folder / f"in.{kind}"
        path.write_bytes(in_csv(cells) if kind == "csv" else in_xlsx(cells))
        return self._run("import", path, *more)


@pytest.fixture
def shop(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> Shop:
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "1795867200")
    for name in ("EQUIPOISE_NAME", "EQUIPOISE_ROLE", "EQUIPOISE_AUDIT"):
        monkeypatch.delenv(name, raising=False)
    profile_of(tmp_path, instrument_data("house", *ITEMS))
    return Shop(tmp_path, lambda *words: run(capsys, monkeypatch, *words))


def filled(cells: Cells, by_item: Mapping[str, Mapping[str, str]]) -> Cells:
    """The table with cells of some items filled in."""
    out = [cells[0]]
    for row in cells[1:]:
        record = dict(zip(COLUMNS, row, strict=True))
        record |= by_item.get(record["item"], {})
        out.append([*record.values()])
    return out


def column(cells: Cells, name: str) -> list[str]:
    return [row[COLUMNS.index(name)] for row in cells[1:]]


# Out and back in


@pytest.mark.parametrize("kind", ["csv", "xlsx"])
def test_what_is_filled_in_comes_back_as_answers(kind: str, shop: Shop) -> None:
    (shop.folder / "plan.pdf").write_bytes(b"a plan")
    cells = shop.export(kind)
    assert cells[0] == [*COLUMNS]
    assert column(cells, "item") == ["H-1", "H-2", "H-3"]  # H-4 waits for H-2
    assert set(column(cells, "response")) == {""}
    said = {
        "H-1": {"response": "not_applicable", "rationale": ODD, "name": "Ben", "role": "quality"},
        "H-2": {"response": "some_extent", "chosen_options": "ct, mri",
                "documents": "plan.pdf#page 3; ./plan.pdf"},
    }  # fmt: skip
    done = shop.take(filled(cells, said), kind, "--as", "Ada", "--role", "lead")
    assert done.out.startswith("2 answers saved in ")
    found = shop.answers
    assert [*found] == ["H-1", "H-2"]
    catalogue = profile_of(shop.folder, instrument_data("house", *ITEMS)).catalogue
    moment = datetime(2026, 11, 28, 12, tzinfo=UTC)
    assert found["H-1"] == Answer(
        status="not_applicable",
        rationale=ODD,
        by=Person(name="Ben", role="quality"),
        at=moment,
        item_sha256=catalogue.items["H-1"].sha256(standing_of(catalogue, "H-1").version),
        edition="first",
    )
    second = found["H-2"]
    assert (second.status, second.response, second.options, second.by) == (
        "partly", "some_extent", ("ct", "mri"), Person(name="Ada", role="lead"),
    )  # fmt: skip
    one, two = second.evidence
    assert isinstance(one, FileEvidence)
    assert (one.file, one.locator) == ("plan.pdf", "page 3")
    assert isinstance(two, FileEvidence)
    assert (two.file, two.locator, two.sha256) == ("plan.pdf", None, one.sha256)


@pytest.mark.parametrize("kind", ["csv", "xlsx"])
@pytest.mark.parametrize("other", ["csv", "xlsx"])
def test_answers_that_went_out_and_came_back_are_unchanged(
    kind: str, other: str, shop: Shop
) -> None:
    path = shop.folder / "answers.yaml"
    standing = standing_of(
        profile_of(shop.folder, instrument_data("house", *ITEMS)).catalogue, "H-2"
    )
    sha256 = standing.item.sha256(standing.version)
    put(path, "H-2", plain("not_met", response="no", options=("mri",), item_sha256=sha256,
                           rationale="'=1 + 1\n- two\n\n@ three"))  # fmt: skip
    put(path, "H-1", plain(rationale=ODD))
    before = path.read_bytes()
    cells = shop.export(kind)
    assert column(cells, "item") == ["H-1", "H-2", "H-3", "H-4"]
    assert column(cells, "last_answered_by")[:2] == ["Ada (clinician)"] * 2
    done = shop.take(cells, other)
    assert done.out == f"0 answers saved in {path}, 2 unchanged\n"
    assert path.read_bytes() == before


def test_a_table_filled_in_goes_into_the_history(shop: Shop) -> None:
    path = shop.folder / "answers.yaml"
    first = plain("not_met", evidence=(FileEvidence(file="a.pdf", sha256="a" * 64),))
    put(path, "H-1", first)
    cells = shop.export("csv")
    changed = filled(cells, {"H-1": {"response": "met"}})
    # The question was another one when it was answered: the hash in the table is of this one.
    assert shop.take(changed, "csv", "--as", "Ada", "--role", "lead").code == 0
    now = shop.answers["H-1"]
    assert (now.status, now.evidence) == ("met", first.evidence)
    assert [p.status for p in now.history] == ["not_met"]


@pytest.mark.parametrize("kind", ["csv", "xlsx"])
def test_a_question_that_changed_since_the_export_is_told(kind: str, shop: Shop) -> None:
    cells = filled(shop.export(kind), {"H-1": {"response": "met"}, "H-3": {"response": "met"}})
    changed = [dict(item) for item in ITEMS]
    changed[0]["question"] = "Is more in place?"
    write_instrument(shop.folder, instrument_data("house", *changed))
    load_catalogue.cache_clear()
    done = shop.take(cells, kind, "--as", "Ada", "--role", "lead")
    assert done.code == 2
    (line,) = done.errors
    assert f"in.{kind}: row 2: H-1: " in line
    assert "question" in line
    assert shop.answers == {}


@pytest.mark.parametrize("kind", ["csv", "xlsx"])
def test_an_answer_that_changed_since_the_export_is_told(kind: str, shop: Shop) -> None:
    path = shop.folder / "answers.yaml"
    put(path, "H-1", plain())
    cells = filled(shop.export(kind), {"H-1": {"response": "partly"}, "H-3": {"response": "met"}})
    put(path, "H-1", plain("not_met", name="Ben"))
    put(path, "H-3", plain("partly", name="Ben"))
    before = path.read_bytes()
    done = shop.take(cells, kind, "--as", "Ada", "--role", "lead")
    assert done.code == 2
    assert [re.sub(r"^.*in\.", "in.", line.split("since")[0]) for line in done.errors] == [
        f"in.{kind}: row 2: H-1: it was answered by Ben (clinician) ",
        f"in.{kind}: row 4: H-3: it was answered by Ben (clinician) ",
    ]
    assert path.read_bytes() == before


def test_every_wrong_row_is_told_and_none_is_taken(shop: Shop) -> None:
    cells = filled(
        shop.export("csv"),
        {
            "H-1": {"response": "met", "name": "Ada", "role": "lead"},
            "H-2": {"response": "maybe", "chosen_options": "pet", "name": "Ada", "role": "lead"},
            "H-3": {"response": "not_applicable", "documents": "no.pdf", "name": "A", "role": "l"},
        },
    )
    cells.append([*cells[1]])
    cells[-1][0] = "H-9"
    done = shop.take(cells, "csv")
    assert done.code == 2
    told = [re.sub(r"^.*in\.csv: ", "", line) for line in done.errors]
    assert [t.split(": ")[0] for t in told] == ["row 3", "row 3", "row 4", "row 5"]
    assert "H-2: 'maybe' is no answer to this item" in told[0]
    assert "H-2: it has no option 'pet'" in told[1]
    assert "no.pdf" in told[2] or "cannot be read" in told[2]
    assert "unknown item 'H-9'" in told[3]
    assert shop.answers == {}
