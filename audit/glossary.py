"""Words that stand in a result, explained: statuses, verdicts, methods and warnings."""

from audit.glossary_entry import Entry
from audit.glossary_paired import PAIRED

__all__ = ["ENTRIES", "METHODS", "STATUSES", "VERDICTS", "Entry"]

STATUSES = (
    Entry(
        "ok",
        "Estimated",
        "The value and its interval are shown.",
        "Read the interval, not only the value.",
    ),
    Entry(
        "undefined",
        "Undefined",
        "The denominator is empty (no positives, say), or the score does not allow the measure.",
        "There is no number. It is not zero.",
    ),
    Entry(
        "insufficient",
        "Insufficient data",
        "The value is shown, but the data fall below the plan's minimum for inference, or more "
        "than 5 % of the resamples leave the measure undefined.",
        "Do not compare or rank it; it decides no requirement.",
    ),
    Entry(
        "suppressed",
        "Suppressed",
        "Too few people to show without risking that someone is recognised.",
        "The number exists and is withheld; other cells may be withheld to protect it.",
    ),
    Entry(
        "not_collected",
        "Not collected",
        "No unit of the cohort is in this stratum, or none has both label and score.",
        "Nothing is known about this group. That is a finding about the data.",
    ),
)

VERDICTS = (
    Entry(
        "met",
        "Met",
        "The whole interval lies inside the margin; a count is what was asked for.",
        "The data support it.",
    ),
    Entry(
        "violated",
        "Violated",
        "The whole interval lies outside the margin; a count falls short.",
        "The data speak against the requirement; the gate exits with 1.",
    ),
    Entry(
        "inconclusive",
        "Inconclusive",
        "The interval reaches across the margin, or there is too little data for an interval.",
        "Neither a pass nor a failure; the gate exits with 3. `detectable` says how far from the "
        "margin a value would have to be for these data to decide, `n_needed` how many units "
        "would decide the value seen, both at 80 % power.",
    ),
    Entry(
        "not_estimable",
        "Not estimable",
        "What the requirement speaks of is undefined, suppressed or was not collected, or needs a "
        "baseline or answers that were not given.",
        "Nothing was assessed; the gate exits with 3.",
    ),
    Entry(
        "not_applicable",
        "Not applicable",
        "The requirement was declared not to apply.",
        "It is listed and does not count.",
    ),
    Entry(
        "waived",
        "Waived",
        "Someone accepted the requirement's outcome for a stated time.",
        "It is still computed and printed.",
    ),
    Entry(
        "error",
        "Not judged",
        "This program failed while it judged the requirement; the reason names what happened.",
        "The other requirements are judged all the same; the gate exits with 4, or with 1 where "
        "another is violated.",
    ),
)

_WILSON = "Wilson 1927, doi:10.1080/01621459.1927.10502953"
_LOGIT_AUC = "Qin & Hotilovac 2008, doi:10.1177/0962280207087173"
_ROBUST = "Liang & Zeger 1986, doi:10.1093/biomet/73.1.13; Binder 1983, doi:10.2307/1402588"
_BOOT = "Hanley & MacGibbon 2006, doi:10.1016/j.cmpb.2006.04.006"
_EFRON = "Efron & Tibshirani 1993, An Introduction to the Bootstrap"
_BCA = "Efron 1987, doi:10.1080/01621459.1987.10478410"
_DAVISON = "Davison & Hinkley 1997, doi:10.1017/CBO9780511802843"
_BROWN = "Brown, Cai & DasGupta 2001, doi:10.1214/ss/1009213286"
_KORN = "Korn & Graubard 1998, Survey Methodology 24:193"
_MAX_T = "Westfall & Young 1993, Resampling-Based Multiple Testing"

METHODS = (
    Entry(
        "wilson",
        "Wilson score interval",
        "Interval of a proportion of independent units.",
        "Never a single point, also at 0 and 1.",
        _WILSON,
    ),
    Entry(
        "wilson_patients",
        "Wilson interval on patients",
        "Used where a proportion shows no variation between patients: the Wilson interval of as "
        "many independent units as there are patients.",
        "Conservative.",
        _WILSON,
    ),
    Entry(
        "wilson_positives",
        "Wilson interval on positives",
        "Used where no resample of the average precision differs: the Wilson interval of as many "
        "units as there are patients with the condition.",
        "Conservative.",
        _WILSON,
    ),
    Entry(
        "wilson_smaller_class",
        "Wilson interval on the smaller class",
        "Used where an AUROC is 0 or 1 or its variance is zero: the Wilson interval of as many "
        "units as the rarer outcome has patients.",
        "Conservative; keeps perfect separation from looking certain.",
        _WILSON,
    ),
    Entry(
        "delong_logit",
        "DeLong, logit scale",
        "DeLong's variance of the AUROC, taken as normal on the logit scale.",
        "For independent units.",
        f"DeLong et al. 1988, doi:10.2307/2531595; {_LOGIT_AUC}",
    ),
    Entry(
        "obuchowski_logit",
        "Obuchowski, logit scale",
        "DeLong's variance with the placements summed by patient, on the logit scale.",
        "Units of one patient are not taken as independent.",
        f"Obuchowski 1997, doi:10.2307/2533958; {_LOGIT_AUC}",
    ),
    Entry(
        "cluster_robust_logit",
        "Cluster-robust, logit scale",
        "Influence values summed by patient; Student t with patients - 1 degrees of freedom on the "
        "logit scale.",
        "Units of one patient are not taken as independent.",
        _ROBUST,
    ),
    Entry(
        "cluster_robust_log",
        "Cluster-robust, log scale",
        "Influence values summed by patient; Student t with patients - 1 degrees of freedom on the "
        "log scale.",
        "Units of one patient are not taken as independent.",
        _ROBUST,
    ),
    Entry(
        "cluster_robust_identity",
        "Cluster-robust",
        "Influence values summed by patient; Student t with patients - 1 degrees of freedom.",
        "Units of one patient are not taken as independent.",
        _ROBUST,
    ),
    Entry(
        "linearised_logit",
        "Linearised, logit scale",
        "Variance from influence values of independent units, Student t on the logit scale.",
        "For independent units.",
        _ROBUST,
    ),
    Entry(
        "linearised_log",
        "Linearised, log scale",
        "Variance from influence values of independent units, Student t on the log scale.",
        "For independent units.",
        _ROBUST,
    ),
    Entry(
        "linearised_identity",
        "Linearised",
        "Variance from influence values of independent units (for the calibration intercept and "
        "slope: the sandwich variance), Student t.",
        "For independent units.",
        _ROBUST,
    ),
    Entry(
        "percentile_bootstrap_poisson",
        "Patient bootstrap, percentile",
        "Whole patients are resampled with Poisson(1) weights that depend only on seed, patient "
        "and replicate; the interval runs between percentiles of the resamples. The calibration "
        "fits of a resample are one Newton step from the fit to the data; measures of follow-up "
        "move by the influence values of the patients drawn.",
        "One set of resamples serves all measures and strata: differences keep their covariance.",
        _BOOT,
    ),
    Entry(
        "percentile_bootstrap_multinomial",
        "Patient bootstrap, percentile, exact n",
        "As many whole patients as the cohort has are drawn with replacement (used below 200 "
        "patients); the interval runs between percentiles of the resamples.",
        "One set of resamples serves all measures and strata: differences keep their covariance.",
        _EFRON,
    ),
    Entry(
        "newcombe",
        "Newcombe hybrid score interval",
        "Difference of two independent proportions, from their Wilson intervals.",
        "For independent units.",
        "Newcombe 1998, method 10, "
        "doi:10.1002/(SICI)1097-0258(19980430)17:8<873::AID-SIM779>3.0.CO;2-I",
    ),
    Entry(
        "mover",
        "Recovered from the two intervals",
        "Used where resamples of a stratum do not vary: from the two strata's own intervals.",
        "Assumes that no patient is in both strata.",
        "Zou & Donner 2008, doi:10.1002/sim.3095",
    ),
    Entry(
        "max_t_pairs_poisson",
        "Simultaneous pairs (max-T), patient bootstrap",
        "All pairwise differences get simultaneous intervals from the shared resamples; the gap "
        "lies between the largest of their lower ends and the largest of their upper ends. No "
        "stratum is taken as surer than its own interval says. p is that of no difference between "
        "any two strata.",
        "Not biased upwards by the number of groups, as resampled gaps are.",
        "Westfall & Young 1993, Resampling-Based Multiple Testing",
    ),
    Entry(
        "max_t_pairs_multinomial",
        "Simultaneous pairs (max-T), patient bootstrap, exact n",
        "All pairwise differences get simultaneous intervals from the shared resamples; the gap "
        "lies between the largest of their lower ends and the largest of their upper ends. No "
        "stratum is taken as surer than its own interval says. p is that of no difference between "
        "any two strata.",
        "Not biased upwards by the number of groups, as resampled gaps are.",
        "Westfall & Young 1993, Resampling-Based Multiple Testing",
    ),
    Entry(
        "bca_bootstrap_poisson",
        "Patient bootstrap, BCa",
        "The patient bootstrap with the percentiles moved for bias and skewness (bias-corrected "
        "and accelerated); used in strata of fewer than 1,000 rows. The acceleration comes from "
        "leaving out one patient at a time.",
        "Where the correction cannot be made, the percentile interval is given and named so.",
        _BCA,
    ),
    Entry(
        "bca_bootstrap_multinomial",
        "Patient bootstrap, BCa, exact n",
        "The exact-n patient bootstrap with the percentiles moved for bias and skewness.",
        "Where the correction cannot be made, the percentile interval is given and named so.",
        _BCA,
    ),
    Entry(
        "basic_bootstrap_poisson",
        "Patient bootstrap, basic",
        "Twice the value less the percentiles of the resamples, cut at the range of the measure. "
        "For summaries of absolute errors, which resampling biases upwards.",
        "Mirrors the resamples about the value, and so takes their bias away.",
        _DAVISON,
    ),
    Entry(
        "basic_bootstrap_multinomial",
        "Patient bootstrap, basic, exact n",
        "Twice the value less the percentiles of the exact-n resamples, cut at the range of the "
        "measure.",
        "Mirrors the resamples about the value, and so takes their bias away.",
        _DAVISON,
    ),
    Entry(
        "jeffreys",
        "Jeffreys interval",
        "Equal-tailed interval of the Beta(1/2, 1/2) prior, for independent units.",
        "Chosen by the plan in place of Wilson's.",
        _BROWN,
    ),
    Entry(
        "clopper_pearson",
        "Clopper-Pearson interval",
        "Inverts the exact binomial test; covers at least the nominal level, for independent "
        "units.",
        "Chosen by the plan in place of Wilson's; conservative.",
        "Clopper & Pearson 1934, doi:10.1093/biomet/26.4.404",
    ),
    *(
        Entry(
            f"{method}_effective",
            f"{name}, effective sample size",
            f"The {name} of the number of independent units that would have the variance seen "
            "between patients.",
            "Units of one patient are not taken as independent.",
            _KORN,
        )
        for method, name in (
            ("wilson", "Wilson interval"),
            ("jeffreys", "Jeffreys interval"),
            ("clopper_pearson", "Clopper-Pearson interval"),
        )
    ),
    *(
        Entry(
            f"max_t_groups_{scheme}",
            "Worst group (max-T), patient bootstrap",
            "All groups get simultaneous intervals from the shared resamples; the worst value lies "
            "between the worst of their lower and the worst of their upper ends.",
            "Holds whichever group is the worst.",
            _MAX_T,
        )
        for scheme in ("poisson", "multinomial")
    ),
    Entry(
        "null_reference",
        "Null by redrawn labels",
        "Labels are redrawn 1,000 times from the probabilities, as if the model were perfectly "
        "calibrated; mean and 95 % quantile of the ECE are shown beside the observed one.",
        "A percentile interval of a resampled ECE is biased and is not given.",
        "Broecker 2012, doi:10.1007/s00382-011-1191-1",
    ),
    Entry(
        "standard_normal",
        "Standard normal null",
        "The statistic is divided by its standard error were the model calibrated, and then is "
        "standard normal.",
        "For independent rows.",
        "Spiegelhalter 1986, doi:10.1002/sim.4780050506",
    ),
    Entry(
        "standard_normal_patients",
        "Standard normal null, variance over patients",
        "As for independent rows, with the variance of the sums of patients.",
        "For patients with several rows.",
        "Spiegelhalter 1986, doi:10.1002/sim.4780050506; Liang & Zeger 1986, "
        "doi:10.1093/biomet/73.1.13",
    ),
    Entry(
        "null_reference_patients",
        "Null by signs of patients",
        "For patients with several rows: what the outcomes lie above their probabilities changes "
        "its sign, patient by patient, 1,000 times, as if the model were calibrated; mean and 95 % "
        "quantile of the error are shown beside the observed one.",
        "Labels redrawn row by row would leave out what the rows of a patient share.",
        "Cameron, Gelbach & Miller 2008, doi:10.1162/rest.90.3.414",
    ),
    *(
        Entry(
            f"lowess_percentile_bootstrap_{scheme}",
            "Lowess, patient bootstrap band",
            "Locally weighted regression of outcome on prediction (span 2/3, no robustness "
            "iterations), up to 5,000 rows; the band runs between percentiles of at most 256 "
            "patient resamples.",
            "Pointwise: it holds at each prediction, not for the whole curve at once.",
            "Cleveland 1979, doi:10.1080/01621459.1979.10481038; "
            "Austin & Steyerberg 2019, doi:10.1002/sim.8281",
        )
        for scheme in ("poisson", "multinomial")
    ),
    *(
        Entry(
            f"rcs_{kind}",
            f"Restricted cubic spline, {words}",
            "Logistic regression on a restricted cubic spline of logit(p) with five knots, beyond "
            "5,000 rows; the band comes from the sandwich variance.",
            "Pointwise: it holds at each prediction, not for the whole curve at once.",
            "Harrell 2015, Regression Modeling Strategies, doi:10.1007/978-3-319-19425-7",
        )
        for kind, words in (("cluster_robust", "cluster-robust band"), ("robust", "robust band"))
    ),
    *(
        Entry(
            f"kitagawa_{kind}",
            "Split by site (Kitagawa)",
            "A difference of pooled rates as the sum of a part due to attending different sites "
            "and a part inside sites; intervals from influence values.",
            "Where the part inside sites has the other sign, the pooled difference misleads.",
            "Kitagawa 1955, doi:10.1080/01621459.1955.10501299",
        )
        for kind in ("cluster_robust", "linearised")
    ),
    *(
        Entry(
            f"directly_standardised_{kind}",
            "Direct standardisation",
            "Each group's rates in cells of the declared covariates, weighted by one common "
            "distribution; intervals from influence values.",
            "Says what the difference would be with the same case-mix; read `covered` beside it.",
            "Fleiss, Levin & Paik 2003, doi:10.1002/0471445428",
        )
        for kind in ("cluster_robust", "linearised")
    ),
    *(
        Entry(
            f"wald_{kind}",
            f"Wald test, {kind.replace('_', '-')}",
            f"Wald test of group by logit(p) in a logistic model, with the sandwich variance{of}.",
            "A small p says that one recalibration for all groups would not do.",
            _ROBUST,
        )
        for kind, of in (("cluster_robust", " summed by patient"), ("robust", " of the units"))
    ),
    Entry(
        "mover_any_dependence",
        "Recovered from the two intervals, any dependence",
        "From a tally where patients may lie in both strata: the arms of the two intervals are "
        "added as in the worst case.",
        "Wide: it holds whatever the two strata have in common.",
        "Zou & Donner 2008, doi:10.1002/sim.3095",
    ),
    *(
        Entry(
            f"bonferroni_pairs{suffix}",
            f"Simultaneous pairs (Bonferroni){words}",
            "From a tally, which holds no resamples: all pairwise differences at Bonferroni's "
            "level; the gap lies between the largest of their lower and of their upper ends.",
            "Conservative.",
            _MAX_T,
        )
        for suffix, words in (("", ""), ("_any_dependence", ", any dependence"))
    ),
    Entry(
        "bootstrap_se_logit",
        "Bootstrap standard error, logit scale",
        "From a tally: the counts are redrawn, and their standard error is taken as normal on the "
        "logit scale.",
        "For independent units.",
        _EFRON,
    ),
    Entry(
        "none",
        "No interval",
        "There is no value, hence no interval.",
        "See the reason beside it.",
    ),
    Entry(
        "reml_hartung_knapp",
        "Random effects over sites",
        "Restricted maximum likelihood for the variance between sites, Hartung-Knapp interval for "
        "the mean, and a prediction interval for a new site.",
        "The prediction interval, not the mean's, says what to expect elsewhere.",
        "IntHout et al. 2014, doi:10.1186/1471-2288-14-25; Riley et al. 2011, doi:10.1136/bmj.d549",
    ),
    Entry(
        "equal_mass_wilson",
        "Calibration in equal-mass bins",
        "Observed share with its Wilson interval against the mean prediction, in bins of equal "
        "size; tied scores share a bin.",
        "On the diagonal predictions and outcomes agree.",
        _WILSON,
    ),
    Entry(
        "equal_mass_cluster_robust",
        "Calibration in equal-mass bins, cluster-robust",
        "Observed share with its cluster-robust interval against the mean prediction, in bins of "
        "equal size; tied scores share a bin.",
        "On the diagonal predictions and outcomes agree.",
        _ROBUST,
    ),
    *PAIRED,
)

ENTRIES = {entry.id: entry for entry in (*STATUSES, *VERDICTS, *METHODS)}
