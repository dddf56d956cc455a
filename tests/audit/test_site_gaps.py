"""Gaps inside sites and attributes nested in sites, against metafor, by hand and by property.

R 4.2.2, metafor 3.8-1, pROC 1.18.0 on the heart-disease patients of four hospitals, with the score
logistic(-4.01 + 0.06 age + 1.6 (cp is asymptomatic)), the threshold 0.5, and ages from 55 against
the younger; for every cell of hospital and age group
  sensitivity s with s (1 - s) / (n - 1), Brier score with var(e) / n, AUROC with var(roc(y, p)),
  O:E, glm(y ~ offset(lp), binomial) and glm(y ~ lp, binomial) with n / (n - 1) sum(u^2), u the
  influence of a patient, where the plan's minima are reached (10 of the denominator, 5 events);
then, with y the difference of the groups and v the sum of their variances,
  f <- rma(y, v, method = "REML", test = "knha"); p <- predict(f)
  c(f$tau2, f$I2, f$QE, f$QEp, f$b, f$ci.lb, f$ci.ub, p$pi.lb, p$pi.ub)
and, on the logit or log scale with three age bands inside each hospital,
  f <- rma.mv(y, v, random = ~ 1 | site/band, test = "t"); p <- predict(f)
  c(f$sigma2, f$QE, f$QEp, f$b, f$ci.lb, f$ci.ub, p$pi.lb, p$pi.ub).
"""

import csv
import gzip
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.special import expit
from scipy.stats import chi2

from audit.measures import MEASURES
from audit.problems import InputError
from audit.result import AuditResult, Heterogeneity
from audit.sections import NestedSites
from audit.stats.nested import nested_random_effects
from tests.audit.builders import Columns, audited, counted, estimate, joined, random_columns, take

HEART = Path(__file__).parents[2] / "commands" / "demo_data" / "heart.csv.gz"
PLAN = """
columns: {label: y, score: p, site: hospital, nested: band}
threshold: {value: 0.5}
resamples: 100
permutations: 0
attributes:
  old: {reference: "no"}
  band: {column: age, band: [50, 60]}
"""
ANALYTIC = ("proportion", "ratio", "auc", "fit")

# k; tau2, I2, Q, p, pooled, its interval, prediction interval
GAPS = {
    "sensitivity": (4, [0, 0, 1.72270853627, 0.631897025637, 0.118718027081, 0.00923909326488,
                        0.228196960897, 0.00923909326488, 0.228196960897]),
    "brier": (4, [0.00574328363705, 89.4232969531, 27.7631520267, 4.07245583069e-06,
                  -0.0169681101286, -0.144759952167, 0.110823731909, -0.289912294167,
                  0.25597607391]),
    "auroc": (3, [0, 0, 0.572464528751, 0.751088144667, -0.084499502754, -0.179493933951,
                  0.0104949284426, -0.179493933951, 0.0104949284426]),
    "oe_ratio": (3, [0.00345819425557, 16.8431791402, 2.1532832388, 0.340737933918,
                     0.013011385697, -0.314066404186, 0.34008917558, -0.400511056483,
                     0.426533827878]),
    "citl": (3, [0, 0, 1.28578065194, 0.525770577432, 0.0335518485223, -0.582714777531,
                 0.649818474576, -0.582714777531, 0.649818474576]),
    "calibration_slope": (3, [0, 0, 0.776893190044, 0.678109435332, -0.344027492356,
                              -0.947005073072, 0.25895008836, -0.947005073072, 0.25895008836]),
}  # fmt: skip

# hospitals, age bands in them; both variances, Q, p, pooled, its interval, prediction interval
NESTED = {
    "sensitivity": (4, 11, [0, 0.390083433577, 35.5440263289, 0.000100791586275, 0.975398487463,
                            0.481584840712, 1.46921213422, -0.501239995667, 2.45203697059]),
    "brier": (4, 12, [0, 0.0656637169002, 37.9177488752, 8.07766420276e-05, -1.50784711713,
                      -1.70032797074, -1.31536626353, -2.10378836046, -0.911905873808]),
    "auroc": (3, 9, [0.0893699959159, 0.0194474038075, 14.129968919, 0.0784400922659,
                     1.16276973319, 0.679910431108, 1.64562903526, 0.261766679296,
                     2.06377278708]),
    "oe_ratio": (3, 9, [0.0213597272325, 0, 24.4505220616, 0.00192509838349, -0.0114608812564,
                        -0.218703160559, 0.195781398046, -0.407103427705, 0.384181665193]),
    "citl": (3, 9, [0.212592467031, 0, 22.0240111475, 0.00487158033731, 0.0500127614095,
                    -0.593026480967, 0.693052003786, -1.1925623381, 1.29258786092]),
    "calibration_slope": (3, 9, [0.115158272996, 0, 12.8186017478, 0.118245235097,
                                 1.24385567965, 0.726197367898, 1.7615139914, 0.305590203153,
                                 2.18212115614]),
}  # fmt: skip


@cache
def heart() -> AuditResult:
    with gzip.open(HEART, "rt") as file:
        rows = list(csv.DictReader(file))
    age = np.array([int(r["age"]) for r in rows])
    chest = np.array([r["cp"] == "asymptomatic" for r in rows])
    columns = {
        "y": np.array([int(r["num"] != "0") for r in rows]),
        "p": expit(-4.01 + 0.06 * age + 1.6 * chest),
        "hospital": np.array([r["dataset"] for r in rows]),
        "age": age,
        "old": np.where(age >= 55, "yes", "no"),
    }
    return audited(PLAN, columns)


def gap(result: AuditResult, measure: str, stratum: str) -> Heterogeneity:
    assert result.sites is not None
    (found,) = [
        h for h in result.sites.heterogeneity if (h.measure, h.stratum) == (measure, stratum)
    ]
    return found


def nested(result: AuditResult, measure: str) -> NestedSites:
    assert result.sites is not None
    (found,) = [n for n in result.sites.nested if n.measure == measure]
    return found


@pytest.mark.parametrize("measure", GAPS)
def test_gap_over_sites_agrees_with_metafor(measure: str) -> None:
    found = gap(heart(), measure, "old=yes")
    k, figures = GAPS[measure]
    assert (found.k, found.contrast, found.reference) == (k, "difference", "old=no")
    assert found.pooled is not None
    assert found.prediction is not None
    pooled, prediction = found.pooled, found.prediction
    got = [found.tau2, found.i2, found.q, found.q_p, pooled.value, pooled.lower, pooled.upper]
    got += [prediction.lower, prediction.upper]
    np.testing.assert_allclose(np.array(got, dtype=float), figures, rtol=2e-6, atol=1e-8)
    assert len(found.excluded) == 4 - k


@pytest.mark.parametrize("measure", NESTED)
def test_nested_attribute_agrees_with_metafor(measure: str) -> None:
    found = nested(heart(), measure)
    outer, inner, figures = NESTED[measure]
    assert (found.k_outer, found.k_inner, found.status) == (outer, inner, "ok")
    assert (found.outer, found.inner) == ("hospital", "band")
    back = {"logit": expit, "log": np.exp, "identity": float}[MEASURES[measure].scale]
    assert found.pooled is not None
    assert found.prediction is not None
    got = [found.tau2_outer, found.tau2_inner, found.q, found.q_p, found.pooled.value]
    got += [found.pooled.lower, found.pooled.upper]
    got += [found.prediction.lower, found.prediction.upper]
    wanted = [*figures[:4], *(back(x) for x in figures[4:])]
    np.testing.assert_allclose(np.array(got, dtype=float), wanted, rtol=5e-5, atol=5e-8)
    left_out = f"{12 - inner} of 12 left out for want of data"
    assert found.reason == (left_out if inner < 12 else None)


def test_bands_at_several_hospitals_are_told_of() -> None:
    (warning,) = [w for w in heart().warnings if w.code == "not_nested"]
    assert "'(-inf,50)', '[50,60)', '[60,inf)'" in warning.message
    assert warning.column == "age"


def test_every_measure_with_an_analytic_variance_has_its_gap() -> None:
    result = heart()
    assert result.sites is not None
    reported = {e.measure for e in result.estimates}
    analytic = {m for m in reported if MEASURES[m].inference in ANALYTIC}
    of = [(h.attribute, h.measure, h.stratum) for h in result.sites.heterogeneity if h.contrast]
    assert len(of) == len(set(of))
    # Every attribute against its reference, required or not, in one order.
    order = [(a, m.id, f"{a}={level}")
             for a, levels in (("band", ("(-inf,50)", "[60,inf)")), ("old", ("yes",)))
             for m in MEASURES.values() if m.id in analytic for level in levels]  # fmt: skip
    assert of == order
    assert {n.measure for n in result.sites.nested} == analytic


def test_the_interaction_test_is_named() -> None:
    for found in heart().sites.heterogeneity:  # type: ignore[union-attr]
        named = "site-by-group interaction" in (found.reason or "")
        assert named == (found.contrast is not None and found.status == "ok")
    assert "only 4 sites" in (gap(heart(), "brier", "old=yes").reason or "")


def test_q_is_the_interaction_of_site_and_group() -> None:
    """Twin: the weighted least-squares model with site and group, against the saturated one."""
    rng = np.random.default_rng(5)
    cells, effects, variances = {}, [], []
    for s in "abcd":
        f, m = (int(rng.integers(30, 80)) for _ in "fm")
        a, b = int(rng.binomial(f, 0.7)), int(rng.binomial(m, 0.6))
        cells[s] = counted(F=(a, f - a, 20, 60), M=(b, m - b, 20, 60))
        effects += [a / f, b / m]
        variances += [a / f * (1 - a / f) / (f - 1), b / m * (1 - b / m) / (m - 1)]
    parts = [columns | {"site": np.array([s] * columns["y"].size)} for s, columns in cells.items()]
    text = """
    columns: {label: y, score: p, site: site}
    threshold: {value: 0.4}
    resamples: 100
    attributes: {sex: {reference: M}}
    """
    found = gap(audited(text, joined(*parts)), "sensitivity", "sex=F")
    design = np.array([[s == i // 2 for s in range(4)] + [i % 2 == 0] for i in range(8)], float)
    root = 1 / np.sqrt(variances)
    fit = np.linalg.lstsq(design * root[:, None], effects * root, rcond=None)
    assert found.q == pytest.approx(float(fit[1][0]))
    assert found.q_p == pytest.approx(chi2.sf(float(fit[1][0]), 3))


def plain(columns: Columns, depth: int = 1, extra: str = "") -> AuditResult:
    return audited(f"""
    columns: {{label: y, score: p, site: site, nested: race, patient: pid}}
    threshold: {{value: 0.4}}
    resamples: 100
    permutations: 0
    depth: {depth}
    attributes: {{sex: , race: }}
    {extra}
    """, columns)  # fmt: skip


def test_gaps_do_not_depend_on_the_depth_nor_on_chosen_intervals() -> None:
    columns = random_columns(81, 900, patients=500)
    one, two = plain(columns), plain(columns, 2)
    assert one.sites == two.sites
    assert plain(columns, 1, "intervals: {sensitivity: bca}").sites is not None
    chosen = plain(columns, 2, "intervals: {sensitivity: bca}").sites
    assert chosen is not None
    assert one.sites is not None
    gaps = [[h for h in s.heterogeneity if h.contrast] for s in (one.sites, chosen)]
    assert gaps[0] == gaps[1]
    assert gaps[0]


@cache
def in_order() -> AuditResult:
    return plain(random_columns(82, 600, patients=400))


@settings(max_examples=5, deadline=None)
@given(st.integers(0, 2**32 - 1))
def test_order_of_rows_does_not_matter(seed: int) -> None:
    columns = random_columns(82, 600, patients=400)
    shuffled = take(columns, np.random.default_rng(seed).permutation(600))
    assert in_order().sites == plain(shuffled).sites


def test_swapping_the_reference_mirrors_the_gap() -> None:
    columns = random_columns(83, 900, patients=500)
    of_f, of_m = (
        audited(
            "columns: {label: y, score: p, site: site}\nthreshold: {value: 0.4}\nresamples: 100\n"
            f"attributes: {{sex: {{reference: {r}}}}}",
            columns,
        )
        for r in "MF"
    )
    for measure in ("sensitivity", "auroc", "oe_ratio", "calibration_slope"):
        one, other = gap(of_f, measure, "sex=F"), gap(of_m, measure, "sex=M")
        assert one.pooled is not None
        assert other.pooled is not None
        assert one.pooled.value == pytest.approx(-other.pooled.value)
        assert (one.tau2, one.q) == pytest.approx((other.tau2, other.q))


def test_levels_inside_one_site_each_are_units_as_they_are() -> None:
    """Scanners in hospitals: by hand, from the estimates of the scanners themselves."""
    rng = np.random.default_rng(84)
    columns = random_columns(84, 2400)
    site = rng.choice(list("abc"), 2400)
    scanner = np.char.add(site, rng.choice(list("123"), 2400))
    scanner[scanner == "c3"] = "c2"
    columns |= {"site": site, "scanner": scanner}
    result = audited(
        "columns: {label: y, score: p, site: site, nested: scanner}\nthreshold: {value: 0.4}\n"
        "resamples: 100\nattributes: {scanner: }",
        columns,
    )
    assert not [w for w in result.warnings if w.code == "not_nested"]
    names = sorted(set(scanner))
    effects, variances = [], []
    for name in names:
        sick = (columns["scanner"] == name) & (columns["y"] == 1)
        p = float((columns["p"][sick] >= 0.4).mean())
        assert p == pytest.approx(estimate(result, "sensitivity", f"scanner={name}").value)
        effects.append(np.log(p / (1 - p)))
        variances.append(1 / (p * (1 - p) * (sick.sum() - 1)))
    fit = nested_random_effects(effects, variances, [ord(name[0]) for name in names])
    found = nested(result, "sensitivity")
    assert (found.k_outer, found.k_inner, found.reason) == (3, 8, None)
    assert found.pooled is not None
    assert found.pooled.value == pytest.approx(expit(fit.estimate))
    assert (found.tau2_outer, found.tau2_inner) == pytest.approx(
        (fit.sigma2_outer, fit.sigma2_inner), abs=1e-12
    )


def test_unknown_sites_and_levels_are_no_units() -> None:
    columns = random_columns(85, 1200, patients=900)
    columns["site"] = np.where(columns["site"] == "n3", None, columns["site"].astype(object))
    columns["race"] = np.where(columns["race"] == "B", None, columns["race"].astype(object))
    found = nested(plain(columns), "auroc")
    assert (found.k_outer, found.k_inner) == (2, 4)  # two known sites, races A and C


def test_nested_in_one_site_only_says_why() -> None:
    columns = random_columns(86, 900, patients=700)
    columns["site"] = np.array(["one"] * 900)
    found = nested(plain(columns), "sensitivity")
    assert (found.status, found.pooled, found.tau2_outer) == ("insufficient", None, None)
    assert found.reason is not None
    assert found.reason.startswith("needs two sites with enough data")


BAD: list[tuple[str, str, str]] = [
    ("site: site, nested: rase", "unknown_nested", "did you mean 'race'?"),
    ("site: site, nested: site", "nested_in_itself", "name an attribute"),
    ("nested: race", "nested_without_site", "declare columns.site"),
]


@pytest.mark.parametrize(("roles", "code", "remedy"), BAD)
def test_a_nested_attribute_that_cannot_be(roles: str, code: str, remedy: str) -> None:
    text = f"""
    columns: {{label: y, score: p, {roles}}}
    resamples: 100
    attributes: {{race: }}
    """
    with pytest.raises(InputError) as caught:
        audited(text, random_columns(87, 200))
    (problem,) = caught.value.problems
    assert problem.code == code
    assert remedy in problem.remedy
    assert problem.where == "plan: columns.nested"


def test_leave_one_out_of_a_gap_is_the_gap_without_the_site() -> None:
    columns = random_columns(88, 1500, patients=1200)
    alone = "measures: [specificity]"
    found = gap(plain(columns, 1, alone), "specificity", "sex=F")
    assert len(found.leave_one_out) == found.k == 3
    for left in found.leave_one_out:
        keep: Any = columns["site"] != left.site.removeprefix("site=")
        without = gap(plain(take(columns, keep), 1, alone), "specificity", "sex=F")
        assert without.pooled is not None
        assert left.value == pytest.approx(without.pooled.value, abs=1e-9)
        assert left.tau2 == pytest.approx(without.tau2, abs=1e-9)
