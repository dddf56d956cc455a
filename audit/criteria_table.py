"""The named fairness criteria, declared: which measures, compared how, and who proposed them."""

from dataclasses import dataclass
from typing import Literal

Contrast = Literal["difference", "ratio", "worst"]


@dataclass(frozen=True)
class CriterionDeclaration:
    """One named criterion over the groups of an attribute.

    `difference` is the largest less the smallest value over the groups, and with several `parts`
    the largest such gap among them. `ratio` is the smallest over the largest value, and with
    several parts the smallest such ratio. `worst` is the value of the worst group in the measure's
    own direction. `fair` is the value without any disparity (for `worst`: the best value there
    is), `line` the conventional line where one exists, which is not a requirement. A group whose
    measure is undefined leaves the criterion undefined or is named beside it; it never counts as
    zero.
    """

    id: str
    name: str
    parts: tuple[str, ...]
    contrast: Contrast
    fair: float
    line: float | None
    formula: str
    reading: str
    reference: str


_HARDT = "Hardt et al. 2016, NeurIPS, arXiv:1610.02413"
_VERMA = "Verma & Rubin 2018, FairWare, doi:10.1145/3194770.3194776"
_CHOULDECHOVA = "Chouldechova 2017, Big Data 5:153, doi:10.1089/big.2016.0047"
_KLEINBERG = "Kleinberg et al. 2017, ITCS, doi:10.4230/LIPIcs.ITCS.2017.43"
_BERK = "Berk et al. 2021, Sociol Methods Res 50:3, doi:10.1177/0049124118782533"
_CORBETT_DAVIES = "Corbett-Davies et al. 2017, KDD, doi:10.1145/3097983.3098095"
_CALDERS = "Calders & Verwer 2010, Data Min Knowl Disc 21:277, doi:10.1007/s10618-010-0190-x"
_FOUR_FIFTHS = (
    "29 CFR 1607.4(D) (four fifths); Feldman et al. 2015, KDD, doi:10.1145/2783258.2783311"
)
_UNDERDIAGNOSIS = "Seyyed-Kalantari et al. 2021, Nat Med 27:2176, doi:10.1038/s41591-021-01595-0"
_VAN_CALSTER = (
    "Van Calster et al. 2016, J Clin Epidemiol 74:167, doi:10.1016/j.jclinepi.2015.12.005"
)
_VICKERS = "Vickers & Elkin 2006, Med Decis Making 26:565, doi:10.1177/0272989X06295361"
_MARTINEZ = "Martinez et al. 2020, ICML, arXiv:2011.01821"
_DIANA = "Diana et al. 2021, AIES, arXiv:2011.03108"
_MEDFAIR = "Zong et al. 2023, ICLR, arXiv:2210.01725"


def _difference(
    id: str, name: str, parts: tuple[str, ...], rate: str, reading: str, reference: str
) -> CriterionDeclaration:
    formula = f"max - min over groups of {rate}"
    return CriterionDeclaration(
        id, name, parts, "difference", 0.0, None, formula, reading, reference
    )


def _ratio(
    id: str,
    name: str,
    parts: tuple[str, ...],
    rate: str,
    reading: str,
    reference: str,
    line: float | None = None,
) -> CriterionDeclaration:
    formula = f"min / max over groups of {rate}"
    return CriterionDeclaration(id, name, parts, "ratio", 1.0, line, formula, reading, reference)


def _worst(
    id: str, name: str, part: str, fair: float, formula: str, reading: str, reference: str
) -> CriterionDeclaration:
    return CriterionDeclaration(id, name, (part,), "worst", fair, None, formula, reading, reference)


_DECISIONS = (
    _difference(
        "demographic_parity_difference",
        "Demographic parity difference",
        ("flag_rate",),
        "(TP + FP) / n",
        "How far apart the shares flagged are. Groups that differ in prevalence should differ in "
        "it: in diagnosis a difference is no fault by itself.",
        _CALDERS,
    ),
    _ratio(
        "demographic_parity_ratio",
        "Demographic parity ratio",
        ("flag_rate",),
        "(TP + FP) / n",
        "The smallest share flagged over the largest. The line of four fifths is a rule of thumb "
        "of United States employment law, not of medicine.",
        _FOUR_FIFTHS,
        0.8,
    ),
    _difference(
        "equal_opportunity_difference",
        "Equal opportunity difference",
        ("sensitivity",),
        "TP / (TP + FN)",
        "Of those who have the condition, how much more often one group is found than another.",
        _HARDT,
    ),
    _ratio(
        "equal_opportunity_ratio",
        "Equal opportunity ratio",
        ("sensitivity",),
        "TP / (TP + FN)",
        "The smallest sensitivity over the largest.",
        _HARDT,
    ),
    CriterionDeclaration(
        "equalised_odds_difference",
        "Equalised odds difference",
        ("sensitivity", "fpr"),
        "difference",
        0.0,
        None,
        "the larger of max - min over groups of TP / (TP + FN) and max - min over groups of "
        "FP / (TN + FP)",
        "The worse of the gaps in sensitivity and in false positive rate; never their mean, in "
        "which one may hide the other.",
        _HARDT,
    ),
    CriterionDeclaration(
        "equalised_odds_ratio",
        "Equalised odds ratio",
        ("sensitivity", "fpr"),
        "ratio",
        1.0,
        None,
        "the smaller of min / max over groups of TP / (TP + FN) and min / max over groups of "
        "FP / (TN + FP)",
        "The worse of the two ratios. Small false positive rates make it small at once.",
        _HARDT,
    ),
    _difference(
        "predictive_parity_difference",
        "Predictive parity difference",
        ("ppv",),
        "TP / (TP + FP)",
        "Of those flagged, how much more often the flag is right in one group than in another. "
        "With unequal prevalence it cannot vanish together with both error-rate gaps.",
        _CHOULDECHOVA,
    ),
    _difference(
        "predictive_equality_difference",
        "Predictive equality difference",
        ("fpr",),
        "FP / (TN + FP)",
        "Of those without the condition, how much more often one group is flagged than another.",
        _CORBETT_DAVIES,
    ),
    _difference(
        "overall_accuracy_equality_difference",
        "Overall accuracy equality difference",
        ("accuracy",),
        "(TP + TN) / n",
        "Weighs both errors alike, and depends on the prevalence of each group.",
        _VERMA,
    ),
    _ratio(
        "treatment_equality",
        "Treatment equality",
        ("fn_fp_ratio",),
        "FN / FP",
        "Whether one group's errors are more often misses, another's more often false alarms.",
        _BERK,
    ),
    _difference(
        "underdiagnosis",
        "Underdiagnosis gap",
        ("fnr",),
        "FN / (TP + FN)",
        "Of the ill, how much more often one group is missed than another. Where the label is 'no "
        "finding', the ill are its negatives: read predictive_equality_difference (FPR) instead.",
        _UNDERDIAGNOSIS,
    ),
)

_PROBABILITIES = (
    _difference(
        "calibration_within_groups_citl",
        "Calibration within groups: in the large",
        ("citl",),
        "a in logit P(y=1) = a + logit(p), slope fixed at 1",
        "Whether the same predicted risk is too low on the whole for one group and not for "
        "another, on the logit scale.",
        f"{_KLEINBERG}; {_VAN_CALSTER}",
    ),
    _difference(
        "calibration_within_groups_slope",
        "Calibration within groups: slope",
        ("calibration_slope",),
        "b in logit P(y=1) = a + b logit(p)",
        "Whether predictions are too extreme for one group and not for another. Groups can share a "
        "slope that is wrong for all.",
        f"{_KLEINBERG}; {_VAN_CALSTER}",
    ),
    _difference(
        "balance_positive_class",
        "Balance for the positive class",
        ("mean_score_positive",),
        "mean p of units with the condition",
        "Among those who have the condition, how far apart the mean predicted risks are.",
        _KLEINBERG,
    ),
    _difference(
        "balance_negative_class",
        "Balance for the negative class",
        ("mean_score_negative",),
        "mean p of units without the condition",
        "Among those who do not have the condition, how far apart the mean predicted risks are.",
        _KLEINBERG,
    ),
    _difference(
        "net_benefit_gap",
        "Net benefit gap",
        ("net_benefit",),
        "TP/n - FP/n * t/(1-t) at the declared threshold probability t",
        "How much more clinical benefit one group draws from the model. The most that a group can "
        "draw is its prevalence, so read the standardised net benefit beside it.",
        _VICKERS,
    ),
)

_WORST = (
    _worst(
        "minimax_loss",
        "Minimax loss (Brier score)",
        "brier",
        0.0,
        "max over groups of mean (p - y)^2",
        "The loss of the group that the model serves worst. It sees a harm that a gap misses: "
        "making every group worse.",
        _MARTINEZ,
    ),
    _worst(
        "minimax_error",
        "Minimax error (accuracy)",
        "accuracy",
        1.0,
        "min over groups of (TP + TN) / n; one less it is the largest error rate of a group",
        "The accuracy of the group that is classified worst.",
        f"{_MARTINEZ}; {_DIANA}",
    ),
    _worst(
        "worst_group_auroc",
        "Worst-group AUROC",
        "auroc",
        1.0,
        "min over groups of P(score of a positive > score of a negative) + P(tie) / 2",
        "Discrimination in the group where it is poorest. It depends on the case mix of the group "
        "and says nothing of ranking between groups (xauc).",
        _MEDFAIR,
    ),
)

CRITERIA: dict[str, CriterionDeclaration] = {
    criterion.id: criterion for criterion in (*_DECISIONS, *_PROBABILITIES, *_WORST)
}
"""Every named criterion by its id, in the order in which they are reported."""
