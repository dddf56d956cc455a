"""The record of sums of cases: every patient counts once in a mean, whatever cases he has.

A case has values (its Dice, its PSNR) and counts (its lesions). A mean over patients of their own
means is a ratio of two sums over cases with the weight 1 / (cases of the patient in the stratum
that have a value), so that it adds up, is resampled and is linearised as any other ratio.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from audit.measures.cases import WITH
from audit.sums import TERMS, Array, Setting, Sums
from audit.sweep import Sorted
from audit.tasks.cohort import CaseCohort, Floats, Ints
from audit.tasks.sweeps import Run, swept_terms, term_rows

Codes = NDArray[np.int32]


@dataclass(frozen=True, eq=False)
class Table:
    """Row terms, shape (rows,) each, and which of them each name of a sum stands for.

    Several values that the same cases have share the sum of their weights.
    """

    terms: dict[str, Floats]
    place: Mapping[str, int]


@dataclass(frozen=True)
class CaseSums(Sums):
    """Sums of a table's terms, shape ``(..., terms)``; values of the fit are named ``value_ID``."""

    place: Mapping[str, int]
    fitted: tuple[str, ...] = ()

    def __getitem__(self, name: str) -> Array:
        if name in self.place:
            part: Array = self.values[..., self.place[name]]
            return part
        if name.removeprefix("value_") in self.fitted:
            own: Array = self.fit[..., self.fitted.index(name.removeprefix("value_"))]
            return own
        return np.full(self.values.shape[:-1], np.nan)

    @property
    def n(self) -> Array:
        """Cases."""
        return self["rows"]


def case_table(cohort: CaseCohort, codes: Codes) -> Table:
    """Weigh the cases of every patient within each stratum of a set."""
    used = cohort.base.analysed
    width = int(cohort.base.cluster.max(initial=0)) + 1
    pair = codes.astype(np.int64) * width + cohort.base.cluster
    terms: dict[str, Floats] = {"rows": used.astype(np.float64)}
    alias: dict[str, str] = {"rows": "rows"}
    weights: dict[bytes, str] = {}
    for name, values in cohort.values.items():
        known = used & ~np.isnan(values)
        pattern = known.tobytes()
        if pattern not in weights:
            weights[pattern] = WITH + name
            terms[WITH + name] = _weights(pair, known)
        alias[WITH + name] = weights[pattern]
        alias[name] = name
        terms[name] = np.where(known, values, 0.0) * terms[weights[pattern]]
    for name, counts in cohort.counts.items():
        terms[name] = np.where(used, counts, 0.0)
        alias[name] = name
    order = {name: i for i, name in enumerate(terms)}
    return Table(terms, {name: order[of] for name, of in alias.items()})


def _weights(pair: Ints, known: NDArray[np.bool_]) -> Floats:
    """One over the cases with a value of the same patient in the same stratum; else 0."""
    _, place, cases = np.unique(pair[known], return_inverse=True, return_counts=True)
    weight = np.zeros(pair.size)
    weight[known] = 1.0 / cases[place]
    return weight


def chunked_rows(cohort: CaseCohort, codes: Codes, strata: int, table: Table) -> list[Sorted]:
    """Sort the analysed cases for as many sweeps as the terms need."""
    items = list(table.terms.items())
    width = len(TERMS)
    return [
        term_rows(cohort.base, codes, strata, dict(items[first : first + width]))
        for first in range(0, len(items), width)
    ]


def swept(rows: Sequence[Sorted], run: Run) -> Array:
    """Sums of all terms, shape ``(..., terms)``."""
    return np.concatenate([swept_terms(part, run) for part in rows], axis=-1)


def row_record(rows: Sequence[Sorted], table: Table) -> CaseSums:
    """Every case as the record of a stratum of one."""
    values = np.concatenate([part.terms for part in rows], axis=-1)
    return CaseSums(values, np.full((1, 1), np.nan), Setting(), table.place)
