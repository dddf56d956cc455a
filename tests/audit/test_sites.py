"""Differences between sites: pooled by hand, gaps inside sites, and what is left out."""

from collections.abc import Callable

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.special import expit, logit

from audit.measures import MEASURES
from audit.result import AuditResult, Heterogeneity
from audit.stats.auc import auc_variance, placements
from audit.stats.meta import RandomEffects, random_effects
from audit.stats.proportions import wilson
from tests.audit.builders import Columns, audited, counted, estimate, joined, random_columns

Floats = NDArray[np.float64]
TEXT = """
columns: {label: y, score: p, site: site}
threshold: {value: 0.4}
resamples: 200
attributes: {sex: {reference: M}}
requirements:
  - {id: gap, measure: sensitivity, contrast: gap, attribute: sex, margin: 0.1}
  - {id: auc, measure: auroc, contrast: difference, attribute: sex, margin: 0.1}
"""


def heterogeneity(result: AuditResult, measure: str, stratum: str | None = None) -> Heterogeneity:
    assert result.sites is not None
    found = [h for h in result.sites.heterogeneity if h.measure == measure and h.stratum == stratum]
    assert len(found) == 1
    return found[0]


def six_sites(seed: int, patients: int | None = None) -> Columns:
    columns = random_columns(seed, 1500, patients=patients)
    rng = np.random.default_rng(seed)
    columns["site"] = rng.choice([f"s{i}" for i in range(6)], 1500)
    shift = {f"s{i}": d for i, d in enumerate(rng.normal(0, 0.5, 6))}
    moved = logit(columns["p"]) + [shift[s] for s in columns["site"]]
    columns["p"] = np.round(expit(moved), 3)
    return columns


def agrees(found: Heterogeneity, fit: RandomEffects, back: Callable[[float], float]) -> None:
    assert found.k == fit.k
    assert found.tau2 == pytest.approx(fit.tau2, abs=1e-8)
    assert found.i2 == pytest.approx(fit.i2, abs=1e-5)
    assert found.q == pytest.approx(fit.q)
    assert found.q_p == pytest.approx(fit.q_p)
    assert found.pooled is not None
    assert found.prediction is not None
    assert found.pooled.value == pytest.approx(back(fit.estimate))
    assert found.pooled.lower == pytest.approx(back(fit.lower))
    assert found.pooled.upper == pytest.approx(back(fit.upper))
    assert found.prediction.lower == pytest.approx(back(fit.prediction_lower), abs=1e-7)
    assert found.prediction.upper == pytest.approx(back(fit.prediction_upper), abs=1e-7)
    for one, other in zip(found.leave_one_out, fit.leave_one_out, strict=True):
        assert one.value == pytest.approx(back(other.estimate))
        assert one.upper == pytest.approx(back(other.upper))


def by_patient(values: Floats, unit: NDArray[np.int64]) -> float:
    """Sum of squares of sums by unit, with the small-sample factor."""
    sums = np.array([values[unit == u].sum() for u in np.unique(unit)])
    return float(sums.size / (sums.size - 1) * (sums**2).sum())


@pytest.mark.parametrize("patients", [None, 500])
def test_pooled_by_hand(patients: int | None) -> None:
    columns = six_sites(61, patients)
    text = TEXT if patients is None else TEXT.replace("site: site", "site: site, patient: pid")
    result = audited(text, columns)
    y, p = columns["y"].astype(float), columns["p"]
    unit = np.arange(y.size)
    if patients is not None:
        unit = np.unique(columns["pid"], return_inverse=True)[1]
    effects: dict[str, list[tuple[float, float]]] = {}
    for s in range(6):
        m = columns["site"] == f"s{s}"
        zeros = np.zeros(int(m.sum()), dtype=np.int64)
        place = placements(p[m], y[m], zeros, 1)
        area, var, _, _ = auc_variance(place, y[m], zeros, unit[m], 1)
        a = float(area[0])
        effects.setdefault("auroc", []).append(
            (float(logit(a)), float(var[0]) / (a * (1 - a)) ** 2)
        )
        oe = y[m].sum() / p[m].sum()
        influence = (y[m] - oe * p[m]) / p[m].sum()
        effects.setdefault("oe_ratio", []).append(
            (np.log(oe), by_patient(influence, unit[m]) / oe**2)
        )
        sick = m & (y == 1)
        rate = float((p[sick] >= 0.4).mean())
        influence = ((p[sick] >= 0.4) - rate) / sick.sum()
        variance = by_patient(influence, unit[sick]) / (rate * (1 - rate)) ** 2
        effects.setdefault("sensitivity", []).append((float(logit(rate)), variance))
        benefit = (p[m] >= 0.4) * (y[m] - (1 - y[m]) * 0.4 / 0.6)
        influence = (benefit - benefit.mean()) / m.sum()
        effects.setdefault("net_benefit", []).append(
            (float(benefit.mean()), by_patient(influence, unit[m]))
        )
    back = {"auroc": expit, "oe_ratio": np.exp, "sensitivity": expit, "net_benefit": float}
    for measure, pairs in effects.items():
        found = heterogeneity(result, measure)
        assert found.sites == tuple(f"site=s{i}" for i in range(6))
        assert (found.excluded, found.status, found.reason) == ((), "ok", None)
        fit = random_effects([e for e, _ in pairs], [v for _, v in pairs])
        agrees(found, fit, back[measure])


def test_gap_inside_sites_by_hand() -> None:
    columns = six_sites(62)
    result = audited(TEXT, columns)
    y, p, sex = columns["y"], columns["p"], columns["sex"]
    effects, variances = [], []
    for s in range(6):
        rates, spread = {}, 0.0
        for level in "FM":
            m = (columns["site"] == f"s{s}") & (sex == level) & (y == 1)
            rates[level] = (p[m] >= 0.4).mean()
            spread += rates[level] * (1 - rates[level]) / (m.sum() - 1)
        effects.append(rates["F"] - rates["M"])
        variances.append(spread)
    found = heterogeneity(result, "sensitivity", "sex=F")
    assert (found.contrast, found.attribute, found.reference) == ("difference", "sex", "sex=M")
    agrees(found, random_effects(np.array(effects), np.array(variances)), float)
    assert heterogeneity(result, "auroc", "sex=F").k == 6


def at(site: str, **cells: tuple[int, int, int, int]) -> Columns:
    columns = counted(**cells)
    return columns | {"site": np.array([site] * len(columns["y"]))}


def test_sites_left_out_are_named() -> None:
    columns = joined(
        at("a", F=(20, 20, 20, 60), M=(30, 20, 20, 60)),
        at("b", F=(25, 20, 20, 60), M=(30, 25, 20, 60)),
        at("c", F=(4, 3, 20, 60), M=(30, 20, 20, 60)),
        at("d", F=(25, 20, 20, 60)),
        at("e", F=(1, 1, 2, 2), M=(1, 2, 3, 1)),
    )
    result = audited(TEXT, columns)
    whole = heterogeneity(result, "sensitivity")
    assert (whole.k, whole.excluded) == (4, ("site=e",))
    assert whole.reason == "only 4 sites: tau2 and the prediction interval are unsure"
    gap = heterogeneity(result, "sensitivity", "sex=F")
    assert gap.sites == ("site=a", "site=b")
    assert gap.excluded == ("site=c", "site=d", "site=e")
    assert gap.k == 2
    assert len(gap.leave_one_out) == 0
    assert gap.pooled is not None


def test_fewer_than_two_sites() -> None:
    columns = joined(
        at("a", F=(20, 20, 20, 60), M=(30, 20, 20, 60)), at("b", F=(1, 1, 1, 1), M=(1, 1, 1, 1))
    )
    found = heterogeneity(audited(TEXT, columns), "sensitivity")
    assert (found.status, found.k, found.pooled, found.tau2) == ("insufficient", 1, None, None)
    assert found.reason == "fewer than two sites have enough data"
    assert found.excluded == ("site=b",)
    assert audited(TEXT.replace(", site: site", ""), columns).sites is None


def test_sites_where_everyone_was_found_count() -> None:
    """A site with sensitivity 1 gets half a unit in both cells, and so does one with 0."""
    cells = {"a": (40, 10), "b": (30, 20), "c": (20, 0), "d": (0, 15), "e": (25, 20)}
    parts = [at(s, M=(*c, 20, 60)) for s, c in cells.items()]
    found = heterogeneity(audited(TEXT.split("requirements")[0],
                                  joined(*parts)), "sensitivity")  # fmt: skip
    assert found.excluded == ()
    effects, variances = [], []
    for yes, no in cells.values():
        n, rate = yes + no, yes / (yes + no)
        if rate in (0, 1):
            effects.append(np.log((yes + 0.5) / (no + 0.5)))
            variances.append(1 / (yes + 0.5) + 1 / (no + 0.5))
        else:
            effects.append(float(logit(rate)))
            variances.append(1 / ((n - 1) * rate * (1 - rate)))
    agrees(found, random_effects(np.array(effects), np.array(variances)), expit)


def test_a_site_whose_resamples_do_not_vary_is_left_out() -> None:
    """Everyone missed at a site: its partial AUROC is the same in all resamples, up to rounding."""
    cells = {"a": (40, 10), "b": (30, 20), "d": (0, 15), "e": (25, 20)}
    parts = [at(s, M=(*c, 20, 60)) for s, c in cells.items()]
    result = audited(TEXT.split("requirements")[0], joined(*parts))
    found = heterogeneity(result, "partial_auroc")
    assert (found.excluded, found.k) == (("site=d",), 3)
    one = estimate(result, "partial_auroc", "site=d")
    assert one.method == "wilson_positives"
    assert one.lower is not None
    assert one.upper is not None
    assert one.upper - one.lower > 0.1


def test_gap_with_a_degenerate_group_is_not_overweighted() -> None:
    """Where 12 of 12 women were found, the site must not weigh as if that were known exactly."""
    cells = {"a": ((12, 0), (900, 100)), "b": ((50, 50), (75, 25)), "c": ((45, 55), (70, 30))}
    cells |= {"d": ((55, 45), (76, 24)), "e": ((52, 48), (72, 28))}
    parts = [at(s, F=(*f, 50, 50), M=(*m, 50, 50)) for s, (f, m) in cells.items()]
    result = audited(TEXT, joined(*parts))
    found = heterogeneity(result, "sensitivity", "sex=F")
    assert found.k == 5
    # The error of 12/12: Wilson's lower bound is 0.757, a standard error of 0.124 at least half
    # of which must count; with it, the odd site moves the pool by little.
    lower = float(wilson(12, 12)[0])
    least = (1 - lower) / 1.96 / 2
    effects, variances = [], []
    for (f, missed), (m, lost) in cells.values():
        a, b = f / (f + missed), m / (m + lost)
        spread = b * (1 - b) / (m + lost - 1)
        spread += a * (1 - a) / (f + missed - 1) if missed else least**2
        effects.append(a - b)
        variances.append(spread)
    fit = random_effects(np.array(effects), np.array(variances))
    assert found.q is not None
    assert found.q <= fit.q * 1.001


def test_gap_where_both_groups_are_degenerate_is_kept() -> None:
    """Everyone found in both groups of a site: no difference there, which is evidence too."""
    cells = {"a": ((30, 0), (40, 0)), "b": ((50, 50), (75, 25)), "c": ((45, 55), (70, 30))}
    parts = [at(s, F=(*f, 50, 50), M=(*m, 50, 50)) for s, (f, m) in cells.items()]
    found = heterogeneity(audited(TEXT, joined(*parts)), "sensitivity", "sex=F")
    assert found.excluded == ()
    assert found.k == 3


def test_unknown_site_is_not_a_site() -> None:
    """Rows without a site are shown, but are no hospital to generalise from."""
    columns = six_sites(63)
    columns["site"] = np.array([None if s == "s5" else s for s in columns["site"]], dtype=object)
    result = audited(TEXT, columns)
    assert estimate(result, "auroc", "site=(missing)").status == "ok"
    for found in (heterogeneity(result, "auroc"), heterogeneity(result, "auroc", "sex=F")):
        assert found.k == 5
        assert "site=(missing)" not in found.sites


def test_prevalence_warning() -> None:
    far = joined(
        at("a", F=(20, 20, 50, 150), M=(20, 20, 20, 60)),
        at("b", F=(50, 60, 20, 60), M=(30, 25, 10, 30)),
    )
    warnings = {w.code: w for w in audited(TEXT, far).warnings}
    found = warnings["prevalence_differs_by_site"]
    assert "0.222 at site=a" in found.message  # 80 of 360
    assert "0.579 at site=b" in found.message  # 165 of 285
    assert warnings["few_sites"].message.startswith("There are 2 sites")
    near = joined(at("a", M=(20, 20, 20, 60)), at("b", M=(20, 20, 20, 60)))
    codes = {w.code for w in audited(TEXT, near).warnings}
    assert "prevalence_differs_by_site" not in codes
    assert "few_sites" in codes


def test_site_is_a_stratum_of_its_own() -> None:
    result = audited(TEXT, six_sites(64))
    assert result.sites is not None
    assert result.sites.attribute == "site"
    assert result.sites.strata == tuple(f"site=s{i}" for i in range(6))
    roles = {a.name: a.role for a in result.cohort.attributes}
    assert roles == {"sex": "attribute", "site": "site"}
    assert estimate(result, "auroc", "site=s3").status == "ok"
    assert not [e for e in result.estimates if " & " in e.stratum]  # depth 1


def test_what_is_expected_at_a_new_site_is_possible() -> None:
    result = audited(TEXT, six_sites(11))
    assert result.sites is not None
    for found in result.sites.heterogeneity:
        low, high = MEASURES[found.measure].bounds
        if found.contrast is not None or found.prediction is None:
            continue
        assert found.pooled is not None
        assert found.pooled.lower is not None
        assert found.pooled.upper is not None
        inside = [found.prediction.lower, found.pooled.lower, found.pooled.value]
        inside += [found.pooled.upper, found.prediction.upper]
        assert inside == sorted(inside), found.measure
        assert low <= inside[0] < inside[-1] <= high, found.measure
        if found.scale != "identity":  # there the ends themselves are out of reach
            assert low < inside[0], found.measure
            assert inside[-1] < high, found.measure
        if MEASURES[found.measure].inference in ("proportion", "auc"):
            assert found.scale == "logit", found.measure
