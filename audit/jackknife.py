"""Leaving out one patient at a time: what the acceleration of a BCa interval needs."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from audit.measures.declaration import Measure
from audit.rows import Grouped
from audit.stats.weights import LANES
from audit.sums import Array, Sums
from audit.sweep import Resampling, Sorted, resampled_sums

# Larger strata get percentile intervals, so their acceleration is not needed.
BCA_BELOW = 1000


@dataclass(frozen=True, eq=False)
class Moments:
    """Sums over patients of the squared and cubed jackknife deviations, by stratum.

    NaN where the stratum is too large, has fewer than two patients, or the measure is undefined
    without some patient.
    """

    second: Array
    third: Array


def moments(values: Array) -> tuple[float, float]:
    """Moments of the deviations, mean less value, of one measure without each patient."""
    if values.size < 2 or not np.isfinite(values).all():
        return float("nan"), float("nan")
    deviation = np.sort(values.mean() - values)  # the sum must not depend on the patients' order
    return float((deviation**2).sum()), float((deviation**3).sum())


def without_each(rows: Sorted, stratum: int) -> tuple[Sorted, Resampling] | None:
    """Rows of one small stratum, and the weights that leave out each of its patients in turn."""
    size = int(rows.start[stratum + 1] - rows.start[stratum])
    if not 2 <= size < BCA_BELOW:
        return None
    part = rows.only(slice(stratum, stratum + 1))
    patients, local = np.unique(part.cluster, return_inverse=True)
    count = patients.size
    if count < 2:
        return None
    table = np.ones((count, -(-count // LANES) * LANES), np.uint8)
    table[np.arange(count), np.arange(count)] = 0
    return replace(part, cluster=local.astype(np.int64)), Resampling(0, count, table)


def jackknife_moments(
    data: Grouped, measures: Sequence[Measure], point: Sums
) -> dict[str, Moments]:
    """Moments of every measure of the sums, in every small stratum of a set."""
    table = np.full((len(measures), 2, data.strata), np.nan)
    for stratum in range(data.strata):
        left_out = without_each(data.rows, stratum)
        if left_out is None:
            continue
        values = resampled_sums(*left_out)[0]
        sums = Sums(values, point.fit[stratum][None, :], point.setting)
        for place, measure in enumerate(measures):
            if measure.compute is not None:
                table[place, :, stratum] = moments(measure.compute(sums))
    return {
        measure.id: Moments(table[place, 0], table[place, 1])
        for place, measure in enumerate(measures)
    }
