"""Sample-size adequacy: Riley's formulas by hand, and the promise kept by a cohort of that size."""

from typing import Any

import numpy as np
import pytest
from scipy.special import expit, logit

from audit.result import AuditResult
from audit.sections import Adequacy
from tests.audit.builders import Columns, audited, counted, estimate, random_columns, take

TEXT = """
columns: {label: y, score: p}
threshold: {value: 0.4}
resamples: 100
permutations: 0
attributes: {sex: }
"""
CLUSTERED = TEXT.replace("score: p", "score: p, patient: pid")
MEASURES = ("oe_ratio", "calibration_slope", "auroc", "standardised_net_benefit")
Z = 1.959963984540054


def adequacy(result: AuditResult, measure: str, stratum: str = "overall") -> Adequacy:
    (found,) = [a for a in result.sample_size if (a.measure, a.stratum) == (measure, stratum)]
    return found


def by_hand(columns: Columns, rows: Any, width: float) -> dict[str, float]:
    """Riley et al. 2021, eqs for O:E, slope, C and standardised net benefit, at what was found."""
    y, p = columns["y"][rows].astype(float), columns["p"][rows]
    n, phi, lp = y.size, y.mean(), logit(p)
    oe = y.sum() / p.sum()
    error = np.arcsinh(width / (2 * oe)) / Z
    found = {"oe_ratio": (1 - phi) / (phi * error**2)}
    # slope: information of the fit itself, by Newton
    beta = np.zeros(2)
    x = np.stack([np.ones(n), lp], axis=1)
    for _ in range(50):
        q = expit(x @ beta)
        info = (x * (q * (1 - q))[:, None]).T @ x
        beta = beta + np.linalg.solve(info, x.T @ (y - q))
    unit = info / n
    error = width / (2 * Z)
    found["calibration_slope"] = unit[0, 0] / (error**2 * np.linalg.det(unit))
    # C: smallest n whose Newcombe standard error reaches it, by search
    s = (p[y == 1][:, None] > p[y == 0]) + 0.5 * (p[y == 1][:, None] == p[y == 0])
    c = s.mean()
    sizes = np.arange(2.0, 200_000)
    top = c * (1 - c) * (1 + (sizes / 2 - 1) * (1 - c) / (2 - c) + (sizes / 2 - 1) * c / (1 + c))
    found["auroc"] = sizes[np.argmax(top / (sizes**2 * phi * (1 - phi)) <= error**2)]
    se, sp = (p[y == 1] >= 0.4).mean(), (p[y == 0] < 0.4).mean()
    w = 0.4 / 0.6 * (1 - phi) / phi
    spread = se * (1 - se) / phi + w**2 * sp * (1 - sp) / (1 - phi)
    spread += w**2 * (1 - sp) ** 2 / (phi * (1 - phi))
    found["standardised_net_benefit"] = spread / error**2
    return found


@pytest.mark.parametrize("width", [0.1, 0.4])
def test_by_hand(width: float) -> None:
    columns = random_columns(71, 800)
    wanted = "{" + ", ".join(f"{m}: {width}" for m in MEASURES) + "}"
    result = audited(TEXT + f"precision: {wanted}\n", columns)
    for stratum in ("overall", "sex=F", "sex=M"):
        rows = slice(None) if stratum == "overall" else columns["sex"] == stratum[-1]
        needed = by_hand(columns, rows, width)
        for measure in MEASURES:
            found = adequacy(result, measure, stratum)
            own = estimate(result, measure, stratum)
            assert own.upper is not None
            assert own.lower is not None
            assert found.id == f"{measure}/{stratum}"
            assert (found.n, found.events) == (own.n, own.n_positive)
            assert found.target_width == width
            assert found.achieved_width == own.upper - own.lower
            assert found.adequate == (own.upper - own.lower <= width)
            assert found.n_needed == pytest.approx(np.ceil(needed[measure]), abs=1.01)
            assert (found.status, found.reason) == ("ok", None)


def test_every_width_has_its_own_default() -> None:
    result = audited(TEXT, random_columns(72, 500))
    widths = dict(zip(MEASURES, (0.2, 0.4, 0.1, 0.2), strict=True))
    assert {a.measure for a in result.sample_size} == set(MEASURES)
    assert all(a.target_width == widths[a.measure] for a in result.sample_size)
    assert len(result.sample_size) == len(MEASURES) * (1 + len(result.cohort.attributes[0].levels))


@pytest.mark.parametrize("measure", MEASURES)
def test_a_cohort_of_the_size_needed_is_adequate(measure: str) -> None:
    """Repeat the rows up to n_needed: the width is then the wanted one.

    Riley's formula for O:E takes the expected events as fixed. They rise and fall with the observed
    ones, so the interval is narrower than wanted.
    """
    columns = random_columns(73, 400, decimals=None)
    first = adequacy(audited(TEXT, columns), measure)
    assert first.n_needed is not None
    rows = np.resize(np.arange(400), first.n_needed)
    found = adequacy(audited(TEXT, take(columns, rows)), measure)
    assert found.achieved_width is not None
    ratio = found.achieved_width / found.target_width
    assert (0.8 if measure == "oe_ratio" else 0.94) < ratio < 1.06
    assert found.n_needed == pytest.approx(first.n_needed, rel=0.06)


def test_clustering_inflates_what_is_needed() -> None:
    """Patients with three identical rows each: three times the rows are needed."""
    columns = random_columns(74, 400, decimals=None) | {"pid": np.arange(400)}
    apart = audited(CLUSTERED, columns)
    together = audited(CLUSTERED, take(columns, np.repeat(np.arange(400), 3)))
    for measure in MEASURES:
        one, three = adequacy(apart, measure), adequacy(together, measure)
        assert one.n_needed is not None
        assert three.n == 1200
        assert three.n_needed == pytest.approx(3 * one.n_needed, rel=0.02)
        assert three.achieved_width == pytest.approx(one.achieved_width, rel=0.02)


def test_negative_correlation_inside_patients_promises_nothing() -> None:
    """A patient's scores that cancel make the variance smaller; the need is not lowered for it."""
    columns = random_columns(75, 400, decimals=None)
    order = np.argsort(columns["y"], kind="stable")
    pid = np.empty(400, dtype=np.int64)
    pid[order[:200]] = np.arange(200)
    pid[order[200:]] = np.arange(200)
    paired = adequacy(audited(CLUSTERED, columns | {"pid": pid}), "oe_ratio")
    alone = adequacy(audited(CLUSTERED, columns | {"pid": np.arange(400)}), "oe_ratio")
    assert paired.n_needed == alone.n_needed
    assert paired.achieved_width is not None
    assert alone.achieved_width is not None
    assert paired.achieved_width < alone.achieved_width


def test_what_has_no_value_says_why() -> None:
    columns = counted(F=(30, 20, 20, 40), M=(50, 20, 30, 60), X=(0, 0, 9, 30), Y=(1, 1, 2, 2))
    result = audited(TEXT, columns)
    none = adequacy(result, "auroc", "sex=X")
    assert (none.status, none.adequate, none.achieved_width, none.n_needed) == (
        ("undefined", None, None, None)
    )
    assert none.reason == "there are no positives or no negatives"
    few = adequacy(result, "auroc", "sex=Y")
    assert (few.status, few.adequate, few.achieved_width) == ("insufficient", None, None)
    assert few.reason is not None
    assert "the plan asks for 5" in few.reason


def test_a_perfect_auroc_leaves_no_variance() -> None:
    y = np.repeat([0, 1], 30)
    found = adequacy(audited(TEXT, {"y": y, "p": np.linspace(0.1, 0.9, 60),
                                    "sex": np.array(["F"] * 60)}), "auroc")  # fmt: skip
    assert (found.status, found.n_needed) == ("ok", None)
    assert found.reason is not None
    assert "no variance" in found.reason
    assert found.adequate is not None


def measures_of(text: str) -> set[str]:
    return {a.measure for a in audited(text, random_columns(76, 300)).sample_size}


def test_net_benefit_only_where_the_threshold_is_a_probability() -> None:
    assert measures_of(TEXT) == set(MEASURES)
    assert measures_of(TEXT.replace("threshold: {value: 0.4}", "")) == set(MEASURES[:3])
    assert measures_of(TEXT + "score_kind: rank\n") == set(MEASURES[:3])
    assert measures_of(TEXT + "measures: [auroc, sensitivity]\n") == {"auroc"}


def test_a_rank_has_no_calibration_to_be_adequate_for() -> None:
    result = audited(TEXT + "score_kind: rank\n", random_columns(77, 300))
    found = adequacy(result, "oe_ratio")
    assert (found.status, found.reason) == ("undefined", "the score is not a probability")
    assert adequacy(result, "auroc").status == "ok"


def test_intersections_are_not_judged() -> None:
    text = TEXT.replace("{sex: }", "{sex: , race: }") + "depth: 2\n"
    result = audited(text, random_columns(78, 400))
    assert all(" & " not in a.stratum for a in result.sample_size)
    assert {a.stratum.partition("=")[0] for a in result.sample_size} == {"overall", "sex", "race"}
