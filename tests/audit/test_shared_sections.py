"""Further sections of a shared result, and what is read off at cuts of its own, tell of nobody."""

from typing import Any

import pytest

from audit.disclosure import shareable
from audit.result import AuditResult
from audit.sections import (
    Adequacy,
    AssignmentBound,
    Bounded,
    Bounds,
    CalibrationInteraction,
    CaseMix,
    LabelErrorBound,
    NestedSites,
    Shrunk,
    SiteSplit,
    StandardisedGap,
)
from audit.shared_sections import AT_OWN_CUT
from tests.audit.builders import audited, random_columns
from tests.audit.test_disclosure import SIMPLE, hidden, pair


def test_a_cut_of_its_own_stays_where_it_counts_enough() -> None:
    columns = random_columns(8, 6000)
    measures = [*AT_OWN_CUT, "auroc"]
    text = SIMPLE.replace("sex: ", "sex: , race: ") + f"measures: [{', '.join(measures)}]\n"
    shared = shareable(audited(text, columns))
    for measure in measures:
        statuses = {e.status for e in shared.estimates if e.measure == measure}
        assert "ok" in statuses, measure
        if measure in AT_OWN_CUT:
            continue
        assert statuses == {"ok"}


def with_sections(result: AuditResult) -> AuditResult:
    """Put records of every further section into a result, one for every level or attribute."""
    value = Bounded(value=0.1, lower=0.0, upper=0.2)
    numbers: dict[str, Any] = {"level": 0.95, "method": "m", "status": "ok", "reason": None}
    no_level = {k: v for k, v in numbers.items() if k not in ("level", "method")}
    pairs = [
        (d.attribute, d.stratum, d.reference)
        for d in result.disparities
        if d.contrast == "difference" and d.measure == "prevalence" and " & " not in d.attribute
    ]
    triples: list[dict[str, Any]] = [
        {"id": f"x/{s}", "measure": "prevalence", "attribute": a, "stratum": s, "reference": r}
        for a, s, r in pairs
    ]
    ends = {"observed": 0.1, "lower": 0.0, "upper": 0.2}
    mix = CaseMix(
        by_site=tuple(
            SiteSplit(**t, total=value, within=value, between=value, sites=3,
                      one_group_only=("site=n1",), reversal="point", **numbers)
            for t in triples if t["attribute"] != "site"
        ),
        standardised=tuple(
            StandardisedGap(**t, covariates=(other,), crude=0.1, value=0.1, lower=0.0, upper=0.2,
                            covered=0.9, **numbers)
            for t in triples for other in ("sex", "race") if other != t["attribute"]
        ),
    )  # fmt: skip
    bounds = Bounds(
        missing=tuple(
            AssignmentBound(**t, contrast="difference", missing=40, sharp=True, **ends, **no_level)
            for t in triples
        ),
        label_error=tuple(LabelErrorBound(**t, feasible=1.0, **ends, **no_level) for t in triples),
    )
    sizes = tuple(
        Adequacy(id=f"x/{c.stratum}", stratum=c.stratum, measure="auroc", target_width=0.1,
                 achieved_width=0.2, n=c.n, events=c.n_positive, n_needed=5000, adequate=False,
                 **no_level)
        for c in result.cohort.strata
    )  # fmt: skip
    tests = tuple(
        CalibrationInteraction(
            id=f"x/{a.name}", attribute=a.name, levels=a.levels[1:], left_out=a.levels[:1],
            slope_chi2=3.0, slope_df=1, slope_p=0.1, joint_chi2=3.0, joint_df=2, joint_p=0.1,
            method="m", **no_level,
        )
        for a in result.cohort.attributes
    )  # fmt: skip
    assert result.sites is not None
    nested = NestedSites(
        measure="auroc", outer="site", inner="race", scale="logit", k_outer=3, k_inner=9,
        tau2_outer=0.1, tau2_inner=0.1, q=3.0, q_p=0.1, pooled=value, prediction=value, method="m",
        **no_level,
    )  # fmt: skip
    shrunk = Shrunk(value=0.1, lower=0.0, upper=0.2, weight=0.5)
    return result.model_copy(
        update={
            "case_mix": mix, "bounds": bounds, "sample_size": sizes, "calibration_tests": tests,
            "sites": result.sites.model_copy(update={"nested": (nested,)}),
            "estimates": tuple(e.model_copy(update={"shrunk": shrunk}) for e in result.estimates),
        }
    )  # fmt: skip


def told(record: Any) -> list[float]:
    """Every number in a record but the declared ones."""
    found: list[float] = []

    def walk(value: Any, key: str = "") -> None:
        if isinstance(value, dict):
            for k, v in value.items():
                walk(v, k)
        elif isinstance(value, list | tuple):
            for v in value:
                walk(v, key)
        elif isinstance(value, int | float) and value and key not in ("level", "target_width"):
            found.append(value)

    walk({k: v for k, v in record.model_dump().items() if k != "sharp"})
    return found


@pytest.mark.parametrize("setting", [(0, 700, 2), (2, 1500, 3), (3, 260, 1), (1, 2500, 1)])
def test_further_sections_rest_on_no_withheld_stratum(setting: tuple[int, int, int]) -> None:
    result = with_sections(pair(*setting)[0])
    shared = shareable(result)
    gone = hidden(shared)
    counted_sets = {" & ".join(c.attributes) for c in shared.cohort.strata}
    touched = {" & ".join(c.attributes) for c in shared.cohort.strata if c.stratum in gone}

    def crossed(*names: str) -> bool:
        together = " & ".join(sorted(names))
        return together in counted_sets - touched

    def judged(record: Any, kept: bool, before: Any) -> None:
        if kept:
            assert record == before
        else:
            assert record.status == "suppressed"
            assert "withheld" in record.reason
            assert told(record) == []

    def judged_all(after: Any, before: Any, rule: Any) -> int:
        assert len(after) == len(before)
        for one, other in zip(after, before, strict=True):
            judged(one, rule(other), other)
        return sum(bool(rule(other)) for other in before)

    mix, bounds = shared.case_mix, shared.bounds
    judged_all(
        mix.by_site, result.case_mix.by_site,
        lambda s: crossed("site", s.attribute) and crossed("site")
        and not {s.stratum, s.reference} & gone,
    )  # fmt: skip
    judged_all(
        mix.standardised, result.case_mix.standardised,
        lambda s: crossed(s.attribute, *s.covariates) and crossed(*s.covariates)
        and not {s.stratum, s.reference} & gone,
    )  # fmt: skip
    judged_all(bounds.missing, result.bounds.missing, lambda b: b.attribute not in touched)
    kept = judged_all(
        bounds.label_error, result.bounds.label_error,
        lambda b: not {b.stratum, b.reference.removeprefix("not ")} & gone,
    )  # fmt: skip
    kept += judged_all(shared.sample_size, result.sample_size, lambda a: a.stratum not in gone)
    assert kept
    judged_all(
        shared.calibration_tests, result.calibration_tests, lambda t: t.attribute not in touched
    )
    assert shared.sites is not None
    assert result.sites is not None
    judged_all(
        shared.sites.nested, result.sites.nested, lambda n: crossed("site", "race", )
        and crossed("site"),
    )  # fmt: skip
    groups = {c.stratum: " & ".join(c.attributes) for c in shared.cohort.strata}
    for e in shared.estimates:
        if e.shrunk is not None:
            assert groups[e.stratum] not in touched
    assert AuditResult.from_json(shared.to_json()) == shared
