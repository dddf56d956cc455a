"""Reading an image-to-image task: made images beside the true ones."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from audit.cases.pairs import Place, measure_pairs
from audit.findings import Findings, share
from audit.plan import Plan
from audit.plan_tasks import ImageToImage
from audit.roles import role_conflicts
from audit.sources.images import read_image
from audit.sources.images.image import require_same_grid
from audit.sources.source import Source
from audit.stats.image_quality import image_quality
from audit.tasks.cases import measured_base
from audit.tasks.cohort import CaseCohort

NAMES = ("psnr", "ssim", "nrmse")


def image_cohort(source: Source, plan: Plan, place: Place) -> CaseCohort:
    """Measure every pair of images and order the cases.

    Raises
    ------
    InputError
        With every problem of every column and the first ones of the files.
    """
    if plan.image is None:
        raise ValueError("the plan has no section 'image'")
    findings = Findings()
    role_conflicts(plan, findings)
    columns = (plan.columns.label, str(plan.columns.prediction))
    settings = plan.image.model_dump(mode="json")
    measured = measure_pairs(
        source, columns, NAMES, image_measure(plan.image), settings, place, findings
    )
    base, measured = measured_base(source, plan, measured, findings)
    values = {name: measured.column(name) for name in NAMES}
    same = np.isposinf(values["psnr"])
    if same.any():
        told = share(int(same.sum()), base.rows)
        findings.warn(
            "identical_images",
            f"{told} have no error at all: their PSNR is infinite, and not in its mean",
        )
        values["psnr"] = np.where(same, np.nan, values["psnr"])
        base = replace(base, warnings=(*base.warnings, findings.warnings[-1]))
    return CaseCohort(base, values, {})


def image_measure(declared: ImageToImage) -> Callable[[Path, Path], Sequence[float]]:
    """Make the function that measures one pair of images."""

    def measure(reference: Path, prediction: Path) -> Sequence[float]:
        true, made = read_image(reference), read_image(prediction)
        require_same_grid(made, true, prediction)
        channels = true.array.ndim - 1 if true.coloured else None
        found = image_quality(
            true.array, made.array, declared.data_range, declared.window, declared.normalisation,
            channels,
        )  # fmt: skip
        return found.psnr, found.ssim, found.nrmse

    return measure
