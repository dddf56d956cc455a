"""Answers as a table for colleagues without the tool: CSV and XLSX, out and back in.

The columns up to `last_answered_by` are for reading. The others are filled in; a row whose filled
columns are as they went out is no answer.
"""

import csv
import io
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from audit.problems import InputError, Problem, nearest
from checklists.assessment import ItemState
from checklists.scales import SCALES
from checklists.vocabulary import STATE_NAMES

READ = (
    "item", "item_sha256", "answer_sha256", "instrument", "locator", "heading", "question",
    "evidence_expected", "standing", "applies_from", "choices", "options", "last_answered_by",
)  # fmt: skip
FILLED = ("response", "chosen_options", "rationale", "documents", "name", "role")
COLUMNS = (*READ, *FILLED)
_SHEET = "answers"
# A cell that starts so is run as a formula by spreadsheets when the file is CSV.
_FORMULA = re.compile("'*[=+@\t\r-]")


@dataclass(frozen=True)
class Row:
    """One filled row: `line` is where it stands in the file."""

    line: int
    item: str
    item_sha256: str
    answer_sha256: str
    response: str
    options: tuple[str, ...]
    rationale: str
    documents: tuple[str, ...]
    name: str
    role: str


def table(states: Iterable[ItemState]) -> list[list[str]]:
    """The header and one row an item that has to be answered."""
    return [list(COLUMNS), *(_row(state) for state in states if state.counted)]


def _row(state: ItemState) -> list[str]:
    item, standing, answer = state.item, state.standing, state.answer
    own = answer if state.through is None else None
    cells = {
        "item": item.id,
        "item_sha256": item.sha256(standing.version),
        "answer_sha256": own.sha256() if own is not None else "",
        "instrument": state.instrument.short,
        "locator": item.locator,
        "heading": item.heading,
        "question": standing.question,
        "evidence_expected": "; ".join(item.evidence),
        "standing": STATE_NAMES[standing.state],
        "applies_from": standing.since.isoformat() if standing.since else "",
        "choices": ", ".join(r.id for r in SCALES[item.scale].responses),
        "options": ", ".join(item.options),
        "last_answered_by": str(answer.by) if answer is not None else "",
        "response": (own.response or own.status) if own is not None else "",
        "chosen_options": ", ".join(own.options) if own is not None else "",
        "rationale": (own.rationale or "") if own is not None else "",
    }
    return [cells.get(column, "") for column in COLUMNS]


def to_csv(rows: Sequence[Sequence[str]]) -> bytes:
    """UTF-8 with the mark that spreadsheets look for; text that looks like a formula is quoted."""
    stream = io.StringIO(newline="")
    writer = csv.writer(stream, lineterminator="\r\n")
    writer.writerows([[defused(cell) for cell in row] for row in rows])
    return stream.getvalue().encode("utf-8-sig")


def defused(cell: str) -> str:
    """A cell as text: an apostrophe before what a spreadsheet would run as a formula."""
    return "'" + cell if _FORMULA.match(cell) else cell


def _restored(cell: str) -> str:
    return cell[1:] if cell.startswith("'") and _FORMULA.match(cell) else cell


def to_xlsx(rows: Sequence[Sequence[str]], allowed: Sequence[Sequence[str]]) -> bytes:
    """A sheet whose response cells offer the words of their scale; the same for the same rows."""
    from datetime import datetime

    import xlsxwriter

    stream = io.BytesIO()
    plain = ("strings_to_formulas", "strings_to_urls", "strings_to_numbers")
    book = xlsxwriter.Workbook(stream, {"in_memory": True} | dict.fromkeys(plain, False))
    # The moment of writing would make every file another one.
    book.set_properties({"created": datetime(2000, 1, 1), "title": "Checklist answers"})
    sheet = book.add_worksheet(_SHEET)
    head = book.add_format({"bold": True, "bottom": 1, "text_wrap": True, "valign": "top"})
    cell = book.add_format({"text_wrap": True, "valign": "top"})
    fill = book.add_format({"text_wrap": True, "valign": "top", "bg_color": "#F2F2F2"})
    for number, row in enumerate(rows):
        for column, text in enumerate(row):
            style = head if number == 0 else fill if COLUMNS[column] in FILLED else cell
            # Such an apostrophe would be taken for the one that defuses a formula in a CSV file.
            text = defused(text) if text.startswith("'") else text
            sheet.write_string(number, column, text[:32767], style)
    for number, words in enumerate(allowed, start=1):
        place = COLUMNS.index("response")
        sheet.data_validation(
            number, place, number, place, {"validate": "list", "source": list(words)}
        )
    for column, name in enumerate(COLUMNS):
        wide = name in ("question", "rationale", "evidence_expected")
        hidden = name in ("item_sha256", "answer_sha256")
        sheet.set_column(column, column, 48 if wide else 16, None, {"hidden": hidden})
    sheet.freeze_panes(1, 1)
    sheet.autofilter(0, 0, max(len(rows) - 1, 0), len(COLUMNS) - 1)
    book.close()
    return stream.getvalue()


def read_table(path: Path) -> list[Row]:
    """The filled rows of a CSV or XLSX file.

    Raises
    ------
    InputError
        With every problem found: another kind of file, columns that are missing, an item twice.
    """
    cells = _read_xlsx(path) if path.suffix.lower() == ".xlsx" else _read_csv(path)
    start = next((n for n, values in enumerate(cells) if any(map(str.strip, values))), None)
    if start is None:
        reason = "it is empty"
        raise InputError(Problem("empty", str(path), reason, "export one and fill it in"))
    header = [name.strip() for name in cells[start]]
    missing = [name for name in ("item", *FILLED[:3]) if name not in header]
    if missing:
        remedy = nearest(missing[0], header)
        reason = f"column '{missing[0]}' is missing"
        raise InputError(Problem("missing_column", f"{path}: row {start + 1}", reason, remedy))
    rows: list[Row] = []
    problems: list[Problem] = []
    seen: dict[str, int] = {}
    for line, values in enumerate(cells[start + 1 :], start=start + 2):
        record = {n: _restored(v.strip()) for n, v in zip(header, values, strict=False)}
        if not record.get("response"):
            continue
        row = _parsed(line, record)
        if row.item in seen:
            reason = f"item {row.item} is in row {seen[row.item]} too"
            problems.append(Problem("repeated_item", f"{path}: row {line}", reason, "keep one"))
        seen[row.item] = line
        rows.append(row)
    if problems:
        raise InputError(problems)
    return rows


def _parsed(line: int, record: dict[str, str]) -> Row:
    return Row(
        line=line,
        item=record.get("item", ""),
        item_sha256=record.get("item_sha256", ""),
        answer_sha256=record.get("answer_sha256", ""),
        response=record["response"],
        options=_listed(record.get("chosen_options", ""), ","),
        rationale=record.get("rationale", ""),
        documents=_listed(record.get("documents", ""), ";"),
        name=record.get("name", ""),
        role=record.get("role", ""),
    )


def _listed(text: str, separator: str) -> tuple[str, ...]:
    return tuple(part.strip() for part in text.split(separator) if part.strip())


def _read_csv(path: Path) -> list[list[str]]:
    from audit.yaml_file import read_text

    text = read_text(path).removeprefix("\ufeff")
    first = text.split("\n", 1)[0]
    # Spreadsheets in many languages write semicolons.
    separator = ";" if first.count(";") > first.count(",") else ","
    try:
        return [*csv.reader(io.StringIO(text, newline=""), delimiter=separator)]
    except csv.Error as error:
        reason = f"it is no CSV file ({error})"
        remedy = "look for a quotation mark that is not closed"
        raise InputError(Problem("bad_csv", str(path), reason, remedy)) from None


def _lines(text: str) -> str:
    return text.replace("\r\n", "\n").replace("\r", "\n")


def _read_xlsx(path: Path) -> list[list[str]]:
    from python_calamine import CalamineError, CalamineWorkbook

    try:
        book = CalamineWorkbook.from_filelike(io.BytesIO(path.read_bytes()))
        name = _SHEET if _SHEET in book.sheet_names else book.sheet_names[0]
        rows: list[list[Any]] = book.get_sheet_by_name(name).to_python()
    except FileNotFoundError:
        problem = Problem("missing_file", str(path), "no such file", "check the path")
    except (CalamineError, OSError) as error:
        reason = f"it is no XLSX file ({error})"
        problem = Problem("bad_xlsx", str(path), reason, "save it as XLSX or CSV")
    else:
        return [["" if cell is None else _lines(str(cell)) for cell in row] for row in rows]
    raise InputError(problem)
