"""Measures of a made image (super-resolved, reconstructed, synthesised) against the true one."""

from audit.measures.cases import INF, mean_over_patients
from audit.measures.declaration import Measure

_WANG = "Wang et al. 2004, IEEE Trans Image Process 13:600, doi:10.1109/TIP.2003.819861"

IMAGE: tuple[Measure, ...] = (
    mean_over_patients(
        "psnr", "Peak signal-to-noise ratio", "image", "10 log10(range^2 / mean squared error), dB",
        "PSNR", "higher", (-INF, INF), "identity",
        "no case differs from the true image (the ratio of such a case is infinite)",
        "In decibel, at the declared data range. Cases without any error have no finite value and "
        "are left out of the mean.", _WANG,
    ),
    mean_over_patients(
        "ssim", "Structural similarity", "image",
        "the mean over windows of the similarity of means, variances and covariance", "SSIM",
        "higher", (-1.0, 1.0), "identity", "there are no cases",
        "1 for identical images. Depends on window and data range, which the plan declares.", _WANG,
    ),
    mean_over_patients(
        "nrmse", "Normalised root mean squared error", "image",
        "root of the mean squared error / the declared normalisation", "NRMSE", "lower",
        (0.0, INF), "log", "there are no cases, or the normalisation is 0 in all of them",
        "As a share of the data range, of the image's own range, its norm or its mean.",
        "Fienup 1997, Appl Opt 36:8352, doi:10.1364/AO.36.008352",
    ),
)  # fmt: skip
