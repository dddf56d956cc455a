"""Sums in fixed point: exact, so that adding them is the same in any grouping and order.

A sum is held as ``whole + fraction / 2^52`` in two integers, the fraction from 0 to 2^52 - 1. Every
term is rounded once, by less than 2^-52; from then on all is integer arithmetic.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

BITS = 52
RESOLUTION = 2.0**-BITS
_HALF = BITS // 2
_LOW_HALF = (1 << _HALF) - 1
_LOW = (1 << BITS) - 1
# The halves of so many fractions add up without passing 2^53, where floats stop being exact.
_MOST_TERMS = 1 << 26


@dataclass(frozen=True, eq=False)
class Fixed:
    """Sums of any shape, in lowest terms: two equal sums have equal integers."""

    whole: Ints
    fraction: Ints

    @property
    def value(self) -> Floats:
        """The sums as floats, each rounded once."""
        value: Floats = self.whole.astype(np.float64) + self.fraction * RESOLUTION
        return value

    def take(self, place: Any) -> "Fixed":
        """Some of the sums, chosen as by indexing an array."""
        return Fixed(self.whole[place], self.fraction[place])

    def added(self, group: Ints, groups: int) -> "Fixed":
        """Add the sums along the first axis that share a group; shape ``(groups, ...)``."""
        shape = (groups, *self.whole.shape[1:])
        whole, high, low = (np.zeros(shape, np.int64) for _ in range(3))
        np.add.at(whole, group, self.whole)
        np.add.at(high, group, self.fraction >> _HALF)
        np.add.at(low, group, self.fraction & _LOW_HALF)
        return _lowest_terms(whole, high, low)

    def integers(self) -> list[Any]:
        """The sums in units of 2^-52, as nested lists of exact integers."""
        exact = self.whole.astype(object) * (1 << BITS) + self.fraction.astype(object)
        numbers: list[Any] = exact.tolist()
        return numbers


def from_integers(numbers: Any, shape: tuple[int, ...]) -> Fixed:
    """Read what `Fixed.integers` wrote; OverflowError beyond 2^63 whole units."""
    exact = np.array(numbers, dtype=object).reshape(shape)
    return Fixed((exact >> BITS).astype(np.int64), (exact & _LOW).astype(np.int64))


def joined(parts: list[Fixed]) -> Fixed:
    """Put sums one below the other."""
    return Fixed(
        np.concatenate([part.whole for part in parts]),
        np.concatenate([part.fraction for part in parts]),
    )


def fixed_sums(terms: Floats, group: Ints, groups: int) -> Fixed:
    """Sum each group's terms.

    Parameters
    ----------
    terms : ndarray, shape (rows, columns)
        Finite, below 2^63 in size; so must each sum be.
    group : ndarray of int, shape (rows,)
        In 0..groups-1.
    groups : int
        Number of groups.

    Returns
    -------
    Fixed
        Shape ``(groups, columns)``; the same for any order of the rows.
    """
    columns = [_column(terms[:, k], group, groups) for k in range(terms.shape[1])]
    if not columns:
        nothing = np.zeros((groups, 0), np.int64)
        return Fixed(nothing, nothing)
    return Fixed(
        np.stack([column.whole for column in columns], axis=1),
        np.stack([column.fraction for column in columns], axis=1),
    )


def _column(terms: Floats, group: Ints, groups: int) -> Fixed:
    whole, high, low = (np.zeros(groups, np.int64) for _ in range(3))
    for start in range(0, terms.size, _MOST_TERMS):
        part = slice(start, start + _MOST_TERMS)
        floor = np.floor(terms[part])
        scaled = (terms[part] - floor) * float(1 << _HALF)
        half = np.floor(scaled)
        np.add.at(whole, group[part], floor.astype(np.int64))
        for total, share in ((high, half), (low, np.rint((scaled - half) * float(1 << _HALF)))):
            total += np.bincount(group[part], share, groups).astype(np.int64)
    return _lowest_terms(whole, high, low)


def _lowest_terms(whole: Ints, high: Ints, low: Ints) -> Fixed:
    """Carry: the result has its fraction below 2^52."""
    high = high + (low >> _HALF)
    fraction = ((high & _LOW_HALF) << _HALF) + (low & _LOW_HALF)
    return Fixed(whole + (high >> _HALF), fraction)
