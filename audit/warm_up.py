"""Compile the kernels, or load what was compiled before, on one row that means nothing."""

import numpy as np

from audit.null_labels import null_ece, signed_residuals
from audit.stats.weights import LANES
from audit.sweep import Resampling, Sorted, resampled_rungs, resampled_sums


def warm_up() -> None:
    """Make the first audit as fast as the next.

    Costs seconds once per installation; worth doing while something else is being waited for.
    """
    one = Sorted(
        unit=np.zeros(1, np.uint64),
        cluster=np.zeros(1, np.int64),
        row_key=np.zeros(1, np.uint64),
        label=np.zeros(1, np.uint8),
        probability=np.zeros(1),
        block_end=np.ones(1, np.uint8),
        start=np.array([0, 1], np.int64),
        flag_end=np.zeros(1, np.int64),
        terms=np.zeros((1, 1)),
        columns=(0,),
        ece_bin=np.zeros(1, np.int8),
        rung=np.zeros(1, np.int32),
    )
    scheme = Resampling(0, LANES, np.empty((0, 0), np.uint8))
    resampled_sums(one, scheme)
    resampled_rungs(one, scheme, 1)
    null_ece(one, 0, LANES)
    signed_residuals(one, 1, 0, LANES)
