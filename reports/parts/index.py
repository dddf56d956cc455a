"""Look-ups over one result, made once and shared by the sections."""

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from audit.measures import BY_CLASS
from audit.measures.declaration import Measure
from audit.result import AttributeLevels, AuditResult, Disparity, Estimate, StratumCount
from reports import words


@dataclass(frozen=True)
class Limits:
    """Limits that a requirement sets on a measure in a stratum."""

    lower: float | None
    upper: float | None
    text: str


def _unseen(stratum: str) -> StratumCount:
    """Counts of a stratum that one structure alone has: its size."""
    fields = dict.fromkeys(StratumCount.model_fields)
    return StratumCount.model_validate(fields | {"stratum": stratum, "attributes": ()})


@dataclass(frozen=True)
class Index:
    """One result with its estimates, counts and requirements at hand.

    `output` is the class or label whose estimates are meant; None for those of the whole task.
    """

    result: AuditResult
    output: str | None = None

    @property
    def task(self) -> str:
        """Task whose measures these are: each class or label is seen as a binary one."""
        task = self.result.cohort.task
        return "binary" if self.output is not None and task in BY_CLASS else task

    @cached_property
    def outputs(self) -> tuple["Index", ...]:
        """The same result, seen by each class or label."""
        return tuple(Index(self.result, name) for name in self.result.cohort.outputs)

    @cached_property
    def own(self) -> tuple[Estimate, ...]:
        """Estimates of this output."""
        return tuple(e for e in self.result.estimates if e.output == self.output)

    @cached_property
    def _estimates(self) -> dict[tuple[str, str], Estimate]:
        return {(e.measure, e.stratum): e for e in self.own}

    @cached_property
    def disparities(self) -> dict[str, Disparity]:
        """Disparities by id, of every output."""
        return {d.id: d for d in self.result.disparities}

    @cached_property
    def counts(self) -> dict[str, StratumCount]:
        """Counts by stratum; positives are those of this output."""
        counts = {s.stratum: s for s in self.result.cohort.strata}
        if self.output is None:
            return counts
        seen: dict[str, Estimate] = {}
        for e in self.own:
            seen.setdefault(e.stratum, e)
        return {
            s: counts.get(s, _unseen(s)).model_copy(
                update={"n": e.n, "n_positive": e.n_positive, "n_negative": e.n_negative}
            )
            for s, e in seen.items()
        }

    @cached_property
    def measures(self) -> tuple[str, ...]:
        """Measures that were estimated for this output, in reporting order."""
        return tuple(sorted({e.measure for e in self.own}, key=words.rank))

    def declared(self, id: str) -> Measure | None:
        """Give the declaration of a measure as this task means it."""
        return words.measure(id, self.task)

    @cached_property
    def attributes(self) -> tuple[AttributeLevels, ...]:
        """The attributes, the site last."""
        return tuple(sorted(self.result.cohort.attributes, key=lambda a: a.role == "site"))

    @cached_property
    def single(self) -> dict[str, tuple[str, ...]]:
        """Strata of each attribute alone, in level order; ``overall`` under the empty name."""
        # Structures have sizes of their own, which all of them together have not.
        alone = self.result.cohort.task == "segmentation"
        known = {e.stratum for e in (self.own if alone else self.result.estimates)}
        known |= set() if alone else {s.stratum for s in self.result.cohort.strata}
        out: dict[str, tuple[str, ...]] = {"": ("overall",)}
        for a in self.attributes:
            found = tuple(f"{a.name}={v}" for v in a.levels if f"{a.name}={v}" in known)
            if found or not alone:
                out[a.name] = found
        return out

    @cached_property
    def demographic(self) -> dict[str, tuple[str, ...]]:
        """Strata of each attribute alone, without the site."""
        return {k: v for k, v in self.single.items() if k not in self.site_attributes}

    @cached_property
    def site_attributes(self) -> frozenset[str]:
        """Names of the attributes that are sites."""
        return frozenset(a.name for a in self.attributes if a.role == "site")

    def estimate(self, measure: str, stratum: str) -> Estimate | None:
        """Give one estimate of this output, None when the audit has none."""
        return self._estimates.get((measure, stratum))

    @cached_property
    def limits(self) -> dict[tuple[str, str], Limits]:
        """Limits set by the plan's requirements on plain measures, by measure and stratum."""
        out: dict[tuple[str, str], Limits] = {}
        for r in self.result.plan.get("requirements") or ():
            if r.get("contrast") is None and r.get("output") == self.output:
                within = r.get("within") or (r.get("floor"), r.get("ceiling"))
                for stratum in self._strata_of(r.get("strata") or ("overall",)):
                    out[(str(r["measure"]), stratum)] = Limits(within[0], within[1], str(r["id"]))
        return out

    def _strata_of(self, entries: Iterable[Any]) -> Iterable[str]:
        for entry in entries:
            yield from self.single.get(str(entry), (str(entry),))

    @property
    def has_outcome(self) -> bool:
        """Whether units have or lack an outcome: not for several classes at once, or a number."""
        return self.task == "binary"

    @property
    def positive(self) -> str:
        """Name of the outcome class that counts as positive."""
        cohort = self.result.cohort
        if self.output is not None:
            return self.output
        return f"{cohort.label} = {cohort.positive}"
