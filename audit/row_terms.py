"""Measures that are ratios of linear sums, row by row: what decompositions and bounds add up."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from audit.measures.declaration import Measure
from audit.plan import Minimum, Plan
from audit.rows import Floats, Ints, Rows
from audit.selection import chosen, possible
from audit.stats._arrays import pair_codes
from audit.strata import StrataSet
from audit.sums import Sums, columns_of, probability_terms


@dataclass(frozen=True, eq=False)
class RowTerms:
    """Numerator and denominator of one measure in every row."""

    measure: Measure
    numerator: Floats
    denominator: Floats

    @property
    def is_mean(self) -> bool:
        """Whether it is the mean of a value over some rows."""
        outside = self.numerator[self.denominator == 0]
        return bool(np.isin(self.denominator, (0.0, 1.0)).all() and not outside.any())


def terms_of(plan: Plan, rows: Rows) -> Iterator[RowTerms]:
    """Give the terms of every chosen measure that is one linear sum over another, in turn."""
    records = _records(rows)
    for m in possible(chosen(plan, 1), rows):
        linear = m.inference in ("proportion", "ratio")
        if linear and m.numerator is not None and m.denominator is not None:
            yield RowTerms(
                m,
                np.asarray(m.numerator(records), dtype=np.float64),
                np.asarray(m.denominator(records), dtype=np.float64),
            )


def _records(rows: Rows) -> Sums:
    """Every row as the record of a stratum of one."""
    label = rows.label.astype(np.float64)
    found = {
        "positives": label,
        "negatives": 1 - label,
        "tp": label * rows.flagged,
        "fp": (1 - label) * rows.flagged,
    }
    if rows.is_probability:
        found |= probability_terms(label, rows.probability, rows.logit)
    return columns_of(found, rows.setting)


@dataclass(frozen=True, eq=False)
class Patients:
    """The patients of every stratum of one set: `owner` is a pair's stratum, `pair` a row's pair.

    Where no patient has several rows, the pairs are the rows.
    """

    owner: Ints
    pair: Ints
    strata: int

    def behind(self, rows: NDArray[np.bool_]) -> Ints:
        """How many patients of each stratum have such a row."""
        present = np.bincount(self.pair[rows], minlength=self.owner.size) > 0
        return np.bincount(self.owner[present], minlength=self.strata)


def patients_of(rows: Rows, code: Ints, strata: int) -> Patients:
    """Find the patients of every stratum; `code` is that of each analysed row."""
    if not rows.clustered:
        return Patients(code, np.arange(code.size), strata)
    return Patients(*pair_codes(code, rows.cluster), strata)


def codes_of(strata: StrataSet, rows: Rows) -> Ints:
    """Stratum of every analysed row."""
    return strata.codes[rows.position].astype(np.int64)


def too_little(
    terms: RowTerms, patients: Patients, label: NDArray[np.uint8], minimum: Minimum
) -> NDArray[np.bool_]:
    """Strata in which fewer patients inform a measure than the plan asks for inference.

    Counted as for the estimates: the denominator of a proportion, all patients for a mean over all
    rows, the rarer outcome for any other ratio.
    """
    if terms.measure.inference == "proportion" or terms.denominator.all():
        return patients.behind(terms.denominator != 0) < minimum.denominator
    rarer = np.minimum(patients.behind(label == 1), patients.behind(label == 0))
    return rarer < minimum.events
