"""Measures of a predicted mask against the reference mask.

The sums are those of `audit.tasks.case_terms`: per-case values weighted so that every patient
counts once, and counts of lesions and of the empty-mask ledger.
"""

from audit.measures.cases import INF, mean_over_patients, share_of_counts
from audit.measures.declaration import Measure, divide
from audit.sums import Array, Sums

_RELOADED = "Maier-Hein et al. 2024, Nat Methods 21:195, doi:10.1038/s41592-023-02151-z"
_TAHA = "Taha & Hanbury 2015, BMC Med Imaging 15:29, doi:10.1186/s12880-015-0068-x"
_NIKOLOV = "Nikolov et al. 2021, J Med Internet Res 23:e26151, doi:10.2196/26151"
_EMPTY = "no case has the structure in either mask"
_MISSED = "A structure that only one mask has counts as"


def _lesion_f1(sums: Sums) -> Array:
    found = divide(sums["lesions_found"], sums["lesions"])
    true = divide(sums["lesions_true"], sums["lesions_predicted"])
    return divide(2 * found * true, found + true)


SEGMENTATION: tuple[Measure, ...] = (
    mean_over_patients(
        "dice", "Dice coefficient", "segmentation", "2 |R and P| / (|R| + |P|)", "Dice", "higher",
        (0.0, 1.0), "logit", _EMPTY,
        f"{_MISSED} 0. Small structures have lower values at the same quality: see it by size.",
        "Dice 1945, Ecology 26:297, doi:10.2307/1932409",
    ),
    mean_over_patients(
        "iou", "Intersection over union", "segmentation", "|R and P| / |R or P|", "IoU", "higher",
        (0.0, 1.0), "logit", _EMPTY, f"{_MISSED} 0. Orders cases as Dice does.", _TAHA,
    ),
    mean_over_patients(
        "nsd", "Normalised surface Dice", "segmentation",
        "the share of both surfaces that lies within the tolerance of the other", "NSD", "higher",
        (0.0, 1.0), "logit", _EMPTY,
        f"{_MISSED} 0. The share of the surface that needs no correction at the declared "
        "tolerance.", _NIKOLOV,
    ),
    mean_over_patients(
        "hd95", "95 % Hausdorff distance", "segmentation",
        "max of the 95th percentiles of the two directed surface distances, in mm",
        "95 % Hausdorff distance", "lower", (0.0, INF), "log", _EMPTY,
        f"{_MISSED} the declared penalty, by default the largest image diagonal of the cohort.",
        _RELOADED,
    ),
    mean_over_patients(
        "assd", "Average symmetric surface distance", "segmentation",
        "(sum D_R + sum D_P) / (#D_R + #D_P), in mm", "surface distance", "lower", (0.0, INF),
        "log", _EMPTY, f"{_MISSED} the declared penalty, as for the Hausdorff distance.",
        _RELOADED,
    ),
    mean_over_patients(
        "volume_error", "Relative volume error", "segmentation", "(|P| - |R|) / |R|",
        "relative volume error", "target", (-1.0, INF), "identity",
        "no reference mask has the structure",
        "Above 0 structures are drawn too large on average, below 0 too small; errors of both "
        "signs cancel.", _TAHA, 0.0,
    ),
    mean_over_patients(
        "absolute_volume_error", "Absolute relative volume error", "segmentation",
        "||P| - |R|| / |R|", "absolute relative volume error", "lower", (0.0, INF), "log",
        "no reference mask has the structure", "How far off volumes are, whatever the sign.",
        _TAHA,
    ),
    share_of_counts(
        "missed_rate", "Missed structures", "segmentation", "reference only / reference present",
        ("missed", "present"),
        ("cases in which only the reference has the structure", "units with the structure"),
        "lower", "no reference mask has the structure",
        "Cases with the structure in which the model drew nothing.", _RELOADED,
    ),
    share_of_counts(
        "false_mask_rate", "Structures drawn where there is none", "segmentation",
        "prediction only / reference empty", ("invented", "absent"),
        ("cases in which only the prediction has the structure", "units without the structure"),
        "lower", "every reference mask has the structure",
        "Cases without the structure in which the model drew one.", _RELOADED,
    ),
    share_of_counts(
        "lesion_sensitivity", "Lesion-wise sensitivity", "segmentation",
        "lesions found / lesions", ("lesions_found", "lesions"),
        ("reference lesions that are found", "units with a lesion"), "higher",
        "there is no reference lesion, or lesions were not matched",
        "Lesions are the connected components of the reference mask.", _RELOADED, "ratio",
    ),
    share_of_counts(
        "lesion_ppv", "Lesion-wise PPV", "segmentation",
        "predicted lesions that are true / predicted lesions",
        ("lesions_true", "lesions_predicted"),
        ("predicted lesions that are true", "units with a predicted lesion"), "higher",
        "no lesion is predicted, or lesions were not matched",
        "Lesions are the connected components of the predicted mask.", _RELOADED, "ratio",
    ),
    Measure(
        id="lesion_f1",
        name="Lesion-wise F1",
        family="segmentation",
        formula="harmonic mean of lesion-wise sensitivity and PPV",
        numerator_text="twice their product",
        denominator_text="their sum",
        direction="higher",
        target=None,
        bounds=(0.0, 1.0),
        inference="bootstrap",
        scale="logit",
        undefined_when="either of the two is undefined, or both are 0",
        reading="Read the two parts first: they cost different things.",
        reference=_RELOADED,
        compute=_lesion_f1,
    ),
)  # fmt: skip
