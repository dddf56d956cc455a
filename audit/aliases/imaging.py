"""Names in imaging and survival analysis for the measures of those tasks."""

from audit.aliases.declaration import Alias, alike, unlike

_FIELD: tuple[str, ...] = ()
_MONAI = ("MONAI",)

IMAGING: tuple[Alias, ...] = (
    *alike("dice", _FIELD, "Dice similarity coefficient", "DSC", "Sorensen-Dice index"),
    *alike("iou", _FIELD, "Jaccard index", "Jaccard coefficient"),
    *alike("nsd", _FIELD, "surface Dice", "normalised surface distance"),
    *alike("assd", _FIELD, "symmetric ASD"),
    *unlike("hd95", ("medpy",), "It takes the percentile of both directions pooled; ours is the "
            "larger of the two directed ones.", "medpy.metric.hd95"),
    *unlike("dice", _MONAI, "Cases whose reference is empty are left out there, also where the "
            "model drew something, which is 0 here; cases count alike there, patients here.",
            "DiceMetric"),
    *unlike("hd95", _MONAI, "A missed structure is NaN or infinite there and left out of the mean; "
            "here it counts as the declared penalty.", "HausdorffDistanceMetric"),
    *unlike("nsd", _MONAI, "Cases count alike there, and patients here.", "SurfaceDiceMetric"),
    *alike("volume_error", _FIELD, "relative volume difference", "RVD"),
    *alike("psnr", _FIELD, "peak SNR"),
    *alike("ssim", _FIELD, "SSIM index", "structural similarity index"),
    *alike("harrell_c", _FIELD, "C-index", "concordance index", "Harrell's concordance"),
    *alike("uno_c", _FIELD, "IPCW C-index", "Uno's concordance"),
    *alike("sensitivity_at_fp", _FIELD, "FROC sensitivity"),
    *alike("cpm", _FIELD, "FROC score", "LUNA16 score"),
)  # fmt: skip
