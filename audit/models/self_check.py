"""One batch run twice: an audit of numbers that change would say nothing."""

import dataclasses
from typing import TYPE_CHECKING, Any

from audit.models.batched import BatchedModel
from audit.models.protocol import Batch, Model, ModelDescription, Predicted
from audit.problems import InputError, Problem

if TYPE_CHECKING:
    from numpy.typing import NDArray

# Sums in another order move a single-precision score in its sixth digit or later.
TOLERANCE = 1e-5
# A pixel whose value lies at the threshold may fall on either side of it.
MASK_TOLERANCE = 1e-4


def self_check(
    model: Model, batch: Batch, tolerance: float = TOLERANCE, mask_tolerance: float = MASK_TOLERANCE
) -> tuple[ModelDescription, Predicted]:
    """Predict a batch twice, and count the operations of one unit where the library can.

    Two runs are the same bit by bit (`deterministic` true), or lie within a tolerance
    (`deterministic` false, with the largest difference), or the model is refused. Scores and images
    differ by |a - b| / max(1, |a|), masks by the share of a unit's pixels.

    Returns
    -------
    tuple
        The model's description with what was found, and the first prediction.

    Raises
    ------
    InputError
        For a model whose two predictions differ by more than the tolerance.
    """
    first, second = model.predict(batch), model.predict(batch)
    description = model.describe()
    masks = description.gives == "masks"
    largest, same = largest_difference(first, second, masks)
    allowed = mask_tolerance if masks else tolerance
    if not largest <= allowed:
        what = "share of pixels" if masks else "difference"
        reason = (
            f"the model gave other numbers when it was asked again (largest {what} {largest:.2g}, "
            f"allowed {allowed:.2g})"
        )
        remedy = (
            "switch off what is random when it predicts (dropout, augmentation), or fix its seed"
        )
        raise InputError(Problem("not_repeatable", description.name, reason, remedy))
    flops = counted_flops(model, batch)
    checked = dataclasses.replace(
        description, deterministic=same, largest_difference=largest, flops=flops
    )
    return checked, first


def counted_flops(model: Model, batch: Batch) -> int | None:
    """Count the operations of the batch's first unit, where the library can."""
    if not isinstance(model, BatchedModel) or model.count_flops is None or not len(batch):
        return model.describe().flops
    import numpy as np

    return model.count_flops(batch.take(np.arange(1)))


def largest_difference(
    first: Predicted, second: Predicted, masks: bool = False
) -> tuple[float, bool]:
    """Largest difference of two predictions, as in `self_check`, and whether there is none."""
    import numpy as np

    one = list(first) if isinstance(first, tuple) else [first]
    two = list(second) if isinstance(second, tuple) else [second]
    largest, same = 0.0, len(one) == len(two)
    for a, b in zip(one, two, strict=False):
        if a.shape != b.shape:
            return float("inf"), False
        equal = (a == b) | ((a != a) & (b != b))
        same = same and bool(equal.all())
        if equal.all():
            continue
        largest = max(largest, float((~equal).mean()) if masks else _distance(a, b, equal))
    return (largest if np.isfinite(largest) else float("inf")), same


def _distance(a: "NDArray[Any]", b: "NDArray[Any]", equal: "NDArray[Any]") -> float:
    import numpy as np

    x, y = a[~equal].astype(np.float64), b[~equal].astype(np.float64)
    with np.errstate(invalid="ignore"):
        apart = np.abs(x - y) / np.maximum(1.0, np.abs(x))
    return float("inf") if not np.isfinite(apart).all() else float(apart.max())
