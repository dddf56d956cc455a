"""Names of other tools: what they are said to be here is what those tools compute."""

import warnings
from collections.abc import Callable
from functools import cache
from typing import Any

import numpy as np
import pytest
import sklearn.metrics as sk
from numpy.typing import NDArray

from audit.aliases import ALIASES, folded, meanings, names_of
from audit.aliases.declaration import Alias
from audit.criteria_table import CRITERIA, CriterionDeclaration
from audit.glossary import ENTRIES
from audit.measures import DECLARED, MEASURES
from audit.measures.declaration import Measure
from audit.problems import InputError
from audit.result import AuditResult
from commands.explain import run_explain
from tests.audit.builders import audited, counted, disparity, estimate, random_columns

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # fairlearn's own imports
    from fairlearn import metrics as fair

PLAN = """
columns: {label: y, score: p}
threshold: {value: 0.4}
resamples: 100
permutations: 0
minimum: {denominator: 2, events: 1}
attributes: {sex: {reference: M}}
"""
IDS: dict[str, Measure | CriterionDeclaration] = {**DECLARED, **CRITERIA}


def test_every_target_exists_and_every_difference_is_said() -> None:
    for alias in ALIASES:
        assert alias.target is None or alias.target in IDS, alias
        assert alias.same or alias.note.endswith("."), alias
        assert alias.contrast is None or alias.target in MEASURES, alias
        if alias.target is None:
            assert not alias.same, alias
            assert alias.contrast is None, alias


def test_no_name_is_declared_twice_with_one_meaning() -> None:
    keys = [(folded(a.name), a.tools, a.target, a.contrast) for a in ALIASES]
    assert len(set(keys)) == len(keys)


def test_a_word_of_the_field_is_no_other_spelling_of_its_target() -> None:
    for alias in ALIASES:
        if alias.target is not None and not alias.tools:
            own = {folded(alias.target), folded(IDS[alias.target].name)}
            assert folded(alias.name) not in own, alias


@pytest.mark.parametrize("word", ["hit rate", "Hit-Rate", "HIT_RATE", " hitrate ", "Hit Rate"])
def test_lookup_ignores_case_spaces_and_hyphens(word: str) -> None:
    assert [a.target for a in meanings(word)] == ["sensitivity"]


def test_signs_and_colons_distinguish() -> None:
    assert folded("LR+") == folded("lr_plus") != folded("LR-") == folded("lr_minus")
    assert [a.same for a in meanings("O:E")] == [True]
    assert [a.same for a in meanings("E:O")] == [False]


@pytest.mark.parametrize(
    ("word", "id"),
    [
        ("standardized_net_benefit", "standardised_net_benefit"),
        ("equalized odds difference", "equalised_odds_difference"),
        ("generalized_entropy", "generalised_entropy"),
        ("LR-", "lr_minus"),
        ("Brier score", "brier"),
        ("Sensitivity/sex=F", "sensitivity"),
    ],
)
def test_other_spellings_of_our_own_ids(word: str, id: str) -> None:
    assert run_explain(word).splitlines()[0].endswith(f"({id})")


@pytest.mark.parametrize(
    ("word", "targets"),
    [
        ("precision", {"ppv"}),
        ("ppr", {"flag_rate"}),
        ("predictive_equality", {"predictive_equality_difference", "underdiagnosis"}),
        ("acceptance rate", {"flag_rate", "ppv"}),
        ("statistical parity", {"demographic_parity_difference", "flag_rate"}),
    ],
)
def test_ambiguous_names_give_every_meaning(word: str, targets: set[str]) -> None:
    found = meanings(word)
    assert {a.target for a in found} == targets
    assert len({(a.same, a.target, a.contrast) for a in found}) > 1
    text = run_explain(word)
    for alias in found:
        assert not alias.note or alias.note.split()[0] in text


def test_names_of_a_measure() -> None:
    assert {"recall", "TPR", "recall_score"} <= {a.name for a in names_of("sensitivity")}


# --- explain


def test_explain_knows_every_word() -> None:
    for id in (*IDS, *ENTRIES):
        assert f"({id})" in run_explain(id).splitlines()[0]
    for alias in ALIASES:
        text = " ".join(run_explain(alias.name).split())
        assert alias.note in text, alias
        assert alias.target is None or alias.target in text, alias


def test_explain_of_another_name() -> None:
    lines = run_explain("recall").splitlines()
    assert lines[0] == "recall is called sensitivity here."
    assert lines[2] == "Sensitivity  (sensitivity)"


def test_explain_says_where_an_id_means_something_else() -> None:
    text = run_explain("equal_opportunity_difference")
    assert "Elsewhere equal_opportunity_difference (AIF360): The difference of sensitivity" in text


@pytest.mark.parametrize(
    ("word", "suggested"),
    [("sensitivty", "'sensitivity'"), ("recal", "'recall'"), ("brierscor", "'Brier"), ("q#", "")],
)
def test_unknown_words_get_suggestions(word: str, suggested: str) -> None:
    with pytest.raises(InputError) as caught:
        run_explain(word)
    (problem,) = caught.value.problems
    assert problem.code == "unknown_id"
    assert suggested in problem.remedy if suggested else "docs/aliases.md" in problem.remedy


# --- scikit-learn and fairlearn, run

Number = Callable[[NDArray[Any], NDArray[Any], NDArray[Any], NDArray[Any]], float]
"""Of label, decision, score and group."""

SAME: dict[tuple[str, str], Number] = {
    ("accuracy_score", "accuracy"): lambda y, d, p, g: sk.accuracy_score(y, d),
    ("class_likelihood_ratios", "lr_plus"): lambda y, d, p, g: sk.class_likelihood_ratios(y, d)[0],
    ("class_likelihood_ratios", "lr_minus"): lambda y, d, p, g: sk.class_likelihood_ratios(y, d)[1],
    ("roc_auc_score", "auroc"): lambda y, d, p, g: sk.roc_auc_score(y, p),
    ("roc_auc_score(max_fpr)", "partial_auroc"): (
        lambda y, d, p, g: sk.roc_auc_score(y, p, max_fpr=0.1)
    ),
    ("brier_score_loss", "brier"): lambda y, d, p, g: sk.brier_score_loss(y, p),
    ("selection_rate", "flag_rate"): lambda y, d, p, g: fair.selection_rate(y, d),
} | {
    (name, target): (lambda y, d, p, g, name=name: getattr(fair, name)(y, d, sensitive_features=g))
    for name, target in (
        ("demographic_parity_difference", "demographic_parity_difference"),
        ("selection_rate_difference", "demographic_parity_difference"),
        ("demographic_parity_ratio", "demographic_parity_ratio"),
        ("selection_rate_ratio", "demographic_parity_ratio"),
        ("accuracy_score_difference", "overall_accuracy_equality_difference"),
        ("zero_one_loss_difference", "overall_accuracy_equality_difference"),
        ("accuracy_score_group_min", "minimax_error"),
    )
}


def value_here(result: AuditResult, target: str) -> float:
    if target in MEASURES:
        value = estimate(result, target).value
    else:
        (value,) = [c.value for c in result.criteria if c.id == f"{target}/sex"]
    assert value is not None
    return value


@cache
def random_result() -> tuple[dict[str, Any], AuditResult]:
    columns = random_columns(8, 500)
    return columns, audited(PLAN, columns)


def test_every_name_said_to_be_the_same_is_compared() -> None:
    # those of the other tasks are compared in tests/audit/tasks
    binary, libraries = {*MEASURES, *CRITERIA}, {"scikit-learn", "fairlearn"}
    same = {(a.name, a.target) for a in ALIASES if a.same and libraries & set(a.tools)}
    assert {(name, target) for name, target in same if target in binary} == set(SAME)


@pytest.mark.parametrize(("name", "target"), SAME, ids=[name for name, _ in SAME])
def test_same_number_as_the_library(name: str, target: str) -> None:
    columns, result = random_result()
    y, p, group = columns["y"], columns["p"], columns["sex"]
    number = SAME[name, target](y, (p >= 0.4).astype(int), p, group)
    assert value_here(result, target) == pytest.approx(number, abs=1e-9)


ZERO_THERE: dict[str, Callable[[], float]] = {
    "recall_score": lambda: sk.recall_score([0, 0], [0, 1]),
    "precision_score": lambda: sk.precision_score([0, 1], [0, 0]),
    "f1_score": lambda: sk.f1_score([0, 0], [0, 0]),
    "matthews_corrcoef": lambda: sk.matthews_corrcoef([0, 0], [0, 1]),
    "average_precision_score": lambda: sk.average_precision_score([0, 0], [0.2, 0.6]),
    "true_positive_rate": lambda: fair.true_positive_rate([0, 0], [0, 1]),
    "false_negative_rate": lambda: fair.false_negative_rate([0, 0], [0, 1]),
    "true_negative_rate": lambda: fair.true_negative_rate([1, 1], [0, 1]),
    "false_positive_rate": lambda: fair.false_positive_rate([1, 1], [0, 1]),
}


@pytest.mark.filterwarnings("ignore")
def test_names_said_to_give_zero_do_so_where_it_is_undefined_here() -> None:
    said = {
        a.name
        for a in ALIASES
        if {"scikit-learn", "fairlearn"} & set(a.tools) and a.note.startswith("It gives 0 where")
    }
    assert said == set(ZERO_THERE)
    for name, number in ZERO_THERE.items():
        assert number() == 0.0, name


@pytest.mark.filterwarnings("ignore")
def test_other_differences_of_the_libraries() -> None:
    assert sk.balanced_accuracy_score([0, 0, 0], [0, 0, 1]) == pytest.approx(2 / 3)
    assert sk.d2_brier_score([1, 1], [0.6, 0.7]) == -np.inf
    assert sk.zero_one_loss([0, 1, 1], [0, 1, 0]) == pytest.approx(1 - 2 / 3)
    assert sk.log_loss([0, 1], [1.0, 1.0]) == pytest.approx(-np.log(np.finfo(float).eps) / 2)
    with pytest.raises(ValueError, match="only one label"):
        sk.log_loss([0, 0], [0.2, 0.3])
    y, d = np.array([1, 1, 0, 0]), np.array([1, 1, 0, 1])
    group = {"sensitive_features": np.array(["a", "a", "b", "b"])}  # b has no positives
    assert fair.equal_opportunity_difference(y, d, **group) == 1.0
    assert fair.roc_auc_score_group_min(
        np.array([1, 0, 0, 0]), np.array([0.9, 0.1, 0.2, 0.3]), **group
    ) == pytest.approx(1.0)


# --- toolkits that are not installed with the tests: their figures, stored

COUNTS = {"F": (8, 4, 3, 15), "M": (20, 5, 6, 19)}  # TP, FN, FP, TN at 0.4; F against M

# AIF360 0.6.1, ClassificationMetric with F unprivileged: rates of F, then of the two groups.
AIF360 = {
    "true_positive_rate": 0.6666666666666666,
    "recall": 0.6666666666666666,
    "sensitivity": 0.6666666666666666,
    "power": 8.0,
    "true_negative_rate": 0.8333333333333334,
    "specificity": 0.8333333333333334,
    "false_positive_rate": 0.16666666666666666,
    "false_negative_rate": 0.3333333333333333,
    "positive_predictive_value": 0.7272727272727273,
    "precision": 0.7272727272727273,
    "negative_predictive_value": 0.7894736842105263,
    "false_discovery_rate": 0.2727272727272727,
    "false_omission_rate": 0.21052631578947367,
    "accuracy": 0.7666666666666667,
    "error_rate": 0.23333333333333328,
    "selection_rate": 0.36666666666666664,
    "base_rate": 0.4,
    "generalized_true_positive_rate": 0.4916666666666667,
    "generalized_false_positive_rate": 0.29166666666666663,
    "generalized_entropy_index": 0.1125,
    "theil_index": 0.15595811562598766,
    "coefficient_of_variation": 0.4743416490252569,
    "statistical_parity_difference": -0.15333333333333338,
    "mean_difference": -0.15333333333333338,
    "disparate_impact": 0.7051282051282051,
    "equal_opportunity_difference": -0.13333333333333341,
    "true_positive_rate_difference": -0.13333333333333341,
    "false_positive_rate_difference": -0.07333333333333333,
    "false_negative_rate_difference": 0.1333333333333333,
    "false_positive_rate_ratio": 0.6944444444444444,
    "false_negative_rate_ratio": 1.6666666666666665,
    "false_discovery_rate_difference": 0.041958041958041925,
    "false_omission_rate_difference": 0.00219298245614033,
    "error_rate_difference": 0.013333333333333308,
    "false_discovery_rate_ratio": 1.1818181818181817,
    "false_omission_rate_ratio": 1.0105263157894735,
    "error_rate_ratio": 1.0606060606060606,
    "average_odds_difference": -0.10333333333333337,
    "average_abs_odds_difference": 0.10333333333333337,
    "equalized_odds_difference": 0.13333333333333341,
    "average_predictive_value_difference": -0.019882529750950825,
    "generalized_equalized_odds_difference": 0.053333333333333344,
}
# Aequitas 1.1.0, Group.get_crosstabs and Bias.get_disparity_predefined_groups, row of F.
AEQUITAS = {
    "tpr": 0.6666666666666666,
    "tnr": 0.8333333333333334,
    "fpr": 0.16666666666666666,
    "fnr": 0.3333333333333333,
    "npv": 0.7894736842105263,
    "precision": 0.7272727272727273,
    "accuracy": 0.7666666666666667,
    "pprev": 0.36666666666666664,
    "prev": 0.4,
    "for": 0.21052631578947367,
    "fdr": 0.2727272727272727,
    "ppr": 0.2972972972972973,
    "tpr_disparity": 0.8333333333333333,
    "tnr_disparity": 1.0964912280701755,
    "fpr_disparity": 0.6944444444444444,
    "fnr_disparity": 1.6666666666666665,
    "npv_disparity": 0.997229916897507,
    "precision_disparity": 0.9454545454545454,
    "pprev_disparity": 0.7051282051282051,
    "for_disparity": 1.0105263157894735,
    "fdr_disparity": 1.1818181818181817,
    "ppr_disparity": 0.4230769230769231,
}
# smclarify 0.5, facet F.
CLARIFY = {
    "DPPL": 0.15333333333333338,
    "DI": 0.7051282051282051,
    "DAR": 0.04195804195804198,
    "DRR": -0.002192982456140302,
    "RD": 0.13333333333333341,
    "SD": 0.07333333333333336,
    "AD": 0.013333333333333308,
    "TE": 0.4999999999999999,
    "GE": 0.1125,
    "DPL": 0.09999999999999998,
    "TVD": 0.09999999999999998,
    "KS": 0.09999999999999998,
    "LP": 0.14142135623730948,
}
# OxonFair 0.3.
OXONFAIR = {
    "predictive_equality": 0.1333333333333333,
    "equalized_odds": 0.10333333333333339,
    "statistical_parity": 0.15333333333333338,
    "disparate_impact": 0.7051282051282051,
    "treatment_equality": 0.44999999999999996,
}
STORED = {
    "AIF360": AIF360,
    "Aequitas": AEQUITAS,
    "SageMaker Clarify": CLARIFY,
    "OxonFair": OXONFAIR,
}


@cache
def counted_result() -> AuditResult:
    return audited(PLAN, counted(**COUNTS))


def of_group(measure: str, group: str = "F") -> float:
    value = estimate(counted_result(), measure, f"sex={group}").value
    assert value is not None
    return value


def difference(measure: str) -> float:
    value = disparity(counted_result(), measure, "difference", "sex=F").value
    assert value is not None
    return value


def nearest(alias: Alias) -> float:
    """The number here that a name is said to be, or to be near to."""
    assert alias.target is not None
    if alias.contrast == "difference":
        return difference(alias.target)
    if alias.contrast == "ratio":
        value = disparity(counted_result(), alias.target, "ratio", "sex=F").value
        assert value is not None
        return value
    whole = alias.target in ("generalised_entropy", "theil") or alias.target in CRITERIA
    return value_here(counted_result(), alias.target) if whole else of_group(alias.target)


def complement_ratio(measure: str) -> float:
    return (1 - of_group(measure)) / (1 - of_group(measure, "M"))


# What the note of each unlike name says, as a formula in the numbers here; where it is not here,
# the names differ on other data only and are equal on these.
SAID: dict[tuple[str, str], Callable[[], float]] = {
    ("AIF360", "power"): lambda: of_group("sensitivity") * 12,
    ("AIF360", "false_discovery_rate"): lambda: 1 - of_group("ppv"),
    ("AIF360", "false_omission_rate"): lambda: 1 - of_group("npv"),
    ("AIF360", "error_rate"): lambda: 1 - of_group("accuracy"),
    ("AIF360", "coefficient_of_variation"): lambda: float(
        np.sqrt(2 * value_here(counted_result(), "generalised_entropy"))
    ),
    ("AIF360", "false_discovery_rate_difference"): lambda: -difference("ppv"),
    ("AIF360", "false_omission_rate_difference"): lambda: -difference("npv"),
    ("AIF360", "error_rate_difference"): lambda: -difference("accuracy"),
    ("AIF360", "false_discovery_rate_ratio"): lambda: complement_ratio("ppv"),
    ("AIF360", "false_omission_rate_ratio"): lambda: complement_ratio("npv"),
    ("AIF360", "error_rate_ratio"): lambda: complement_ratio("accuracy"),
    ("AIF360", "average_odds_difference"): lambda: (
        (difference("fpr") + difference("sensitivity")) / 2
    ),
    ("AIF360", "average_abs_odds_difference"): lambda: (
        (abs(difference("fpr")) + abs(difference("sensitivity"))) / 2
    ),
    ("AIF360", "average_predictive_value_difference"): lambda: (
        (difference("ppv") - difference("npv")) / 2
    ),
    ("AIF360", "generalized_equalized_odds_difference"): lambda: max(
        abs(difference("mean_score_positive")), abs(difference("mean_score_negative"))
    ),
    ("Aequitas", "for"): lambda: 1 - of_group("npv"),
    ("Aequitas", "fdr"): lambda: 1 - of_group("ppv"),
    ("Aequitas", "ppr"): lambda: 11 / 37,  # of 37 flagged units, 11 are women
    ("Aequitas", "for_disparity"): lambda: complement_ratio("npv"),
    ("Aequitas", "fdr_disparity"): lambda: complement_ratio("ppv"),
    ("Aequitas", "ppr_disparity"): lambda: 11 / 26,
    ("SageMaker Clarify", "DPPL"): lambda: -difference("flag_rate"),
    ("SageMaker Clarify", "DAR"): lambda: -difference("ppv"),
    ("SageMaker Clarify", "RD"): lambda: -difference("sensitivity"),
    ("SageMaker Clarify", "AD"): lambda: -difference("accuracy"),
    ("SageMaker Clarify", "DPL"): lambda: -difference("prevalence"),
    ("SageMaker Clarify", "TVD"): lambda: abs(difference("prevalence")),
    ("SageMaker Clarify", "KS"): lambda: abs(difference("prevalence")),
    ("SageMaker Clarify", "LP"): lambda: float(np.sqrt(2)) * abs(difference("prevalence")),
    ("OxonFair", "equalized_odds"): lambda: (
        (abs(difference("sensitivity")) + abs(difference("specificity"))) / 2
    ),
    ("OxonFair", "treatment_equality"): lambda: abs(
        1 / of_group("fn_fp_ratio") - 1 / of_group("fn_fp_ratio", "M")
    ),
}


@pytest.mark.parametrize("tool", STORED)
def test_stored_figures_of_toolkits(tool: str) -> None:
    of_tool = {a.name: a for a in ALIASES if tool in a.tools and a.target is not None}
    # the second names of the same figure, spelt out
    spelt_out = {name for name in of_tool if " " in name} | {"AR", "RR", "demographic_parity"}
    assert set(of_tool) - spelt_out == set(STORED[tool])
    for name, number in STORED[tool].items():
        alias = of_tool[name]
        said = SAID.get((tool, name))
        assert said is None or not alias.same, name
        expected = nearest(alias) if said is None else said()
        assert number == pytest.approx(expected, abs=1e-9), name


def test_oxonfair_is_the_mean_over_pairs() -> None:
    # OxonFair 0.3: sensitivities 0.9, 0.8 and 0.5 give equal_opportunity 0.26666667 (max_diff 0.4)
    # and selection rates of the same sizes disparate_impact 0.68981481.
    rates = (0.9, 0.8, 0.5)
    pairs = [(a, b) for i, a in enumerate(rates) for b in rates[i + 1 :]]
    assert np.mean([a - b for a, b in pairs]) == pytest.approx(0.26666667)
    assert np.mean([b / a for a, b in pairs]) == pytest.approx(0.68981481)
