"""Requirements on the cohort: counts are facts, so they are met or violated without an interval.

A level that is declared and has no rows counts nobody. What is withheld from a shared result, or
has nothing to be a share of, is not estimable and never a pass. So is a share of rows without a
score before scores are read.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import product
from math import inf

from audit.plan import Plan
from audit.requirement import CoverageRequirement, where_of
from audit.result import (
    AttributeLevels,
    CohortSummary,
    StratumCount,
    Verdict,
    VerdictPart,
    VerdictStatus,
)
from audit.stratum_names import MISSING, OVERALL

# What each count and each share is called.
COUNTED = {
    "n": "units",
    "patients": "patients",
    "positives": "positives",
    "negatives": "negatives",
    "sites": "sites",
}
SHARED = {
    "missing_label": "without a label",
    "missing_score": "without a score",
    "missing": "without a recorded value",
}
_FIELD = {"n": "n", "patients": "patients", "positives": "n_positive", "negatives": "n_negative"}
_RANK: tuple[VerdictStatus, ...] = ("violated", "not_estimable", "met")
_WITHHELD = "the count is withheld, or was not made"
_UNREAD = (
    "rows without a score are counted at the audit, because scores are not read before the plan "
    "is locked"
)


@dataclass(frozen=True)
class _Found:
    """One count or share that was asked for: of what, where, how many, of how many."""

    name: str
    place: str
    asked: float
    count: int | None
    of: int | None = None
    reason: str = ""

    @property
    def is_share(self) -> bool:
        return self.name in SHARED

    @property
    def is_unread(self) -> bool:
        return self.reason == _UNREAD

    @property
    def value(self) -> float | None:
        """The count, or the share of the rows where there are any."""
        if self.count is None or self.reason:
            return None
        if not self.is_share:
            return float(self.count)
        return self.count / self.of if self.of else None

    @property
    def status(self) -> VerdictStatus:
        if self.value is None:
            return "not_estimable"
        good = self.value <= self.asked if self.is_share else self.value >= self.asked
        return "met" if good else "violated"

    @property
    def urgency(self) -> tuple[int, float]:
        """Worst status first; within it, the least of what was asked for."""
        value = self.value
        if value is None:
            return _RANK.index(self.status), 0.0
        reached = value / self.asked if not self.is_share else inf
        if self.is_share and value:
            reached = self.asked / value
        return _RANK.index(self.status), reached

    @property
    def words(self) -> str:
        """The count beside what was asked for."""
        if self.value is None:
            return self.reason or (_WITHHELD if self.of != 0 else "no rows to be a share of")
        if self.is_share:
            share = f"{self.count:,} of {self.of:,} rows {SHARED[self.name]}"
            return f"{share} ({percent(self.value)}), at most {percent(self.asked)}"
        return f"{self.count:,} {COUNTED[self.name]} of at least {self.asked:,.0f}"

    @property
    def part(self) -> VerdictPart:
        return VerdictPart(
            id=f"coverage/{self.name}/{self.place}",
            status=self.status,
            value=self.value,
            lower=None,
            upper=None,
            reason=self.words,
        )


def coverage_verdicts(
    plan: Plan, cohort: CohortSummary, *, scores_read: bool = True
) -> list[Verdict]:
    """Hold the counts of a cohort against all that a plan requires of its coverage."""
    return [coverage_verdict(r, cohort, plan.level, scores_read=scores_read) for r in plan.coverage]


def coverage_verdict(
    requirement: CoverageRequirement,
    cohort: CohortSummary,
    level: float,
    *,
    scores_read: bool = True,
) -> Verdict:
    """Hold the counts of a cohort against one requirement; the worst of them decides."""
    found = list(_found(requirement, _Cohort(cohort, scores_read)))
    worst = min(found, key=lambda one: one.urgency)  # of equals, the first as stated
    return Verdict(
        requirement=requirement.id,
        statement=coverage_statement(requirement),
        rationale=requirement.rationale,
        measure="coverage",
        stratum=worst.place,
        status=worst.status,
        value=worst.value,
        lower=None,
        upper=None,
        level=level,
        margin=worst.asked,
        reason=_reason(worst, found),
        detectable=None,
        n_needed=None,
        evidence=(),
        parts=tuple(one.part for one in found),
        kind="coverage",
        severity=requirement.severity,
    )


def coverage_statement(requirement: CoverageRequirement) -> str:
    """Put a requirement into one line of words."""
    where = where_of(requirement.strata)
    said = []
    if requirement.counts:
        counts = [f"{n:,} {COUNTED[name]}" for name, n in requirement.counts.items()]
        said.append(f"at least {_listed(counts)} {where}")
    if requirement.shares:
        shares = [f"{percent(s)} of rows {SHARED[name]}" for name, s in requirement.shares.items()]
        said.append(f"at most {_listed(shares)} {where}")
    if requirement.missing is not None:
        share = percent(requirement.missing)
        said.append(f"{requirement.attribute} not recorded on at most {share} of rows")
    if requirement.sites is not None:
        sites = "site" if requirement.sites == 1 else "sites"
        said.append(f"at least {requirement.sites:,} {sites}")
    return "; ".join(said)


def decided_by(verdict: Verdict) -> str | None:
    """The count or share that decided a coverage verdict: a name of `COUNTED` or `SHARED`."""
    for part in verdict.parts:
        _, name, place = part.id.split("/", 2)
        if (place, part.value) == (verdict.stratum, verdict.value):
            return name
    return None


def percent(share: float) -> str:
    """Write a share in per cent, with no more decimals than it has."""
    return f"{100 * share:.3g} %"


def _listed(texts: Sequence[str]) -> str:
    head, last = ", ".join(texts[:-1]), texts[-1]
    return f"{head} and {last}" if head else last


@dataclass(frozen=True)
class _Cohort:
    """A cohort with its strata at hand."""

    summary: CohortSummary
    scores_read: bool

    @cached_property
    def counts(self) -> Mapping[str, StratumCount]:
        return {s.stratum: s for s in self.summary.strata}

    @cached_property
    def attributes(self) -> Mapping[str, AttributeLevels]:
        return {a.name: a for a in self.summary.attributes}

    def strata(self, name: str) -> list[str]:
        """The strata meant by a name: of an attribute all levels, whoever was found in them.

        Of several attributes all combinations. Rows on which it is not recorded are no level: how
        many may be so is a requirement of its own.
        """
        if name == OVERALL or "=" in name:
            return [name]
        names = name.split(" & ")
        if any(one not in self.attributes for one in names):
            return []
        levels = [
            [f"{one}={v}" for v in self.attributes[one].levels if v != MISSING] for one in names
        ]
        return [" & ".join(cell) for cell in product(*levels)]

    def nobody_in(self, name: str, asked: str) -> tuple[int | None, int | None]:
        """The count and the rows of what is not counted in the result, as `_Found` takes them.

        Combinations that nobody is in are left out of it: they count 0. What the cohort does not
        know at all has no count.
        """
        parts = name.split(" & ")
        known = all(part in self.counts or part in self.attributes for part in parts)
        if asked in SHARED:
            return None, 0 if known else None
        return (0 if known else None), None


def _found(requirement: CoverageRequirement, cohort: _Cohort) -> Iterator[_Found]:
    for entry in requirement.strata:
        strata = cohort.strata(entry)
        for name, asked in {**requirement.counts, **requirement.shares}.items():
            if name == "missing_score" and not cohort.scores_read:
                yield _Found(name, entry, asked, None, reason=_UNREAD)
                continue
            if not strata:  # no level was recorded of anybody
                yield _Found(name, entry, asked, *cohort.nobody_in(entry, name))
            for stratum in strata:
                yield _in_stratum(name, stratum, asked, cohort)
    if requirement.attribute is not None and requirement.missing is not None:
        yield _unrecorded(requirement.attribute, requirement.missing, cohort)
    if requirement.sites is not None:
        yield _sites(requirement.sites, cohort)


def _in_stratum(name: str, stratum: str, asked: float, cohort: _Cohort) -> _Found:
    counts = cohort.counts.get(stratum)
    if counts is None:
        return _Found(name, stratum, asked, *cohort.nobody_in(stratum, name))
    if name in SHARED:
        return _Found(name, stratum, asked, getattr(counts, name), of=counts.rows)
    return _Found(name, stratum, asked, getattr(counts, _FIELD[name]))


def _unrecorded(attribute: str, asked: float, cohort: _Cohort) -> _Found:
    known = cohort.attributes.get(attribute)
    missing = known.missing if known is not None else None
    return _Found("missing", attribute, asked, missing, of=cohort.summary.rows)


def _sites(asked: int, cohort: _Cohort) -> _Found:
    """Sites at which somebody was analysed. Of withheld ones it is not told whether they count."""
    site = next((a for a in cohort.attributes.values() if a.role == "site"), None)
    if site is None:
        return _Found("sites", OVERALL, asked, None, reason="no site was declared")
    strata = [f"{site.name}={v}" for v in site.levels if v != MISSING]
    counts = [cohort.counts[s].n if s in cohort.counts else None for s in strata]
    if None in counts:
        return _Found("sites", site.name, asked, None)
    return _Found("sites", site.name, asked, sum(bool(n) for n in counts))


def _reason(worst: _Found, found: Sequence[_Found]) -> str:
    start = f"{worst.place}: {worst.words}"
    if len(found) == 1:
        return start
    alike = [o for o in found if (o.status, o.is_unread) == (worst.status, worst.is_unread)]
    what = "strata" if len({one.name for one in found}) == 1 else "counts"
    said = {"violated": "short", "met": "as asked", "not_estimable": "without a count"}
    if worst.is_share:
        said["violated"] = "above it"
    if worst.is_unread:
        said["not_estimable"] = "left to it"
    return f"{start} ({len(alike)} of {len(found)} {what} {said[worst.status]})"
