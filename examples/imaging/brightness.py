"""A score of DICOM images by a function of one's own, for the folder of ``dicom_folder.py``."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from audit.models import Batch


def score(batch: Batch) -> NDArray[np.float64]:
    """How much of an image is brighter than its middle."""
    return np.array([share(image) for image in batch.images["image"]])


def share(image: NDArray[Any]) -> float:
    """Share of the pixels above the mean of the darkest and the brightest."""
    values = np.asarray(image, dtype=np.float64)
    return float((values > (values.min() + values.max()) / 2).mean())
