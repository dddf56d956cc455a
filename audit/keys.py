"""Keys of sampling units: the same patient has the same key in every file, order and cohort."""

import hashlib
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from audit.cells import Texts
from audit.stats.mixing import splitmix64

Keys = NDArray[np.uint64]

_BY_UNIT = b"unit"
_BY_RANK = np.uint64(0x6A09E667F3BCC908)


def text_keys(texts: Texts, salt: bytes = b"") -> Keys:
    """Return the 64-bit BLAKE2b hash of each row's text; 0 where it is missing.

    With 64 bits, the chance that any two of a million patients share a key is below 1 in 10^7.
    """
    hashed = b"".join(
        hashlib.blake2b(text.encode(), digest_size=8, person=salt).digest() for text in texts.values
    )
    table = np.append(np.frombuffer(hashed, dtype="<u8").astype(np.uint64), np.uint64(0))
    return table[texts.codes]


def row_keys(
    patient: Texts | None, unit: Texts | None, content: Sequence[NDArray[Any]], rows: int
) -> Keys:
    """Give every row the key of its sampling unit.

    That is the patient's, where patients are declared; else the unit's; a row without either is
    its own sampling unit, with a key made from its unit id or from its rank by content.

    Parameters
    ----------
    patient, unit : Texts or None
        The id columns, where declared.
    content : sequence of arrays
        What rows are ranked by, most important first. Rows of equal content are interchangeable.
    rows : int
        Number of rows.
    """
    keys = np.zeros(rows, dtype=np.uint64)
    left = np.ones(rows, dtype=np.bool_)
    if patient is not None:
        keys = text_keys(patient)
        left = patient.codes < 0
    if unit is not None and left.any():
        by_unit = text_keys(unit, b"" if patient is None else _BY_UNIT)
        take = left & (unit.codes >= 0)
        keys = np.where(take, by_unit, keys)
        left &= ~take
    if left.any():
        salt = np.uint64(0) if patient is None and unit is None else _BY_RANK
        keys[left] = splitmix64(_ranks([column[left] for column in content]) ^ salt)
    return keys


def _ranks(content: Sequence[NDArray[Any]]) -> Keys:
    order = np.lexsort(content[::-1])
    ranks = np.empty(len(order), dtype=np.uint64)
    ranks[order] = np.arange(len(order), dtype=np.uint64)
    return ranks
