"""Recalibration fits from binned scores, with proven bounds of what the bins cost them.

Within a bin only the number of rows n, the mean logit m and S, the sum of (x - m)^2, are known, and
that each x lies within sqrt(S) of m and between the bin's ends. Write e(z) = 1 / (1 + exp(-z)) and
z = a + b x. By Taylor's theorem about m,

    | sum e(z_i) - n e(a + b m) |          <=  b^2 S max|e''| / 2   and  <=  n (range of e),
    | sum (x_i - m) e(z_i) |               <=  |b| S max e',

maxima over the bin's range of z; |e''| is never above 1 / (6 sqrt 3). The sums of y and of y x are
exact, so this bounds the gradient of the likelihood of the rows at the binned fit. For the fit with
one parameter the gradient is monotone, and the root is bracketed. For two, with H a lower bound of
the information (e' at its smallest in each bin) and Q the largest norm of (1, x) in the metric of
H^-1, the information at a distance d from the fit, |d|_H = u, is at least exp(-Q u) H (Bach 2010,
doi:10.1214/09-EJS521, generalised self-concordance), so that a gradient of norm g moves the maximum
by at most u = -ln(1 - Q g) / Q. Where Q g >= 1 there is no bound.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit

from audit.stats._arrays import group_sum

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]

_ITERATIONS = 100
_HALVINGS = 40
_DECREMENT = 1e-24
_ROUNDING = 1e-14  # of a sum, relative to the size of its terms
_INFLECTION = float(np.log(2 + np.sqrt(3)))  # where |e''| is largest
_STEEPEST_BEND = 1 / (6 * np.sqrt(3))


@dataclass(frozen=True, eq=False)
class BinnedLogits:
    """The logits of rows counted in bins; one entry per bin that holds rows.

    `low` and `high` are the ends of the bin, `mean` and `spread` the mean of the logits and the sum
    of their squared distances from it. `positive_sum`, by group, is the sum of y x.
    """

    group: Ints
    positives: Floats
    negatives: Floats
    mean: Floats
    spread: Floats
    low: Floats
    high: Floats
    positive_sum: Floats

    @property
    def groups(self) -> int:
        """Number of groups."""
        return self.positive_sum.size

    @property
    def n(self) -> Floats:
        """Rows in each bin."""
        return self.positives + self.negatives

    def total(self, values: Floats) -> Floats:
        """Sum over the bins of each group."""
        return group_sum(values, self.group, self.groups)


@dataclass(frozen=True, eq=False)
class BinnedFit:
    """Fits by group, how far each may be from that of the rows, and their variances.

    A value is NaN where only one outcome occurs, or the fit does not converge; its error is then
    infinite. The variances are model-robust and take rows as independent. `info` is the information
    in the order aa, ab, bb of the joint fit and cc of the one with fixed slope.
    """

    citl: Floats
    intercept: Floats
    slope: Floats
    citl_error: Floats
    intercept_error: Floats
    slope_error: Floats
    citl_variance: Floats
    intercept_variance: Floats
    slope_variance: Floats
    info: tuple[Floats, Floats, Floats, Floats]


def binned_fit(data: BinnedLogits) -> BinnedFit:
    """Fit calibration-in-the-large, and the joint intercept and slope, of each group."""
    events, others = data.total(data.positives), data.total(data.negatives)
    both = (events > 0) & (others > 0)
    known = _narrowed(data)
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        shift = _root(known, events, both)
        shift_error = _root_error(known, events, shift)
        a, b, converged = _maximum(known, events, both)
        error = _joint_errors(known, events, a, b)
        variance = _variances(known, shift, a, b)
        info = _information(known, shift, a, b)
    return BinnedFit(
        citl=np.where(both, shift, np.nan),
        intercept=np.where(converged, a, np.nan),
        slope=np.where(converged, b, np.nan),
        citl_error=np.where(both, shift_error, np.inf),
        intercept_error=np.where(converged, error[0], np.inf),
        slope_error=np.where(converged, error[1], np.inf),
        citl_variance=variance[0],
        intercept_variance=variance[1],
        slope_variance=variance[2],
        info=info,
    )


def _narrowed(data: BinnedLogits) -> BinnedLogits:
    """Bring each bin's ends in: no logit is further than sqrt(S) from the mean."""
    wide = np.sqrt(data.spread)
    return BinnedLogits(
        data.group, data.positives, data.negatives, data.mean, data.spread,
        np.maximum(data.low, data.mean - wide), np.minimum(data.high, data.mean + wide),
        data.positive_sum,
    )  # fmt: skip


def _slope_of(z: Floats) -> Floats:
    """The derivative of the logistic function."""
    value: Floats = expit(z) * expit(-z)
    return value


def _bend_of(z: Floats) -> Floats:
    """The size of its second derivative."""
    value: Floats = _slope_of(z) * np.abs(np.tanh(z / 2))
    return value


def _steepest(low: Floats, high: Floats) -> Floats:
    """Largest derivative between two ends."""
    ends = np.maximum(_slope_of(low), _slope_of(high))
    value: Floats = np.where((low <= 0) & (high >= 0), 0.25, ends)
    return value


def _sharpest(low: Floats, high: Floats) -> Floats:
    """Largest size of the second derivative between two ends."""
    ends = np.maximum(_bend_of(low), _bend_of(high))
    inside = ((low <= _INFLECTION) & (high >= _INFLECTION)) | (
        (low <= -_INFLECTION) & (high >= -_INFLECTION)
    )
    value: Floats = np.where(inside, _STEEPEST_BEND, ends)
    return value


def _ends(data: BinnedLogits, a: Floats, b: Floats) -> tuple[Floats, Floats]:
    """Range of a + b x in each bin."""
    one, other = (a[data.group] + b[data.group] * x for x in (data.low, data.high))
    return np.minimum(one, other), np.maximum(one, other)


def _expected_error(data: BinnedLogits, a: Floats, b: Floats) -> Floats:
    """Bound, by bin, of the error of n e(a + b m) as the sum of e over the rows."""
    low, high = _ends(data, a, b)
    curved = 0.5 * b[data.group] ** 2 * data.spread * _sharpest(low, high)
    value: Floats = np.minimum(curved, data.n * (expit(high) - expit(low)))
    return value


def _root(data: BinnedLogits, events: Floats, both: Bools) -> Floats:
    """Calibration-in-the-large of the binned rows, by bisection and then Newton's steps."""
    share = np.where(both, events / data.total(data.n), 0.5)
    reach = group_max(np.abs(data.mean), data.group, data.groups) + 1
    centre = np.log(share / (1 - share))
    low, high = centre - reach, centre + reach
    for _ in range(60):
        middle = (low + high) / 2
        above = data.total(data.n * expit(middle[data.group] + data.mean)) > events
        low, high = np.where(above, low, middle), np.where(above, middle, high)
    root: Floats = (low + high) / 2
    for _ in range(2):
        z = root[data.group] + data.mean
        step = (events - data.total(data.n * expit(z))) / data.total(data.n * _slope_of(z))
        root = root + np.where(np.isfinite(step) & (np.abs(step) < 1e-6), step, 0.0)
    return root


def group_max(values: Floats, group: Ints, groups: int) -> Floats:
    """Largest value of each group; 0 where that is negative or there is none."""
    largest = np.zeros(groups)
    np.maximum.at(largest, group, values)
    return largest


def _root_error(data: BinnedLogits, events: Floats, root: Floats) -> Floats:
    """Half width of an interval that must hold the root of the rows' own equation."""
    one = np.ones(data.groups)
    rounding = _ROUNDING * data.total(data.n)
    start = data.total(_expected_error(data, root, one)) + 2 * rounding
    half = 1.01 * start / data.total(data.n * _slope_of(root[data.group] + data.mean))
    out = np.full(data.groups, np.inf)
    for _ in range(60):
        below, above = root - half, root + half
        fits = _expected(data, below) + data.total(_expected_error(data, below, one)) <= (
            events - rounding
        )
        fits &= _expected(data, above) - data.total(_expected_error(data, above, one)) >= (
            events + rounding
        )
        out = np.where(fits & np.isinf(out), half, out)
        half = np.where(fits, half, 2 * half)
        if fits.all():
            break
    return out


def _expected(data: BinnedLogits, shift: Floats) -> Floats:
    return data.total(data.n * expit(shift[data.group] + data.mean))


def _maximum(data: BinnedLogits, events: Floats, both: Bools) -> tuple[Floats, Floats, Bools]:
    """Joint intercept and slope: the maximum of a P + b sum(y x) - sum n log(1 + exp(a + b m))."""
    n = data.total(data.n)
    centre = np.where(n > 0, data.total(data.n * data.mean) / n, 0.0)
    spread = np.sqrt(data.total(data.n * (data.mean - centre[data.group]) ** 2) / n)
    scale = np.where(spread > 0, spread, 1.0)
    x = (data.mean - centre[data.group]) / scale[data.group]
    target = (data.positive_sum - events * centre) / scale
    share = np.where(both, events / n, 0.5)
    a, b = np.log(share / (1 - share)), np.zeros(data.groups)
    live, converged = both & (spread > 0), np.zeros(data.groups, dtype=np.bool_)
    for _ in range(_ITERATIONS):
        step_a, step_b, decrement = _newton_step(data, x, events, target, a, b)
        live &= np.isfinite(step_a) & np.isfinite(step_b)
        last = live & (decrement <= _DECREMENT * (1 + n))
        before = _likelihood(data, x, events, target, a, b)
        share_taken = np.where(live, 1.0, 0.0)
        step_a, step_b = np.where(live, step_a, 0.0), np.where(live, step_b, 0.0)
        for _ in range(_HALVINGS):
            moved = a + share_taken * step_a, b + share_taken * step_b
            reached = _likelihood(data, x, events, target, *moved)
            worse = reached < before - 1e-11 * (1 + np.abs(before))
            if not (worse & ~last).any():
                break
            share_taken = np.where(worse & ~last, share_taken / 2, share_taken)
        a, b = a + share_taken * step_a, b + share_taken * step_b
        converged |= last
        live &= ~last
        if not live.any():
            break
    slope = b / scale
    return a - slope * centre, slope, converged


def _newton_step(
    data: BinnedLogits, x: Floats, events: Floats, target: Floats, a: Floats, b: Floats
) -> tuple[Floats, Floats, Floats]:
    z = a[data.group] + b[data.group] * x
    mean, weight = data.n * expit(z), data.n * _slope_of(z)
    g_a, g_b = events - data.total(mean), target - data.total(mean * x)
    aa, ab, bb = (data.total(weight * x**k) for k in range(3))
    det = aa * bb - ab * ab
    step_a, step_b = (bb * g_a - ab * g_b) / det, (aa * g_b - ab * g_a) / det
    return step_a, step_b, g_a * step_a + g_b * step_b


def _likelihood(
    data: BinnedLogits, x: Floats, events: Floats, target: Floats, a: Floats, b: Floats
) -> Floats:
    z = a[data.group] + b[data.group] * x
    value: Floats = a * events + b * target - data.total(data.n * np.logaddexp(0.0, z))
    return value


def _joint_errors(
    data: BinnedLogits, events: Floats, a: Floats, b: Floats
) -> tuple[Floats, Floats]:
    """Bounds of the errors of intercept and slope; infinite where there are none."""
    z = a[data.group] + b[data.group] * data.mean
    weight = data.n * _slope_of(z)
    centre = data.total(weight * data.mean) / data.total(weight)
    x = data.mean - centre[data.group]
    low, high = _ends(data, a, b)
    least = np.minimum(_slope_of(low), _slope_of(high))
    aa, ab, bb = (data.total(data.n * least * x**k) for k in range(3))
    det = aa * bb - ab * ab
    gradient = _gradient_bounds(data, events, (a, b), centre, (low, high))
    one, two = gradient
    norm = np.sqrt((one**2 * bb + 2 * one * two * np.abs(ab) + two**2 * aa) / det)
    reach = np.zeros(data.groups)
    for end in (data.low, data.high):
        far = end - centre[data.group]
        own = (bb[data.group] - 2 * far * ab[data.group] + far**2 * aa[data.group]) / det[
            data.group
        ]
        reach = np.maximum(reach, group_max(np.sqrt(own), data.group, data.groups))
    proven = (det > 1e-10 * aa * bb) & (reach * norm < 1)
    moved = np.where(proven, -np.log1p(-np.where(proven, reach * norm, 0.0)) / reach, np.inf)
    intercept = moved * np.sqrt((bb + 2 * centre * ab + centre**2 * aa) / det)
    slope = moved * np.sqrt(aa / det)
    return np.where(proven, intercept, np.inf), np.where(proven, slope, np.inf)


def _gradient_bounds(
    data: BinnedLogits,
    events: Floats,
    fit: tuple[Floats, Floats],
    centre: Floats,
    ends: tuple[Floats, Floats],
) -> tuple[Floats, Floats]:
    """Sizes that the rows' own gradient at the fit cannot exceed, x taken from the centre."""
    a, b = fit
    x = data.mean - centre[data.group]
    mean = data.n * expit(a[data.group] + b[data.group] * data.mean)
    off = _expected_error(data, a, b)
    tilt = np.abs(b[data.group]) * data.spread * _steepest(*ends)
    left_a = np.abs(events - data.total(mean))
    left_b = np.abs(data.positive_sum - events * centre - data.total(mean * x))
    rounding = _ROUNDING * data.total(data.n)
    far = group_max(np.abs(x), data.group, data.groups)
    return (
        data.total(off) + left_a + rounding,
        data.total(tilt + np.abs(x) * off) + left_b + rounding * (1 + far),
    )


def _variances(
    data: BinnedLogits, shift: Floats, a: Floats, b: Floats
) -> tuple[Floats, Floats, Floats]:
    """Sandwich variances, rows independent, with the factor n / (n - 1)."""
    n = data.total(data.n)
    small = np.where(n > 1, n / np.maximum(n - 1, 1), np.nan)
    z = shift[data.group] + data.mean
    one = small * data.total(_squared_residuals(data, z)) / data.total(data.n * _slope_of(z)) ** 2
    z = a[data.group] + b[data.group] * data.mean
    weight = data.n * _slope_of(z)
    total = data.total(weight)
    centre = data.total(weight * data.mean) / total
    x = data.mean - centre[data.group]
    squared = _squared_residuals(data, z)
    aa, ab, bb = (data.total(squared * x**k) for k in range(3))
    slope_info = data.total(weight * x * x)
    slope = bb / slope_info**2
    intercept = aa / total**2 - 2 * centre * ab / (total * slope_info) + centre**2 * slope
    return one, small * intercept, small * slope


def _squared_residuals(data: BinnedLogits, z: Floats) -> Floats:
    value: Floats = data.positives * expit(-z) ** 2 + data.negatives * expit(z) ** 2
    return value


def _information(
    data: BinnedLogits, shift: Floats, a: Floats, b: Floats
) -> tuple[Floats, Floats, Floats, Floats]:
    weight = data.n * _slope_of(a[data.group] + b[data.group] * data.mean)
    aa, ab, bb = (data.total(weight * data.mean**k) for k in range(3))
    return aa, ab, bb, data.total(data.n * _slope_of(shift[data.group] + data.mean))
