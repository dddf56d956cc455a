"""What an audit says to a checklist, figure by figure: never more than the audit says itself."""

import re
from functools import cache
from typing import get_args

import pytest

from audit.result import (
    AuditResult,
    Disparity,
    Estimate,
    Heterogeneity,
    Pooled,
    Sites,
    Verdict,
    VerdictStatus,
)
from audit.sections import Status as EstimateStatus
from checklists.figures import figures
from checklists.sentences import measure_of
from tests.audit.builders import audited, estimate, random_columns
from tests.checklists.papers import AUDITS, classes, few, judged, shared

NOT_A_PASS = {
    "inconclusive": "is inconclusive, which is not a pass",
    "not_estimable": "cannot be judged, which is not a pass",
    "waived": "is waived, which is not a pass",
    "error": "was not judged, because the program failed, which is not a pass",
}


@cache
def sentences(name: str) -> dict[str, str]:
    return dict(figures(AUDITS[name]()))


def said(record: Estimate | Disparity | Verdict, result: AuditResult) -> str:
    """The sentence for a record that stands in a result in the place of all others."""
    if isinstance(record, Estimate):
        return figures(result.model_copy(update={"estimates": (record,)}))[record.id]
    if isinstance(record, Disparity):
        return figures(result.model_copy(update={"disparities": (record,)}))[record.id]
    new = result.model_copy(update={"verdicts": (record,)})
    return figures(new)[f"verdict/{record.requirement}"]


def shown(value: float | None) -> str:
    assert value is not None
    text = f"{value:.3f}" if abs(value) < 100 else f"{value:,.1f}"
    return text.replace("-", "−") if float(text.replace(",", "")) else text.lstrip("-")


def numbers(text: str) -> list[str]:
    return re.findall(r"\d+", text)


# Estimates


def test_the_sentences_of_estimates_are_those_written_by_hand() -> None:
    told = figures(few())
    own = estimate(few(), "sensitivity", "sex=F")
    assert (own.events, own.denominator) == (60, 80)
    assert told["sensitivity/sex=F"] == (
        f"Sensitivity in sex=F was 0.750 (95 % interval {shown(own.lower)} to {shown(own.upper)}; "
        "n = 200, 80 with the condition)."
    )
    assert told["sensitivity/sex=X"] == (
        "Sensitivity in sex=X was 0.600 (n = 10, 5 with the condition); no conclusion is drawn: "
        "5 units with the condition; the plan asks for 10."
    )
    assert told["sensitivity/sex=Y"] == (
        "Sensitivity has no value in sex=Y (n = 30, 0 with the condition): there are no units "
        "with the condition. It is not zero."
    )
    assert figures(shared())["sensitivity/race=A"] == (
        "Sensitivity in race=A is withheld for privacy."
    )
    lost = estimate(few(), "sensitivity").model_copy(
        update={"status": "not_collected", "reason": "no site sent it", "value": None}
    )
    assert said(lost, few()) == "Sensitivity overall was not collected: no site sent it."


@pytest.mark.parametrize("name", AUDITS)
def test_no_estimate_says_more_than_its_status(name: str) -> None:
    told = sentences(name)
    seen: set[str] = set()
    for e in AUDITS[name]().estimates:
        sentence = told[e.id]
        seen.add(e.status)
        rest = sentence.removeprefix(measure_of(e.measure, e.output)).replace(e.stratum, "")
        assert rest != sentence
        concluded = "no conclusion is drawn" not in sentence
        assert (e.status == "undefined") == sentence.endswith(" It is not zero.")
        if e.status == "ok":
            assert concluded
            assert f"was {shown(e.value)} (" in sentence
            if e.lower is None:
                assert "(no interval; " in sentence
            else:
                assert f"95 % interval {shown(e.lower)} to {shown(e.upper)};" in sentence
        elif e.status == "insufficient":
            assert not concluded
            assert "% interval" not in sentence
            assert f"was {shown(e.value)} (" in sentence
        elif e.status == "undefined":
            assert "has no value" in rest
            assert "was" not in rest.split(":")[0]
        else:
            assert e.status == "suppressed"
            assert numbers(rest) == []
            assert "withheld for privacy" in rest
    expected = {
        "few": {"ok", "insufficient", "undefined"}, "shared": {"ok", "suppressed"},
    }  # fmt: skip
    assert seen >= expected.get(name, {"ok"})


@pytest.mark.parametrize("status", get_args(EstimateStatus))
def test_a_value_is_told_only_where_there_is_one_to_rely_on(status: EstimateStatus) -> None:
    record = estimate(judged(), "auroc").model_copy(
        update={"status": status, "reason": "for a reason", "value": 0.123456}
    )
    sentence = said(record, judged())
    assert ("0.123" in sentence) == (status in ("ok", "insufficient"))
    assert ("interval" in sentence) == (status == "ok")
    assert ("for a reason" in sentence) == (status not in ("ok", "suppressed"))


def test_the_level_is_that_of_the_plan() -> None:
    text = """
    columns: {label: y, score: p, site: site}
    threshold: {value: 0.4}
    resamples: 100
    level: 0.9
    """
    told = figures(audited(text, random_columns(1, 300)))
    assert "(90 % interval " in told["auroc/overall"]
    assert "(90 % interval " in told["sites/auroc"]


# Disparities


@pytest.mark.parametrize("name", AUDITS)
def test_no_disparity_says_more_than_its_status(name: str) -> None:
    told = sentences(name)
    for d in AUDITS[name]().disparities:
        sentence = told[d.id]
        ok = d.status == "ok" and d.lower is not None
        assert ok == (f"% interval {'' if d.lower is None else shown(d.lower)}" in sentence)
        if d.value is None:
            assert "has no value: " in sentence
        else:
            assert f" was {shown(d.value)}" in sentence
            assert ok != ("no conclusion is drawn" in sentence)
        if d.status == "suppressed":
            assert numbers(sentence.split("has no value")[1]) == []
        if ok and d.lower is not None and d.upper is not None:
            same = 1 if d.contrast == "ratio" else 0
            doubt = f"The interval includes {same}, which does not show that the groups are equal."
            assert (d.lower <= same <= d.upper) == (doubt in sentence)
            assert ("screening, not declared" in sentence) == (d.family == "screening")


# Verdicts


def test_the_sentences_of_verdicts_are_those_written_by_hand() -> None:
    told = figures(judged())
    v = {v.requirement: v for v in judged().verdicts}

    def range_of(id: str) -> str:
        return f"{shown(v[id].value)} (95 % interval {shown(v[id].lower)} to {shown(v[id].upper)}; "

    assert {id: one.status for id, one in v.items()} == {
        "good": "met", "bad": "violated", "narrow": "inconclusive", "cal": "met",
        "everywhere": "inconclusive", "use": "met",
    }  # fmt: skip
    assert told["verdict/good"] == (
        f"The requirement 'AUROC at least 0.5 overall' is met: {range_of('good')}n = 600, "
        "239 with the condition) overall."
    )
    assert told["verdict/bad"] == (
        f"The requirement 'Sensitivity at least 0.99 overall' is violated: {range_of('bad')}"
        "n = 600, 239 with the condition) overall."
    )
    assert told["verdict/narrow"] == (
        "The requirement 'AUROC: largest gap by race at most 0.05' is inconclusive, which is not a "
        f"pass: {range_of('narrow')}n = 367 and 30) between race=A and race=C; about n = "
        f"{v['narrow'].n_needed:,} would be needed."
    )
    assert figures(few())["verdict/none"] == (
        "The requirement 'Sensitivity at least 0.2 in sex=Y' cannot be judged, which is not a "
        "pass: sex=Y: undefined: there are no units with the condition (n = 30, 0 with the "
        "condition)."
    )


@pytest.mark.parametrize("name", AUDITS)
def test_no_verdict_is_called_met_that_is_not(name: str) -> None:
    told = sentences(name)
    for v in AUDITS[name]().verdicts:
        sentence = told[f"verdict/{v.requirement}"]
        assert sentence.startswith(f"The requirement '{v.statement}' ")
        assert ("' is met:" in sentence) == (v.status == "met")
        assert ("' is violated:" in sentence) == (v.status == "violated")
        assert NOT_A_PASS.get(v.status, "") in sentence
        assert ("not a pass" in sentence) == (v.status in NOT_A_PASS)
        if v.value is None:
            assert "% interval" not in sentence


@pytest.mark.parametrize("status", get_args(VerdictStatus))
def test_every_verdict_is_told_by_its_status(status: VerdictStatus) -> None:
    record = judged().verdicts[0].model_copy(update={"status": status})
    words = {"met": "is met", "violated": "is violated", **NOT_A_PASS,
             "not_applicable": "does not apply to these data"}  # fmt: skip
    sentence = said(record, judged())
    assert sentence.split("'")[2].split(":")[0].strip() == words[status]


def test_a_verdict_on_each_class_names_the_class_that_decided() -> None:
    told = figures(classes())
    verdict = next(v for v in classes().verdicts if v.requirement == "each")
    assert verdict.output is not None
    assert f"overall ({verdict.output}); 3 of 3 parts violated." in told["verdict/each"]
    assert "(mel)" not in told["verdict/mel"]  # the requirement names it


# Everything else


@pytest.mark.parametrize("name", AUDITS)
def test_every_record_has_a_sentence_of_its_own(name: str) -> None:
    result = AUDITS[name]()
    told = sentences(name)
    records = [*result.estimates, *result.disparities, *result.verdicts, *result.sample_size,
               *result.calibration_tests, *result.cohort.strata, *result.cohort.attributes,
               *{w.code for w in result.warnings},
               *(result.sites.heterogeneity if result.sites else ())]  # fmt: skip
    whole = {"provenance", "provenance/plan", "plan/threshold", "plan/product",
             "strata/without_inference"}  # fmt: skip
    assert len(records) == len(told.keys() - whole)
    for id, sentence in told.items():
        assert sentence == sentence.strip()
        assert "\n" not in sentence
        assert re.search(r"\b(None|nan|inf)\b", sentence) is None, (id, sentence)


def test_what_is_withheld_is_not_called_complete() -> None:
    told = figures(shared())["strata/without_inference"]
    hidden = [c.stratum for c in shared().cohort.strata if c.n is None]
    assert told.startswith(f"In {len(hidden)} of 8 strata some measures are withheld for privacy: ")
    assert "Every measure" not in told
    assert figures(few())["strata/without_inference"] == (
        "In 2 of 4 strata some measures are undefined or shown without inference: sex=X, sex=Y."
    )
    assert figures(judged())["strata/without_inference"] == (
        "Every measure has an estimate with inference in all 8 strata."
    )


def test_a_withheld_stratum_shows_no_count() -> None:
    told = figures(shared())
    for count in shared().cohort.strata:
        if count.n is None:
            assert told[f"cohort/{count.stratum}"] == (
                f"The stratum {count.stratum} is withheld for privacy: too few people to show."
            )
    assert told["cohort/race"] == "Units by race: A withheld; B withheld; C withheld."


@pytest.mark.parametrize(("i2", "words"), [(0.0, "I² 0 %"), (0.8, "I² 1 %"), (46.2, "I² 46 %")])
def test_heterogeneity_is_in_percent(i2: float, words: str) -> None:
    sites = judged().sites
    assert sites is not None
    found = next(h for h in sites.heterogeneity if h.measure == "auroc" and h.contrast is None)
    own = found.model_copy(update={"i2": i2, "pooled": Pooled(value=-0.02, lower=-0.05, upper=0.0)})
    sentence = figures(with_sites(judged(), own))["sites/auroc"]
    assert f"; {words}" in sentence
    assert "is −0.020 pooled (95 % interval −0.050 to 0.000" in sentence


def with_sites(result: AuditResult, *found: Heterogeneity) -> AuditResult:
    assert result.sites is not None
    sites = Sites(attribute="site", strata=result.sites.strata, heterogeneity=found)
    return result.model_copy(update={"sites": sites})


def test_classes_are_named_where_a_measure_is_of_one() -> None:
    told = figures(classes())
    for output in ("mel", "naevus", "bcc"):
        assert f"AUROC ({output}) overall" in told[f"auroc[{output}]/overall"]
        assert f"O:E ratio ({output})" in told[f"sample_size/oe_ratio[{output}]/overall"]
        assert f"calibration ({output})" in told[f"calibration_interaction[{output}]/sex"]
