"""Resample weights as a pure function of (seed, patient key, replicate).

Nothing is drawn from a stream: the weight of a patient in a replicate is computed from its key, so
it is the same in any row order, on any worker, in every attribute and in every subset of the data.
"""

from math import exp, factorial

import numpy as np
from llvmlite import ir
from numba import njit, types
from numba.extending import intrinsic
from numpy.typing import NDArray

from audit.stats.mixing import GOLDEN, M1, M2, splitmix64

LANES = 64  # replicates computed together
EXACT_BELOW = 200  # patients; fewer get an exact-n multinomial

# Poisson(1) by inversion of 16 random bits; the error of a probability is below 2**-16.
POISSON_CDF = np.minimum(
    np.floor(np.cumsum([exp(-1) / factorial(k) for k in range(8)]) * 65536), 65535
).astype(np.uint16)


@njit(cache=True, nogil=True)
def mix(z: np.uint64) -> np.uint64:
    """SplitMix64 finaliser (Steele, Lea & Flood 2014, doi:10.1145/2660193.2660195)."""
    z = (z ^ (z >> np.uint64(30))) * M1
    z = (z ^ (z >> np.uint64(27))) * M2
    return z ^ (z >> np.uint64(31))


def stream(seed: int, purpose: int) -> np.uint64:
    """Derive the constant that separates seeds, and purposes within a seed."""
    start = np.array([seed], dtype=np.uint64)
    return np.uint64(splitmix64(splitmix64(start) + np.uint64(purpose))[0])


@intrinsic
def _count_steps(typing_context, bits, weights):  # type: ignore[no-untyped-def]
    """Count how many steps of the Poisson distribution each of 64 uniforms reaches.

    Written in the compiler's own vector operations: as a loop the sums are widened to 64 bits,
    which takes four times as long. It means the same on every processor.
    """

    def generate(context, builder, signature, arguments):  # type: ignore[no-untyped-def]
        source, target = (
            context.make_array(kind)(context, builder, argument)
            for kind, argument in zip(signature.args, arguments, strict=True)
        )
        small = ir.VectorType(ir.IntType(16), LANES)
        large = ir.VectorType(ir.DoubleType(), LANES)
        uniform = builder.load(builder.bitcast(source.data, small.as_pointer()), align=8)
        count = ir.Constant(small, [0] * LANES)
        for step in POISSON_CDF.tolist():
            reached = builder.icmp_unsigned(">=", uniform, ir.Constant(small, [step] * LANES))
            count = builder.add(count, builder.zext(reached, small))
        place = builder.bitcast(target.data, large.as_pointer())
        builder.store(builder.uitofp(count, large), place, align=8)
        return context.get_dummy_value()

    return types.void(bits, weights), generate


@njit(cache=True, nogil=True)
def poisson_lanes(
    key: np.uint64, salt: np.uint64, block: int, bits: NDArray[np.uint64],
    weights: NDArray[np.float64],
) -> None:  # fmt: skip
    """Fill `weights` with the Poisson(1) weights of one patient in 64 replicates.

    `bits` is scratch of 16 words; its 64 sixteen-bit parts are the uniforms.
    """
    base = key + salt + np.uint64(block * 16) * GOLDEN
    for q in range(16):
        bits[q] = mix(base + np.uint64(q + 1) * GOLDEN)
    _count_steps(bits, weights)  # type: ignore[call-arg]  # the first argument is the compiler's


def poisson_weights(keys: NDArray[np.uint64], seed: int, replicates: int) -> NDArray[np.float64]:
    """Weights of every key in every replicate, shape ``(keys, replicates)``.

    The plain NumPy twin of what the sweep computes on the fly (Hanley & MacGibbon 2006,
    doi:10.1016/j.cmpb.2006.04.006); used to check it and where a matrix is wanted.
    """
    salt = stream(seed, 0)
    blocks = -(-replicates // LANES)
    words = np.arange(1, blocks * 16 + 1, dtype=np.uint64) * GOLDEN - GOLDEN
    with np.errstate(over="ignore"):
        bits = splitmix64((keys[:, None] + salt) + words[None, :])
    uniforms = bits.view(np.uint16)[:, :replicates]
    weights: NDArray[np.float64] = (uniforms[:, :, None] >= POISSON_CDF).sum(-1).astype(np.float64)
    return weights


def multinomial_weights(patients: int, seed: int, replicates: int) -> NDArray[np.uint8]:
    """Exact-n resamples: each replicate draws `patients` patients with replacement.

    Returns counts of shape ``(patients, blocks * 64)``, one row per patient in key order. Draw j
    of replicate r is a pure function of (seed, r, j).
    """
    padded = -(-replicates // LANES) * LANES
    draws = np.arange(padded * patients, dtype=np.uint64)
    with np.errstate(over="ignore"):
        bits = splitmix64(draws * GOLDEN + stream(seed, 1))
    chosen = ((bits >> np.uint64(32)) * np.uint64(patients)) >> np.uint64(32)
    replicate = draws // np.uint64(max(patients, 1))
    flat = (chosen * np.uint64(padded) + replicate).astype(np.int64)
    counts = np.bincount(flat, minlength=patients * padded)
    return counts.reshape(patients, padded).astype(np.uint8)
