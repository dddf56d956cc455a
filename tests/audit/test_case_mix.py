"""Gaps with site or covariates held fixed, against sums over cells written out."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from audit.case_mix import case_mix_of, check_case_mix
from audit.measures import MEASURES
from audit.problems import InputError
from audit.rows import analysed_rows
from audit.sections import CaseMix, SiteSplit, StandardisedGap
from audit.strata import lattice
from tests.audit.builders import Columns, audited, cohort_of, plan_of, random_columns, take

TEXT = """
columns: {label: y, score: p, site: site}
threshold: {value: 0.4}
resamples: 100
attributes: {race: {reference: A}, sex: {reference: M}, age: {band: [40, 65]}}
standardise: [age]
"""
CLUSTERED = TEXT.replace("site: site", "site: site, patient: pid")
LINEAR: dict[str, Callable[[Any, Any], tuple[Any, Any]]] = {
    "sensitivity": lambda y, p: (y * (p >= 0.4), y),
    "ppv": lambda y, p: (y * (p >= 0.4), 1.0 * (p >= 0.4)),
    "brier": lambda y, p: ((p - y) ** 2, np.ones(y.size)),
    "oe_ratio": lambda y, p: (y, p),
    "net_benefit": lambda y, p: ((p >= 0.4) * (y - (1 - y) * 0.4 / 0.6), np.ones(y.size)),
}


def found(text: str, columns: Columns) -> CaseMix:
    plan = plan_of(text)
    cohort = cohort_of(plan, columns)
    sets = lattice(cohort.dimensions, plan.depth, cohort.rows)
    return case_mix_of(cohort, plan, analysed_rows(cohort, plan), sets)


def split(result: CaseMix, id: str) -> SiteSplit:
    return next(s for s in result.by_site if s.id == id)


def gap(result: CaseMix, id: str) -> StandardisedGap:
    return next(s for s in result.standardised if s.id == id)


def bands(columns: Columns) -> Any:
    return np.digitize(columns["age"], [40, 65])


def rates(measure: str, columns: Columns, group: Any, cell: Any) -> dict[Any, tuple[float, float]]:
    """Ratio and denominator in every cell of a group."""
    top, bottom = LINEAR[measure](columns["y"].astype(float), columns["p"])
    out = {}
    for k in np.unique(cell):
        mine = group & (cell == k)
        size = bottom[mine].sum()
        out[k] = (top[mine].sum() / size if size else np.nan, size)
    return out


@pytest.mark.parametrize("measure", LINEAR)
def test_kitagawa_over_the_sites(measure: str) -> None:
    columns = random_columns(41, 900)
    result = found(TEXT, columns)
    record = split(result, f"{measure}/by_site/sex=F:sex=M")
    one = rates(measure, columns, columns["sex"] == "F", columns["site"])
    two = rates(measure, columns, columns["sex"] == "M", columns["site"])
    n1, n2 = sum(v[1] for v in one.values()), sum(v[1] for v in two.values())
    within = between = 0.0
    for k in one:
        c1, c2 = one[k][1] / n1, two[k][1] / n2
        within += (c1 + c2) / 2 * (one[k][0] - two[k][0])
        between += (c1 - c2) * (one[k][0] + two[k][0]) / 2
    assert record.within.value == pytest.approx(within, abs=1e-12)
    assert record.between.value == pytest.approx(between, abs=1e-12)
    assert record.total.value == pytest.approx(within + between, abs=1e-12)
    assert (record.sites, record.one_group_only, record.status) == (3, (), "ok")
    for part in (record.total, record.within, record.between):
        assert part.value is not None
        assert part.lower is not None
        assert part.upper is not None
        assert part.lower < part.value < part.upper


def test_every_linear_measure_of_every_level() -> None:
    result = found(TEXT, random_columns(42, 900))
    pairs = {"race=B:race=A", "race=C:race=A", "sex=F:sex=M"}
    measures = {s.measure for s in result.by_site}
    assert all(MEASURES[m].inference in ("proportion", "ratio") for m in measures)
    assert set(LINEAR) < measures
    for m in measures:
        names = {s.id.split("/")[2] for s in result.by_site if s.measure == m}
        assert pairs < names
        assert sum(n.startswith("age=") for n in names) == 2
        assert not any(n.startswith("site=") for n in names)
        told = {s.id.split("/")[2] for s in result.standardised if s.measure == m}
        assert told == pairs
    assert all(s.covariates == ("age",) for s in result.standardised)


def test_simpsons_reversal() -> None:
    """Women do better in each hospital, and worse in all: most go where all fare worse."""
    cells = [("F", "hard", 900, 0.30), ("M", "hard", 100, 0.15),
             ("F", "easy", 100, 0.95), ("M", "easy", 900, 0.80)]  # fmt: skip
    sex, site, p = [], [], []
    for who, where, n, share in cells:
        sex += [who] * n
        site += [where] * n
        p += [0.9] * round(n * share) + [0.1] * (n - round(n * share))
    columns = {
        "y": np.ones(2000, int), "p": np.array(p), "sex": np.array(sex), "site": np.array(site)
    }  # fmt: skip
    columns["y"][::7] = 0
    text = TEXT.replace("race: {reference: A}, ", "").replace(", age: {band: [40, 65]}", "")
    record = split(
        found(text.replace("standardise: [age]", ""), columns), "flag_rate/by_site/sex=F:sex=M"
    )
    assert record.total.value == pytest.approx(0.365 - 0.735, abs=1e-12)
    assert record.within.value == pytest.approx(0.15, abs=1e-12)
    assert record.between.value == pytest.approx(-0.52, abs=1e-12)
    assert record.reversal == "resolved"


def test_a_site_with_one_group() -> None:
    columns = random_columns(43, 900)
    columns["site"] = np.where(
        (columns["sex"] == "M") & (columns["site"] == "n3"), "n1", columns["site"]
    )
    record = split(found(TEXT, columns), "sensitivity/by_site/sex=F:sex=M")
    assert record.one_group_only == ("site=n3",)
    assert record.sites == 3
    assert record.within.value is not None
    assert record.between.value is not None
    total = record.within.value + record.between.value
    assert record.total.value == pytest.approx(total, abs=1e-12)


@pytest.mark.parametrize("measure", LINEAR)
def test_direct_standardisation(measure: str) -> None:
    columns = random_columns(44, 900)
    record = gap(found(TEXT, columns), f"{measure}/standardised/sex=F:sex=M")
    cell = bands(columns)
    everyone = rates(measure, columns, columns["y"] >= 0, cell)
    whole = sum(v[1] for v in everyone.values())
    value = {}
    for sex in ("F", "M"):
        own = rates(measure, columns, columns["sex"] == sex, cell)
        value[sex] = sum(everyone[k][1] / whole * own[k][0] for k in own)
    assert record.value == pytest.approx(value["F"] - value["M"], abs=1e-12)
    assert record.covered == pytest.approx(1.0, abs=1e-12)
    assert record.status == "ok"
    assert record.lower is not None
    assert record.upper is not None
    assert record.value is not None
    assert record.lower < record.value < record.upper


def test_standardisation_removes_what_age_explains() -> None:
    """Flagged by age alone, and women are older: nothing is left at equal age."""
    columns = random_columns(45, 2000)
    women = columns["sex"] == "F"
    columns["age"] = np.where(women, columns["age"], np.minimum(columns["age"], 60))
    columns["age"][:50] = 70  # some men of that age
    columns["p"] = np.select([columns["age"] < 40, columns["age"] < 65], [0.1, 0.3], 0.9)
    record = gap(found(TEXT, columns), "flag_rate/standardised/sex=F:sex=M")
    assert record.crude is not None
    assert record.crude > 0.2
    assert record.value == pytest.approx(0.0, abs=1e-12)


def test_cells_without_one_of_the_groups_are_not_covered() -> None:
    columns = random_columns(46, 900)
    young = columns["age"] < 40
    columns["sex"] = np.where(young, "F", columns["sex"])
    record = gap(found(TEXT, columns), "prevalence/standardised/sex=F:sex=M")
    assert record.covered == pytest.approx((~young).mean(), abs=1e-12)
    columns["sex"] = np.where(columns["age"] < 65, "F", "M")
    record = gap(found(TEXT, columns), "prevalence/standardised/sex=F:sex=M")
    assert (record.status, record.value, record.covered) == ("undefined", None, 0.0)
    assert record.crude is not None


def test_intervals_have_the_width_of_simulation() -> None:
    """The spread of within and of the standardised gap over cohorts is what the intervals say."""
    values: dict[str, list[float]] = {"within": [], "standardised": []}
    widths: dict[str, list[float]] = {"within": [], "standardised": []}
    for seed in range(60):
        columns = random_columns(1000 + seed, 500)
        text = TEXT.replace("race: {reference: A}, ", "") + "measures: [brier]\n"
        result = found(text, columns)
        within = split(result, "brier/by_site/sex=F:sex=M").within
        at_age = gap(result, "brier/standardised/sex=F:sex=M")
        for name, part in (("within", within), ("standardised", at_age)):
            assert part.value is not None
            assert part.lower is not None
            assert part.upper is not None
            values[name].append(part.value)
            widths[name].append((part.upper - part.lower) / 2 / 1.965)
    for name in values:  # the spread of 60 has a standard error of 9 %
        assert np.std(values[name]) == pytest.approx(np.mean(widths[name]), rel=0.3)


def test_a_patient_repeated_counts_once() -> None:
    columns = random_columns(47, 600)
    columns["pid"] = np.arange(600).astype(str)
    one, four = (found(CLUSTERED, {k: np.tile(v, r) for k, v in columns.items()}) for r in (1, 4))
    a, b = (split(r, "sensitivity/by_site/sex=F:sex=M").within for r in (one, four))
    assert (b.value, b.lower) == pytest.approx((a.value, a.lower), abs=1e-12)
    c, d = (gap(r, "sensitivity/standardised/sex=F:sex=M") for r in (one, four))
    assert (d.value, d.upper) == pytest.approx((c.value, c.upper), abs=1e-12)
    assert split(four, "sensitivity/by_site/sex=F:sex=M").method == "kitagawa_cluster_robust"


def test_statuses() -> None:
    columns = random_columns(48, 600)
    columns["race"][columns["race"] == "C"] = "B"
    columns["race"][:3] = "C"
    columns["y"][:3] = 0
    result = found(
        TEXT.replace("race: {reference: A}", "race: {reference: A, levels: [A, B, C, D]}"), columns
    )
    empty = split(result, "brier/by_site/race=D:race=A")
    assert (empty.status, empty.total.value, empty.reversal) == ("not_collected", None, None)
    few = split(result, "brier/by_site/race=C:race=A")
    assert few.status == "insufficient"
    assert few.reason is not None
    assert few.reason.startswith("race=C: ")
    assert few.total.value is not None
    assert few.total.lower is few.within.upper is None
    assert few.reversal is None
    none = gap(result, "sensitivity/standardised/race=C:race=A")
    assert (none.status, none.value, none.crude) == ("undefined", None, None)


def test_nothing_without_site_or_covariates() -> None:
    columns = random_columns(49, 300)
    text = TEXT.replace(", site: site", "").replace("standardise: [age]", "")
    assert found(text, columns) == CaseMix()
    assert found(TEXT.replace(", site: site", ""), columns).by_site == ()
    assert found(TEXT.replace("standardise: [age]", ""), columns).standardised == ()


def test_totals_are_the_reported_differences() -> None:
    columns = random_columns(50, 500)
    told = {d.id: d.value for d in audited(TEXT, columns).disparities}
    for s in found(TEXT, columns).by_site:
        if s.status == "ok":
            reported = told[f"{s.measure}/difference/{s.stratum}:{s.reference}"]
            assert s.total.value == pytest.approx(reported, abs=1e-12)


def test_row_order_does_not_matter() -> None:
    columns = random_columns(51, 400, patients=120)
    order = np.random.default_rng(3).permutation(400)
    assert found(CLUSTERED, columns) == found(CLUSTERED, take(columns, order))


def test_unknown_covariates_are_refused() -> None:
    plan = plan_of(TEXT.replace("[age]", "[agee, severity]"))
    with pytest.raises(InputError) as raised:
        check_case_mix(plan, ("age", "race", "sex", "site"), "plan.yaml")
    assert [p.code for p in raised.value.problems] == ["unknown_attribute"] * 2
    assert "'age'" in str(raised.value.problems[0])
    assert "plan.yaml: standardise" in str(raised.value.problems[0])
    check_case_mix(plan_of(TEXT), ("age", "race", "sex", "site"), "plan.yaml")
    with pytest.raises(InputError, match="every attribute"):
        check_case_mix(plan_of(TEXT), ("age",), "plan.yaml")
