"""The audit plan: what is compared with what, at which threshold, with which margin.

The plan is written before scores are read. Its canonical JSON is hashed, and the hash travels with
the result, so that a reader can see whether the requirements were changed afterwards.
"""

import hashlib
import json
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, field_validator, model_validator

from audit.plan_part import PlanPart, rising
from audit.plan_tasks import Detection, ImageToImage, Segmentation, Survival
from audit.requirement import ChangeRequirement, ChecklistRequirement, CoverageRequirement, Day
from audit.requirement import Fraction as Fraction
from audit.requirement import Names as Names
from audit.requirement import Requirement as Requirement
from audit.requirement import Stated as Stated

ScoreKind = Literal["probability", "rank", "logit"]


Task = Literal[
    "binary", "multiclass", "multilabel", "regression",
    "segmentation", "detection", "image", "survival",
]  # fmt: skip
Range = tuple[Annotated[float, Field(ge=0, lt=1)], Annotated[float, Field(ge=0, lt=1)]]
Method = Literal[
    "wilson", "jeffreys", "clopper_pearson", "cluster_robust", "delong", "obuchowski",
    "bootstrap", "bca", "basic",
]  # fmt: skip


def _scalar(value: object) -> object:
    if value is None or isinstance(value, bool | int | float | str):
        return value
    raise ValueError("give one value: a number, a text, true or false")


def _text_keys(value: object) -> object:
    """Take classes written as whole numbers, as in ``scores: {0: p0, 1: p1}``."""
    if not isinstance(value, dict):
        return value
    return {str(k) if type(k) is int else k: column for k, column in value.items()}


Scalar = Annotated[bool | int | float | str, BeforeValidator(_scalar)]
ColumnOfEach = Annotated[dict[str, str], BeforeValidator(_text_keys)]


class Product(PlanPart):
    """What is audited, in the words of the person who is responsible for it."""

    name: str = Field("", description="Name of the model or device.")
    version: str = Field("", description="Version that produced the scores.")
    intended_use: str = Field("", description="Who uses it, on whom, to decide what.")
    manufacturer: str = Field("", description="Who makes it.")
    description: str = Field("", description="How the model was made, in a sentence or two.")
    cohort: str = Field("", description="Where the test cohort comes from, and its licence.")
    model: str | None = Field(None, description="Model file to hash, relative to the plan.")


class Columns(PlanPart):
    """Which column plays which role."""

    label: str = Field(
        description="The outcome: two values, a class, a number, or a file (mask, true image)."
    )
    score: str | None = Field(None, description="The model's score; or give `prediction`.")
    prediction: str | None = Field(
        None, description="A yes/no prediction, where no score exists; or the predicted file."
    )
    time: str | None = Field(None, description="Survival: time to the event or its censoring.")
    patient: str | None = Field(None, description="Whose rows belong together (the cluster).")
    site: str | None = Field(None, description="The hospital; also becomes a stratum.")
    unit: str | None = Field(None, description="Identity of the row; must be unique.")
    covariates: Names = Field((), description="Columns whose recording is compared between sites.")
    nested: str | None = Field(
        None, description="Attribute whose levels lie inside the sites (scanner within hospital)."
    )
    scores: ColumnOfEach = Field(
        default_factory=dict,
        description="Multiclass and multilabel: the score column of every class or label.",
    )
    labels: ColumnOfEach = Field(
        default_factory=dict, description="Multilabel: the label column of every label."
    )

    @model_validator(mode="before")
    @classmethod
    def _label_of_each(cls, value: object) -> object:
        if isinstance(value, dict) and value.get("labels") and "label" not in value:
            return value | {"label": ""}
        return value

    @model_validator(mode="after")
    def _score_or_prediction(self) -> "Columns":
        several = self.scores or not self.label  # objects are detected in tables of their own
        if not several and (self.score is None) == (self.prediction is None):
            raise ValueError("give exactly one of 'score' and 'prediction'")
        return self


class Attribute(PlanPart):
    """A demographic or technical attribute to stratify by."""

    column: str | None = Field(None, description="Column name, when it is not the attribute's.")
    band: tuple[float, ...] = Field((), description="Edges: half-open bands [a,b).")
    reference: str | None = Field(None, description="Level the others are compared with.")
    levels: Names = Field((), description="Levels expected; an absent one is reported.")

    @field_validator("band")
    @classmethod
    def _ascending(cls, edges: tuple[float, ...]) -> tuple[float, ...]:
        return rising(edges, "band")


class Threshold(PlanPart):
    """The decision threshold on the score: a unit is flagged when score >= value."""

    value: float = Field(description="On the scale of the score as it stands in the file.")
    source: Literal["fixed", "external", "tuned_here"] = Field(
        "fixed",
        description="fixed before these data, tuned on external data, or tuned_here (optimistic).",
    )


class Options(PlanPart):
    """Where on its curve a measure is read, for the measures that need to be told."""

    max_fpr: Fraction = Field(0.1, description="Partial AUROC runs over FPR from 0 to this.")
    specificity: Fraction = Field(0.9, description="For sensitivity at fixed specificity.")
    sensitivity: Fraction = Field(0.9, description="For specificity at fixed sensitivity.")
    target_prevalence: Fraction | None = Field(
        None, description="Prevalence to which PPV, NPV, O:E and net benefit are also adjusted."
    )
    decision_range: tuple[Fraction, Fraction] = Field(
        (0.01, 0.99), description="Threshold probabilities over which decision curves run."
    )
    top_k: int = Field(2, ge=1, description="Multiclass: the k of top-k accuracy.")

    @field_validator("decision_range")
    @classmethod
    def _rising(cls, value: tuple[float, float]) -> tuple[float, float]:
        if not value[0] < value[1]:
            raise ValueError("decision_range needs [lower, upper] in rising order")
        return value


class LabelError(PlanPart):
    """How often the reference label itself may be wrong in a group: ranges of the two rates."""

    false_positive: Range = Field((0.0, 0.0), description="P(labelled positive | truly negative).")
    false_negative: Range = Field((0.0, 0.0), description="P(labelled negative | truly positive).")

    @field_validator("false_positive", "false_negative")
    @classmethod
    def _rising(cls, value: tuple[float, float]) -> tuple[float, float]:
        if value[0] > value[1]:
            raise ValueError("give a range of rates as [lower, upper]")
        return value


class Precision(PlanPart):
    """Widths of the 95 % intervals wanted in every stratum (Riley et al. 2021)."""

    oe_ratio: float = Field(0.2, gt=0, description="Width of the interval of O:E.")
    calibration_slope: float = Field(0.4, gt=0, description="Width for the calibration slope.")
    auroc: float = Field(0.1, gt=0, description="Width for the AUROC.")
    standardised_net_benefit: float = Field(0.2, gt=0, description="Width at the threshold.")


class Minimum(PlanPart):
    """Below these counts a value is shown without inference (status `insufficient`)."""

    denominator: int = Field(10, ge=1, description="Rows and patients behind a proportion.")
    events: int = Field(
        5, ge=1, description="Rows and patients in the rarer class, for the other measures."
    )


def _refuse_repeated(stated: tuple[Stated, ...]) -> None:
    ids = [one.id for one in stated]
    twice = sorted({i for i in ids if ids.count(i) > 1})
    if twice:
        raise ValueError(f"requirement id '{twice[0]}' is used twice")


class Plan(PlanPart):
    """A whole audit plan (``equipoise.yaml``)."""

    version: Literal[1] = Field(1, description="Version of the plan's format.")
    task: Task = Field("binary", description="What the model predicts.")
    title: str = Field("", description="Title of the audit, on its reports.")
    product: Product = Field(Product(), description="What is audited, in words.")
    profile: Any = Field(
        None,
        exclude=True,
        description="Facts for the checklists; no audit reads them, and the hash leaves them out.",
    )
    data: Names = Field((), description="Predictions files, relative to the plan.")
    columns: Columns = Field(description="Which column of the file is what.")
    positive: Scalar | None = Field(
        None, description="Label value that means the condition is present."
    )
    score_kind: ScoreKind = Field(
        "probability", description="probability, logit, or rank (only the order has meaning)."
    )
    threshold: Threshold | None = Field(
        None, description="Decision threshold; without one, nothing is flagged."
    )
    attributes: dict[str, Attribute] = Field(
        default_factory=dict, description="What to stratify by: name -> how it is read."
    )
    depth: int = Field(1, ge=1, le=4, description="How many attributes are crossed at most.")
    level: Fraction = Field(0.95, description="Level of all intervals.")
    resamples: int = Field(
        2000, ge=100, le=100_000, description="Bootstrap resamples of the patients."
    )
    seed: int = Field(1, ge=0, lt=2**63, description="Of resamples and permutations.")
    minimum: Minimum = Field(
        Minimum(), description="Counts below which a value is shown without inference."
    )
    measures: Names = Field((), description="Measures to report; all that apply when empty.")
    intervals: dict[str, Method] = Field(
        default_factory=dict, description="Measure -> interval method, where not the automatic one."
    )
    options: Options = Field(Options(), description="Where on its curve a measure is read.")
    permutations: int = Field(
        500, ge=0, le=100_000, description="Permutations behind the null of every gap; 0 for none."
    )
    images: str = Field(
        "",
        description="Folder that file names in the table start from, relative to the plan; that of "
        "the table when empty.",
    )
    segmentation: Segmentation | None = Field(None, description="Task segmentation: its masks.")
    detection: Detection | None = Field(None, description="Task detection: its objects.")
    image: ImageToImage | None = Field(None, description="Task image: how images are compared.")
    survival: Survival | None = Field(None, description="Task survival: its horizon.")
    standardise: Names = Field(
        (), description="Attributes to whose common distribution gaps are also standardised."
    )
    label_error: dict[str, LabelError] = Field(
        default_factory=dict, description="Stratum ('sex=F', or 'overall') -> label error rates."
    )
    precision: Precision = Field(
        Precision(), description="Interval widths for the adequacy of the sample size."
    )
    max_levels: int = Field(500, ge=2, description="More levels than this is taken for an error.")
    as_of: Day | None = Field(None, description="Date the audit speaks of: 2026-01-31.")
    requirements: tuple[Requirement, ...] = Field(
        (), description="What must hold of measures and of disparities."
    )
    coverage: tuple[CoverageRequirement, ...] = Field(
        (), description="Who must be in the cohort, and how well they must be known."
    )
    change: tuple[ChangeRequirement, ...] = Field(
        (), description="How much worse than a stored audit a measure may be."
    )
    checklists: tuple[ChecklistRequirement, ...] = Field(
        (), description="Which checklist items must be answered, reviewed or signed."
    )

    @field_validator("attributes", mode="before")
    @classmethod
    def _bare_names(cls, value: object) -> object:
        if isinstance(value, dict):
            return {k: {} if v is None else v for k, v in value.items()}
        return value

    @model_validator(mode="before")
    @classmethod
    def _without_label(cls, value: object) -> object:
        if isinstance(value, dict) and value.get("task") == "detection":
            columns = value.get("columns")
            if isinstance(columns, dict) and "label" not in columns:
                return value | {"columns": columns | {"label": ""}}
        return value

    @model_validator(mode="after")
    def _columns_of_task(self) -> "Plan":
        columns, several = self.columns, self.task in ("multiclass", "multilabel")
        if self.task == "multilabel" and set(columns.labels) != set(columns.scores):
            raise ValueError("task multilabel needs columns.labels and columns.scores, alike")
        if self.task != "multilabel" and columns.labels:
            raise ValueError("columns.labels belong to task multilabel")
        if self.task == "multiclass" and bool(columns.scores) == (columns.prediction is not None):
            raise ValueError("task multiclass needs columns.scores or columns.prediction")
        if several and columns.score is not None:
            raise ValueError(f"task {self.task} takes columns.scores, not columns.score")
        if not several and columns.scores:
            raise ValueError("columns.scores belong to task multiclass or multilabel")
        if self.task == "regression" and columns.score is None:
            raise ValueError("task regression needs the predicted value as columns.score")
        return self

    @model_validator(mode="after")
    def _part_of_task(self) -> "Plan":
        parts = ("segmentation", "detection", "image", "survival")
        for name in parts:
            if name != self.task and getattr(self, name) is not None:
                raise ValueError(f"'{name}' belongs to task {name}, and the task is {self.task}")
        if self.task in ("detection", "image") and getattr(self, self.task) is None:
            raise ValueError(f"task {self.task} needs the section '{self.task}'")
        if self.task in ("segmentation", "image") and self.columns.prediction is None:
            raise ValueError(f"task {self.task} needs the predicted files as columns.prediction")
        if self.task == "detection" and self.columns.unit is None:
            raise ValueError("task detection needs columns.unit, which names the images")
        if (self.task == "survival") != (self.columns.time is not None):
            raise ValueError("columns.time belongs to task survival, which needs it")
        if self.task == "survival" and self.columns.score is None:
            raise ValueError("task survival needs the predicted risk as columns.score")
        return self

    @field_validator("attributes")
    @classmethod
    def _plain_names(cls, attributes: dict[str, Attribute]) -> dict[str, Attribute]:
        for name in attributes:
            if "=" in name or "&" in name or name == "overall":
                raise ValueError(f"attribute name '{name}' may not hold '=' or '&', or be overall")
        return attributes

    @field_validator("requirements", "coverage", "change", "checklists")
    @classmethod
    def _distinct(cls, stated: tuple[Stated, ...]) -> tuple[Stated, ...]:
        _refuse_repeated(stated)
        return stated

    @model_validator(mode="after")
    def _distinct_ids(self) -> "Plan":
        _refuse_repeated(self.stated)
        return self

    @property
    def stated(self) -> tuple[Stated, ...]:
        """Everything the plan requires, of whatever kind, in the order it is judged in."""
        return (*self.requirements, *self.coverage, *self.change, *self.checklists)

    @property
    def measures_named(self) -> frozenset[str]:
        """The measures that are listed, and those that something is required of."""
        required = (r.measure for r in self.requirements)
        return frozenset((*self.measures, *required, *(r.measure for r in self.change)))

    @property
    def dimensions(self) -> dict[str, Attribute]:
        """The attributes, the site among them, in alphabetical order."""
        dimensions = dict(self.attributes)
        if self.columns.site is not None:
            dimensions.setdefault(self.columns.site, Attribute())
        return dict(sorted(dimensions.items()))

    @property
    def levels_needed(self) -> tuple[float, ...]:
        """Every interval level the plan asks for, the plan's own first."""
        own = {r.level for r in self.requirements if r.level is not None} - {self.level}
        return (self.level, *sorted(own))

    def sha256(self) -> str:
        """SHA-256 of the plan's canonical JSON: comments and key order do not matter."""
        canonical = json.dumps(self.canonical(), sort_keys=True, separators=(",", ":"))
        return hashlib.sha256(canonical.encode()).hexdigest()

    def canonical(self) -> dict[str, Any]:
        """The plan as plain values, every default written out.

        Only classes count in the order they are declared in: ties and the weighted kappa do.
        """
        plan = self.model_dump(mode="json")
        if self.task == "multiclass":
            plan["columns"]["scores"] = [list(one) for one in self.columns.scores.items()]
        return plan
