"""Measures of the order that the score puts units in."""

from collections.abc import Callable

from audit.ladder import Ladder
from audit.measures.declaration import Measure, divide
from audit.stats import ladder
from audit.sums import Array, Sums


def _auroc(sums: Sums) -> Array:
    return divide(sums["pairs"], sums["positives"] * sums["negatives"])


def _average_precision(sums: Sums) -> Array:
    return divide(sums["precision"], sums["positives"])


def _partial_auroc(rungs: Ladder) -> Array:
    return ladder.partial_auroc(rungs.positives, rungs.negatives, rungs.setting.max_fpr)


def _sensitivity_at(rungs: Ladder) -> Array:
    wanted = rungs.setting.specificity
    return ladder.sensitivity_at_specificity(rungs.positives, rungs.negatives, wanted)[0]


def _specificity_at(rungs: Ladder) -> Array:
    wanted = rungs.setting.sensitivity
    return ladder.specificity_at_sensitivity(rungs.positives, rungs.negatives, wanted)[0]


def _cross_auroc(rungs: Ladder) -> Array:
    return ladder.cross_auroc(rungs.positives, rungs.outside)


def _of_curve(
    id: str,
    name: str,
    formula: str,
    compute: Callable[[Ladder], Array],
    undefined_when: str,
    reading: str,
    reference: str,
) -> Measure:
    return Measure(
        id=id,
        name=name,
        family="ranking",
        formula=formula,
        numerator_text="read off the ROC curve",
        denominator_text="pairs of a positive and a negative",
        direction="higher",
        target=None,
        bounds=(0.0, 1.0),
        inference="bootstrap",
        scale="logit",
        undefined_when=undefined_when,
        reading=reading,
        reference=reference,
        of_ladder=compute,
        needs_score=True,
    )


MEASURES = (
    Measure(
        id="auroc",
        name="AUROC",
        family="ranking",
        formula="P(score of a positive > score of a negative) + P(tie) / 2",
        numerator_text="pairs of a positive and a negative in which the positive scores higher",
        denominator_text="pairs of a positive and a negative",
        direction="higher",
        target=None,
        bounds=(0.0, 1.0),
        inference="auc",
        scale="logit",
        compute=_auroc,
        undefined_when="there are no positives or no negatives",
        reading="How often a unit with the condition scores above one without; 0.5 by chance.",
        reference="Hanley & McNeil 1982, Radiology 143:29, doi:10.1148/radiology.143.1.7063747",
        needs_score=True,
    ),
    Measure(
        id="average_precision",
        name="Average precision",
        family="ranking",
        formula="mean over positives of the PPV at their own score (step interpolation)",
        numerator_text="sum over positives of the PPV at their score",
        denominator_text="positives",
        direction="higher",
        target=None,
        bounds=(0.0, 1.0),
        inference="bootstrap",
        scale="logit",
        compute=_average_precision,
        undefined_when="there are no positives",
        reading="Precision averaged over recall; by chance it equals the prevalence.",
        reference="Davis & Goadrich 2006, ICML, doi:10.1145/1143844.1143874",
        needs_score=True,
    ),
    _of_curve(
        "partial_auroc",
        "Partial AUROC",
        "area under the ROC curve for FPR from 0 to 0.1 (option max_fpr), standardised to 0.5 by "
        "chance and 1 at best",
        _partial_auroc,
        "there are no positives or no negatives",
        "The AUROC of the part of the curve where few healthy units are flagged.",
        "McClish 1989, Med Decis Making 9:190, doi:10.1177/0272989X8900900307",
    ),
    _of_curve(
        "sensitivity_at_specificity",
        "Sensitivity at fixed specificity",
        "largest TP / (TP + FN) over thresholds with specificity at least 0.9 (option specificity)",
        _sensitivity_at,
        "there are no positives or no negatives",
        "The threshold is found in each group on these data: optimistic, and not one operating "
        "point for all.",
        "Pepe 2003, The Statistical Evaluation of Medical Tests, ch. 4",
    ),
    _of_curve(
        "specificity_at_sensitivity",
        "Specificity at fixed sensitivity",
        "largest TN / (TN + FP) over thresholds with sensitivity at least 0.9 (option sensitivity)",
        _specificity_at,
        "there are no positives or no negatives",
        "The threshold is found in each group on these data: optimistic, and not one operating "
        "point for all.",
        "Pepe 2003, The Statistical Evaluation of Medical Tests, ch. 4",
    ),
    _of_curve(
        "xauc",
        "Cross-group AUROC",
        "P(score of a positive in the group > score of a negative outside it) + P(tie) / 2",
        _cross_auroc,
        "the group has no positives, or there are no negatives outside it",
        "How often a unit of the group with the condition ranks above one of the others without.",
        "Kallus & Zhou 2019, NeurIPS, arXiv:1902.05826",
    ),
    Measure(
        id="abroca",
        name="ABROCA",
        family="ranking",
        formula="integral over FPR from 0 to 1 of |ROC of the group - ROC of the reference|",
        numerator_text="absolute area between the two ROC curves",
        denominator_text="1",
        direction="lower",
        target=None,
        bounds=(0.0, 1.0),
        inference="basic",
        scale="identity",
        undefined_when="one of the two groups has no positives or no negatives",
        reading="How far the ROC curves of two groups lie apart, crossing or not. Never 0 in a "
        "sample: read it against its null, the attribute permuted over patients.",
        reference="Gardner, Brooks & Baker 2019, LAK, doi:10.1145/3303772.3303791",
        needs_score=True,
        pairwise=True,
    ),
)
