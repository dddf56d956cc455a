"""What the figures are drawn from, against its definition."""

import numpy as np
import pytest
from scipy.special import logit

from audit.curve_sections import CalibrationCurve, DecisionCurve, RiskDistribution
from audit.stats.proportions import wilson
from tests.audit.builders import PLAN, Columns, audited, random_columns

CLUSTERED = PLAN.replace("score: p", "score: p, patient: pid")


def masks(columns: Columns) -> dict[str, np.ndarray]:
    out = {"overall": np.ones(len(columns["y"]), dtype=np.bool_)}
    for name in ("race", "sex"):
        out |= {f"{name}={v}": columns[name] == v for v in np.unique(columns[name])}
    return out


@pytest.mark.parametrize("patients", [None, 250])
def test_decision_curve(patients: int | None) -> None:
    """Scores lie on the thresholds themselves, so that ties with them matter."""
    columns = random_columns(71, 700, patients=patients, decimals=2)
    curves = audited(PLAN if patients is None else CLUSTERED, columns).curves.decision
    found: dict[str, DecisionCurve] = {c.stratum: c for c in curves}
    assert list(found) == list(masks(columns))
    for stratum, mask in masks(columns).items():
        y, p = columns["y"][mask], columns["p"][mask]
        curve = found[stratum]
        assert len(curve.thresholds) == 99
        on_a_tie = 0
        for t, benefit, treat_all in zip(
            curve.thresholds, curve.net_benefit, curve.treat_all, strict=True
        ):
            tp = int(((p >= t) & (y == 1)).sum())
            fp = int(((p >= t) & (y == 0)).sum())
            assert benefit == pytest.approx(tp / y.size - fp / y.size * t / (1 - t), abs=1e-12)
            everyone = y.mean() - (1 - y.mean()) * t / (1 - t)
            assert treat_all == pytest.approx(everyone, abs=1e-12)
            on_a_tie += int((p == t).any())
        assert on_a_tie > 15


def test_decision_curve_at_the_declared_threshold() -> None:
    columns = random_columns(72, 500)
    result = audited(PLAN, columns)
    curve = result.curves.decision[0]
    assert curve.thresholds[39] == 0.4
    found = next(e for e in result.estimates if e.id == "net_benefit/overall")
    assert curve.net_benefit[39] == pytest.approx(found.value, abs=1e-14)


def test_logit_scores_give_the_same_curves() -> None:
    columns = random_columns(73, 400, decimals=None)
    text = PLAN.replace("resamples", "score_kind: logit\nresamples").replace(
        "0.4", repr(float(logit(0.4)))
    )
    one = audited(PLAN, columns).curves
    other = audited(text, columns | {"p": logit(columns["p"])}).curves
    for a, b in zip(one.decision, other.decision, strict=True):
        np.testing.assert_allclose(a.net_benefit, b.net_benefit, atol=1e-12)
    assert one.risk == other.risk
    for c, d in zip(one.calibration, other.calibration, strict=True):
        assert [x.n for x in c.bins] == [x.n for x in d.bins]


@pytest.mark.parametrize("decimals", [1, 2, None])
@pytest.mark.parametrize("patients", [None, 250])
def test_calibration_bins(decimals: int | None, patients: int | None) -> None:
    columns = random_columns(74, 700, patients=patients, decimals=decimals)
    curves = audited(PLAN if patients is None else CLUSTERED, columns).curves.calibration
    found: dict[str, CalibrationCurve] = {c.stratum: c for c in curves}
    for stratum, mask in masks(columns).items():
        y, p = columns["y"][mask], columns["p"][mask]
        bins = found[stratum].bins
        assert 1 <= len(bins) <= min(10, y.size // 25)
        n = np.array([b.n for b in bins])
        assert n.sum() == y.size
        observed = np.array([b.observed for b in bins])
        predicted = np.array([b.predicted for b in bins])
        assert (n * observed).sum() == pytest.approx(y.sum(), abs=1e-9)
        assert (n * predicted).sum() == pytest.approx(p.sum(), abs=1e-9)
        assert (np.diff(predicted) > 0).all()
        # each bin is a run of whole ties of the sorted scores
        order = np.argsort(p, kind="stable")
        ends = np.cumsum(n)
        for first, last, b in zip(ends - n, ends, bins, strict=True):
            mine = order[first:last]
            assert b.predicted == pytest.approx(p[mine].mean(), abs=1e-12)
            if last < y.size:
                assert p[mine].max() < p[order[last]]
            assert 0 <= b.lower <= b.observed <= b.upper <= 1
            assert b.upper - b.lower > 0.01
        if decimals is None and y.size >= 250:
            assert n.max() - n.min() <= 1
            assert len(bins) == 10


def test_calibration_intervals() -> None:
    columns = random_columns(75, 500)
    text = PLAN.replace("resamples", "level: 0.9\nresamples")
    curve = audited(text, columns).curves.calibration[0]
    assert curve.method == "equal_mass_wilson"
    for b in curve.bins:
        lower, upper = wilson(round(b.n * b.observed), b.n, 0.9)
        assert (b.lower, b.upper) == pytest.approx((float(lower), float(upper)), abs=1e-12)
    twice = {k: np.concatenate([v, v]) for k, v in columns.items()}
    twice["pid"] = np.tile(np.arange(500), 2).astype(str)
    curve = audited(CLUSTERED, twice).curves.calibration[0]
    assert curve.method == "equal_mass_cluster_robust"
    for b in curve.bins:  # a patient counts once: as wide as for half the rows
        lower, upper = wilson(b.n * b.observed / 2, b.n / 2, 0.95)
        assert b.upper - b.lower == pytest.approx(float(upper - lower), rel=0.15)


def test_calibration_of_a_bin_without_events() -> None:
    p = np.concatenate([np.linspace(0.01, 0.1, 100), np.linspace(0.9, 0.99, 100)])
    columns = {"y": (p > 0.5).astype(int), "p": p, "pid": np.repeat(np.arange(100), 2).astype(str)}
    text = "columns: {label: y, score: p, patient: pid}\nresamples: 100\n"
    bins = audited(text, columns).curves.calibration[0].bins
    assert bins[0].observed == 0
    assert bins[-1].observed == 1
    for b in bins:
        assert b.upper - b.lower > 0.1
        assert b.lower <= b.observed <= b.upper


def test_too_few_for_a_calibration_curve() -> None:
    columns = random_columns(76, 24)
    curves = audited("columns: {label: y, score: p}\nresamples: 100\n", columns).curves
    assert curves.calibration == ()
    assert len(curves.decision) == len(curves.risk) == 1


def test_risk_histogram() -> None:
    columns = random_columns(77, 700)
    columns["p"][:6] = [0.0, 1.0, 0.05, 0.95, 1.0, 0.0]
    result = audited(PLAN, columns)
    found: dict[str, RiskDistribution] = {c.stratum: c for c in result.curves.risk}
    for stratum, mask in masks(columns).items():
        y, p = columns["y"][mask], columns["p"][mask]
        risk = found[stratum]
        np.testing.assert_allclose(risk.edges, np.arange(21) / 20, atol=1e-15)
        assert sum(risk.positives) == (y == 1).sum()
        assert sum(risk.negatives) == (y == 0).sum()
        for k, (low, high) in enumerate(zip(risk.edges[:-1], risk.edges[1:], strict=True)):
            inside = (p >= low) & ((p < high) | (k == 19))
            assert risk.positives[k] == (inside & (y == 1)).sum()
            assert risk.negatives[k] == (inside & (y == 0)).sum()


def test_curves_are_of_single_attributes_only() -> None:
    result = audited(PLAN.replace("resamples", "depth: 2\nresamples"), random_columns(78, 400))
    assert any(" & " in e.stratum for e in result.estimates)
    for group in (result.curves.decision, result.curves.risk, result.curves.calibration):
        assert all(" & " not in c.stratum for c in group)
