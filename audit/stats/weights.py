"""Resample weights as a pure function of (seed, patient key, replicate).

Nothing is drawn from a stream: the weight of a patient in a replicate is computed from its key, so
it is the same in any row order, on any worker, in every attribute and in every subset of the data.
"""

from math import exp, factorial

import numpy as np
from llvmlite import ir
from numba import njit, types
from numba.core import cgutils
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


def _constant(kind: ir.VectorType, value: int | np.uint64) -> ir.Constant:
    """Give a vector of one value throughout."""
    return ir.Constant(kind, [int(value)] * kind.count)


@intrinsic
def _fill(typing_context, base, weights):  # type: ignore[no-untyped-def]
    """Mix 16 integers from `base`, read them as 64 uniforms, and invert the Poisson distribution.

    Written in the compiler's own vector operations, so that nothing but the weights is stored: the
    loops take three times as long. It means the same on every processor.
    """

    def generate(context, builder, signature, arguments):  # type: ignore[no-untyped-def]
        target = context.make_array(signature.args[1])(context, builder, arguments[1])
        words = ir.VectorType(ir.IntType(64), LANES // 4)
        small = ir.VectorType(ir.IntType(16), LANES)
        spread = ir.Constant(ir.VectorType(ir.IntType(32), LANES // 4), [0] * (LANES // 4))
        nothing = ir.Constant(words, ir.Undefined)

        steps = [(q + 1) * int(GOLDEN) % 2**64 for q in range(LANES // 4)]
        first = builder.insert_element(nothing, arguments[0], ir.Constant(ir.IntType(32), 0))
        z = builder.add(builder.shuffle_vector(first, nothing, spread), ir.Constant(words, steps))
        for shift, factor in ((30, M1), (27, M2)):
            z = builder.mul(
                builder.xor(z, builder.lshr(z, _constant(words, shift))), _constant(words, factor)
            )
        z = builder.xor(z, builder.lshr(z, _constant(words, 31)))
        uniform = builder.bitcast(z, small)
        count = ir.Constant(small, [0] * LANES)
        for step in POISSON_CDF.tolist():
            reached = builder.icmp_unsigned(">=", uniform, ir.Constant(small, [step] * LANES))
            count = builder.add(count, builder.zext(reached, small))
        large = ir.VectorType(ir.DoubleType(), LANES)
        whole = builder.zext(count, ir.VectorType(ir.IntType(32), LANES))
        place = builder.bitcast(target.data, large.as_pointer())
        builder.store(builder.sitofp(whole, large), place, align=8)
        return context.get_dummy_value()

    return types.void(base, weights), generate


@njit(cache=True, nogil=True)
def poisson_lanes(
    key: np.uint64, salt: np.uint64, block: int, weights: NDArray[np.float64]
) -> None:
    """Fill `weights` with the Poisson(1) weights of one patient in 64 replicates."""
    _fill(key + salt + np.uint64(block * 16) * GOLDEN, weights)  # type: ignore[call-arg]


@intrinsic
def add_eight(typing_context, total, weights, t0, t1, t2, t3, t4, t5, t6, t7):  # type: ignore[no-untyped-def]
    """Add to 64 totals the weights of eight rows times a term of each, one row after another.

    Each product is added with one rounding, on every processor alike.
    """

    def generate(context, builder, signature, arguments):  # type: ignore[no-untyped-def]
        large = ir.VectorType(ir.DoubleType(), LANES)
        spread = ir.Constant(ir.VectorType(ir.IntType(32), LANES), [0] * LANES)
        nothing = ir.Constant(large, ir.Undefined)
        kind = ir.FunctionType(large, [large] * 3)
        name = f"llvm.fma.v{LANES}f64"
        product = cgutils.get_or_insert_function(builder.module, kind, name)  # type: ignore[no-untyped-call]
        place, rows = (
            builder.bitcast(
                context.make_array(array)(context, builder, argument).data, large.as_pointer()
            )
            for array, argument in zip(signature.args[:2], arguments[:2], strict=True)
        )
        found = builder.load(place, align=8)
        for row, term in enumerate(arguments[2:]):
            first = builder.insert_element(nothing, term, ir.Constant(ir.IntType(32), 0))
            spread_term = builder.shuffle_vector(first, nothing, spread)
            weight = builder.load(builder.gep(rows, [ir.Constant(ir.IntType(64), row)]), align=8)
            found = builder.call(product, [weight, spread_term, found])
        builder.store(found, place, align=8)
        return context.get_dummy_value()

    return types.void(total, weights, t0, t1, t2, t3, t4, t5, t6, t7), generate


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
