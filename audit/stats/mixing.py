"""Mixing 64-bit integers, the source of every pseudo-random number here."""

import numpy as np
from numpy.typing import NDArray

Keys = NDArray[np.uint64]
GOLDEN = np.uint64(0x9E3779B97F4A7C15)
M1 = np.uint64(0xBF58476D1CE4E5B9)
M2 = np.uint64(0x94D049BB133111EB)


def splitmix64(values: Keys) -> Keys:
    """Mix integers one-to-one (Steele, Lea & Flood 2014, doi:10.1145/2660193.2660195)."""
    z = values + GOLDEN
    z = (z ^ (z >> np.uint64(30))) * M1
    z = (z ^ (z >> np.uint64(27))) * M2
    return z ^ (z >> np.uint64(31))
