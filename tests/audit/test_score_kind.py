"""Scores that must be called rescaled, and honest ones that must not."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy.special import expit, logit

from audit.score_kind import Finding, looks_rescaled

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]

RNG = np.random.default_rng(0)
N = 4000


def outcomes(risk: Floats) -> Bools:
    return np.random.default_rng(risk.size).random(risk.size) < risk


RARE = RNG.beta(1, 49, N)  # prevalence 0.02
EVEN = RNG.beta(2, 2, N)  # prevalence 0.5
WIDE = expit(RNG.normal(-2, 2, N))  # prevalence about 0.2
LEVELS = np.array([0.05, 0.2, 0.5, 0.7])[RNG.integers(0, 4, N)]


def codes(score: Any, label: Any, kind: Any = "probability") -> list[str]:
    return [finding.code for finding in looks_rescaled(score, label, kind)]


def ranks(score: Floats) -> Floats:
    return np.asarray((score.argsort().argsort() + 0.5) / score.size, dtype=np.float64)


HONEST = {
    "prevalence 0.02": RARE,
    "prevalence 0.5": EVEN,
    "wide": WIDE,
    "risk groups": LEVELS,
    "uniform and calibrated": RNG.random(N),
    "all between 0.5 and 0.73": 0.5 + 0.23 * RNG.random(N),
    "half at one half": np.where(RNG.random(N) < 0.5, 0.5, EVEN),
    "one value": np.full(N, 0.3),
    "rounded": np.round(WIDE, 1),
}


@pytest.mark.parametrize("name", HONEST)
def test_honest_scores_are_not_called_rescaled(name: str) -> None:
    risk = HONEST[name]
    y = outcomes(np.clip(risk, 0.0, 1.0))
    assert codes(risk, y) == []
    inside = np.clip(risk, 1e-10, 1 - 1e-10)
    assert codes(logit(inside), outcomes(inside), "logit") == []


@pytest.mark.parametrize("name", HONEST)
def test_an_honest_score_with_the_wrong_labels_is_noticed_where_it_matters(name: str) -> None:
    # The same shapes, but the outcomes of a disease eight times rarer on the odds.
    risk = np.clip(HONEST[name], 1e-10, 1 - 1e-10)
    y = outcomes(expit(logit(risk) - np.log(8)))
    assert "mean_far_from_prevalence" in codes(risk, y)


@settings(max_examples=60)
@given(
    st.integers(1, 3000),
    st.floats(0.3, 5),
    st.floats(0.01, 0.99),
    st.integers(0, 10**6),
    st.sampled_from([None, 1, 2]),
)
def test_calibrated_scores_of_any_shape_are_honest(
    n: int, size: float, mean: float, seed: int, decimals: int | None
) -> None:
    rng = np.random.default_rng(seed)
    risk = rng.beta(size, size * (1 - mean) / mean, n)
    risk = risk if decimals is None else np.round(risk, decimals)
    assert codes(risk, rng.random(n) < risk) == []


def test_sigmoid_of_a_probability() -> None:
    y = outcomes(RARE)
    found = looks_rescaled(expit(RARE), y, "probability")
    assert found[0].code == "sigmoid_of_probability"
    assert "All 4,000 scores lie between 0.500 and 0." in found[0].message
    assert f"{100 * y.mean():.1f} % have the condition" in found[0].message
    assert "mean_far_from_prevalence" in [f.code for f in found]
    # Probabilities declared as log odds are the same mistake.
    assert "sigmoid_of_probability" in codes(RARE, y, "logit")
    # Single precision does not hide it.
    assert "sigmoid_of_probability" in codes(expit(WIDE.astype(np.float32)), outcomes(WIDE))


def test_pile_up_at_half() -> None:
    z = logit(WIDE)
    found = looks_rescaled(expit(np.maximum(z, 0.0)), outcomes(WIDE), "probability")
    assert found[0].code == "pile_up_at_half"
    pile = int((z <= 0).sum())
    assert f"{pile:,} of them exactly on it" in found[0].message
    # A default of 0.5 for a tenth of the cases, whatever the rest.
    failed = np.arange(N) % 10 == 0
    y = outcomes(RARE)
    assert codes(np.where(failed, 0.5, RARE), y)[0] == "pile_up_at_half"
    assert "pile_up_at_half" not in codes(np.where(np.arange(N) % 25 == 0, 0.5, RARE), y)


def test_decisions_and_categories() -> None:
    y = outcomes(WIDE)
    found = looks_rescaled((WIDE > 0.5).astype(float), y, "probability")
    assert found[0].code == "few_distinct_values"
    assert "take only 2 values" in found[0].message
    assert "few_distinct_values" in codes(np.ceil(ranks(WIDE) * 5) / 5, y)
    assert codes((WIDE > 0.5)[:99].astype(float), y[:99]) == []  # too few rows to say


def test_ranks_and_percentiles() -> None:
    y = outcomes(WIDE)
    assert "looks_like_ranks" in codes(ranks(WIDE), y)
    assert "looks_like_ranks" in codes(ranks(EVEN), outcomes(EVEN))  # though the mean fits
    assert "looks_like_ranks" not in codes(ranks(WIDE[:499]), y[:499])
    # Percentiles of another population are no more even than chance; the outcomes tell.
    many = np.random.default_rng(7).random(40_000)
    assert "looks_like_ranks" in codes(many, outcomes(many * 0.6))
    assert codes(many, outcomes(many)) == []


def test_mean_far_from_prevalence_needs_size_and_certainty() -> None:
    y = np.arange(N) % 20 == 0  # prevalence 0.05
    far, near = np.full(N, 0.15), np.full(N, 0.1)
    assert "mean_far_from_prevalence" in codes(far, y)  # 1.2 apart on the log odds
    assert "mean_far_from_prevalence" not in codes(near, y)  # 0.75 apart, 9 standard errors
    assert codes(far[:60], y[:60]) == []  # 1.2 apart, 2 standard errors
    (found,) = [f for f in looks_rescaled(far, y, "probability") if f.code.startswith("mean")]
    assert found == Finding(
        "mean_far_from_prevalence",
        "The mean score is 0.150 where 5.0 % of 4,000 have the condition (600 expected, "
        "200 found): the score may be rescaled, or the cases enriched",
    )
    assert "mean_far_from_prevalence" in codes(far, np.zeros(N, dtype=bool))
    assert codes(RARE[:200], np.zeros(200, dtype=bool)) == []


@pytest.mark.parametrize("score", [ranks(WIDE), expit(RARE), WIDE, 100 * WIDE])
def test_a_rank_promises_nothing(score: Floats) -> None:
    assert looks_rescaled(score, outcomes(WIDE), "rank") == ()


def test_row_order_does_not_matter() -> None:
    turn = np.random.default_rng(3).permutation(N)
    y = outcomes(WIDE)
    score = ranks(WIDE)
    assert looks_rescaled(score[turn], y[turn], "probability") == looks_rescaled(
        score, y, "probability"
    )


def test_nothing_to_say() -> None:
    assert looks_rescaled([], [], "probability") == ()
    assert looks_rescaled([0.5], [1], "probability") == ()
    # One rare event is no contradiction, though ten standard errors away.
    assert looks_rescaled([0.01], [1], "probability") == ()
    assert looks_rescaled([0.001] * 200, [1] * 2 + [0] * 198, "probability") == ()
    assert looks_rescaled([0.0, 1.0], [0, 1], "probability") == ()


@pytest.mark.parametrize(
    ("score", "label", "kind", "told"),
    [
        ([1.2], [1], "probability", r"\[0, 1\]"),
        ([np.nan], [1], "probability", "finite"),
        ([0.2], [2], "probability", "0 and 1"),
        ([0.2], [1, 0], "probability", "label"),
        ([0.2], [1], "percentile", "declared_kind"),
    ],
)
def test_bad_arguments(score: Any, label: Any, kind: Any, told: str) -> None:
    with pytest.raises(ValueError, match=told):
        looks_rescaled(score, label, kind)
