"""The regression audit by the public path."""

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from audit.problems import InputError
from tests.audit.builders import take
from tests.audit.tasks import reference
from tests.audit.tasks.builders import REGRESSION, task_audit, value_columns, value_of

# Bland & Altman 1986, Lancet 327:307, table 1: peak expiratory flow rate (l/min) of 17 subjects,
# first reading by the Wright meter and by the mini Wright meter.
WRIGHT = [494, 395, 516, 434, 476, 557, 413, 442, 650, 433, 417, 656, 267, 478, 178, 423, 427]
MINI = [512, 430, 520, 428, 500, 600, 364, 380, 658, 445, 432, 626, 260, 477, 259, 350, 451]
PLAIN = "task: regression\ncolumns: {label: y, score: p}\nresamples: 100\n"


def test_limits_of_agreement_of_bland_and_altman() -> None:
    """The paper: mean difference (mini - large) 2.1 l/min with SD 38.8 l/min.

    Its limits are -75.5 and 79.7, of 2 SD; with 1.96 SD they are -73.9 and 78.1.
    """
    result = task_audit(PLAIN, {"y": np.array(WRIGHT, float), "p": np.array(MINI, float)})
    assert value_of(result, "bias") == pytest.approx(2.1, abs=0.05)
    lower, upper = value_of(result, "loa_lower"), value_of(result, "loa_upper")
    assert (upper - lower) / (2 * 1.96) == pytest.approx(38.8, abs=0.05)
    assert lower == pytest.approx(-73.9, abs=0.1)
    assert upper == pytest.approx(78.1, abs=0.1)


def test_values_agree_by_stratum() -> None:
    columns = value_columns(61)
    result = task_audit(REGRESSION, columns)
    for sex in ("F", "M"):
        expected = reference.regression(take(columns, columns["sex"] == sex))
        for measure, value in expected.items():
            assert value_of(result, measure, f"sex={sex}") == pytest.approx(value, rel=1e-9)


def test_bias_interval_of_independent_units_is_students() -> None:
    columns = value_columns(62)
    text = REGRESSION.replace(", patient: pid", "")
    (found,) = [e for e in task_audit(text, columns).estimates if e.id == "bias/overall"]
    error = columns["p"] - columns["y"]
    half = 1.9647293 * error.std(ddof=1) / math.sqrt(500)  # Student t with 499 degrees of freedom
    assert found.lower == pytest.approx(error.mean() - half, abs=1e-6)
    assert found.upper == pytest.approx(error.mean() + half, abs=1e-6)
    assert found.method == "linearised_identity"


def test_ratios_only_where_zero_is_the_lowest_value() -> None:
    result = task_audit(REGRESSION, value_columns(63))
    kinds: dict[str, set[str]] = {}
    for d in result.disparities:
        kinds.setdefault(d.measure, set()).add(d.contrast)
    with_ratio = {m for m, found in kinds.items() if "ratio" in found}
    assert with_ratio == {"mae", "rmse"}
    assert all({"difference", "gap"} <= found for found in kinds.values())
    one = next(d for d in result.disparities if d.id == "mae/ratio/sex=F:sex=M")
    expected = value_of(result, "mae", "sex=F") / value_of(result, "mae", "sex=M")
    assert one.value == pytest.approx(expected)
    assert one.lower is not None
    assert one.upper is not None
    assert one.lower < expected < one.upper


def test_complement_of_each_of_three_groups() -> None:
    columns = value_columns(64)
    result = task_audit(REGRESSION.replace("{sex: }", "{site: }"), columns)
    found = next(d for d in result.disparities if d.id == "mae/difference/site=n1:not site=n1")
    error, here = np.abs(columns["p"] - columns["y"]), columns["site"] == "n1"
    assert found.value == pytest.approx(error[here].mean() - error[~here].mean())


def test_gap_has_its_permutation_null() -> None:
    columns = value_columns(65)
    moved = columns | {"p": columns["p"] + np.where(columns["sex"] == "F", 12.0, 0.0)}
    for data, small in ((columns, False), (moved, True)):
        result = task_audit(REGRESSION, data)
        gap = next(d for d in result.disparities if d.id == "bias/gap/sex")
        assert gap.null is not None
        assert gap.value is not None
        assert gap.null.excess == pytest.approx(gap.value - gap.null.mean, abs=1e-9)
        assert (gap.null.p < 0.01) is small
        assert (gap.null.q95 < gap.value) is small


def test_what_is_undefined_says_so() -> None:
    columns = {"y": np.full(60, 5.0), "p": np.linspace(4, 6, 60), "g": np.array(["a", "b"] * 30)}
    result = task_audit(PLAIN + "attributes: {g: }\n", columns)
    by_id = {e.id: e for e in result.estimates}
    assert by_id["r2/overall"].reason == "the outcome does not vary"
    assert by_id["line_slope/overall"].value == pytest.approx(0.0, abs=1e-12)
    assert by_id["mae/g=a"].status == "ok"
    assert "outcome_constant" in [w.code for w in result.warnings]
    flat = {"y": np.linspace(4, 6, 60), "p": np.full(60, 5.0)}
    by_id = {e.id: e for e in task_audit(PLAIN, flat).estimates}
    assert by_id["line_slope/overall"].reason == "the prediction does not vary"
    assert by_id["line_intercept/overall"].status == "undefined"
    assert by_id["r2/overall"].value == pytest.approx(0.0, abs=1e-12)


def test_one_row_and_perfect_predictions() -> None:
    one = task_audit(PLAIN, {"y": np.array([3.0]), "p": np.array([4.0])})
    by_id = {e.id: e for e in one.estimates}
    assert by_id["mae/overall"].value == 1.0
    assert by_id["mae/overall"].status == "insufficient"
    assert by_id["loa_lower/overall"].reason == "there are fewer than two units"
    assert by_id["r2/overall"].status == "undefined"
    y = np.linspace(0, 9, 40)
    perfect = {e.id: e for e in task_audit(PLAIN, {"y": y, "p": y}).estimates}
    assert perfect["mae/overall"].value == 0.0
    assert perfect["mae/overall"].reason == "no interval can be formed from these data"
    assert perfect["r2/overall"].value == 1.0
    assert perfect["loa_upper/overall"].value == 0.0


def test_missing_infinite_and_huge_values() -> None:
    columns = value_columns(66, 60, 60)
    y = columns["y"].astype(object)
    y[3], y[4] = float("nan"), None
    result = task_audit(REGRESSION, columns | {"y": [v if v is None else float(v) for v in y]})
    assert (result.cohort.missing_label, result.cohort.analysed) == (2, 58)
    assert "2 of 60 rows" in next(w.message for w in result.warnings if w.code == "missing_label")
    bad: list[tuple[dict[str, Any], str]] = [
        ({"y": np.where(np.arange(60) == 7, np.inf, columns["y"])}, "outcome_not_finite"),
        ({"p": np.where(np.arange(60) == 7, -np.inf, columns["p"])}, "score_not_finite"),
        ({"p": np.where(np.arange(60) == 7, 1e31, columns["p"])}, "value_too_large"),
        ({"y": ["tall"] + ["1"] * 59}, "outcome_not_number"),
    ]
    for change, code in bad:
        with pytest.raises(InputError) as raised:
            task_audit(REGRESSION, columns | change)
        assert [p.code for p in raised.value.problems] == [code]
    with pytest.raises(InputError) as raised:
        task_audit(REGRESSION + "threshold: {value: 1}\n", columns)
    assert [p.code for p in raised.value.problems] == ["no_threshold"]


def test_extreme_values_stay_finite() -> None:
    columns = value_columns(67, 80, 80)
    huge = columns | {"p": np.where(np.arange(80) == 5, 1e30, columns["p"])}
    result = task_audit(REGRESSION, huge)
    assert value_of(result, "mae") == pytest.approx(1e30 / 80, rel=1e-9)
    assert value_of(result, "rmse") == pytest.approx(1e30 / math.sqrt(80), rel=1e-9)
    assert value_of(result, "r2") is None  # the outcome is nothing beside such an error


@pytest.mark.parametrize("ids", [", patient: pid", ", unit: uid", ""])
def test_order_of_rows_and_columns(ids: str) -> None:
    columns = value_columns(68, 230, 120)
    columns["p"] = np.round(columns["p"], 0)
    columns["uid"] = np.array([f"u{i}" for i in range(230)])
    text = REGRESSION.replace(", patient: pid", ids)
    whole = task_audit(text, columns)
    order = np.random.default_rng(3).permutation(230)
    again = task_audit(text, dict(reversed(take(columns, order).items())))
    assert again.model_dump(exclude={"provenance"}) == whole.model_dump(exclude={"provenance"})


@settings(max_examples=15, deadline=None)
@given(
    scale=st.sampled_from([0.25, 2.0, 1024.0]),
    shift=st.integers(-1000, 1000),
    seed=st.integers(0, 5),
)
def test_laws_of_scale_and_shift(scale: float, shift: int, seed: int) -> None:
    """Errors scale with the unit of the outcome and ignore its origin; r2 and slope do neither."""
    columns = value_columns(seed, 60, 60)
    moved = columns | {c: columns[c] * scale + shift for c in "yp"}
    one, two = task_audit(REGRESSION, columns), task_audit(REGRESSION, moved)
    after = {e.id: e for e in two.estimates}
    for e in one.estimates:
        if e.measure == "line_intercept" or e.lower is None or e.value is None:
            continue
        factor = 1.0 if e.measure in ("r2", "line_slope") else scale
        got = after[e.id]
        assert got.value == pytest.approx(e.value * factor, rel=1e-7, abs=1e-7), e.id
        assert got.lower == pytest.approx(e.lower * factor, rel=1e-6, abs=1e-6), e.id


def test_sites_and_nested_attributes() -> None:
    columns = value_columns(69, 900, 900)
    text = REGRESSION.replace("patient: pid", "patient: pid, site: site")
    result = task_audit(text, columns)
    assert result.sites is not None
    found = {(h.measure, h.contrast) for h in result.sites.heterogeneity}
    assert {("mae", None), ("bias", None), ("mae", "difference")} <= found
    pooled = next(h for h in result.sites.heterogeneity if (h.measure, h.contrast) == ("mae", None))
    assert pooled.scale == "log"
    assert pooled.pooled is not None
    assert pooled.pooled.value == pytest.approx(value_of(result, "mae"), rel=0.02)
    assert result.cohort.score_kind == "value"
    assert (result.cohort.task, result.cohort.outputs) == ("regression", ())
