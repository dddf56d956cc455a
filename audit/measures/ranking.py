"""Measures of the order that the score puts units in."""

from audit.measures.declaration import Measure, divide
from audit.sums import Array, Sums


def _auroc(sums: Sums) -> Array:
    return divide(sums["pairs"], sums["positives"] * sums["negatives"])


def _average_precision(sums: Sums) -> Array:
    return divide(sums["precision"], sums["positives"])


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
)
