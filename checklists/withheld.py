"""What is withheld from shared audits, and whether a text tells it.

One rule for every text that people wrote, wherever it stands: it tells what is withheld where it
quotes a sentence that the shared audit no longer says, or names a withheld stratum beside one of
its numbers. Numbers in words ("three of four") are not known as numbers, and what follows from
several texts together is not worked out.
"""

import re
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from functools import cache, cached_property

from audit.problems import Problem
from audit.result import AuditResult, Estimate
from checklists.figures import figures

REMEDY = "say it without the number, or give the document to those who may see it"
_NUMBER = re.compile(r"(?<![\w.])(\d[\d,]*(?:\.\d+)?)(?!\w|\.\d)( ?%)?")
_DATE = re.compile(r"(?<![\w-])\d{4}-\d{2}-\d{2}(?![\w-])")


@dataclass(frozen=True)
class Withheld:
    """Audits as they were, each with its shared form; nothing is known without the former."""

    pairs: tuple[tuple[AuditResult, AuditResult], ...] = ()

    @cached_property
    def sentences(self) -> frozenset[str]:
        """What the audits say and no shared form does."""
        said = (figures(full) for full, shared in self._known)
        kept = (figures(shared) for full, shared in self._known)
        gone = {plain(s) for one in said for s in one.values()}
        return frozenset(gone - {plain(s) for one in kept for s in one.values()})

    @cached_property
    def numbers(self) -> Mapping[str, frozenset[float]]:
        """Withheld stratum -> what is counted and measured there."""
        found: dict[str, frozenset[float]] = {}
        for full, shared in self._known:
            for stratum, numbers in _numbers(full, shared).items():
                found[stratum] = found.get(stratum, frozenset()) | numbers
        return found

    @property
    def _known(self) -> tuple[tuple[AuditResult, AuditResult], ...]:
        return tuple(pair for pair in self.pairs if pair[0] is not pair[1])

    def told_in(
        self, whose: str, where: str, text: str, quoted: Collection[str] = ()
    ) -> Iterator[Problem]:
        """What a text tells that is withheld; `whose` and `where` are how problems call it.

        `quoted` are further sentences that it must not hold.
        """
        told = plain(text)
        if any(sentence in told for sentence in self.sentences.union(quoted)):
            reason = f"its {where} quotes a figure that is withheld"
            yield Problem("withheld_figure", whose, reason, REMEDY)
        stratum = next((s for s in self.named(told) if self.counts(s, told)), None)
        if stratum is not None:
            reason = f"its {where} tells a number of {stratum}, which is withheld"
            yield Problem("withheld_figure", whose, reason, REMEDY)

    def tells(self, text: str) -> bool:
        """Whether a text tells what is withheld."""
        return any(self.told_in("", "", text))

    def named(self, text: str) -> Iterator[str]:
        """The withheld strata that a text speaks of."""
        for stratum in self.numbers:
            if all(_named(text, part) for part in stratum.split(" & ")):
                yield stratum

    def counts(self, stratum: str, text: str) -> bool:
        """Whether a text holds a number of a stratum: dates and the stratum's own name aside."""
        rest = _DATE.sub(" ", text)
        for part in stratum.split(" & "):
            for name in _ways(part):
                rest = name.sub(" ", rest)
        written = [*_NUMBER.finditer(rest)]
        return any(_is_number(one, number) for one in written for number in self.numbers[stratum])


def plain(text: str) -> str:
    """A text on one line, without the stop at its end."""
    return " ".join(text.split()).rstrip(".")


def _named(text: str, part: str) -> bool:
    return any(way.search(text) for way in _ways(part))


@cache
def _ways(part: str) -> tuple[re.Pattern[str], ...]:
    """How people write a level: its stratum, attribute and level side by side, a longer level."""
    attribute, _, level = part.partition("=")
    one, other = re.escape(attribute), re.escape(level)
    found = [re.escape(part)]
    if level:
        found += [rf"(?<!\w){a}\W{{1,3}}{b}(?!\w)" for a, b in ((one, other), (other, one))]
    if len(level) > 2:
        found.append(rf"(?<!\w){other}" if level[0].isalnum() else other)
    return tuple(re.compile(way, re.IGNORECASE) for way in found)


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
    return {stratum: frozenset(numbers) for stratum, numbers in sorted(found.items())}


def _values(e: Estimate) -> Iterator[float]:
    """Value and ends, but for 0 and 1, which any text may hold."""
    yield from (v for v in (e.value, e.lower, e.upper) if v is not None and v not in (0.0, 1.0))
