"""Direct standardisation of group ratios to one distribution over covariate cells."""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from audit.stats._arrays import (
    Bools,
    Floats,
    Ints,
    as_codes,
    as_finite,
    check_level,
    check_rows,
    group_sum,
)
from audit.stats.linear import Scale, interval

# Sums over clusters below this share of their own terms (squared) are rounding, not variance.
_CANCELLED = 1e-24


@dataclass(frozen=True)
class Standardised:
    """Directly standardised ratios of each group and their differences to a reference.

    Arrays over groups unless said. `crude` is the ratio without standardisation, over all cells.
    `weight` and `supported`, over cells, are the distribution used and the cells that every
    compared group has; `covered` is the share of the pooled denominator in those, and
    `standard_covered` that of the standard, the same where the standard is the pooled one.
    """

    value: Floats
    variance: Floats
    clusters: Ints
    lower: Floats
    upper: Floats
    difference: Floats
    difference_variance: Floats
    difference_clusters: Ints
    difference_lower: Floats
    difference_upper: Floats
    crude: Floats
    weight: Floats
    supported: Bools
    covered: float
    standard_covered: float


class _Rows(NamedTuple):
    """Rows of the compared groups; clusters renumbered without gaps."""

    numerator: Floats
    denominator: Floats
    group: Ints
    cell: Ints
    cluster: Ints
    clusters: int


class _Table(NamedTuple):
    """Denominators and ratios by group and cell, and the distribution they are weighted by."""

    bottom: Floats
    rate: Floats
    crude: Floats
    supported: Bools
    weight: Floats
    covered: float
    standard_covered: float
    pooled: float


def _rows(
    numerator: ArrayLike,
    denominator: ArrayLike,
    group: ArrayLike,
    cell: ArrayLike,
    cluster: ArrayLike,
    n_groups: int,
    n_cells: int,
) -> _Rows:
    a, b = (np.asarray(x, dtype=np.float64) for x in (numerator, denominator))
    which: NDArray[np.int64] = np.asarray(group)
    if a.ndim != 1 or which.ndim != 1 or (which.dtype.kind not in "iu" and which.size):
        raise ValueError("numerator and group must be one-dimensional, group of integers")
    if which.size and (which.min() < -1 or which.max() >= n_groups):
        raise ValueError(f"group must be -1 (ignored) or a code below {n_groups}")
    k, c = as_codes(cell, "cell", n_cells), as_codes(cluster, "cluster")
    check_rows(a.shape[0], denominator=b, group=which, cell=k, cluster=c)
    kept = which >= 0
    a, b = a[kept], b[kept]
    if not (np.all(np.isfinite(a)) and np.all(np.isfinite(b)) and np.all(b >= 0.0)):
        raise ValueError("numerator must be finite and denominator finite and not negative")
    found, inverse = np.unique(c[kept], return_inverse=True)
    numbered = inverse.astype(np.int64, copy=False)
    return _Rows(a, b, which[kept].astype(np.int64), k[kept], numbered, found.size)


def _table(rows: _Rows, n_groups: int, n_cells: int, standard: Floats | None) -> _Table:
    place = rows.group * n_cells + rows.cell
    shape = (n_groups, n_cells)
    top = group_sum(rows.numerator, place, n_groups * n_cells).reshape(shape)
    bottom = group_sum(rows.denominator, place, n_groups * n_cells).reshape(shape)
    compared = bottom.sum(axis=1) > 0.0
    supported = np.all(bottom[compared] > 0.0, axis=0) & bool(compared.any())
    pooled = bottom.sum(axis=0)
    wanted = pooled if standard is None else standard
    with np.errstate(divide="ignore", invalid="ignore"):  # no denominator, no support: NaN
        crude = top.sum(axis=1) / np.where(compared, bottom.sum(axis=1), np.nan)
        rate = top / np.where(bottom > 0.0, bottom, np.nan)
        inside = np.where(supported, wanted, 0.0)
        weight = inside / inside.sum()
        covered = float(pooled[supported].sum() / pooled.sum())
        standard_covered = float(inside.sum() / wanted.sum())
    weight = np.where(np.isfinite(weight), weight, np.nan)
    held = float(pooled[supported].sum())
    return _Table(bottom, rate, crude, supported, weight, covered, standard_covered, held)


def _influence(rows: _Rows, table: _Table, g: int, value: float, pooled: bool) -> Floats:
    """Influence of each row on group g's standardised ratio.

    A row of the group moves its cell's ratio; with the pooled standard, a row of any group moves
    the weight of its cell.
    """
    inside = table.supported[rows.cell]
    k = np.where(inside, rows.cell, np.argmax(table.supported))
    rate = table.rate[g, k]
    own = table.weight[k] * (rows.numerator - rate * rows.denominator) / table.bottom[g, k]
    moved = np.where(rows.group == g, own, 0.0)
    if pooled:
        moved = moved + rows.denominator * (rate - value) / table.pooled
    return np.asarray(np.where(inside, moved, 0.0))


def _variance(influence: Floats, rows: _Rows, clusters: int) -> float:
    """C/(C-1) times the sum of squared cluster totals; NaN with fewer than two clusters."""
    if clusters < 2:
        return float("nan")
    total = group_sum(influence, rows.cluster, rows.clusters)
    gross = group_sum(np.abs(influence), rows.cluster, rows.clusters)
    square = float(np.sum(total * total))
    if square <= _CANCELLED * float(np.sum(gross * gross)):
        return 0.0
    return square * clusters / (clusters - 1)


def _estimates(rows: _Rows, table: _Table, reference: int, pooled: bool) -> dict[str, Floats]:
    """Values, variances and clusters of all groups and of their differences."""
    n_groups = table.bottom.shape[0]
    names = ("value", "variance", "clusters", "difference", "spread", "union")
    out = {name: np.full(n_groups, np.nan) for name in names}
    out["clusters"][:] = out["union"][:] = 0.0
    counts = table.supported[rows.cell] & ((rows.numerator != 0.0) | (rows.denominator != 0.0))
    compared = table.bottom.sum(axis=1) > 0.0
    if not np.all(np.isfinite(table.weight)):
        return out
    rate = np.where(table.supported, table.rate, 0.0)
    value = np.where(compared, (rate * table.weight).sum(axis=1), np.nan)
    out["value"], out["difference"] = value, value - value[reference]
    base, base_people = np.zeros(rows.cell.size), np.zeros(rows.clusters, dtype=np.bool_)
    if compared[reference]:
        base = _influence(rows, table, reference, float(value[reference]), pooled)
        base_people[rows.cluster[counts & (rows.group == reference)]] = True
    for g in np.flatnonzero(compared).tolist():  # over groups, a dozen; rows are vectorised
        moved = base if g == reference else _influence(rows, table, g, float(value[g]), pooled)
        people = np.zeros(rows.clusters, dtype=np.bool_)
        people[rows.cluster[counts & (rows.group == g)]] = True
        out["clusters"][g] = people.sum()
        out["variance"][g] = _variance(moved, rows, int(out["clusters"][g]))
        if compared[reference]:
            out["union"][g] = (people | base_people).sum()
            out["spread"][g] = _variance(moved - base, rows, int(out["union"][g]))
    return out


def standardise(
    numerator: ArrayLike,
    denominator: ArrayLike,
    group: ArrayLike,
    cell: ArrayLike,
    cluster: ArrayLike,
    n_groups: int,
    n_cells: int,
    reference: int,
    level: float = 0.95,
    *,
    standard: ArrayLike | None = None,
    scale: Scale = "identity",
) -> Standardised:
    """Ratio of each group had all groups the same distribution over the cells.

    ``theta_g = sum_k pi_k r_gk`` with r_gk the ratio of sums of group g in cell k, over the cells
    where every compared group has a denominator (common support), pi adding up to 1 over those.
    Left out, the standard is the pooled denominator of the compared groups, and its sampling
    variation is part of the variance: with B the pooled denominator in the support, row i in
    group h and cell k has influence
    ``1[h = g] pi_k (a_i - r_gk b_i)/B_gk + b_i (r_gk - theta_g)/B`` on theta_g, without the second
    term for a given standard. Variances sum influence by patient, ``C/(C-1) sum_c (sum_i u_i)^2``.

    Parameters
    ----------
    numerator, denominator : array_like, shape (rows,)
        Per-row terms of any measure that is a ratio of sums. Denominators are not negative.
    group : array_like of int, shape (rows,)
        0..n_groups-1, or -1 for rows of a group that is not compared. A group too small to have
        every cell narrows the support of all: leave it out, or take coarser cells.
    cell : array_like of int, shape (rows,)
        Covariate cell, 0..n_cells-1.
    cluster : array_like of int, shape (rows,)
        Patient code, not negative.
    n_groups, n_cells, reference : int
        Number of groups, of cells, and the group differences are taken to.
    level : float
        Confidence level in (0, 1) of the Student t intervals with C - 1 degrees of freedom, C the
        patients of the group (of the two groups, for a difference) in the support.
    standard : array_like, shape (n_cells,), optional
        Weights of a given standard, not negative, on any scale.
    scale : {"identity", "logit", "log"}
        Scale of the groups' intervals; differences are on the identity.

    Returns
    -------
    Standardised
        A group without denominator is not compared and NaN. All groups are NaN where the support
        is empty or has no weight. Bounds as in `linear.interval`, so the reference's difference to
        itself, 0, has none.

    Raises
    ------
    ValueError
        If shapes differ, a code is out of range, a kept row is not finite, a denominator or weight
        is negative, or level or scale is invalid.

    References
    ----------
    Fleiss, Levin and Paik 2003, Statistical Methods for Rates and Proportions,
    DOI 10.1002/0471445428; Binder 1983, DOI 10.2307/1402588 (variance).
    """
    check_level(level)
    if not 0 <= reference < n_groups:
        raise ValueError(f"reference must be a group code below {n_groups}")
    given = None if standard is None else as_finite(standard, "standard")
    if given is not None and (given.size != n_cells or np.any(given < 0.0)):
        raise ValueError(f"standard must hold {n_cells} weights, not negative")
    rows = _rows(numerator, denominator, group, cell, cluster, n_groups, n_cells)
    table = _table(rows, n_groups, n_cells, given)
    out = _estimates(rows, table, reference, given is None)
    lower, upper = interval(out["value"], out["variance"], out["clusters"], level, scale)
    apart = interval(out["difference"], out["spread"], out["union"], level)
    return Standardised(
        value=out["value"],
        variance=out["variance"],
        clusters=out["clusters"].astype(np.int64),
        lower=lower,
        upper=upper,
        difference=out["difference"],
        difference_variance=out["spread"],
        difference_clusters=out["union"].astype(np.int64),
        difference_lower=apart[0],
        difference_upper=apart[1],
        crude=table.crude,
        weight=table.weight,
        supported=table.supported,
        covered=table.covered,
        standard_covered=table.standard_covered,
    )
