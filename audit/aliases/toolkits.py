"""Names in the fairness toolkits AIF360, Aequitas and SageMaker Clarify.

All three compare a group with another one that is fixed beforehand: the reference here.
"""

from audit.aliases.declaration import Alias, absent, alike, unlike

_AIF = ("AIF360",)
_AEQUITAS = ("Aequitas",)
_CLARIFY = ("SageMaker Clarify",)

_AIF_RATES: tuple[Alias, ...] = (
    *alike("sensitivity", _AIF, "true_positive_rate", "recall", "sensitivity"),
    *unlike("sensitivity", _AIF, "It is the number of true positives, not their share.", "power"),
    *alike("specificity", _AIF, "true_negative_rate", "specificity"),
    *alike("fpr", _AIF, "false_positive_rate"),
    *alike("fnr", _AIF, "false_negative_rate"),
    *unlike("ppv", _AIF, "It gives 0 where no unit is flagged.", "positive_predictive_value",
            "precision"),
    *unlike("npv", _AIF, "It gives 0 where every unit is flagged.", "negative_predictive_value"),
    *unlike("ppv", _AIF, "It is 1 - PPV.", "false_discovery_rate"),
    *unlike("npv", _AIF, "It is 1 - NPV.", "false_omission_rate"),
    *alike("accuracy", _AIF, "accuracy"),
    *unlike("accuracy", _AIF, "It is 1 - accuracy.", "error_rate"),
    *alike("flag_rate", _AIF, "selection_rate"),
    *alike("prevalence", _AIF, "base_rate"),
    *alike("mean_score_positive", _AIF, "generalized_true_positive_rate"),
    *alike("mean_score_negative", _AIF, "generalized_false_positive_rate"),
    *alike("generalised_entropy", _AIF, "generalized_entropy_index"),
    *alike("theil", _AIF, "theil_index"),
    *unlike("generalised_entropy", _AIF, "It is the square root of twice generalised_entropy.",
            "coefficient_of_variation"),
    *absent(_AIF, "No equal here: it replaces each unit's benefit by its group's mean; see "
            "generalised_entropy by group.", "between_group_generalized_entropy_index",
            "between_group_theil_index", "between_group_coefficient_of_variation"),
    *absent(_AIF, "No equal here: it compares units with their neighbours, not groups.",
            "consistency"),
    *absent(_AIF, "No equal here; the nearest is demographic_parity_ratio.",
            "smoothed_empirical_differential_fairness",
            "differential_fairness_bias_amplification"),
)  # fmt: skip

_OPPOSITE_COMPLEMENT = "The same size with the other sign, as it is of 1 - {}."

_AIF_CONTRASTS: tuple[Alias, ...] = (
    *alike("flag_rate", _AIF, "statistical_parity_difference", "mean_difference",
           contrast="difference"),
    *alike("flag_rate", _AIF, "disparate_impact", contrast="ratio"),
    *alike("sensitivity", _AIF, "equal_opportunity_difference", "true_positive_rate_difference",
           contrast="difference"),
    *alike("fpr", _AIF, "false_positive_rate_difference", contrast="difference"),
    *alike("fnr", _AIF, "false_negative_rate_difference", contrast="difference"),
    *alike("fpr", _AIF, "false_positive_rate_ratio", contrast="ratio"),
    *alike("fnr", _AIF, "false_negative_rate_ratio", contrast="ratio"),
    *unlike("ppv", _AIF, _OPPOSITE_COMPLEMENT.format("PPV"), "false_discovery_rate_difference",
            contrast="difference"),
    *unlike("npv", _AIF, _OPPOSITE_COMPLEMENT.format("NPV"), "false_omission_rate_difference",
            contrast="difference"),
    *unlike("accuracy", _AIF, _OPPOSITE_COMPLEMENT.format("accuracy"), "error_rate_difference",
            contrast="difference"),
    *unlike("ppv", _AIF, "It is the ratio of 1 - PPV.", "false_discovery_rate_ratio",
            contrast="ratio"),
    *unlike("npv", _AIF, "It is the ratio of 1 - NPV.", "false_omission_rate_ratio",
            contrast="ratio"),
    *unlike("accuracy", _AIF, "It is the ratio of 1 - accuracy.", "error_rate_ratio",
            contrast="ratio"),
    *unlike("equalised_odds_difference", _AIF, "It is the mean of the signed differences in FPR "
            "and sensitivity, which cancel when they have opposite signs.",
            "average_odds_difference"),
    *unlike("equalised_odds_difference", _AIF, "It is the mean of the two absolute differences, "
            "not the larger.", "average_abs_odds_difference"),
    *unlike("equalised_odds_difference", _AIF, "Where sensitivity is undefined it is the "
            "difference in FPR alone.", "equalized_odds_difference"),
    *unlike("predictive_parity_difference", _AIF, "It is the mean of the signed differences in PPV "
            "and in 1 - NPV, which may cancel.", "average_predictive_value_difference"),
    *unlike("balance_positive_class", _AIF, "It is the larger of the differences in mean score of "
            "the positives and of the negatives.", "generalized_equalized_odds_difference"),
)  # fmt: skip

_AEQUITAS_NAMES: tuple[Alias, ...] = (
    *alike("sensitivity", _AEQUITAS, "tpr"),
    *alike("specificity", _AEQUITAS, "tnr"),
    *alike("fpr", _AEQUITAS, "fpr"),
    *alike("fnr", _AEQUITAS, "fnr"),
    *alike("npv", _AEQUITAS, "npv"),
    *alike("ppv", _AEQUITAS, "precision"),
    *alike("accuracy", _AEQUITAS, "accuracy"),
    *alike("flag_rate", _AEQUITAS, "pprev"),
    *alike("prevalence", _AEQUITAS, "prev"),
    *unlike("npv", _AEQUITAS, "It is 1 - NPV.", "for"),
    *unlike("ppv", _AEQUITAS, "It is 1 - PPV.", "fdr"),
    *unlike("flag_rate", _AEQUITAS, "It is the group's share of all flagged units, which grows "
            "with the size of the group; the flag rate is pprev there.", "ppr"),
    *alike("sensitivity", _AEQUITAS, "tpr_disparity", contrast="ratio"),
    *alike("specificity", _AEQUITAS, "tnr_disparity", contrast="ratio"),
    *alike("fpr", _AEQUITAS, "fpr_disparity", contrast="ratio"),
    *alike("fnr", _AEQUITAS, "fnr_disparity", contrast="ratio"),
    *alike("npv", _AEQUITAS, "npv_disparity", contrast="ratio"),
    *alike("ppv", _AEQUITAS, "precision_disparity", contrast="ratio"),
    *alike("flag_rate", _AEQUITAS, "pprev_disparity", "impact parity", contrast="ratio"),
    *unlike("npv", _AEQUITAS, "It is the ratio of 1 - NPV.", "for_disparity", contrast="ratio"),
    *unlike("ppv", _AEQUITAS, "It is the ratio of 1 - PPV.", "fdr_disparity", contrast="ratio"),
    *unlike("flag_rate", _AEQUITAS, "It is the ratio of the numbers flagged, not of the shares: "
            "groups of unequal size fail it with equal flag rates.", "ppr_disparity",
            "statistical parity", contrast="ratio"),
)  # fmt: skip

_ZERO = "With an empty denominator it is 0 or infinite there, undefined here."
_OPPOSITE = f"The sign is opposite: reference less group. {_ZERO}"
_LABELS = "prevalence by group says the same of two groups"

_CLARIFY_LABELS: tuple[Alias, ...] = (
    *absent(_CLARIFY, "No equal here: (n_a - n_d) / n of the two groups; the cohort table gives "
            "the counts.", "CI", "class imbalance"),
    *unlike("prevalence", _CLARIFY, "The sign is opposite: reference less group.", "DPL",
            contrast="difference"),
    *unlike("prevalence", _CLARIFY, "It is the size of the difference, without its sign.", "TVD",
            "total variation distance", "KS", contrast="difference"),
    *unlike("prevalence", _CLARIFY, "It is the size of the difference times the root of 2.", "LP",
            contrast="difference"),
    *absent(_CLARIFY, f"No equal here; the difference in {_LABELS}.", "KL", "JS"),
    *absent(_CLARIFY, "No equal here; the nearest is the difference in prevalence standardised to "
            "common covariates.", "CDDL"),
)  # fmt: skip

_CLARIFY_DECISIONS: tuple[Alias, ...] = (
    *unlike("flag_rate", _CLARIFY, "The sign is opposite: reference less group.", "DPPL",
            contrast="difference"),
    *unlike("flag_rate", _CLARIFY, _ZERO, "DI", contrast="ratio"),
    *absent(_CLARIFY, "No equal here: the difference of positives over flagged units, "
            "(TP + FN) / (TP + FP); the nearest is ppv.", "DCA"),
    *absent(_CLARIFY, "No equal here: the difference of negatives over unflagged units, "
            "(TN + FP) / (TN + FN); the nearest is npv.", "DCR"),
    *unlike("ppv", _CLARIFY, "It is TP / (TP + FP) there, and not the share flagged.",
            "acceptance rate", "AR"),
    *unlike("npv", _CLARIFY, "It is TN / (TN + FN) there, and not the share unflagged.",
            "rejection rate", "RR"),
    *unlike("ppv", _CLARIFY, _OPPOSITE, "DAR", "difference in acceptance rates",
            contrast="difference"),
    *unlike("npv", _CLARIFY, _ZERO, "DRR", "difference in rejection rates",
            contrast="difference"),
    *unlike("sensitivity", _CLARIFY, _OPPOSITE, "RD", "recall difference", contrast="difference"),
    *unlike("specificity", _CLARIFY, _ZERO, "SD", "specificity difference",
            contrast="difference"),
    *unlike("accuracy", _CLARIFY, "The sign is opposite: reference less group.", "AD",
            "accuracy difference", contrast="difference"),
    *unlike("fn_fp_ratio", _CLARIFY, f"It is the difference of FN / FP. {_ZERO}", "TE",
            "treatment equality", contrast="difference"),
    *alike("generalised_entropy", _CLARIFY, "GE"),
    *absent(_CLARIFY, "No equal here: it asks a nearest-neighbour model what the other group's "
            "decisions would be.", "FT", "flip test"),
    *absent(_CLARIFY, "No equal here; the nearest is the difference in flag_rate standardised to "
            "common covariates.", "CDDPL", "conditional demographic disparity"),
)  # fmt: skip

TOOLKITS = (
    *_AIF_RATES, *_AIF_CONTRASTS, *_AEQUITAS_NAMES, *_CLARIFY_LABELS, *_CLARIFY_DECISIONS,
)  # fmt: skip
