"""A result beside its baseline: movements, changes with intervals, and requirements on change."""

import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from audit.change import SAME_DATA, UNPAIRED, Audits, Change
from audit.change_verdicts import change_verdicts
from audit.comparison.records import Comparison, Paired
from audit.problems import InputError
from audit.ratchet import Moved, Ratchet, ratchet
from audit.requirement import ChangeRequirement
from audit.result import AuditResult, Estimate, FileHash, Verdict, VerdictPart
from audit.result_file import ResultFile
from audit.stored_plan import stored_plan
from tests.audit.builders import PLAN, audited, random_columns
from tests.reports.sample import sample

ESTIMATE = next(e for e in sample().estimates if e.id == "sensitivity/overall")


def estimate(
    value: float | None,
    lower: float | None = None,
    upper: float | None = None,
    measure: str = "sensitivity",
    **more: Any,
) -> Estimate:
    stratum = more.pop("stratum", "overall")
    fixed = {"value": value, "lower": lower, "upper": upper, "measure": measure,
             "stratum": stratum, "id": f"{measure}/{stratum}", "level": 0.95, "status": "ok",
             "reason": None}  # fmt: skip
    return ESTIMATE.model_copy(update=fixed | more)


def verdict(status: Any, value: float | None = 0.8, id: str = "floor", **more: Any) -> Verdict:
    part = VerdictPart(id="sensitivity/overall", status=status, value=value, lower=value,
                       upper=value, reason="")  # fmt: skip
    made = {"requirement": id, "statement": "s", "status": status, "value": value, "lower": value,
            "upper": value, "parts": (part,), "evidence": (part.id,), "kind": "measure",
            "found": None, "waiver": None}  # fmt: skip
    return sample().verdicts[0].model_copy(update=made | more)


def result(
    *estimates: Estimate, verdicts: tuple[Verdict, ...] = (), data: str = "a"
) -> AuditResult:
    origin = sample().provenance.model_copy(
        update={"data": (FileHash(name="p.csv", bytes=1, sha256=data * 64),)}
    )
    return sample().model_copy(
        update={"estimates": estimates, "disparities": (), "verdicts": verdicts,
                "provenance": origin}
    )  # fmt: skip


def audits(now: Estimate, before: Estimate, **more: Any) -> Audits:
    return Audits(result(now), result(before, data=more.pop("data", "b")), **more)


def moved(now: Verdict | None, before: Verdict | None, *values: float) -> Moved:
    """The one movement, of an estimate that had the second value and has the first."""
    one, two = (estimate(v, v - 0.1, v + 0.1) for v in values or (0.8, 0.8))
    made = ratchet(
        result(one, verdicts=(now,) if now else ()),
        ResultFile(Path("b.json"), "f" * 64,
                   result(two, verdicts=(before,) if before else (), data="b")),
    )  # fmt: skip
    assert made.baseline_sha256 == "f" * 64
    (found,) = made.moved
    return found


@pytest.mark.parametrize(
    ("now", "before", "movement"),
    [
        ("violated", "met", "new"),
        ("violated", "inconclusive", "new"),
        ("violated", None, "new"),
        ("met", "violated", "fixed"),
        ("inconclusive", "violated", "unchanged"),
        ("not_estimable", "violated", "unchanged"),
        ("violated", "violated", "unchanged"),
        ("met", None, "unchanged"),
        (None, "met", "gone"),
        (None, "violated", "gone"),
    ],
)
def test_movement_of_a_requirement(now: str | None, before: str | None, movement: str) -> None:
    found = moved(verdict(now) if now else None, verdict(before) if before else None)
    assert (found.movement, found.now, found.before) == (movement, now, before)


def test_a_violation_that_cannot_be_shown_any_more_is_not_called_fixed() -> None:
    found = moved(verdict("not_estimable"), verdict("violated"))
    assert "not mended" in found.reason


def test_what_is_waived_counts_as_what_the_figures_found() -> None:
    waived = verdict("waived", found="violated")
    assert moved(waived, verdict("met")).movement == "new"
    assert moved(waived, verdict("violated")).movement == "unchanged"
    assert moved(verdict("met"), waived).movement == "fixed"


@pytest.mark.parametrize(
    ("now", "before", "movement"),
    [(0.8, 0.7, "better"), (0.7, 0.8, "worse"), (0.8, 0.8 + 5e-7, "unchanged"),
     (0.8, 0.8 + 2e-6, "worse")],
)  # fmt: skip
def test_the_deciding_value_moves_beyond_rounding(now: float, before: float, movement: str) -> None:
    found = moved(verdict("met", now), verdict("met", before), now, before)
    assert found.movement == movement
    assert found.change == pytest.approx(now - before)
    half = math.hypot(0.1, 0.1)
    assert (found.lower, found.upper) == pytest.approx((now - before - half, now - before + half))
    assert found.method == UNPAIRED
    assert "may be chance" in found.reason


def test_another_statement_in_the_baseline_is_told() -> None:
    found = moved(verdict("met"), verdict("met", statement="at least 0.7"))
    assert "the baseline stated it otherwise (at least 0.7)" in found.reason


@pytest.mark.parametrize(
    ("measure", "now", "before", "change"),
    [
        ("sensitivity", (0.8, 0.7, 0.9), (0.7, 0.6, 0.8), 0.1),
        ("brier", (0.2, 0.1, 0.3), (0.1, 0.05, 0.2), -0.1),
        ("oe_ratio", (1.3, 1.2, 1.4), (0.9, 0.8, 1.0), -0.2),
        ("oe_ratio", (0.9, 0.8, 1.0), (0.7, 0.6, 0.8), 0.2),
    ],
)
def test_more_is_always_better(
    measure: str, now: tuple[float, float, float], before: tuple[float, float, float], change: float
) -> None:
    made = audits(*(estimate(a, b, c, measure) for a, b, c in (now, before)))
    found = made.change(f"{measure}/overall")
    assert found.value == pytest.approx(change)
    assert found.lower is not None
    assert found.upper is not None
    assert found.lower < change < found.upper


def test_a_measure_without_a_better_end_has_no_change() -> None:
    one = estimate(0.4, 0.3, 0.5, measure="flag_rate")
    found = audits(one, one).change("flag_rate/overall")
    assert (found.value, found.lower) == (None, None)
    assert "no better end" in found.reason


def test_audits_of_the_same_data_are_told_to_be_compared_too_widely() -> None:
    one = estimate(0.8, 0.7, 0.9)
    assert audits(one, one, data="a").change(one.id).method == SAME_DATA
    assert audits(one, one, data="b").change(one.id).method == UNPAIRED


def test_undefined_is_never_zero() -> None:
    known = estimate(0.8, 0.7, 0.9)
    blank = estimate(None, status="undefined", reason="no positives")
    for made in (audits(blank, known), audits(known, blank)):
        found = made.change(known.id)
        assert (found.value, found.lower, found.upper) == (None, None, None)
        assert "no positives" in found.reason
    scarce = estimate(0.8, status="insufficient", reason="3 units")
    found = audits(scarce, known).change(known.id)
    assert (found.value, found.lower, found.scarce) == (0.0, None, True)
    assert audits(estimate(0.8, 0.7, 0.9, level=0.9), known).change(known.id).lower is None


@pytest.mark.parametrize(
    ("update", "words"),
    [({"label": "other"}, "outcome is 'other'"), ({"positive": "9"}, "positive value is '9'"),
     ({"score_kind": "rank"}, "kind of score is 'rank'")],
)  # fmt: skip
def test_a_baseline_that_measures_something_else_is_not_compared(
    update: dict[str, str], words: str
) -> None:
    one = estimate(0.8, 0.7, 0.9)
    now, before = result(one), result(one)
    before = before.model_copy(update={"cohort": before.cohort.model_copy(update=update)})
    found = Audits(now, before).change(one.id)
    assert found.value is None
    assert words in found.reason


def test_another_threshold_stops_what_depends_on_it_and_nothing_else() -> None:
    own = (estimate(0.8, 0.7, 0.9), estimate(0.8, 0.7, 0.9, measure="auroc"))
    now, before = result(*own), result(*own)
    threshold = now.cohort.threshold
    assert threshold is not None
    cohort = before.cohort.model_copy(
        update={"threshold": threshold.model_copy(update={"value": 0.9})}
    )
    made = Audits(now, before.model_copy(update={"cohort": cohort}))
    assert "threshold is 0.9" in made.change("sensitivity/overall").reason
    assert made.change("auroc/overall").value == 0.0


def test_a_baseline_of_another_task_is_refused() -> None:
    now = result(estimate(0.8, 0.7, 0.9))
    other = now.model_copy(update={"cohort": now.cohort.model_copy(update={"task": "regression"})})
    with pytest.raises(InputError, match="task regression"):
        ratchet(now, ResultFile(Path("b"), "f" * 64, other))


# Requirements on change.

STATED = {"id": "no-worse", "measure": "sensitivity", "worse_by": 0.05}


def decided(now: tuple[Estimate, ...], before: tuple[Estimate, ...], **stated: Any) -> Verdict:
    both = Audits(result(*now), result(*before, data="b"))
    requirement = ChangeRequirement.model_validate(STATED | stated)
    plan = stored_plan(result()).model_copy(update={"change": (requirement,)})
    (made,) = change_verdicts(plan, both)
    return made


@pytest.mark.parametrize(
    ("now", "status"),
    [
        ((0.80, 0.79, 0.81), "met"),  # -0.014 to 0.014
        ((0.60, 0.59, 0.61), "violated"),
        ((0.75, 0.74, 0.76), "inconclusive"),
        ((0.90, 0.60, 0.95), "inconclusive"),
    ],
)
def test_a_change_is_decided_from_the_interval(
    now: tuple[float, float, float], status: str
) -> None:
    made = decided((estimate(*now),), (estimate(0.80, 0.79, 0.81),))
    assert made.status == status
    assert made.value == pytest.approx(now[0] - 0.80)
    assert made.kind == "change"
    assert made.evidence == ("sensitivity/overall",)
    assert UNPAIRED in made.reason


def test_a_change_of_nothing_meets_a_margin_of_nothing() -> None:
    exact = estimate(0.8, 0.8, 0.8)
    assert decided((exact,), (exact,), worse_by=0).status == "met"


def test_the_worst_stratum_decides_and_one_that_vanished_is_not_left_out() -> None:
    women, men = (estimate(0.8, 0.79, 0.81, stratum=f"sex={s}") for s in "FM")
    worse = estimate(0.6, 0.59, 0.61, stratum="sex=F")
    made = decided((worse, men), (women, men), strata="sex")
    assert (made.status, made.stratum) == ("violated", "sex=F")
    assert [p.status for p in made.parts] == ["violated", "met"]
    gone = decided((men,), (women, men), strata="sex")
    assert (gone.status, gone.stratum) == ("not_estimable", "sex=F")
    assert "the audit has no figure of it" in gone.reason
    assert decided((men,), (men,), strata="race").status == "not_estimable"


def test_too_little_data_is_inconclusive_and_never_met() -> None:
    scarce = estimate(0.8, status="insufficient", reason="3 units")
    made = decided((scarce,), (estimate(0.8, 0.79, 0.81),))
    assert made.status == "inconclusive"
    assert "too little data" in made.reason


def pair_of(harm: float, lower: float, upper: float) -> Comparison:
    record = Paired(id="sensitivity/overall", measure="sensitivity", stratum="overall", output=None,
                    value_a=0.8, value_b=0.8 - harm, difference=-harm, lower=-upper, upper=-lower,
                    level=0.95, method="tango", p=None, p_adjusted=None, n=9, clusters=9, harm=harm,
                    harm_lower=lower, harm_upper=upper, margin=None, beyond_margin=False,
                    change="unclear", status="ok", reason=None)  # fmt: skip
    return Comparison.model_construct(**{"paired": (record,)})  # type: ignore[arg-type]


def test_units_that_are_paired_decide_instead_of_the_two_intervals() -> None:
    one = estimate(0.8, 0.5, 0.95)
    made = audits(one, one, paired=pair_of(0.01, -0.01, 0.03)).change(one.id)
    assert made == Change(-0.01, -0.03, 0.01, "paired on the same units (tango)")


@settings(max_examples=200)
@given(
    st.lists(
        st.tuples(
            st.sampled_from(["met", "violated", "inconclusive", "not_estimable", None]),
            st.sampled_from(["met", "violated", "inconclusive", "not_estimable", None]),
            st.floats(0, 1), st.floats(0, 1),
        ),
        min_size=1, max_size=5,
    )
)  # fmt: skip
def test_every_requirement_of_either_audit_is_told_once(
    cases: list[tuple[str | None, str | None, float, float]],
) -> None:
    """The same by plain counting: nothing is lost, and new and fixed are what they say."""
    now: list[Verdict] = []
    before: list[Verdict] = []
    one: list[Estimate] = []
    two: list[Estimate] = []
    for i, (status, was, value, old) in enumerate(cases):
        name = f"sensitivity/sex={i}"
        for verdicts, estimates, s, v in ((now, one, status, value), (before, two, was, old)):
            if s is not None:
                part = verdict(s, v).parts[0].model_copy(update={"id": name})
                verdicts.append(verdict(s, v, f"r{i}", parts=(part,)))
                estimates.append(estimate(v, v, v, stratum=f"sex={i}"))
    made: Ratchet = ratchet(
        result(*one, verdicts=tuple(now)),
        ResultFile(Path("b"), "0" * 64, result(*two, verdicts=tuple(before), data="b")),
    )
    found = {m.requirement: m for m in made.moved}
    assert len(found) == len(made.moved) == len({v.requirement for v in now + before})
    for i, (status, was, value, old) in enumerate(cases):
        if status is None and was is None:
            continue
        m = found[f"r{i}"]
        if status is None:
            expected = "gone"
        elif status == "violated" and was != "violated":
            expected = "new"
        elif was == "violated" and status == "met":
            expected = "fixed"
        elif was is None or abs(value - old) <= 1e-6:
            expected = "unchanged"
        else:
            expected = "better" if value > old else "worse"
        assert m.movement == expected


def test_two_real_audits_of_the_same_rows(tmp_path: Path) -> None:
    columns = random_columns(4)
    text = PLAN + "requirements:\n  - {id: floor, measure: sensitivity, floor: 0.99}\n"
    before = audited(text, columns)
    worse = columns | {"p": np.where(columns["sex"] == "F", columns["p"] * 0.3, columns["p"])}
    now = audited(text, worse)
    (found,) = ratchet(now, ResultFile(tmp_path, "0" * 64, before)).moved
    values = [next(e.value for e in a.estimates if e.id == "sensitivity/overall")
              for a in (now, before)]  # fmt: skip
    assert found.change == pytest.approx((values[0] or 0.0) - (values[1] or 0.0))
    assert found.movement == "worse"
    assert stored_plan(before).sha256() == before.provenance.plan_sha256
