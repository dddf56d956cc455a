"""Declaring a measure of cases: a mean over patients of their own means, or a ratio of counts."""

from collections.abc import Callable

from audit.measures.declaration import Direction, Family, Inference, Measure, Scale, ratio_of
from audit.sums import Array, Sums

INF = float("inf")
# Families whose measures only some patients of a stratum may inform: those with such a case.
OF_CASES: tuple[Family, ...] = ("segmentation", "image", "detection")
WITH = "with_"  # the weights of the cases that have a value: sums["with_dice"] beside sums["dice"]


def field(name: str) -> Callable[[Sums], Array]:
    """Read one sum."""

    def read(sums: Sums) -> Array:
        value: Array = sums[name]
        return value

    return read


def mean_over_patients(
    id: str,
    name: str,
    family: Family,
    formula: str,
    what: str,
    direction: Direction,
    bounds: tuple[float, float],
    scale: Scale,
    undefined_when: str,
    reading: str,
    reference: str,
    target: float | None = None,
) -> Measure:
    """Declare the mean over patients of the mean over each one's cases."""
    return Measure(
        id=id,
        name=name,
        family=family,
        formula=f"mean over patients of the mean over their cases of {formula}",
        numerator_text=f"sum over patients of their mean {what}",
        denominator_text="patients with such a case",
        direction=direction,
        target=target,
        bounds=bounds,
        inference="ratio",
        scale=scale,
        undefined_when=undefined_when,
        reading=reading,
        reference=reference,
        compute=ratio_of(field(id), field(WITH + id)),
        numerator=field(id),
        denominator=field(WITH + id),
    )


def share_of_counts(
    id: str,
    name: str,
    family: Family,
    formula: str,
    counts: tuple[str, str],
    texts: tuple[str, str],
    direction: Direction,
    undefined_when: str,
    reading: str,
    reference: str,
    inference: Inference = "proportion",
    bounds: tuple[float, float] = (0.0, 1.0),
    scale: Scale = "logit",
) -> Measure:
    """Declare a ratio of two counts, pooled over cases; intervals are by patient."""
    return Measure(
        id=id,
        name=name,
        family=family,
        formula=formula,
        numerator_text=texts[0],
        denominator_text=texts[1],
        direction=direction,
        target=None,
        bounds=bounds,
        inference=inference,
        scale=scale,
        undefined_when=undefined_when,
        reading=reading,
        reference=reference,
        compute=ratio_of(field(counts[0]), field(counts[1])),
        numerator=field(counts[0]),
        denominator=field(counts[1]),
    )
