"""Methods that compare two models on the same units, explained, and that of follow-up curves."""

from audit.glossary_entry import Entry

_SAME = "Both models are read on the same patients, so what is common to them cancels."

PAIRED = (
    Entry(
        "tango",
        "Score interval of paired proportions",
        "All differences that the score test of the pairs does not reject; the p value beside it "
        "is McNemar's mid-p.",
        "Never a point: without any decision that changed it still says how much could have.",
        "Tango 1998, Stat Med 17:891; Fagerland et al. 2013, doi:10.1186/1471-2288-13-91",
    ),
    Entry(
        "paired_delong",
        "DeLong, paired",
        "Normal interval of the difference of two AUROC from the differences of the placements of "
        "every unit.",
        _SAME,
        "DeLong et al. 1988, doi:10.2307/2531595",
    ),
    Entry(
        "paired_obuchowski",
        "Obuchowski, paired",
        "As DeLong's, with the differences of placements summed by patient.",
        _SAME,
        "Obuchowski 1997, doi:10.2307/2533958",
    ),
    Entry(
        "paired_cluster_robust",
        "Influence of the rows on the difference, summed by patient",
        "Difference of two ratios of sums over the same rows, linearised; Student's t with "
        "patients - 1 degrees of freedom.",
        _SAME,
        "Binder 1983, doi:10.2307/1402588",
    ),
    *(
        Entry(
            f"paired_bootstrap_{scheme}",
            "Paired patient bootstrap",
            "Every resample draws the same patients for both models; the interval runs between "
            "percentiles of the differences.",
            "An interval of 0 to 0 means that no unit differs between the models.",
            "Hanley & MacGibbon 2006, doi:10.1016/j.cmpb.2006.04.006",
        )
        for scheme in ("poisson", "multinomial")
    ),
    Entry(
        "kaplan_meier",
        "Calibration at a horizon",
        "Kaplan-Meier risk with its interval against the mean predicted risk, in bins of equal "
        "numbers of units; Wilson's interval where none or all of a bin had the event.",
        "On the diagonal predicted and observed risk agree.",
        "Kaplan & Meier 1958, doi:10.1080/01621459.1958.10501452",
    ),
)
