"""The typed result of a comparison, as it stands in ``comparison.json``."""

from typing import Any, Literal

from audit.result import AuditWarning, FileHash
from audit.sections import Record, Status

SCHEMA_VERSION = "1.0"
Change = Literal["worse", "better", "no_worse", "unclear", "same", "none"]


class Parity(Record):
    """How near the two models' numbers are to each other, before any of them is judged.

    `within` says whether all of them agree within the declared `tolerance`. `rank_correlation` is
    Spearman's. `decisions_agree` is the share of units with the same decision.
    """

    output: str | None
    n: int
    largest: float
    mean: float
    identical: float
    rank_correlation: float | None
    decisions_agree: float | None
    tolerance: float | None
    within: bool | None


class Paired(Record):
    """One measure in one stratum under both models; `difference` is b - a.

    `change` is read from the interval: `worse` and `better` where it excludes 0, `no_worse` where
    it excludes the declared `margin` in the harmful direction, `same` where the difference is no
    more than rounding in single precision, `none` for a measure without a better end.
    `p_adjusted` is Holm's over the strata of the measure.
    """

    id: str
    measure: str
    stratum: str
    output: str | None
    value_a: float | None
    value_b: float | None
    difference: float | None
    lower: float | None
    upper: float | None
    level: float
    method: str
    p: float | None
    p_adjusted: float | None
    n: int
    clusters: int
    harm: float | None
    harm_lower: float | None
    harm_upper: float | None
    margin: float | None
    beyond_margin: bool
    change: Change
    status: Status
    reason: str | None


class Flips(Record):
    """Units of a stratum whose decision is right in one model only, by true class.

    The p values are McNemar's: exact, mid-p, and Obuchowski's where patients have several rows.
    """

    stratum: str
    label: Literal["positive", "negative"]
    n: int
    lost: int
    gained: int
    exact_p: float | None
    mid_p: float | None
    clustered_p: float | None


class GapChange(Record):
    """How far apart the extreme groups of model a are under each model.

    `change` is that of their distance, with its paired interval. `levelled_down` holds where they
    came nearer because the better of the two got worse, while the other did not get better.
    """

    measure: str
    attribute: str
    output: str | None
    worst: str
    best: str
    gap_a: float
    gap_b: float
    change: float
    lower: float | None
    upper: float | None
    level: float
    levelled_down: bool
    sentence: str


class ComparedFile(Record):
    """One side: its files, and what they say of the model that made them."""

    files: tuple[FileHash, ...]
    score: str
    model: dict[str, Any] | None


class Comparison(Record):
    """The whole comparison.

    `worsened` names records of `paired` that got worse: first those beyond their margin, then
    those that stay so after Holm's adjustment.
    """

    schema_version: str
    tool: str
    tool_version: str
    plan: dict[str, Any]
    plan_sha256: str
    a: ComparedFile
    b: ComparedFile
    units: int
    compared: int
    only_a: int
    only_b: int
    parity: tuple[Parity, ...]
    worsened: tuple[str, ...]
    paired: tuple[Paired, ...]
    flips: tuple[Flips, ...]
    gaps: tuple[GapChange, ...]
    warnings: tuple[AuditWarning, ...]

    def to_json(self) -> str:
        """Write the comparison as canonical JSON text."""
        return self.model_dump_json(indent=1) + "\n"
