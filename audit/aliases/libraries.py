"""Names in scikit-learn, fairlearn and other libraries that compute metrics."""

from audit.aliases.declaration import Alias, absent, alike, unlike

_SKLEARN = ("scikit-learn",)
_FAIRLEARN = ("fairlearn",)
_TORCHMETRICS = ("torchmetrics",)
_OXONFAIR = ("OxonFair",)
_R = ("fairmetrics",)
_RMS = ("rms", "CalibrationCurves")

_SKLEARN_NAMES: tuple[Alias, ...] = (
    *alike("accuracy", _SKLEARN, "accuracy_score"),
    *unlike("accuracy", _SKLEARN, "It is 1 - accuracy.", "zero_one_loss", "hamming_loss"),
    *unlike("sensitivity", _SKLEARN, "It gives 0 where there are no positives, with a warning.",
            "recall_score"),
    *unlike("ppv", _SKLEARN, "It gives 0 where no unit is flagged, with a warning.",
            "precision_score"),
    *unlike("f1", _SKLEARN, "It gives 0 where there are neither positives nor flagged units, with "
            "a warning.", "f1_score"),
    *unlike("balanced_accuracy", _SKLEARN, "Where only one outcome occurs it gives the share of "
            "that one classified rightly, with a warning.", "balanced_accuracy_score"),
    *unlike("mcc", _SKLEARN, "It gives 0 where one outcome, or one decision, does not occur.",
            "matthews_corrcoef"),
    *alike("lr_plus", _SKLEARN, "class_likelihood_ratios"),
    *alike("lr_minus", _SKLEARN, "class_likelihood_ratios"),
    *alike("auroc", _SKLEARN, "roc_auc_score"),
    *alike("partial_auroc", _SKLEARN, "roc_auc_score(max_fpr)"),
    *unlike("average_precision", _SKLEARN, "It gives 0 where there are no positives, with a "
            "warning.", "average_precision_score"),
    *alike("brier", _SKLEARN, "brier_score_loss"),
    *unlike("scaled_brier", _SKLEARN, "It gives minus infinity, or 0, where all units have the "
            "same outcome.", "d2_brier_score"),
    *unlike("log_loss", _SKLEARN, "It moves scores of 0 and 1 by the precision of the machine, not "
            "by 1e-10, and refuses data with one outcome unless told the labels.", "log_loss"),
    *absent(_SKLEARN, "No equal here; the nearest is log_loss.", "d2_log_loss_score"),
    *unlike("quadratic_kappa", _SKLEARN, "The same with weights='quadratic', for classes in order; "
            "for a binary outcome there is no equal, and the nearest is mcc.",
            "cohen_kappa_score"),
    *alike("top_k_accuracy", _SKLEARN, "top_k_accuracy_score"),
    *alike("mae", _SKLEARN, "mean_absolute_error"),
    *alike("rmse", _SKLEARN, "root_mean_squared_error"),
    *unlike("rmse", _SKLEARN, "It is the square of rmse.", "mean_squared_error"),
    *unlike("r2", _SKLEARN, "It gives 1 or 0 where the outcome does not vary.", "r2_score"),
    *absent(_SKLEARN, "No equal here; the nearest is f1.", "jaccard_score", "fbeta_score"),
    *absent(_SKLEARN, "No measure: calibration curves are in the report, in bins of equal mass "
            "with intervals and as a smooth curve.", "calibration_curve"),
)  # fmt: skip

_ZERO_RATE = "It gives 0 where the denominator is empty, so that a group without {} gets a rate."
_ZERO_GAP = (
    "A group whose rate has an empty denominator counts as 0 there, and can be the whole "
    "difference."
)
_SMALLEST = "It is the smallest over the largest; here the ratio is to the reference group."
_WORST = "It is the worst group's value; here the gap names the worst group."

_FAIRLEARN_NAMES: tuple[Alias, ...] = (
    *unlike("sensitivity", _FAIRLEARN, _ZERO_RATE.format("positives"), "true_positive_rate"),
    *unlike("fnr", _FAIRLEARN, _ZERO_RATE.format("positives"), "false_negative_rate"),
    *unlike("specificity", _FAIRLEARN, _ZERO_RATE.format("negatives"), "true_negative_rate"),
    *unlike("fpr", _FAIRLEARN, _ZERO_RATE.format("negatives"), "false_positive_rate"),
    *alike("flag_rate", _FAIRLEARN, "selection_rate"),
    *absent(_FAIRLEARN, "No equal here; oe_ratio compares the mean probability with what happens.",
            "mean_prediction"),
    *absent(_FAIRLEARN, "No measure: every estimate carries its n.", "count"),
    *alike("demographic_parity_difference", _FAIRLEARN, "demographic_parity_difference",
           "selection_rate_difference"),
    *alike("demographic_parity_ratio", _FAIRLEARN, "demographic_parity_ratio",
           "selection_rate_ratio"),
    *unlike("equal_opportunity_difference", _FAIRLEARN, _ZERO_GAP, "equal_opportunity_difference",
            "true_positive_rate_difference"),
    *unlike("equal_opportunity_ratio", _FAIRLEARN, _ZERO_GAP, "equal_opportunity_ratio",
            "true_positive_rate_ratio"),
    *unlike("equalised_odds_difference", _FAIRLEARN, f"{_ZERO_GAP} With agg='mean' it is the mean "
            "of the two gaps.", "equalized_odds_difference"),
    *unlike("equalised_odds_ratio", _FAIRLEARN, f"{_ZERO_GAP} With agg='mean' it is the mean of "
            "the two ratios.", "equalized_odds_ratio"),
    *unlike("predictive_equality_difference", _FAIRLEARN, _ZERO_GAP,
            "false_positive_rate_difference"),
    *unlike("underdiagnosis", _FAIRLEARN, _ZERO_GAP, "false_negative_rate_difference"),
    *unlike("specificity", _FAIRLEARN, _ZERO_GAP, "true_negative_rate_difference",
            contrast="gap"),
    *unlike("fpr", _FAIRLEARN, _SMALLEST, "false_positive_rate_ratio", contrast="ratio"),
    *unlike("fnr", _FAIRLEARN, _SMALLEST, "false_negative_rate_ratio", contrast="ratio"),
    *unlike("specificity", _FAIRLEARN, _SMALLEST, "true_negative_rate_ratio", contrast="ratio"),
    *unlike("accuracy", _FAIRLEARN, _SMALLEST, "accuracy_score_ratio", contrast="ratio"),
    *alike("overall_accuracy_equality_difference", _FAIRLEARN, "accuracy_score_difference",
           "zero_one_loss_difference"),
    *alike("minimax_error", _FAIRLEARN, "accuracy_score_group_min"),
    *unlike("minimax_error", _FAIRLEARN, "It is 1 - minimax_error.", "zero_one_loss_group_max"),
    *unlike("accuracy", _FAIRLEARN, "It is the ratio of the error rates, 1 - accuracy.",
            "zero_one_loss_ratio", contrast="ratio"),
    *unlike("worst_group_auroc", _FAIRLEARN, "It silently leaves out groups with one outcome.",
            "roc_auc_score_group_min"),
    *unlike("log_loss", _FAIRLEARN, _WORST, "log_loss_group_max", contrast="gap"),
    *unlike("f1", _FAIRLEARN, _WORST, "f1_score_group_min", contrast="gap"),
    *unlike("ppv", _FAIRLEARN, _WORST, "precision_score_group_min", contrast="gap"),
    *unlike("sensitivity", _FAIRLEARN, _WORST, "recall_score_group_min", contrast="gap"),
    *unlike("balanced_accuracy", _FAIRLEARN, _WORST, "balanced_accuracy_score_group_min",
            contrast="gap"),
)  # fmt: skip

_OTHER_NAMES: tuple[Alias, ...] = (
    *unlike("ece", _TORCHMETRICS, "A confidence of exactly 1 falls into a bin of its own.",
            "binary_calibration_error"),
    *unlike("demographic_parity_ratio", _TORCHMETRICS, "A group of which nobody is seen counts "
            "as 0.", "DP"),
    *unlike("equal_opportunity_ratio", _TORCHMETRICS, "A group without positives counts as 0.",
            "EO"),
    *unlike("underdiagnosis", _OXONFAIR, "There it is the gap in the false negative rate; the "
            "literature's is of the false positive rate (predictive_equality_difference). Over "
            "more than two groups it is the mean over pairs.", "predictive_equality"),
    *unlike("equalised_odds_difference", _OXONFAIR, "There it is the mean of the gaps in "
            "sensitivity and specificity, each the mean over pairs of groups.", "equalized_odds"),
    *unlike("demographic_parity_difference", _OXONFAIR, "Over more than two groups it is the mean "
            "over pairs of groups.", "statistical_parity", "demographic_parity"),
    *unlike("demographic_parity_ratio", _OXONFAIR, "Over more than two groups it is the mean over "
            "pairs of groups.", "disparate_impact"),
    *unlike("treatment_equality", _OXONFAIR, "There it is a difference of FP / FN, with an empty "
            "denominator taken as 1.", "treatment_equality"),
    *alike("flag_rate", _R, "PPR", "positive prediction rate"),
    *unlike("ici", _RMS, "The same up to 5,000 rows; beyond, the curve here is a spline.", "Eavg"),
    *alike("spiegelhalter_z", _RMS, "S:z"),
)  # fmt: skip

LIBRARIES = (*_SKLEARN_NAMES, *_FAIRLEARN_NAMES, *_OTHER_NAMES)
