"""Names that the fields of medicine, statistics and machine learning use for the same things."""

from audit.aliases.declaration import Alias, absent, alike, unlike

_FIELD: tuple[str, ...] = ()

_DECISIONS: tuple[Alias, ...] = (
    *alike("sensitivity", _FIELD, "recall", "hit rate", "true positive rate", "TPR", "power",
           "detection rate"),
    *alike("specificity", _FIELD, "true negative rate", "TNR", "selectivity"),
    *alike("ppv", _FIELD, "precision"),
    *unlike("ppv", _FIELD, "It is 1 - PPV, and not the false discovery rate of many tests.",
            "false discovery rate", "FDR"),
    *unlike("ppv", _FIELD, "It is 1 / PPV.", "number needed to evaluate", "NNE",
            "number needed to alert"),
    *unlike("npv", _FIELD, "It is 1 - NPV.", "false omission rate", "FOR"),
    *alike("fpr", _FIELD, "fall-out", "false alarm rate", "type I error rate"),
    *alike("fnr", _FIELD, "miss rate", "type II error rate"),
    *alike("flag_rate", _FIELD, "selection rate", "positive rate", "predicted positive rate",
           "acceptance rate", "alert rate", "predicted prevalence"),
    *alike("prevalence", _FIELD, "base rate", "event rate"),
    *alike("accuracy", _FIELD, "overall accuracy", "fraction correct"),
    *unlike("accuracy", _FIELD, "It is 1 - accuracy.", "error rate", "zero-one loss",
            "misclassification rate"),
    *alike("balanced_accuracy", _FIELD, "BAC"),
    *unlike("balanced_accuracy", _FIELD, "It is 1 - balanced accuracy.", "balanced error rate",
            "BER", "half total error rate"),
    *alike("f1", _FIELD, "F-score", "F-measure"),
    *unlike("f1", _FIELD, "F1 is F-beta with beta = 1; other values of beta are not reported.",
            "F-beta"),
    *alike("mcc", _FIELD, "phi coefficient", "Matthews correlation"),
    *unlike("lr_plus", _FIELD, "It is lr_plus / lr_minus, (TP TN) / (FP FN).",
            "diagnostic odds ratio", "DOR"),
    *alike("youden", _FIELD, "informedness", "Youden index", "Peirce skill score",
           "true skill statistic"),
    *unlike("youden", _FIELD, "It is the largest Youden's J over all thresholds, not that at the "
            "declared one.", "KS statistic"),
    *unlike("youden", _FIELD, "It is 1 / Youden's J.", "number needed to diagnose"),
    *alike("fn_fp_ratio", _FIELD, "error ratio"),
    *unlike("quadratic_kappa", _FIELD, "Here with quadratic weights, for classes in order; for a "
            "binary outcome there is no equal, and the nearest is mcc.", "Cohen's kappa"),
    *alike("quadratic_kappa", _FIELD, "QWK"),
    *absent(_FIELD, "No equal here; the nearest is balanced_accuracy, the arithmetic mean.",
            "G-mean"),
    *absent(_FIELD, "No equal here; it is ppv over prevalence.", "lift"),
)  # fmt: skip

_SCORES: tuple[Alias, ...] = (
    *alike("auroc", _FIELD, "AUC", "ROC AUC", "area under the ROC curve", "c-statistic",
           "concordance statistic"),
    *unlike("auroc", _FIELD, "The same for a yes/no outcome; of survival times it is Harrell's or "
            "Uno's C.", "c-index", "concordance index"),
    *unlike("auroc", _FIELD, "It is 2 AUROC - 1.", "Somers' D", "Dxy", "Gini coefficient", "Gini"),
    *alike("average_precision", _FIELD, "AP"),
    *unlike("average_precision", _FIELD, "Often the trapezoid under the precision-recall curve, "
            "which joins points by lines that no threshold reaches; here it is the step "
            "interpolation.", "AUPRC", "PR AUC", "AUCPR",
            "area under the precision-recall curve"),
    *unlike("partial_auroc", _FIELD, "Often the raw area, at most max_fpr; here it is standardised "
            "so that chance gives 0.5 and a perfect curve 1.", "pAUC", "partial AUC"),
    *alike("xauc", _FIELD, "cross-group AUC", "BNSP AUC"),
    *absent(_FIELD, "No equal here; the nearest is xauc, which takes the positives of the group "
            "and the negatives outside it, not the reverse.", "BPSN AUC"),
    *alike("brier", _FIELD, "quadratic score"),
    *unlike("brier", _FIELD, "Brier's own form sums over both classes and is twice the number.",
            "probability score"),
    *alike("scaled_brier", _FIELD, "Brier skill score", "BSS", "index of prediction accuracy",
           "IPA"),
    *alike("log_loss", _FIELD, "logarithmic loss", "binary cross-entropy"),
    *unlike("log_loss", _FIELD, "Often the sum over units, or in bits; here it is the mean, in "
            "natural logarithms.", "negative log likelihood", "NLL", "cross-entropy"),
    *unlike("log_loss", _FIELD, "It is 2 n times the log loss.", "deviance"),
    *unlike("murphy_reliability", _FIELD, "Often in bins of equal width; here the bins have equal "
            "mass.", "reliability", "calibration loss"),
    *unlike("murphy_resolution", _FIELD, "Often in bins of equal width; here the bins have equal "
            "mass.", "resolution"),
    *alike("murphy_uncertainty", _FIELD, "uncertainty of the Brier score"),
)  # fmt: skip

_CALIBRATION: tuple[Alias, ...] = (
    *alike("oe_ratio", _FIELD, "O/E", "O:E", "OE", "observed-to-expected ratio"),
    *unlike("oe_ratio", _FIELD, "It is the inverse, expected over observed.", "E/O", "E:O",
            "expected-to-observed ratio"),
    *alike("citl", _FIELD, "CIL"),
    *unlike("citl", _FIELD, "Some mean the difference of mean outcome and mean probability; here "
            "it is the intercept on the logit scale.", "mean calibration"),
    Alias("calibration intercept", ("CalibrationCurves",), "citl",
          note="There the slope is fixed at 1; calibration_intercept here is of the joint fit."),
    *alike("calibration_slope", _FIELD, "Cox slope", "logistic recalibration slope"),
    *alike("calibration_intercept", _FIELD, "Cox intercept"),
    *unlike("emax", _FIELD, "It is the largest difference over bins; here it is read off a "
            "flexible curve.", "maximum calibration error", "MCE"),
    *unlike("ece_mass", _FIELD, "The number and the edges of its bins differ between tools.",
            "adaptive calibration error", "ACE"),
    *alike("smece", _FIELD, "SmoothECE"),
    *absent(_FIELD, "No equal here: it depends on the grouping and has little power; see ici and "
            "spiegelhalter_z.", "Hosmer-Lemeshow", "Hosmer-Lemeshow test"),
    *unlike("rmse", _FIELD, "It is the square of rmse.", "MSE"),
    *alike("r2", _FIELD, "coefficient of determination"),
    *alike("net_benefit", _FIELD, "NB"),
    *alike("standardised_net_benefit", _FIELD, "sNB"),
    *unlike("standardised_net_benefit", _FIELD, "It subtracts the better of treating all and "
            "treating none before it divides.", "relative utility"),
)  # fmt: skip

_CRITERIA: tuple[Alias, ...] = (
    *alike("demographic_parity_difference", _FIELD, "demographic parity", "statistical parity",
           "group fairness", "independence"),
    *unlike("demographic_parity_ratio", _FIELD, "Often one group over a fixed other, which may "
            "exceed 1; here it is the smallest over the largest.", "disparate impact",
            "adverse impact ratio"),
    *alike("demographic_parity_ratio", _FIELD, "four-fifths rule", "80 percent rule"),
    *alike("equal_opportunity_difference", _FIELD, "equal opportunity", "equality of opportunity",
           "false negative error rate balance"),
    *alike("equalised_odds_difference", _FIELD, "equalised odds", "separation",
           "disparate mistreatment", "conditional procedure accuracy equality"),
    *alike("predictive_parity_difference", _FIELD, "predictive parity", "outcome test"),
    *unlike("predictive_parity_difference", _FIELD, "It asks for equal NPV as well.",
            "conditional use accuracy equality"),
    *alike("predictive_equality_difference", _FIELD, "predictive equality",
           "false positive error rate balance"),
    *alike("overall_accuracy_equality_difference", _FIELD, "overall accuracy equality",
           "accuracy parity"),
    *unlike("calibration_within_groups_citl", _FIELD, "Two criteria here, in the large (citl) and "
            "of the slope; the whole curves are in the report.", "calibration within groups",
            "test fairness", "matching conditional frequencies", "sufficiency"),
    *alike("underdiagnosis", _FIELD, "underdiagnosis rate difference"),
    *alike("minimax_error", _FIELD, "worst-group accuracy"),
    *alike("minimax_loss", _FIELD, "minimax fairness", "minimax Pareto fairness"),
    *alike("worst_group_auroc", _FIELD, "worst-case AUC", "minimum AUC"),
    *alike("generalised_entropy", _FIELD, "GEI", "half squared coefficient of variation"),
    *absent(_FIELD, "No equal here: it compares single units, not groups, and needs a distance "
            "between them.", "individual fairness", "counterfactual fairness"),
    *absent(_FIELD, "No equal here: it mixes level and spread in one number; read "
            "worst_group_auroc and the gap.", "equity-scaled AUC"),
)  # fmt: skip

FIELD = (*_DECISIONS, *_SCORES, *_CALIBRATION, *_CRITERIA)
