"""Answers as they may leave beside a shared audit.

A statement of a figure quotes an audit. Beside a shared audit every one of them is the sentence of
that audit for the same figure, which says that it is withheld where it is; what was read from
another audit is left out. What people wrote themselves is not changed: it is refused where it tells
a withheld number.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property

from audit.problems import InputError, Problem
from audit.result_file import ResultFile
from checklists.answers import (
    Answer,
    AnswersFile,
    AuditSource,
    FigureEvidence,
    Past,
    Review,
    Said,
)
from checklists.figures import figures
from checklists.withheld import Withheld, plain

WITHHELD = "Withheld: it was read from another audit than the shared one."
EARLIER = "Withheld: it was said of an earlier answer."
# A hash of words that are withheld would let them be guessed; this stands in its place.
NO_HASH = "0" * 64


@dataclass(frozen=True)
class Shared:
    """A shared audit, the one that it was made from where that is at hand, what is withheld."""

    file: ResultFile
    origin: ResultFile | None
    withheld: Withheld

    @cached_property
    def sentences(self) -> Mapping[str, str]:
        """Id -> sentence of everything in the shared audit."""
        return figures(self.file.result)

    def answers(self, given: AnswersFile) -> AnswersFile:
        """The answers as they may leave.

        Raises
        ------
        InputError
            With every answer of which the words tell a withheld number.
        """
        problems = [*self.told(given)]
        if problems:
            raise InputError(problems)
        made = {id: self._answer(answer) for id, answer in given.answers.items()}
        return given.model_copy(update={"answers": made})

    def told(self, given: AnswersFile) -> Iterator[Problem]:
        """Answers of which the words tell what is withheld."""
        for id, answer in given.answers.items():
            yield from self._told(id, answer)

    def _answer(self, answer: Answer) -> Answer:
        """The answer with statements of the shared audit.

        A review is bound to what the person saw: it does not hold for a statement that was
        changed, and only says that it was given of the full version.
        """
        evidence = tuple(
            self._figure(e) if isinstance(e, FigureEvidence) else e for e in answer.evidence
        )
        history = tuple(self._past(past) for past in answer.history)
        made = answer.model_copy(update={"evidence": evidence, "history": history})
        return made.model_copy(update={"reviews": _carried(answer.reviews, answer, made)})

    def _past(self, past: Past) -> Past:
        """An earlier answer without what it said, which was of earlier audits."""
        evidence = tuple(
            e.model_copy(update={"statement": WITHHELD, "audit": self._source(e.audit)})
            if isinstance(e, FigureEvidence)
            else e
            for e in past.evidence
        )
        reviews = tuple(
            r.model_copy(update={"comment": EARLIER if r.comment else None}) for r in past.reviews
        )
        rationale = EARLIER if past.rationale else None
        made = past.model_copy(update={"evidence": evidence, "rationale": rationale})
        return made.model_copy(update={"reviews": _carried(reviews, past, made)})

    def _figure(self, evidence: FigureEvidence) -> FigureEvidence:
        source = evidence.audit
        if source.sha256 == self.file.sha256:
            return evidence
        said = self.sentences.get(evidence.figure, WITHHELD)
        return evidence.model_copy(update={"statement": said, "audit": self._source(source)})

    def _source(self, source: AuditSource) -> AuditSource:
        """The shared audit, where a figure was read from the one that it was made from."""
        if not self._is_of(source):
            return source
        return source.model_copy(update={"sha256": self.file.sha256})

    def _is_of(self, source: AuditSource) -> bool:
        """Whether a figure was read from the audit that the shared one was made from."""
        if self.origin is not None:
            return source.sha256 == self.origin.sha256
        used = self.file.result.provenance
        model = used.model.sha256 if used.model is not None else None
        made_from = (used.plan_sha256, tuple(f.sha256 for f in used.data), model)
        return made_from == (source.plan, source.data, source.model)

    def _told(self, id: str, answer: Answer) -> Iterator[Problem]:
        """Words of an answer that tell what is withheld."""
        texts = [("rationale", answer.rationale or "")]
        texts += [("review", r.comment or "") for r in answer.reviews]
        texts += [("place in a file", getattr(e, "locator", None) or "") for e in answer.evidence]
        quoted = {
            plain(e.statement)
            for e in answer.evidence
            if isinstance(e, FigureEvidence) and self._figure(e).statement != e.statement
        }
        for where, text in texts:
            yield from self.withheld.told_in(id, where, text, quoted)


def _carried(reviews: tuple[Review, ...], before: Said, after: Said) -> tuple[Review, ...]:
    """The reviews of words that were changed: of the full version those that held for it."""
    old, new = before.sha256(), after.sha256()
    if old == new:
        return reviews
    return tuple(
        r.model_copy(update={"answer_sha256": new, "of_full_version": True})
        if r.answer_sha256 == old and not r.of_full_version
        else r.model_copy(update={"answer_sha256": NO_HASH})
        for r in reviews
    )
