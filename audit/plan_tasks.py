"""The parts of the plan that one task alone needs: masks, images, detections, follow-up."""

from typing import Annotated, Literal

from pydantic import BeforeValidator, Field, field_validator, model_validator

from audit.plan_part import PlanPart, rising

Positive = Annotated[float, Field(gt=0)]


def _tolerances(value: object) -> object:
    return {"": value} if isinstance(value, int | float) and not isinstance(value, bool) else value


class Segmentation(PlanPart):
    """How masks are compared. Lengths are in mm, sizes in mm3 (in mm2 for masks of one plane)."""

    structures: dict[str, int] = Field(
        default_factory=dict,
        description="Structure -> its value in the masks; without any, masks hold 0 and 1.",
    )
    spacing: tuple[Positive, ...] = Field(
        (), description="Voxel spacing in mm by axis, for files that do not state it."
    )
    tolerance: Annotated[dict[str, Annotated[float, Field(ge=0)]], BeforeValidator(_tolerances)] = (
        Field(
            default_factory=dict,
            description="Deviation in mm that counts as none, for all structures or by structure.",
        )
    )
    penalty: Positive | None = Field(
        None,
        description="Distance in mm of a missed structure; the largest image diagonal when absent.",
    )
    lesions: Literal["overlap", "iou"] | None = Field(
        None, description="Match lesions by any overlap, or one to one by `lesion_iou`."
    )
    lesion_iou: float = Field(0.5, gt=0, le=1, description="Least IoU of a matched pair.")
    size_bands: tuple[Positive, ...] = Field(
        (), description="Edges of the size of the reference; thirds of the cohort when absent."
    )

    @field_validator("structures")
    @classmethod
    def _own_values(cls, structures: dict[str, int]) -> dict[str, int]:
        values = list(structures.values())
        if len(set(values)) != len(values):
            raise ValueError("two structures have the same value")
        if any(value < 1 for value in values):
            raise ValueError("0 is the background: a structure has a value of 1 or more")
        return structures

    @field_validator("size_bands")
    @classmethod
    def _rising(cls, edges: tuple[float, ...]) -> tuple[float, ...]:
        return rising(edges, "size_bands")

    @model_validator(mode="after")
    def _known_tolerances(self) -> "Segmentation":
        unknown = sorted(set(self.tolerance) - {""} - set(self.structures))
        if unknown:
            raise ValueError(f"tolerance names '{unknown[0]}', which is not a structure")
        return self

    def tolerance_of(self, structure: str) -> float | None:
        """Tolerance of a structure, None where none was declared."""
        return self.tolerance.get(structure, self.tolerance.get(""))


class ImageToImage(PlanPart):
    """How a made image is compared with the true one."""

    data_range: Positive = Field(
        description="Greatest less least value that an image can hold, as 255 or 1."
    )
    window: Literal["gaussian", "uniform"] = Field(
        "gaussian", description="Window of the SSIM: 11 wide Gaussian, or 7 wide uniform."
    )
    normalisation: Literal["data_range", "min_max", "euclidean", "mean"] = Field(
        "data_range", description="What the root mean squared error is divided by."
    )


class Detection(PlanPart):
    """Where the true and the found objects are, and when a find is a hit.

    Both tables have the column that `columns.unit` names, and a box (``x_min, y_min, x_max,
    y_max``; in volumes ``z_min, z_max`` too) or a point (``x, y``; ``z``) per row.
    """

    references: str = Field(description="Table of the true objects, relative to the plan.")
    detections: str = Field(description="Table of the found ones, with `score` (the column).")
    score: str = Field("score", description="Column of the score in the table of detections.")
    match: Literal["centre", "iou", "distance"] = Field(
        "centre",
        description="A find is a hit when its centre lies in the true box, when the boxes' IoU is "
        "at least `iou`, or when the centres are at most `distance` apart.",
    )
    iou: float = Field(0.5, gt=0, le=1, description="Least IoU of a hit.")
    distance: Positive | None = Field(None, description="Largest distance of a hit.")
    false_positives: float = Field(
        1.0, gt=0, description="False positives per image at which the sensitivity is read."
    )

    @model_validator(mode="after")
    def _distance_declared(self) -> "Detection":
        if (self.match == "distance") != (self.distance is not None):
            raise ValueError("distance belongs to match: distance, which needs it")
        return self


class Survival(PlanPart):
    """How follow-up is read. The score is a risk: a higher one means an earlier event."""

    horizon: Positive | None = Field(
        None, description="Time at which predicted and observed risk are compared."
    )
    tau: Positive | None = Field(
        None, description="Time after which Uno's C counts nothing; the horizon when absent."
    )
    unit: str = Field("", description="Unit of the times, as 'months'; printed beside them.")
