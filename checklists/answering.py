"""Making an answer from what a person says: the word of the scale, reasons, evidence, equals."""

import os
from collections.abc import Iterable, Sequence
from datetime import date, datetime
from pathlib import Path

from audit.problems import InputError, Problem, nearest
from audit.provenance import file_hash
from checklists.answers import (
    Answer,
    AuditSource,
    Evidence,
    FigureEvidence,
    FileEvidence,
    Person,
)
from checklists.catalogue import Catalogue
from checklists.crosswalk import equals
from checklists.instrument import Item
from checklists.scales import SCALES, Response
from checklists.scope import Standing, current
from checklists.staleness import CurrentAudit
from checklists.vocabulary import STATUSES


def new_answer(
    standing: Standing,
    *,
    response: str,
    by: Person,
    at: datetime,
    options: Sequence[str] = (),
    rationale: str | None = None,
    evidence: Iterable[Evidence] = (),
    also: dict[str, str] | None = None,
) -> Answer:
    """The answer of a person to an item as it stands.

    `response` is a word of the item's scale, or a status, which is taken as the first word on the
    scale that means it.

    Raises
    ------
    InputError
        With every problem: a word that is not on the scale, an option that the item does not
        have, not applicable without a rationale.
    """
    item = standing.item
    problems: list[Problem] = []
    chosen = find_response(item, response)
    if chosen is None:
        words = [r.id for r in SCALES[item.scale].responses]
        reason = f"'{response}' is no answer to this item"
        problems.append(Problem("bad_response", item.id, reason, nearest(response, words)))
    for option in options:
        if option not in item.options:
            reason = f"it has no option '{option}'"
            problems.append(
                Problem("bad_option", item.id, reason, nearest(option, [*item.options]))
            )
    text = (rationale or "").strip() or None
    if chosen is not None and chosen.status == "not_applicable" and text is None:
        reason = "'not_applicable' needs a rationale"
        problems.append(Problem("no_rationale", item.id, reason, "say why it does not apply"))
    if chosen is None or problems:
        raise InputError(problems)
    version = standing.version or item.versions[0]
    return Answer(
        status=chosen.status,
        response=None if item.scale == "obligation" else chosen.id,
        options=tuple(options),
        rationale=text,
        evidence=tuple(evidence),
        also=also or {},
        by=by,
        at=at,
        item_sha256=item.sha256(standing.version),
        edition=version.edition,
    )


def find_response(item: Item, word: str) -> Response | None:
    """The response of an item's scale that a word names: by its id, or by its status."""
    scale = SCALES[item.scale]
    found = scale.response(word)
    if found is None and word in STATUSES:
        found = next((r for r in scale.responses if r.status == word), None)
    return found


def also_answered(
    catalogue: Catalogue, item: str, on: date, but: Iterable[str] = ()
) -> dict[str, str]:
    """Items mapped as equal, each with the hash of its question on a date."""
    left_out = set(but)
    found = {}
    for other in equals(catalogue, item):
        if other not in left_out:
            asked = catalogue.items[other]
            found[other] = asked.sha256(current(asked, on))
    return found


def file_evidence(path: Path, base: Path, locator: str | None = None) -> FileEvidence:
    """Cite a file by its content; InputError when it cannot be read."""
    return FileEvidence(
        file=relative(path, base), sha256=file_hash(path).sha256, locator=locator or None
    )


def figure_evidence(
    audit: CurrentAudit, figure: str, base: Path, statement: str | None = None
) -> FigureEvidence:
    """Cite a figure of an audit; its own sentence where no other is given.

    Raises
    ------
    InputError
        When the audit holds no figure of that id.
    """
    sentences = audit.evidence.sentences
    if figure not in sentences:
        reason = f"it holds no figure '{figure}'"
        where = str(audit.file.path)
        raise InputError(Problem("unknown_figure", where, reason, nearest(figure, [*sentences])))
    return FigureEvidence(
        figure=figure,
        audit=source_of(audit, base),
        statement=(statement or "").strip() or sentences[figure],
    )


def source_of(audit: CurrentAudit, base: Path) -> AuditSource:
    """An audit by content, as an answer records it."""
    used = audit.file.result.provenance
    return AuditSource(
        file=relative(audit.file.path, base),
        sha256=audit.file.sha256,
        plan=used.plan_sha256,
        data=tuple(f.sha256 for f in used.data),
        model=used.model.sha256 if used.model is not None else None,
    )


def relative(path: Path, base: Path) -> str:
    """A path as the answers file names it: from its folder, with forward slashes."""
    return os.path.relpath(path, base).replace(os.sep, "/")
