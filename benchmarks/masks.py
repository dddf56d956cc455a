"""Surface figures of Equipoise beside MONAI's on the same masks, measured in one run.

Each case is a reference and a prediction of 256 x 256 x 64 voxels with several lesions and voxels
of 0.8 x 0.8 x 2.5 mm, invented from its number. Both sides give HD95 and the normalised surface
Dice at 2 mm; each gets the masks in the form it works on, made before the clock starts. Target: at
least 3 times as fast, with the same figures.
"""

import argparse
import os
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from importlib import import_module
from typing import Any

import numpy as np
from numpy.typing import NDArray

from audit.stats.surface import surface

SHAPE = (256, 256, 64)
SPACING = (0.8, 0.8, 2.5)
TOLERANCE = 2.0
TARGET = 3.0
Mask = NDArray[np.bool_]
Measure = Callable[[Any, Any], tuple[float, float]]


def ellipsoid(mask: Mask, centre: NDArray[Any], radius: NDArray[Any]) -> None:
    """Set the voxels of an ellipsoid, in the box around it alone."""
    low = np.maximum(np.floor(centre - radius), 0).astype(int)
    high = np.minimum(np.ceil(centre + radius) + 1, mask.shape).astype(int)
    box = tuple(slice(a, b) for a, b in zip(low, high, strict=True))
    grid = np.ogrid[box]
    inside: Any = sum(((g - c) / r) ** 2 for g, c, r in zip(grid, centre, radius, strict=True))
    mask[box] |= inside <= 1.0


def case(number: int) -> tuple[Mask, Mask]:
    """Invent the masks of a case: an organ, lesions around it, and a prediction that is near."""
    rng = np.random.default_rng(number)
    shape = np.array(SHAPE)
    reference, prediction = np.zeros(SHAPE, np.bool_), np.zeros(SHAPE, np.bool_)
    for lesion in range(6):
        size = (0.12, 0.25) if lesion == 0 else (0.02, 0.08)
        centre, radius = rng.uniform(0.25, 0.75, 3) * shape, rng.uniform(*size, 3) * shape
        ellipsoid(reference, centre, radius)
        ellipsoid(prediction, centre + rng.normal(0, 1.5, 3), radius * rng.uniform(0.9, 1.1, 3))
    return reference, prediction


def ours(reference: Mask, prediction: Mask) -> tuple[float, float]:
    """HD95 and NSD of a case by Equipoise."""
    found = surface(reference, prediction, SPACING, [TOLERANCE])
    return float(found.hd95[0]), float(found.nsd[0, 0])


def monai() -> tuple[str, Callable[[Mask], Any], Measure] | None:
    """Version of MONAI, what turns a mask into its form, and its figures; None without MONAI."""
    try:
        torch, library = import_module("torch"), import_module("monai")
        metrics = import_module("monai.metrics")
    except ImportError:
        return None

    def tensor(mask: Mask) -> Any:
        return torch.from_numpy(mask)[None, None]

    def figures(reference: Any, prediction: Any) -> tuple[float, float]:
        shared = {"include_background": True, "spacing": list(SPACING)}
        pair = prediction, reference
        hd95 = metrics.compute_hausdorff_distance(*pair, percentile=95, **shared)
        nsd = metrics.compute_surface_dice(*pair, class_thresholds=[TOLERANCE], **shared)
        return float(hd95), float(nsd)

    return str(library.__version__), tensor, figures


def clock(measure: Measure, pairs: list[tuple[Any, Any]], threads: int) -> tuple[float, Any]:
    """Seconds for all pairs, and the figures."""
    start = time.perf_counter()
    if threads == 1:
        figures = [measure(*pair) for pair in pairs]
    else:
        with ThreadPoolExecutor(threads) as pool:
            figures = list(pool.map(lambda pair: measure(*pair), pairs))
    return time.perf_counter() - start, np.array(figures)


def side_by_side(cases: int, batch: int, threads: tuple[int, ...], peer: Any) -> dict[Any, Any]:
    """Seconds of each side and number of threads, and the largest difference of their figures.

    Cases are made a batch at a time: memory stays flat, and a busy machine slows both sides.
    """
    seconds: dict[Any, Any] = {(side, n): 0.0 for side in ("ours", "monai") for n in threads}
    apart = np.zeros(2)
    for first in range(0, cases, batch):
        pairs = [case(number) for number in range(first, min(first + batch, cases))]
        theirs = [(peer[1](a), peer[1](b)) for a, b in pairs] if peer else []
        for n in threads:
            spent, figures = clock(ours, pairs, n)
            seconds["ours", n] += spent
            if peer:
                spent, others = clock(peer[2], theirs, n)
                seconds["monai", n] += spent
                apart = np.maximum(apart, np.abs(figures - others).max(axis=0))
    return seconds | {"apart": apart}


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--cases", type=int, default=500, help="pairs of masks (default 500)")
    parser.add_argument("--batch", type=int, default=20, help="pairs made at a time (default 20)")
    options = parser.parse_args()
    if options.cases < 1 or options.batch < 1:
        parser.error("--cases and --batch must be at least 1")
    threads = tuple(sorted({1, os.cpu_count() or 1}))
    peer = monai()
    warm = case(0)
    ours(*warm)  # compiles, or loads what was compiled before
    if peer:
        peer[2](*(peer[1](mask) for mask in warm))
    found = side_by_side(options.cases, options.batch, threads, peer)
    print(f"{options.cases} pairs of {' x '.join(map(str, SHAPE))} voxels, HD95 and NSD\n")
    if not peer:
        print("MONAI is not installed: only Equipoise was timed (pip install monai)\n")
    print("| threads | Equipoise s | MONAI s | MONAI / Equipoise | Equipoise ms a pair |")
    print("| ---: | ---: | ---: | ---: | ---: |")
    for n in threads:
        mine, other = found["ours", n], found["monai", n]
        peers = f"{other:.2f} | {other / mine:.1f} x" if peer else "not installed | -"
        print(f"| {n} | {mine:.2f} | {peers} | {1000 * mine / options.cases:.2f} |")
    if peer:
        hd95, nsd = found["apart"]
        print(f"\nLargest difference from MONAI {peer[0]}: HD95 {hd95:.1e} mm, NSD {nsd:.1e}")
        print("(MONAI interpolates the percentile in single precision, Equipoise in double.)")
        print(f"Target: at least {TARGET:g} x")


if __name__ == "__main__":
    main()
