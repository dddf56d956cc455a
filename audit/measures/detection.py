"""Measures of objects found in images against the true objects."""

from audit.measures.cases import INF, share_of_counts
from audit.measures.declaration import Measure

_SETIO = "Setio et al. 2017, Med Image Anal 42:1, doi:10.1016/j.media.2017.06.015"
_BUNCH = "Bunch et al. 1978, J Appl Photogr Eng 4:166, doi:10.1117/12.955926"


def _froc(id: str, name: str, formula: str, undefined_when: str, reading: str) -> Measure:
    return Measure(
        id=id,
        name=name,
        family="detection",
        formula=formula,
        numerator_text="objects found",
        denominator_text="objects",
        direction="higher",
        target=None,
        bounds=(0.0, 1.0),
        inference="bootstrap",
        scale="logit",
        undefined_when=undefined_when,
        reading=reading,
        reference=_SETIO,
    )


DETECTION: tuple[Measure, ...] = (
    _froc(
        "sensitivity_at_fp",
        "Sensitivity at declared false positives per image",
        "sensitivity read from the FROC curve at the declared false positives per image",
        "there are no objects or no images, or the detector never makes so many false positives",
        "Every group is read at its own threshold: the one that gives it the declared rate. The "
        "measures at the plan's threshold say what one threshold does to all.",
    ),
    _froc(
        "cpm",
        "Competition performance metric",
        "mean sensitivity at 1/8, 1/4, 1/2, 1, 2, 4 and 8 false positives per image",
        "there are no objects, or the curve does not reach 8 false positives per image",
        "The mean of seven points of the FROC curve.",
    ),
    share_of_counts(
        "object_sensitivity", "Sensitivity by object", "detection",
        "objects found at the threshold / objects", ("objects_found", "objects"),
        ("objects found at the threshold", "units with an object"), "higher",
        "there are no objects, or no threshold was declared",
        "At the plan's threshold, the same for every group.", _BUNCH, "ratio",
    ),
    share_of_counts(
        "object_ppv", "PPV by detection", "detection",
        "detections at the threshold that hit / detections at the threshold that count",
        ("objects_found", "detections"),
        ("detections that hit an object first", "units with a detection"), "higher",
        "nothing is detected at the threshold, or none was declared",
        "Further detections of an object that was found count neither way.", _BUNCH, "ratio",
    ),
    share_of_counts(
        "false_positives_per_image", "False positives per image", "detection",
        "false detections at the threshold / images", ("false_detections", "images"),
        ("false detections at the threshold", "units"), "lower",
        "there are no images, or no threshold was declared",
        "At the plan's threshold, the same for every group.", _BUNCH, "ratio", (0.0, INF), "log",
    ),
)  # fmt: skip
