"""Everything that leaves of an audit, read back as an attacker would read it."""

import base64
import csv
import gzip
import io
import json
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, fields, is_dataclass
from datetime import UTC, datetime
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
from python_calamine import CalamineWorkbook

from audit.result import AuditResult
from checklists.answering import figure_evidence, new_answer
from checklists.answers import Answer, Decision, reviewed
from checklists.answers_file import change_answers
from checklists.figures import figures
from checklists.scales import SCALES
from checklists.tables import table, to_csv, to_xlsx
from commands.checklist.desk import open_desk
from reports import words
from reports.attachments import attachments
from reports.blocks import Figure, Report, Table
from reports.checklist_text import checklist_json, checklist_markdown
from reports.cyclonedx import cyclonedx
from reports.exports.chai import chai
from reports.exports.hugging_face import hugging_face
from reports.exports.in_toto import in_toto
from reports.exports.ml_bom import ml_bom
from reports.exports.record import audit_file
from reports.exports.tidy import tidy_csv, tidy_parquet
from reports.exports.workbook import workbook
from reports.figures import specification
from reports.gate.formats import FORMATS
from reports.gate.summary import summary_text
from reports.html import render_html
from reports.oscal import oscal
from reports.outline import outlines
from reports.papers import Papers
from reports.view import build_view
from tests.reports.answered import ANN, AT, BEN
from tests.reports.gated import judged_of
from tests.reports.nasty import INSTRUMENTS

AS_OF = "2027-12-02"


@dataclass(frozen=True)
class Left:
    """What left: texts in lines, data in JSON, and rows of tables of estimates, by channel."""

    texts: dict[str, str]
    data: dict[str, Any]
    records: dict[str, list[dict[str, Any]]]


def lay_out(folder: Path, plan: str, full: AuditResult, cited: list[str]) -> Path:
    """Put plan, profile, audit and answers in a folder; each answer cites one of the figures.

    The answers are accepted and signed off. Returns the path of the audit.
    """
    (folder / "out").mkdir(parents=True)
    (folder / "equipoise.yaml").write_text(plan, "utf-8")
    audit = folder / "out" / "audit.json"
    audit.write_text(full.to_json(), "utf-8")
    desk = open_desk(folder / "equipoise.yaml", folder / "answers.yaml", None, AS_OF)
    assert desk.audit is not None
    given: dict[str, Answer] = {}
    answered = datetime(2027, 11, 30, 8, tzinfo=UTC)
    for instrument in INSTRUMENTS:
        states = [s for s in desk.assess([instrument]).items if s.counted][: len(cited)]
        for state, id in zip(states, cited, strict=False):
            answer = new_answer(
                state.standing,
                response=SCALES[state.item.scale].responses[0].id,
                by=ANN,
                at=answered,
                rationale="See the figure.",
                evidence=[figure_evidence(desk.audit, id, folder)],
            )
            decisions: tuple[Decision, ...] = ("accepted", "signed_off")
            for decision in decisions:
                answer = reviewed(answer, decision, BEN, AT)
            given[state.item.id] = answer
    change_answers(desk.answers_path, dict.fromkeys(given), lambda id, _: given[id])
    return audit


def leaving(papers: Mapping[str, Papers]) -> Left:
    """Everything that can be made of the papers; they are given by template."""
    full = papers["full"]
    views = {id: build_view(papers[id], outlines()[id]) for id in papers}
    page = render_html(full)
    packed = packed_in(page)
    texts = {
        "terminal": summary_text(full.result),
        "page": lines_of_html(page),
        "sentences": "\n".join(figures(full.result).values()),
        "huggingface": hugging_face(full),
        "chai": chai(full).decode().replace("</", "\n</"),
        "csv": tidy_csv(full).decode("utf-8-sig"),
        "workbook": "\n".join("\t".join(row) for row in cells_of(workbook(full))),
    } | {f"dossier {id}": "\n".join(lines_of(view)) for id, view in views.items()}
    judged = judged_of(full.result)
    gate = {f"gate {name}": make(judged) for name, make in FORMATS.items()}
    data = {
        "gate json": json.loads(gate.pop("gate json")),
        "gate sarif": json.loads(gate.pop("gate sarif")),
        "gate gitlab": json.loads(gate.pop("gate gitlab")),
        "ml-bom": json.loads(ml_bom(full)),
        "in-toto": json.loads(in_toto(full)),
    } | {f"page {i}": content for i, content in enumerate(packed)}
    texts |= gate
    for id, view in views.items():
        data |= {f"figure {id} {f.id}": specification(f) for f in view.figures}
        data |= {f"drawn {id} {f.id}": asdict(f)["data"] for f in view.figures}
        for file in attachments(papers[id], id):
            texts[f"attached {id} {file.name}"] = file.content.decode("utf-8-sig")
            if file.name.endswith(".json"):
                data[f"attached {id} {file.name}"] = json.loads(file.content)
    checklists(full, texts, data)
    explorer = next(content for content in packed if "estimates" in content)
    records = {
        "csv": [numbered(r) for r in csv.DictReader(io.StringIO(texts["csv"]))],
        "parquet": pq.read_table(io.BytesIO(tidy_parquet(full))).to_pylist(),
        "workbook": workbook_records(workbook(full)),
        "page": explorer_records(explorer),
    }
    return Left(texts, data, records)


def checklists(papers: Papers, texts: dict[str, str], data: dict[str, Any]) -> None:
    """Add the exports of the checklists."""
    assessment = papers.assessment
    if assessment is None:
        return
    audit = audit_file(papers)
    texts["checklists markdown"] = checklist_markdown(assessment)
    rows = table(assessment.items)
    texts["checklists csv"] = to_csv(rows).decode("utf-8-sig")
    sheet = to_xlsx(rows, [["met"]] * (len(rows) - 1))
    texts["checklists xlsx"] = "\n".join("\t".join(row) for row in cells_of(sheet))
    data["checklists json"] = json.loads(checklist_json(assessment))
    data["oscal"] = json.loads(oscal(assessment, audit, AT))
    data["cyclonedx"] = json.loads(cyclonedx(assessment, audit, AT))
    for name in ("checklists json", "oscal", "cyclonedx"):
        texts[name] = "\n".join(strings_in(data[name]))


def strings_in(node: Any) -> Iterator[str]:
    """Every text in data."""
    if isinstance(node, str):
        yield node
    elif isinstance(node, Mapping):
        for value in node.values():
            yield from strings_in(value)
    elif isinstance(node, list | tuple):
        for value in node:
            yield from strings_in(value)


def lines_of(node: Any) -> Iterator[str]:
    """Lines of a view: a row of a table is one, a text is one."""
    if isinstance(node, Table):
        yield from (node.caption, node.note, node.print_note)
        for group in node.groups:
            yield group.label
            for row in group.rows:
                told = (f"{c.base} {c.text} {c.detail} {c.title}" for c in row.cells)
                yield " | ".join(told)
    elif isinstance(node, Figure):
        yield from (node.caption, node.alt, node.note, node.print_note)
        yield from rows_in(asdict(node)["data"])
    elif isinstance(node, Report):
        for part in fields(node):
            if part.name != "explorer":
                yield from lines_of(getattr(node, part.name))
    elif is_dataclass(node):
        values = [getattr(node, part.name) for part in fields(node)]
        if all(isinstance(v, str | int | float | None) for v in values):
            yield " | ".join(map(str, values))
        else:
            for value in values:
                yield from lines_of(value)
    elif isinstance(node, tuple | list):
        if node and all(isinstance(v, str) for v in node) and len(node) == 2:
            yield " | ".join(node)
        else:
            for value in node:
                yield from lines_of(value)
    elif isinstance(node, str):
        yield node


def rows_in(node: Any) -> Iterator[str]:
    """Lines of the data of a figure: what stands in one object together."""
    if isinstance(node, Mapping):
        plain = [v for v in node.values() if isinstance(v, str)]
        yield " | ".join(plain)
        for value in node.values():
            yield from rows_in(value)
    elif isinstance(node, list | tuple):
        for value in node:
            yield from rows_in(value)
    elif isinstance(node, str):
        yield node


class _Lines(HTMLParser):
    """Text of a page, a line for each block and each row of a table."""

    ENDS = frozenset(("p", "tr", "li", "h1", "h2", "h3", "caption", "figcaption", "div", "pre",
                      "text", "Metric", "Section"))  # fmt: skip

    def __init__(self) -> None:
        super().__init__()
        self.lines = [""]
        self.skipped = False

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.skipped = tag in ("style", "script")
        told = [v for k, v in attrs if k in ("title", "alt", "aria-label") and v]
        self.lines[-1] += " ".join(["", *told, ""])

    def handle_endtag(self, tag: str) -> None:
        self.skipped = False
        if tag in self.ENDS or tag in {e.casefold() for e in self.ENDS}:
            self.lines.append("")

    def handle_data(self, data: str) -> None:
        if not self.skipped:
            self.lines[-1] += f" {data} "


def lines_of_html(text: str) -> str:
    """What a page shows, in lines."""
    parser = _Lines()
    parser.feed(text)
    return "\n".join(" ".join(line.split()) for line in parser.lines)


def packed_in(page: str) -> list[Any]:
    """Compressed JSON that a page holds."""
    found = []
    for piece in page.split(">")[1:]:
        text = piece.partition("<")[0]
        if text.startswith("H4sI"):
            content = gzip.decompress(base64.b64decode(text))
            if content[:1] == b"{":
                found.append(json.loads(content))
    return found


def cells_of(content: bytes, sheet: str | None = None) -> list[list[str]]:
    """Rows of a workbook as texts."""
    book = CalamineWorkbook.from_filelike(io.BytesIO(content))
    chosen = [sheet] if sheet is not None else book.sheet_names
    found = []
    for name in chosen:
        for row in book.get_sheet_by_name(name).to_python():
            found.append([str(int(c)) if isinstance(c, float) and c.is_integer() else str(c)
                          for c in row])  # fmt: skip
    return found


def workbook_records(content: bytes) -> list[dict[str, Any]]:
    """Estimates and contrasts of a workbook."""
    made = []
    for sheet in ("estimates", "disparities"):
        head, *rows = cells_of(content, sheet)
        made += [numbered(dict(zip(head, row, strict=False))) for row in rows]
    return made


_TEXTS = ("record", "id", "measure", "measure_name", "output", "attribute", "contrast", "stratum",
          "reference", "method", "status", "reason", "family")  # fmt: skip


def numbered(row: Mapping[str, str]) -> dict[str, Any]:
    """A row of text with its numbers as numbers and its empty cells as nothing."""
    made: dict[str, Any] = {k: v or None for k, v in row.items()}
    for name, value in made.items():
        if name not in _TEXTS and value is not None:
            made[name] = float(value)
    return made


def explorer_records(data: Any) -> list[dict[str, Any]]:
    """Estimates and contrasts of the page, by the names that its script gives them."""
    named = ("measure", "stratum", "value", "lower", "upper", "n", "n_positive", "events",
             "denominator", "status", "reason", "clusters", "method")  # fmt: skip
    between = ("measure", "contrast", "stratum", "reference", "value", "lower", "upper", "p",
               "p_adjusted", "status", "reason", "primary", "attribute")  # fmt: skip
    statuses = {name: status for status, name in words.STATUS.items()}
    made = []
    for kind, names in (("estimates", named), ("disparities", between)):
        for row in data[kind]:
            record = dict(zip(names, row, strict=True)) | {"level": data["level"], "slack": 1e-5}
            record["measure"] = data["measures"][record["measure"]]["id"]
            record["stratum"] = data["strata"][record["stratum"]]
            record["status"] = statuses[data["status"][record["status"]]]
            if kind == "disparities":
                record["reference"] = data["strata"][record["reference"]]
                record["contrast"] = data["contrasts"][record["contrast"]][0]
                record["attribute"] = data["crossings"][record["attribute"]]
            made.append(record)
    return made
