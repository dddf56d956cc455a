"""Prevalence adjustment against textbook examples and against reweighted rows."""

from typing import Any

import numpy as np
import pytest

from audit.stats.prevalence import (
    adjusted_net_benefit,
    adjusted_npv,
    adjusted_oe_ratio,
    adjusted_ppv,
)


def test_liver_scan_of_altman_and_bland() -> None:
    # Altman and Bland 1994, BMJ 309:102: 344 liver scans, sensitivity 231/258 and specificity
    # 54/86. PPV 0.88 and NPV 0.67 at their prevalence of 0.75; at 0.25, PPV 0.45 and NPV 0.95.
    sens, spec = 231 / 258, 54 / 86
    assert adjusted_ppv(sens, spec, 258 / 344) == pytest.approx(231 / 263)
    assert adjusted_npv(sens, spec, 258 / 344) == pytest.approx(54 / 81)
    np.testing.assert_allclose(adjusted_ppv(sens, spec, 0.25), 0.45, atol=0.005)
    np.testing.assert_allclose(adjusted_npv(sens, spec, 0.25), 0.95, atol=0.005)


def test_the_harvard_question() -> None:
    # Casscells, Schoenberger and Graboys 1978, DOI 10.1056/NEJM197811022991808: prevalence 1 in
    # 1000, 5 % false positives; 1 + 49.95 of 1000 are flagged.
    assert adjusted_ppv(1.0, 0.95, 0.001) == pytest.approx(1 / 50.95)


def test_own_prevalence_changes_nothing_and_a_target_reweights_rows() -> None:
    rng = np.random.default_rng(0)
    p = rng.beta(2, 3, 500)
    y, flagged = rng.random(500) < p, p >= 0.4
    sens, spec = flagged[y].mean(), 1 - flagged[~y].mean()
    odds = 0.4 / 0.6
    for target in (y.mean(), 0.03, 0.9):
        w = np.where(y, target / y.mean(), (1 - target) / (1 - y.mean()))
        np.testing.assert_allclose(
            adjusted_ppv(sens, spec, target), (w * y)[flagged].sum() / w[flagged].sum()
        )
        np.testing.assert_allclose(
            adjusted_npv(sens, spec, target), (w * ~y)[~flagged].sum() / w[~flagged].sum()
        )
        benefit = ((w * y * flagged).sum() - odds * (w * ~y * flagged).sum()) / w.sum()
        np.testing.assert_allclose(adjusted_net_benefit(sens, spec, target, odds), benefit)
        np.testing.assert_allclose(
            adjusted_oe_ratio(p[y].mean(), p[~y].mean(), target), (w * y).sum() / (w * p).sum()
        )


def test_shapes_broadcast_and_undefined_is_nan() -> None:
    ppv = adjusted_ppv(np.array([[0.9], [0.8]]), [1.0, 0.9, np.nan], 0.0)
    assert ppv.shape == (2, 3)
    np.testing.assert_array_equal(ppv, [[np.nan, 0.0, np.nan]] * 2)
    assert np.isnan(adjusted_npv(1.0, 0.0, 0.3))
    assert np.isnan(adjusted_npv(0.7, 0.6, np.nan))
    assert np.isnan(adjusted_oe_ratio(0.0, 0.0, 0.3))
    assert np.isnan(adjusted_net_benefit(np.nan, 0.5, 0.3, 1.0))
    assert adjusted_ppv(0.9, 0.2, 1.0) == 1.0
    assert adjusted_npv(0.9, 0.2, 0.0) == 1.0
    np.testing.assert_allclose(adjusted_net_benefit(1.0, 1.0, 0.3, 5.0), 0.3)
    # Treat all at t: prevalence - (1 - prevalence) t / (1 - t).
    np.testing.assert_allclose(adjusted_net_benefit(1.0, 0.0, 0.3, 0.25), 0.3 - 0.7 * 0.25)


@pytest.mark.parametrize(
    ("call", "told"),
    [
        (lambda: adjusted_ppv(1.1, 0.5, 0.5), "sensitivity"),
        (lambda: adjusted_npv(0.5, -0.1, 0.5), "specificity"),
        (lambda: adjusted_net_benefit(0.5, 0.5, 2.0, 1.0), "prevalence"),
        (lambda: adjusted_net_benefit(0.5, 0.5, 0.5, -1.0), "odds"),
        (lambda: adjusted_oe_ratio(0.5, 3.0, 0.5), "mean_p_negatives"),
    ],
)
def test_bad_arguments(call: Any, told: str) -> None:
    with pytest.raises(ValueError, match=told):
        call()
