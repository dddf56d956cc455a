"""The audit as an XLSX workbook: what it is, verdicts, figures, cohort, sites and checklists.

The same papers give the same bytes. Text is written as text, whatever it looks like.
"""

import io
from collections.abc import Callable, Iterable, Sequence
from datetime import datetime
from typing import Any

import xlsxwriter

from audit.result import Heterogeneity
from checklists.assessment import ItemState
from checklists.vocabulary import STATE_NAMES
from reports import words
from reports.exports import tidy
from reports.exports.record import audit_sha256, limits, measure_name, product_of, said
from reports.papers import Papers
from reports.parts import front
from reports.parts.verdict_values import limit_text

Cell = str | float | int | None
Rows = Iterable[Sequence[Cell]]
# A sheet cannot hold more, its heading included; and a cell no longer text.
MOST_ROWS = 1_048_576
MOST_TEXT = 32_767
_WIDE = frozenset(
    ("statement", "reason", "rationale", "question", "answer", "stale", "against", "evidence",
     "what", "id")
)  # fmt: skip


def workbook(papers: Papers) -> bytes:
    """Write the workbook."""
    stream = io.BytesIO()
    plain = ("strings_to_formulas", "strings_to_urls", "strings_to_numbers")
    book = xlsxwriter.Workbook(stream, {"in_memory": True} | dict.fromkeys(plain, False))
    # The moment of writing would make every file another one.
    title = front.title_of(papers.result)
    book.set_properties({"created": datetime(2000, 1, 1), "title": title[:255]})
    pages = _Pages(book)
    sheets = _sheets(papers)
    beyond = {name: len(rows) - MOST_ROWS + 1 for name, (_, rows) in sheets.items()}
    left_out = {name: rows for name, rows in beyond.items() if rows > 0}
    pages.add("read me", ("what", "says"), _read_me(papers, left_out))
    for name, (head, rows) in sheets.items():
        pages.add(name, head, rows)
    book.close()
    return stream.getvalue()


class _Pages:
    """Sheets of one workbook, all in the same style."""

    def __init__(self, book: Any) -> None:
        self._book = book
        self._head = book.add_format({"bold": True, "bottom": 1, "text_wrap": True})
        self._cell = book.add_format({"valign": "top"})
        self._text = book.add_format({"text_wrap": True, "valign": "top"})

    def add(self, name: str, head: Sequence[str], rows: Rows) -> None:
        """Add a sheet with a heading that stays in sight, and filters."""
        sheet = self._book.add_worksheet(name)
        for column, text in enumerate(head):
            sheet.write_string(0, column, text, self._head)
            wide = text in _WIDE or name == "read me"
            sheet.set_column(column, column, 60 if wide and column else 20)
        last = 0
        for last, row in enumerate(rows, start=1):
            if last == MOST_ROWS:
                break
            for column, value in enumerate(row):
                self._write(sheet, last, column, value)
        sheet.freeze_panes(1, 1)
        sheet.autofilter(0, 0, min(last, MOST_ROWS - 1), len(head) - 1)

    def _write(self, sheet: Any, row: int, column: int, value: Cell) -> None:
        if value is None or value == "":
            return
        if isinstance(value, str):
            sheet.write_string(row, column, value[:MOST_TEXT], self._text)
        else:
            sheet.write_number(row, column, value, self._cell)


def _sheets(papers: Papers) -> dict[str, tuple[Sequence[str], list[Sequence[Cell]]]]:
    made: dict[str, Callable[[Papers], tuple[Sequence[str], list[Sequence[Cell]]]]] = {
        "verdicts": _verdicts,
        "estimates": lambda p: _records(p, "estimate"),
        "disparities": lambda p: _records(p, "disparity"),
        "cohort": _cohort,
        "sites": _sites,
        "checklists": _checklists,
    }
    return {name: build(papers) for name, build in made.items()}


def _read_me(papers: Papers, left_out: dict[str, int]) -> list[Sequence[Cell]]:
    used, product = papers.result.provenance, product_of(papers)
    told: list[Sequence[Cell]] = [
        ("title", front.title_of(papers.result)),
        ("product", f"{product.name} {product.version}".strip() or "not stated"),
        ("intended use", product.intended_use or "not stated"),
        ("test cohort", product.cohort or "not stated"),
        ("as of", used.as_of or "not stated"),
        ("made with", f"{used.tool} {used.tool_version}"),
        ("audit.json, SHA-256", audit_sha256(papers)),
        ("plan, SHA-256", used.plan_sha256),
        ("empty cells", "There is no value. Status and reason say why; it is not zero."),
        ("sums", front.verdict_sentence(papers.result)),
    ]
    told += [
        (f"status: {words.STATUS[status]}", reading)
        for status, reading in words.STATUS_READING.items()
    ]
    told += [
        (f"verdict: {words.VERDICT[status][1]}", reading)
        for status, reading in words.VERDICT_READING.items()
    ]
    told += [("limitation", text) for text in limits(papers)]
    if papers.assessment is None:
        told.append(("checklists", "No checklist was at hand."))
    else:
        told.append(("checklists", f"As of {papers.assessment.on}. Coverage is no compliance."))
    return told + [
        (f"left out of {name}", f"{rows} rows; audit.json holds them")
        for name, rows in left_out.items()
    ]


def _verdicts(papers: Papers) -> tuple[Sequence[str], list[Sequence[Cell]]]:
    head = ("requirement", "part", "verdict", "statement", "value", "lower", "upper", "level",
            "limit", "reason", "rationale")  # fmt: skip
    rows: list[Sequence[Cell]] = []
    for v in papers.result.verdicts:
        limit = limit_text(v, front.contrast_of(papers.index, v))
        shared = (v.level, limit)
        where = v.stratum or ""
        rows.append((v.requirement, f"decided by {where}" if where else "", _verdict(v.status),
                     v.statement, v.value, v.lower, v.upper, *shared, v.reason,
                     v.rationale))  # fmt: skip
        rows += [
            (v.requirement, p.id, _verdict(p.status), v.statement, p.value, p.lower, p.upper,
             *shared, p.reason, "")
            for p in v.parts
        ]  # fmt: skip
    return head, rows


def _verdict(status: str) -> str:
    return words.VERDICT[status][1]


def _records(papers: Papers, kind: str) -> tuple[Sequence[str], list[Sequence[Cell]]]:
    """Rows of the tidy table, without the columns that their kind never fills."""
    found = [row for row in tidy.rows(papers) if row["record"] == kind]
    head = [name for name in tidy.COLUMNS if name != "record" and name not in _NEVER[kind]]
    return head, [[row[name] for name in head] for row in found]


_NEVER = {
    "estimate": ("contrast", "reference", "p", "p_adjusted", "family", "simultaneous_lower",
                 "simultaneous_upper"),
    "disparity": ("n", "n_positive", "n_negative", "events", "denominator", "clusters", "baseline",
                  "shrunk_value", "shrunk_lower", "shrunk_upper"),
}  # fmt: skip


def _cohort(papers: Papers) -> tuple[Sequence[str], list[Sequence[Cell]]]:
    head = ("stratum", "attribute", "rows", "missing_label", "missing_score", "n", "n_positive",
            "n_negative", "patients", "tp", "fp", "tn", "fn")  # fmt: skip
    counts = ("rows", *head[3:])
    rows = [
        (s.stratum, " & ".join(s.attributes), *(getattr(s, name) for name in counts))
        for s in papers.result.cohort.strata
    ]
    return head, list(rows)


def _sites(papers: Papers) -> tuple[Sequence[str], list[Sequence[Cell]]]:
    head = ("measure", "output", "contrast", "attribute", "stratum", "reference", "k", "excluded",
            "method", "pooled", "pooled_lower", "pooled_upper", "prediction_lower",
            "prediction_upper", "tau2", "i2", "q", "q_p", "status", "reason")  # fmt: skip
    sites = papers.result.sites
    return head, [] if sites is None else [_spread(h) for h in sites.heterogeneity]


def _spread(h: Heterogeneity) -> Sequence[Cell]:
    pooled = h.pooled.model_dump() if h.pooled is not None else {}
    ahead = h.prediction.model_dump() if h.prediction is not None else {}
    return (
        measure_name(h.measure, None), h.output, h.contrast, h.attribute, h.stratum, h.reference,
        h.k, ", ".join(h.excluded), h.method, pooled.get("value"), pooled.get("lower"),
        pooled.get("upper"), ahead.get("lower"), ahead.get("upper"), h.tau2, h.i2, h.q, h.q_p,
        h.status, h.reason,
    )  # fmt: skip


def _checklists(papers: Papers) -> tuple[Sequence[str], list[Sequence[Cell]]]:
    head = ("item", "instrument", "locator", "question", "standing", "applies_from", "status",
            "answer", "by", "at", "review", "stale", "against")  # fmt: skip
    states = [s for s in papers.states.values() if s.counted]
    return head, [_state(papers, s) for s in states]


def _reviewed(state: ItemState) -> str | None:
    full = state.answer.full_version_text() if state.answer is not None else ""
    return full or state.decision


def _state(papers: Papers, state: ItemState) -> Sequence[Cell]:
    answer, standing = state.answer, state.standing
    since = standing.since.isoformat() if standing.since else None
    return (
        state.item.id, state.instrument.short, state.item.locator, standing.question,
        STATE_NAMES[standing.state], since, state.status_words, said(papers, state),
        str(answer.by) if answer is not None else None,
        f"{answer.at:%Y-%m-%d}" if answer is not None else None,
        _reviewed(state), "; ".join(map(str, state.stale)),
        "; ".join(f"{c.words}: {c.sentence}" for c in state.contradictions),
    )  # fmt: skip
