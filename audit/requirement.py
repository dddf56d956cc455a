"""What a plan may require: of measures, of the cohort, of change, of checklists.

Every kind has an id, a rationale and a severity, and is judged into one verdict.
"""

from collections.abc import Sequence
from datetime import date
from typing import Annotated, Literal

from pydantic import BeforeValidator, Field, model_validator

from audit.plan_part import PlanPart

Fraction = Annotated[float, Field(gt=0, lt=1)]
Severity = Literal["critical", "major", "minor"]
SEVERITIES: tuple[Severity, ...] = ("critical", "major", "minor")
AtLeast = Annotated[int, Field(ge=1)]
Share = Annotated[float, Field(ge=0, lt=1)]


def _as_tuple(value: object) -> object:
    return (value,) if isinstance(value, str) else value


def _real_date(value: object) -> object:
    if isinstance(value, date):  # as YAML reads it
        return value.isoformat()
    if isinstance(value, str):
        date.fromisoformat(value)
    return value


Names = Annotated[tuple[str, ...], BeforeValidator(_as_tuple)]
Day = Annotated[str, Field(pattern=r"^\d{4}-\d{2}-\d{2}$"), BeforeValidator(_real_date)]


class Stated(PlanPart):
    """What every requirement says of itself."""

    id: str = Field(
        min_length=1,
        pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*$",
        description="Its name in verdicts and reports; used once.",
    )
    rationale: str | None = Field(None, description="Why this bound; printed beside the verdict.")
    severity: Severity = Field(
        "major",
        description="critical, major or minor: how reports sort it. The gate stops for each.",
    )


class Requirement(Stated):
    """What must hold, decided from the interval and never from the point alone.

    Without `contrast` it bounds the measure itself in each of `strata`: `floor`, `ceiling` or
    `within`. With `contrast` it bounds a disparity between the levels of `attribute` by `margin`.
    """

    measure: str = Field(description="Id of the measure; `equipoise explain` knows them.")
    output: str | None = Field(None, description="The class or label it speaks of, if several.")
    strata: Names = Field(
        ("overall",), description="'overall', an attribute (each level), or a stratum 'sex=F'."
    )
    floor: float | None = Field(None, description="The measure is at least this.")
    ceiling: float | None = Field(None, description="The measure is at most this.")
    within: tuple[float, float] | None = Field(
        None, description="The measure lies between these two."
    )
    contrast: Literal["difference", "ratio", "gap"] | None = Field(
        None, description="Each level against the reference, or (gap) the largest of all pairs."
    )
    attribute: str | None = Field(
        None, description="Between whose levels: an attribute, or 'race & sex'."
    )
    margin: float | None = Field(
        None,
        gt=0,
        description="Largest difference or gap; for a ratio r, within [r, 1/r].",
    )
    level: Fraction | None = Field(None, description="Interval level; the plan's when absent.")
    primary: bool = Field(
        True,
        description="A contrast counts in the primary family (Holm, simultaneous intervals); false "
        "leaves it to screening.",
    )

    @model_validator(mode="after")
    def _one_form(self) -> "Requirement":
        bounds = sum(b is not None for b in (self.floor, self.ceiling, self.within))
        if self.contrast is None:
            if bounds != 1:
                raise ValueError("give exactly one of floor, ceiling and within (or a contrast)")
            if self.margin is not None or self.attribute is not None:
                raise ValueError("margin and attribute belong to a contrast")
            if not self.primary:
                raise ValueError("primary belongs to a contrast: bounds are in no family")
            if self.within is not None and not self.within[0] < self.within[1]:
                raise ValueError("within needs [lower, upper] in rising order")
        else:
            if bounds:
                raise ValueError("a contrast takes a margin, not floor, ceiling or within")
            if self.margin is None or self.attribute is None:
                raise ValueError("a contrast needs both attribute and margin")
            if self.contrast == "ratio" and not self.margin < 1:
                raise ValueError("the margin of a ratio is below 1: 0.8 means within [0.8, 1.25]")
            if "strata" in self.model_fields_set:
                raise ValueError("strata belong to a floor, ceiling or within; use attribute")
        return self


class CoverageRequirement(Stated):
    """Who must be in the cohort: counts in every stratum, recorded attributes, sites.

    Counts are facts, not samples, so they are met or violated without an interval.
    """

    strata: Names = Field(
        ("overall",), description="'overall', an attribute (each level), or a stratum 'sex=F'."
    )
    n: AtLeast | None = Field(None, description="Least units analysed, in each of the strata.")
    patients: AtLeast | None = Field(None, description="Least patients analysed.")
    positives: AtLeast | None = Field(None, description="Least units with the condition.")
    negatives: AtLeast | None = Field(None, description="Least units without it.")
    missing_label: Share | None = Field(None, description="Largest share of rows with no label.")
    missing_score: Share | None = Field(None, description="Largest share of rows with no score.")
    attribute: str | None = Field(None, description="Attribute that `missing` speaks of.")
    missing: Share | None = Field(
        None, description="Largest share of rows on which the attribute is not recorded."
    )
    sites: AtLeast | None = Field(None, description="Least sites with analysed units.")

    @model_validator(mode="after")
    def _says_something(self) -> "CoverageRequirement":
        if (self.attribute is None) != (self.missing is None):
            raise ValueError("attribute and missing belong together")
        if not (self.counts or self.shares or self.missing is not None or self.sites):
            raise ValueError(
                "give at least one of n, patients, positives, negatives, missing_label, "
                "missing_score, attribute with missing, and sites"
            )
        if "strata" in self.model_fields_set and not (self.counts or self.shares):
            raise ValueError("strata belong to counts or to missing labels and scores")
        return self

    @property
    def counts(self) -> dict[str, int]:
        """The least counts that are asked for in each stratum."""
        asked = {k: getattr(self, k) for k in ("n", "patients", "positives", "negatives")}
        return {k: v for k, v in asked.items() if v is not None}

    @property
    def shares(self) -> dict[str, float]:
        """The largest shares that are allowed in each stratum."""
        asked = {k: getattr(self, k) for k in ("missing_label", "missing_score")}
        return {k: v for k, v in asked.items() if v is not None}


class ChangeRequirement(Stated):
    """A measure is not worse than in the baseline audit by more than a margin."""

    measure: str = Field(description="Id of the measure; `equipoise explain` knows them.")
    output: str | None = Field(None, description="The class or label it speaks of, if several.")
    strata: Names = Field(
        ("overall",), description="'overall', an attribute (each level), or a stratum 'sex=F'."
    )
    worse_by: float = Field(
        ge=0, description="Largest worsening allowed, on the measure's own scale."
    )


class ChecklistRequirement(Stated):
    """Checklist items are answered, reviewed or signed, and nothing has gone stale under them."""

    instruments: Names = Field((), description="Instruments whose items are meant.")
    items: Names = Field((), description="Single items, by id.")
    state: Literal["answered", "reviewed", "signed"] = Field(
        "answered", description="How far each item must be."
    )
    stale: Literal["refused", "allowed"] = Field(
        "refused", description="Whether evidence may have changed since it was cited."
    )
    by: Day | None = Field(
        None, description="From this date on; before it, the requirement does not apply yet."
    )

    @model_validator(mode="after")
    def _names_items(self) -> "ChecklistRequirement":
        if not self.instruments and not self.items:
            raise ValueError("give instruments, items or both")
        return self


def where_of(strata: Sequence[str]) -> str:
    """Say where a requirement holds: overall, in one stratum, in each level of an attribute."""
    inside = ", ".join(s if "=" in s else f"each {s}" for s in strata if s != "overall")
    places = ["overall"] * ("overall" in strata) + [f"in {inside}"] * bool(inside)
    return ", ".join(places)
