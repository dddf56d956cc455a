"""Nulls of calibration errors: what they would be if the model were calibrated.

Rows of their own have their labels redrawn from the probabilities. Rows of one patient go together
in ways that a probability does not tell, so there the residuals ``y - p`` are kept and change their
signs patient by patient: their mean is then zero, and what they share within a patient stays.
"""

import numpy as np
from numba import njit
from numpy.typing import NDArray

from audit.stats.mixing import GOLDEN
from audit.stats.weights import LANES, mix, stream
from audit.sweep import Sorted, share_out

Floats = NDArray[np.float64]
REDRAWN, SIGNED = 2, 4  # purposes of the random stream


@njit(cache=True, nogil=True)
def _close_bin(excess, total):  # type: ignore[no-untyped-def]
    for r in range(LANES):
        total[r] += abs(excess[r])
        excess[r] = 0.0


@njit(cache=True, nogil=True)
def _redraw(key, salt, block, p, bits, excess):  # type: ignore[no-untyped-def]
    cut = p * 4294967296.0
    base = key + salt + np.uint64(block * (LANES // 2)) * GOLDEN
    for q in range(LANES // 2):
        bits[q] = mix(base + np.uint64(q + 1) * GOLDEN)
    u32 = bits.view(np.uint32)
    for r in range(LANES):
        excess[r] += (1.0 if u32[r] < cut else 0.0) - p


# The signs that the eight bits of a byte stand for: read in a row, they add up as vectors.
_SIGNS = np.where((np.arange(256)[:, None] >> np.arange(8)) & 1, 1.0, -1.0)


@njit(cache=True, nogil=True)
def _flip(key, salt, block, residual, excess):  # type: ignore[no-untyped-def]
    # one bit of one mixed integer for each of the 64 draws of a block
    bits = mix(key + salt + np.uint64(block + 1) * GOLDEN)
    for q in range(LANES // 8):
        byte = (bits >> np.uint64(8 * q)) & np.uint64(255)
        for r in range(8):
            excess[8 * q + r] += residual * _SIGNS[byte, r]


@njit(cache=True, nogil=True)
def _ece_block(  # type: ignore[no-untyped-def]
    key, label, probability, ece_bin, start, signed, salt, block, out,
):  # fmt: skip
    bits = np.empty(LANES // 2, np.uint64)
    excess = np.zeros(LANES)
    total = np.zeros(LANES)
    for g in range(start.size - 1):
        for r in range(LANES):
            excess[r] = 0.0
            total[r] = 0.0
        current = -1
        for i in range(start[g], start[g + 1]):
            if ece_bin[i] != current:
                current = ece_bin[i]
                _close_bin(excess, total)
            if signed:
                _flip(key[i], salt, block, label[i] - probability[i], excess)
            else:
                _redraw(key[i], salt, block, probability[i], bits, excess)
        _close_bin(excess, total)
        n = start[g + 1] - start[g]
        for r in range(LANES):
            out[g, r] = total[r] / n if n > 0 else np.nan


@njit(cache=True, nogil=True)
def _rung_block(key, label, probability, rung, salt, block, out):  # type: ignore[no-untyped-def]
    for i in range(key.size):
        _flip(key[i], salt, block, label[i] - probability[i], out[rung[i]])


def null_ece(rows: Sorted, seed: int, replicates: int, *, signed: bool = False) -> Floats:
    """Binned calibration error of each stratum of a calibrated model.

    ``sum_b |sum_{i in b} e_i| / n`` with e the residuals of redrawn labels, or, when `signed`,
    those of the data times the sign of their patient. Bins are those of `rows`.

    Parameters
    ----------
    rows : Sorted
        Rows of the strata; `label` is read only when `signed`.
    seed : int
        Of the random stream.
    replicates : int
        How many draws.
    signed : bool
        Signs by patient in place of redrawn labels: for patients with several rows.

    Returns
    -------
    ndarray of float, shape (strata, replicates)
        NaN in a stratum without rows.

    References
    ----------
    Bröcker and Smith 2007, DOI 10.1175/WAF993.1 (redrawn labels); Cameron, Gelbach and Miller 2008,
    DOI 10.1162/rest.90.3.414 (signs by cluster).
    """
    blocks = -(-replicates // LANES)
    strata = rows.start.size - 1
    out = np.empty((blocks, strata, LANES))
    key, salt = _keys(rows, seed, signed)

    def one(block: int) -> None:
        _ece_block(
            key, rows.label, rows.probability, rows.ece_bin, rows.start, signed, salt, block,
            out[block],
        )  # fmt: skip

    share_out(one, blocks)
    return out.transpose(1, 0, 2).reshape(strata, blocks * LANES)[:, :replicates]


def signed_residuals(rows: Sorted, rungs: int, seed: int, replicates: int) -> Floats:
    """Residuals with the sign of their patient, summed by rung: ``(replicates, rungs)``.

    `rows` are those of one stratum. Use as `null_ece` with signs, for errors without bins.
    """
    blocks = -(-replicates // LANES)
    out = np.zeros((blocks, rungs, LANES))
    key, salt = _keys(rows, seed, True)

    def one(block: int) -> None:
        _rung_block(key, rows.label, rows.probability, rows.rung, salt, block, out[block])

    share_out(one, blocks)
    return out.transpose(0, 2, 1).reshape(blocks * LANES, rungs)[:replicates]


def _keys(rows: Sorted, seed: int, signed: bool) -> tuple[NDArray[np.uint64], np.uint64]:
    """Keys and constant of the stream: patients change signs together, labels do not."""
    return (rows.unit, stream(seed, SIGNED)) if signed else (rows.row_key, stream(seed, REDRAWN))
