"""Answers as they may leave beside a shared audit.

A statement of a figure quotes an audit. Beside a shared audit every one of them is the sentence of
that audit for the same figure, which says that it is withheld where it is; what was read from
another audit is left out. What people wrote themselves is not changed: it is refused where it tells
a withheld number.
"""

import re
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property

from audit.problems import InputError, Problem
from audit.result import AuditResult, Estimate
from audit.result_file import ResultFile
from checklists.answers import (
    Answer,
    AnswersFile,
    AuditSource,
    FigureEvidence,
    Past,
)
from checklists.figures import figures

WITHHELD = "Withheld: it was read from another audit than the shared one."
EARLIER = "Withheld: it was said of an earlier answer."
_NUMBER = re.compile(r"(?<![\w.])(\d[\d,]*(?:\.\d+)?)(?!\w)( ?%)?")


@dataclass(frozen=True)
class Shared:
    """A shared audit, and the one that it was made from where that is at hand."""

    file: ResultFile
    origin: ResultFile | None = None

    @cached_property
    def sentences(self) -> Mapping[str, str]:
        """Id -> sentence of everything in the shared audit."""
        return figures(self.file.result)

    @cached_property
    def withheld_sentences(self) -> frozenset[str]:
        """What the audit behind it says and the shared one does not."""
        if self.origin is None:
            return frozenset()
        kept = {_plain(s) for s in self.sentences.values()}
        return frozenset(_plain(s) for s in figures(self.origin.result).values()) - kept

    @cached_property
    def withheld_numbers(self) -> Mapping[str, frozenset[float]]:
        """Withheld stratum -> what the audit behind it counts and measures there."""
        if self.origin is None:
            return {}
        return _numbers(self.origin.result, self.file.result)

    def answers(self, given: AnswersFile) -> AnswersFile:
        """The answers as they may leave.

        Raises
        ------
        InputError
            With every answer of which the words tell a withheld number.
        """
        problems = [p for id, answer in given.answers.items() for p in self._told(id, answer)]
        if problems:
            raise InputError(problems)
        made = {id: self._answer(answer) for id, answer in given.answers.items()}
        return given.model_copy(update={"answers": made})

    def _answer(self, answer: Answer) -> Answer:
        """The answer with statements of the shared audit.

        A review is bound to what the person saw: it does not hold for a statement that was changed.
        """
        return answer.model_copy(
            update={
                "evidence": tuple(
                    self._figure(e) if isinstance(e, FigureEvidence) else e for e in answer.evidence
                ),
                "history": tuple(self._past(past) for past in answer.history),
            }
        )

    def _past(self, past: Past) -> Past:
        """An earlier answer without what it said, which was of earlier audits."""
        evidence = tuple(
            e.model_copy(update={"statement": WITHHELD}) if isinstance(e, FigureEvidence) else e
            for e in past.evidence
        )
        reviews = tuple(
            r.model_copy(update={"comment": EARLIER if r.comment else None}) for r in past.reviews
        )
        rationale = EARLIER if past.rationale else None
        return past.model_copy(
            update={"evidence": evidence, "reviews": reviews, "rationale": rationale}
        )

    def _figure(self, evidence: FigureEvidence) -> FigureEvidence:
        source = evidence.audit
        if source.sha256 == self.file.sha256:
            return evidence
        said = self.sentences.get(evidence.figure, WITHHELD)
        if self._is_of(source):
            source = source.model_copy(update={"sha256": self.file.sha256})
        return evidence.model_copy(update={"statement": said, "audit": source})

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
            _plain(e.statement)
            for e in answer.evidence
            if isinstance(e, FigureEvidence) and self._figure(e).statement != e.statement
        }
        for where, text in texts:
            yield from self.told_in(id, where, text, quoted)

    def told_in(
        self, whose: str, where: str, text: str, quoted: Collection[str] = ()
    ) -> Iterator[Problem]:
        """What a text tells that is withheld; `whose` and `where` are how problems call it."""
        plain = _plain(text)
        remedy = "say it without the number, or give the document to those who may see it"
        if any(sentence in plain for sentence in self.withheld_sentences.union(quoted)):
            reason = f"its {where} quotes a figure that is withheld"
            yield Problem("withheld_figure", whose, reason, remedy)
        stratum = self._numbered(plain)
        if stratum is not None:
            reason = f"its {where} tells a number of {stratum}, which is withheld"
            yield Problem("withheld_figure", whose, reason, remedy)

    def _numbered(self, text: str) -> str | None:
        """The withheld stratum that a text names beside one of its numbers."""
        written = [*_NUMBER.finditer(text)]
        for stratum, numbers in self.withheld_numbers.items():
            if not all(_names(text, part) for part in stratum.split(" & ")):
                continue
            if any(_is_number(one, number) for one in written for number in numbers):
                return stratum
        return None


def _plain(text: str) -> str:
    return " ".join(text.split()).rstrip(".")


def _names(text: str, part: str) -> bool:
    """Whether a text speaks of a level: by its stratum's name, or by a level of some length."""
    attribute, _, level = part.partition("=")
    if part in text or (len(level) > 2 and level in text):
        return True
    pair = (re.escape(attribute), re.escape(level))
    return any(
        re.search(rf"(?<!\w){one}\W{{1,3}}{other}(?!\w)", text) for one, other in (pair, pair[::-1])
    )


def _is_number(written: re.Match[str], number: float) -> bool:
    """Whether a written number is this count, or this value to the digits that are written."""
    word, percent = written[1].replace(",", ""), bool(written[2])
    if number.is_integer() and not percent:
        return float(word) == number
    digits = len(word.partition(".")[2])
    if not (digits or percent):
        return False
    scale = 100 if percent else 1
    return abs(float(word) - scale * number) <= 0.5001 * 10.0**-digits


def _numbers(full: AuditResult, shared: AuditResult) -> Mapping[str, frozenset[float]]:
    gone = {c.stratum for c in shared.cohort.strata if c.n is None}
    found: dict[str, set[float]] = {stratum: set() for stratum in gone}
    for count in full.cohort.strata:
        if count.stratum in found:
            cells = count.model_dump(exclude={"stratum", "attributes"}).values()
            found[count.stratum].update(float(c) for c in cells if c)
    for e in full.estimates:
        if e.stratum in found:
            found[e.stratum].update(_values(e))
    return {stratum: frozenset(numbers) for stratum, numbers in found.items()}


def _values(e: Estimate) -> Iterator[float]:
    """Value and ends, but for 0 and 1, which any text may hold."""
    yield from (v for v in (e.value, e.lower, e.upper) if v is not None and v not in (0.0, 1.0))
