"""Look-ups over one result, made once and shared by the sections."""

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from audit.result import AttributeLevels, AuditResult, Disparity, Estimate, StratumCount
from reports import words


@dataclass(frozen=True)
class Limits:
    """Limits that a requirement sets on a measure in a stratum."""

    lower: float | None
    upper: float | None
    text: str


@dataclass(frozen=True)
class Index:
    """One result with its estimates, counts and requirements at hand."""

    result: AuditResult

    @cached_property
    def estimates(self) -> dict[str, Estimate]:
        """Estimates by id."""
        return {e.id: e for e in self.result.estimates}

    @cached_property
    def disparities(self) -> dict[str, Disparity]:
        """Disparities by id."""
        return {d.id: d for d in self.result.disparities}

    @cached_property
    def counts(self) -> dict[str, StratumCount]:
        """Counts by stratum."""
        return {s.stratum: s for s in self.result.cohort.strata}

    @cached_property
    def measures(self) -> tuple[str, ...]:
        """Measures that were estimated, in reporting order."""
        return tuple(sorted({e.measure for e in self.result.estimates}, key=words.rank))

    @cached_property
    def attributes(self) -> tuple[AttributeLevels, ...]:
        """The attributes, the site last."""
        return tuple(sorted(self.result.cohort.attributes, key=lambda a: a.role == "site"))

    @cached_property
    def single(self) -> dict[str, tuple[str, ...]]:
        """Strata of each attribute alone, in level order; ``overall`` under the empty name."""
        known = {e.stratum for e in self.result.estimates} | set(self.counts)
        out: dict[str, tuple[str, ...]] = {"": ("overall",)}
        for a in self.attributes:
            out[a.name] = tuple(f"{a.name}={v}" for v in a.levels if f"{a.name}={v}" in known)
        return out

    @cached_property
    def demographic(self) -> dict[str, tuple[str, ...]]:
        """Strata of each attribute alone, without the site."""
        site = {a.name for a in self.attributes if a.role == "site"}
        return {k: v for k, v in self.single.items() if k not in site}

    def estimate(self, measure: str, stratum: str) -> Estimate | None:
        """Give one estimate, None when the audit has none."""
        return self.estimates.get(f"{measure}/{stratum}")

    @cached_property
    def limits(self) -> dict[tuple[str, str], Limits]:
        """Limits set by the plan's requirements on plain measures, by measure and stratum."""
        out: dict[tuple[str, str], Limits] = {}
        for r in self.result.plan.get("requirements") or ():
            if r.get("contrast") is None:
                within = r.get("within") or (r.get("floor"), r.get("ceiling"))
                for stratum in self._strata_of(r.get("strata") or ("overall",)):
                    out[(str(r["measure"]), stratum)] = Limits(within[0], within[1], str(r["id"]))
        return out

    def _strata_of(self, entries: Iterable[Any]) -> Iterable[str]:
        for entry in entries:
            yield from self.single.get(str(entry), (str(entry),))

    @property
    def positive(self) -> str:
        """Name of the outcome class that counts as positive."""
        return f"{self.result.cohort.label} = {self.result.cohort.positive}"
