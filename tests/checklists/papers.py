"""Answers at random, audits of every outcome, and the folders in which answers are kept."""

import csv
import io
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, date, datetime, timedelta, timezone
from functools import cache
from pathlib import Path
from typing import Any

import xlsxwriter
from hypothesis import strategies as st
from python_calamine import CalamineWorkbook

from audit.disclosure import shareable
from audit.plan import Product
from audit.result import AuditResult, FileHash
from audit.result_file import read_result_file
from checklists.answers import (
    Answer,
    AnswersFile,
    AuditSource,
    Evidence,
    FigureEvidence,
    FileEvidence,
    Past,
    Person,
    Review,
)
from checklists.answers_file import change_answer, read_answers
from checklists.assessment import Assessment, ItemState, assess
from checklists.catalogue import Catalogue
from checklists.facts import Facts
from checklists.profile import Profile
from checklists.staleness import CurrentAudit, Workplace
from tests.audit.builders import audited, counted, random_columns
from tests.audit.tasks.builders import (
    MULTICLASS,
    REGRESSION,
    class_columns,
    task_audit,
    value_columns,
)
from tests.checklists.builders import MOMENT, catalogue_of, instrument_data

Cells = list[list[str]]

ON = date(2026, 11, 28)

# Requirements that are met, violated, not shown to be met, on calibration, and on the sites.
JUDGED = """
product: {name: Toy, version: '2', intended_use: Flags deterioration.}
columns: {label: y, score: p, site: site}
threshold: {value: 0.4}
resamples: 100
attributes: {race: , sex: }
requirements:
  - {id: good, measure: auroc, floor: 0.5}
  - {id: bad, measure: sensitivity, floor: 0.99}
  - {id: narrow, measure: auroc, contrast: gap, attribute: race, margin: 0.05}
  - {id: cal, measure: oe_ratio, within: [0.5, 2]}
  - {id: everywhere, measure: auroc, strata: site, floor: 0.6}
  - {id: use, measure: net_benefit, floor: -0.5}
"""
CLASSES_JUDGED = """
requirements:
  - {id: ranks, measure: macro_auroc, floor: 0.5}
  - {id: each, measure: sensitivity, floor: 0.99}
  - {id: mel, measure: auroc, output: mel, floor: 0.5}
"""


@cache
def judged() -> AuditResult:
    """A binary audit with sites: verdicts met, violated and inconclusive."""
    return audited(JUDGED, random_columns(1, 600))


@cache
def few() -> AuditResult:
    """A binary audit in which one group has too few people, and one nobody with the condition."""
    small = counted(F=(60, 20, 25, 95), M=(30, 15, 20, 60), X=(3, 2, 1, 4), Y=(0, 0, 5, 25))
    text = """
    columns: {label: y, score: p}
    threshold: {value: 0.4}
    resamples: 100
    attributes: {sex: }
    requirements:
      - {id: all, measure: sensitivity, strata: sex, floor: 0.2}
      - {id: none, measure: sensitivity, strata: 'sex=Y', floor: 0.2}
    """
    return audited(text, small)


@cache
def shared() -> AuditResult:
    """The small audit, made fit to leave the site: most strata are withheld."""
    return shareable(audited(JUDGED, random_columns(3, 130)))


@cache
def classes() -> AuditResult:
    """A multiclass audit with a verdict on the whole, on each class and on one."""
    return task_audit(MULTICLASS + CLASSES_JUDGED, class_columns(11))


@cache
def amounts() -> AuditResult:
    """A regression audit."""
    return task_audit(REGRESSION, value_columns(5))


AUDITS: Mapping[str, Callable[[], AuditResult]] = {
    "judged": judged,
    "few": few,
    "shared": shared,
    "classes": classes,
    "amounts": amounts,
}


def profile_with(catalogue: Catalogue, folder: Path, **facts: Any) -> Profile:
    """A profile that follows every instrument of a catalogue."""
    return Profile(
        path=folder / "equipoise.yaml",
        product=Product(),
        facts=Facts(**facts),
        catalogue=catalogue,
        instruments=tuple(catalogue.instruments),
        data=(),
        model=None,
    )


def assessed(
    catalogue: Catalogue,
    answers: Mapping[str, Answer],
    *,
    on: date = ON,
    audit: CurrentAudit | None = None,
    folder: Path = Path(),
    **facts: Any,
) -> Assessment:
    """The state of a checklist whose answers are at hand."""
    profile = profile_with(catalogue, folder, **facts)
    workplace = Workplace(folder, profile, audit)
    return assess(profile, AnswersFile(answers=dict(answers)), on, workplace)


def state_of(assessment: Assessment, item: str) -> ItemState:
    return next(s for s in assessment.items if s.item.id == item)


def saved(result: AuditResult, path: Path) -> CurrentAudit:
    """Write an audit and read it back."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(result.to_json(), encoding="utf-8")
    return CurrentAudit(read_result_file(path))


def with_model(result: AuditResult, sha256: str = "5" * 64, name: str = "m.onnx") -> AuditResult:
    """The audit as of a model with this content."""
    model = FileHash(name=name, bytes=3, sha256=sha256)
    provenance = result.provenance.model_copy(update={"model": model})
    return result.model_copy(update={"provenance": provenance})


def single(*items: dict[str, Any]) -> Catalogue:
    """A catalogue of one instrument that holds these items."""
    return catalogue_of(instrument_data("house", *items))


_SHA = st.text("0123456789abcdef", min_size=64, max_size=64)
# What trips writers of YAML and of tables, between words and any other character.
_PIECES = st.one_of(
    st.sampled_from(
        ["\n", "\n\n", "  ", "# ", ": ", " #", "- ", "'", '"', "|", ">", "%", "@", "`", "{", "}",
         "[", "]", "&a", "*a", "!b", "?", "~", "null", "yes", "1e3", "0x1f", "2026-01-01", "=",
         "<<", "---", "...", "<<<<<<< HEAD", "=======", "\t", "\r", "\r\n", "\x85", "\u2028",
         "\u2029", "\ufeff", "\xa0", "é", "日本", "😀", "word " * 30],
    ),
    st.text(st.characters(exclude_categories=["Cs"]), max_size=12),
)  # fmt: skip
TEXTS = st.lists(_PIECES, min_size=1, max_size=8).map("".join).map(str.strip).filter(bool)
IDS = st.from_regex(r"[A-Z]{1,4}-[0-9]{1,2}(\.[0-9]{1,2}){0,2}(\.[a-c])?", fullmatch=True)
ITEMS = st.one_of(IDS, TEXTS.filter(lambda text: len(text) < 60))
_ZONES = st.sampled_from([UTC, timezone(timedelta(hours=2)), timezone(-timedelta(minutes=330))])
_MOMENTS = st.datetimes(datetime(1990, 1, 1), datetime(2100, 1, 1), timezones=_ZONES)
_PEOPLE = st.builds(Person, name=TEXTS, role=TEXTS)
_AUDITS = st.builds(
    AuditSource,
    file=TEXTS,
    sha256=_SHA,
    plan=_SHA,
    data=st.lists(_SHA, max_size=2).map(tuple),
    model=st.none() | _SHA,
)
_EVIDENCE: st.SearchStrategy[Evidence] = st.one_of(
    st.builds(FigureEvidence, figure=TEXTS, audit=_AUDITS, statement=TEXTS),
    st.builds(FileEvidence, file=TEXTS, sha256=_SHA, locator=st.none() | TEXTS),
)
_REVIEWS = st.builds(
    Review,
    decision=st.sampled_from(["accepted", "changes_requested", "signed_off"]),
    by=_PEOPLE,
    at=_MOMENTS,
    answer_sha256=_SHA,
    comment=st.none() | TEXTS,
)
_SAID: dict[str, st.SearchStrategy[Any]] = {
    "status": st.sampled_from(["met", "partly", "not_met", "not_applicable", "not_assessed"]),
    "response": st.none() | TEXTS,
    "options": st.lists(TEXTS, max_size=2).map(tuple),
    "rationale": TEXTS,
    "evidence": st.lists(_EVIDENCE, max_size=2).map(tuple),
    "also": st.dictionaries(ITEMS, _SHA, max_size=2),
    "by": _PEOPLE,
    "at": _MOMENTS,
    "item_sha256": _SHA,
    "edition": TEXTS,
    "reviews": st.lists(_REVIEWS, max_size=2).map(tuple),
}
ANSWERS = st.builds(
    Answer, **_SAID, history=st.lists(st.builds(Past, **_SAID), max_size=1).map(tuple)
)


def plain(status: str = "met", name: str = "Ada", **more: Any) -> Answer:
    """An answer with nothing special in it."""
    said = {
        "status": status,
        "by": {"name": name, "role": "clinician"},
        "at": MOMENT,
        "item_sha256": "a" * 64,
        "edition": "first",
    }
    return Answer.model_validate({**said, **more})


# A file as people keep it: comments above and between, an order of their own, a line of prose
# after the answers.
KEPT = """\
# Our answers.
version: 1
answers:
  # --- data ---

  A-2:
    status: met   # as agreed
    by: {name: Ada, role: clinician}
    at: 2026-11-28T12:00:00Z
    item_sha256: "%s"
    edition: first

  # The chapter on people.
  # Ask Ben first.
  A-10.1:
    status: not_applicable
    rationale: |
      Nobody # is
        # concerned.
    by: {name: Ben, role: 'quality'}
    at: 2026-11-28T12:00:00Z
    item_sha256: "%s"
    edition: first
# The end.
""" % ("a" * 64, "b" * 64)  # noqa: UP031


def kept_file(folder: Path) -> Path:
    """Write that file."""
    path = folder / "answers.yaml"
    path.write_text(KEPT, encoding="utf-8")
    return path


def put(path: Path, item: str, answer: Answer, seen: Mapping[str, Answer] | None = None) -> None:
    """Give this answer, whatever stands there; or where the answers are those that were seen."""
    before = read_answers(path).answers if seen is None else seen
    change_answer(path, item, before.get(item), lambda _: answer)


def answers_of(path: Path) -> dict[str, Answer]:
    return read_answers(path, absent_ok=False).answers


# A cell that would be run as a formula, of two lines, with every mark that tables are made of.
ODD = '=SUM(A1)\nsecond: "line"; it\'s 5 µg, 日本 😀'


def in_csv(cells: Sequence[Sequence[str]], separator: str = ",") -> bytes:
    """A CSV file as a spreadsheet writes it."""
    stream = io.StringIO(newline="")
    csv.writer(stream, delimiter=separator, lineterminator="\r\n").writerows(cells)
    return stream.getvalue().encode("utf-8-sig")


def cells_of(path: Path) -> Cells:
    """What a spreadsheet shows of a file."""
    if path.suffix == ".xlsx":
        book = CalamineWorkbook.from_path(str(path))
        return [[str(c) for c in row] for row in book.get_sheet_by_index(0).to_python()]
    text = path.read_bytes().decode("utf-8-sig")
    return [*csv.reader(io.StringIO(text, newline=""))]


def in_xlsx(cells: Sequence[Sequence[str]]) -> bytes:
    """A workbook as a spreadsheet writes it."""
    stream = io.BytesIO()
    plain = ("strings_to_formulas", "strings_to_urls", "strings_to_numbers")
    book = xlsxwriter.Workbook(stream, {"in_memory": True} | dict.fromkeys(plain, False))
    sheet = book.add_worksheet("answers")
    for number, row in enumerate(cells):
        for place, text in enumerate(row):
            sheet.write_string(number, place, text)
    book.close()
    return stream.getvalue()
