"""Lowess against R's, against a plain restatement of its rules, and on any weights."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from audit.stats.lowess import lowess, lowess_operator, smooth

Floats = NDArray[np.float64]


def rows(kind: str) -> tuple[Floats, Floats]:
    """Rows of additive recurrences, which any software can repeat."""
    n = SIZES[kind]
    k = np.arange(1, n + 1)
    u, v, w = k * 0.6180339887498949 % 1, k * 0.41421356237309515 % 1, k * 0.7320508075688772 % 1
    x = {
        "ties": np.round(u * u, 2),
        "clusters": np.array([0.02, 0.5, 0.97])[np.arange(n) % 3] + 1e-3 * u,
        "heavy tie": np.where(w < 0.8, 0.02, u),
        "grid": np.arange(n) / n,
    }.get(kind, u * u)
    return x, (v < 0.1 + 0.7 * x).astype(np.float64)


SIZES = {
    "smooth": 20,
    "ties": 200,
    "clusters": 300,
    "heavy tie": 500,
    "long": 3000,
    "narrow": 300,
    "grid": 57,
}
# R 4.2.2: lowess(x, y, iter = 0)$y[round(seq(1, n, length.out = 11))]; "narrow" with f = 0.2 and
# delta = 0, the others with the defaults.
R_LOWESS = {
    "smooth": [0.158460803771873, 0.152765421331138, 0.144445584839485, 0.14797951075718,
               0.178522358662242, 0.200422353312004, 0.141839969331815, 0.092559298257956,
               0.278753200992669, 0.655378018801681, 1.04123659108449],
    "ties": [0.120112823764231, 0.124710216061967, 0.139006600304218, 0.163760580513798,
             0.204847262394919, 0.255901549487121, 0.320554648932467, 0.406227068332279,
             0.547047069278597, 0.726503091265146, 0.923621910379351],
    "clusters": [0.120000018042576, 0.120000017945732, 0.120000017849908, 0.120000017749134,
                 0.440000017291165, 0.440000017322818, 0.440000017356444, 0.789999978889275,
                 0.789999979094592, 0.789999979287867, 0.789999979481143],
    "heavy tie": [0.497578803933664, 0.115, 0.115, 0.115, 0.115, 0.115, 0.115, 0.115, 0.115,
                  0.472669981272091, 0.917208341498472],
    "long": [0.100747101283096, 0.107798827726502, 0.128916438945189, 0.164050423946398,
             0.21321712480884, 0.276264459770305, 0.349471822121604, 0.439906905198873,
             0.545156241284345, 0.664703914059188, 0.799219577327638],
    "narrow": [0.115835735213074, 0.123444992482452, 0.143513627128088, 0.130465653455068,
               0.240160125096383, 0.31858543500093, 0.381440476334231, 0.410164106726533,
               0.492580743968482, 0.680748049318438, 0.929393177437808],
    "grid": [0.0744539466215906, 0.175197246834269, 0.259853095115756, 0.3592747861199,
             0.441226095478309, 0.522741980320077, 0.594133816265271, 0.628233191798883,
             0.650648706344356, 0.673189534249044, 0.696619082179242],
}  # fmt: skip


@pytest.mark.parametrize("kind", SIZES)
def test_agrees_with_r(kind: str) -> None:
    x, y = rows(kind)
    fitted = lowess(x, y, 0.2, 0.0) if kind == "narrow" else lowess(x, y)
    at = np.rint(np.linspace(1, x.size, 11)).astype(int) - 1  # as R rounds: halves to even
    np.testing.assert_allclose(fitted[np.argsort(x, kind="stable")][at], R_LOWESS[kind], rtol=1e-10)


def plain(x: Floats, y: Floats, weight: Floats, near: Floats, f: float) -> Floats:
    """Local linear fits at every row by least squares, neighbourhoods from the rows `near`."""
    span = max(min(near.size, int(f * near.size + 1e-7)), 2)
    out = np.empty(x.size)
    for i, centre in enumerate(x):
        h = np.sort(np.abs(near - centre))[span - 1]
        d = np.abs(x - centre)
        share = np.divide(d, h, out=np.zeros(x.size), where=h > 0)
        kernel = np.where(d <= 0.001 * h, 1.0, (1 - share**3) ** 3) * (d <= 0.999 * h)
        w = kernel * weight
        mean = np.average(x, weights=w)
        spread = np.average((x - mean) ** 2, weights=w)
        out[i] = np.average(y, weights=w)
        if h > 0 and np.sqrt(spread) > 0.001 * np.ptp(near):
            root = np.sqrt(w)
            design = np.column_stack([np.ones(x.size), x - centre])
            out[i] = np.linalg.lstsq(design * root[:, None], y * root, rcond=None)[0][0]
    return out


@st.composite
def samples(draw: st.DrawFn) -> tuple[Floats, Floats, float]:
    n = draw(st.integers(2, 40))
    x = draw(st.lists(st.integers(0, 60), min_size=n, max_size=n))
    y = draw(st.lists(st.integers(0, 1), min_size=n, max_size=n))
    return np.array(x) / 60, np.array(y, dtype=np.float64), draw(st.floats(0.1, 1.0))


@given(samples())
def test_agrees_with_least_squares(sample: tuple[Floats, Floats, float]) -> None:
    x, y, f = sample
    expected = plain(x, y, np.ones(x.size), x, f)
    np.testing.assert_allclose(lowess(x, y, f, 0.0), expected, rtol=0, atol=1e-9)


@given(samples())
def test_order_does_not_matter(sample: tuple[Floats, Floats, float]) -> None:
    x, y, f = sample
    turn = np.random.default_rng(x.size).permutation(x.size)
    np.testing.assert_array_equal(lowess(x[turn], y[turn], f), lowess(x, y, f)[turn])


@pytest.mark.parametrize("kind", SIZES)
def test_operator_at_the_data_is_lowess(kind: str) -> None:
    x, y = rows(kind)
    score, first, rung = np.unique(x, return_index=True, return_inverse=True)
    total = np.bincount(rung)
    operator = lowess_operator(score, total)
    curve = smooth(operator, np.bincount(rung, weights=y), total)
    np.testing.assert_allclose(curve, lowess(x, y)[first], rtol=0, atol=1e-12)


def test_weights_of_resamples_enter_the_local_fits() -> None:
    x, y = rows("ties")
    score, rung = np.unique(x, return_inverse=True)
    rng = np.random.default_rng(3)
    weight = rng.poisson(1.0, (7, x.size)).astype(np.float64)
    total = np.stack([np.bincount(rung, weights=w, minlength=score.size) for w in weight])
    events = np.stack([np.bincount(rung, weights=w * y, minlength=score.size) for w in weight])
    operator = lowess_operator(score, np.bincount(rung), delta=0.0)
    curves = smooth(operator, events, total)
    for curve, w, t in zip(curves, weight, total, strict=True):
        expected = plain(x, y, w, x, 2 / 3)
        seen = t[rung] > 0
        np.testing.assert_allclose(curve[rung][seen], expected[seen], rtol=0, atol=1e-9)
    # Any leading shape gives the same curves.
    stacked = smooth(operator, events.reshape(7, 1, -1), total.reshape(7, 1, -1))
    np.testing.assert_allclose(stacked[:, 0], curves, rtol=0, atol=1e-14)


def test_weights_scale_out() -> None:
    x, y = rows("smooth")
    order = np.argsort(x)
    operator = lowess_operator(x[order], np.ones(x.size, dtype=int))
    once = smooth(operator, y[order], np.ones(x.size))
    np.testing.assert_allclose(smooth(operator, 3.7 * y[order], np.full(x.size, 3.7)), once)


def test_a_line_is_reproduced() -> None:
    x, _ = rows("long")
    np.testing.assert_allclose(lowess(x, 0.3 + 0.4 * x), 0.3 + 0.4 * x, rtol=0, atol=1e-12)


def test_small_and_degenerate_samples() -> None:
    assert lowess([], []).size == 0
    assert lowess([0.3], [1.0]).tolist() == [1.0]
    assert lowess([0.3, 0.3, 0.3], [1.0, 0.0, 0.0]) == pytest.approx([1 / 3] * 3)
    assert lowess([0.1, 0.2], [0.0, 1.0]) == pytest.approx([0.0, 1.0])


def test_no_weight_near_an_anchor_is_undefined() -> None:
    # Nine of ten rows share a score: its neighbourhood is that score alone.
    operator = lowess_operator([0.1, 0.9], [9, 1])
    curve = smooth(operator, [[0.0, 1.0], [3.0, 0.0]], [[0.0, 1.0], [9.0, 1.0]])
    assert np.isnan(curve[0, 0])
    assert curve[1, 0] == pytest.approx(1 / 3)
    assert np.isfinite(curve[1]).all()


@pytest.mark.parametrize(
    ("call", "told"),
    [
        (lambda: lowess([0.1, np.nan], [0, 1]), "finite"),
        (lambda: lowess([0.1], [0, 1]), "rows"),
        (lambda: lowess([0.1, 0.2], [0, 1], f=0.0), "f must"),
        (lambda: lowess([0.1, 0.2], [0, 1], delta=-1.0), "delta"),
        (lambda: lowess_operator([0.2, 0.1], [1, 1]), "ascending"),
        (lambda: lowess_operator([0.1, 0.2], [1, 0]), "every rung"),
        (lambda: lowess_operator([0.1, 0.2], [1, 1.5]), "whole"),
        (lambda: lowess_operator([], []), "no row"),
        (lambda: smooth(lowess_operator([0.1, 0.2], [1, 1]), [1.0, 0.0], [1.0, -1.0]), "negative"),
        (lambda: smooth(lowess_operator([0.1, 0.2], [1, 1]), [1.0], [1.0, 1.0]), "shape"),
    ],
)
def test_bad_arguments(call: Any, told: str) -> None:
    with pytest.raises(ValueError, match=told):
        call()
