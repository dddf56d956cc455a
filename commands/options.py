"""Options that mean the same in several commands, each declared once."""

from pathlib import Path
from typing import Annotated

import typer

# The columns of a cohort and how they are read, where no plan says it.
PlanOption = Annotated[Path | None, typer.Option("--plan", help="Plan file, instead of flags.")]
LabelOption = Annotated[str | None, typer.Option("--label", help="Outcome column.")]
PositiveOption = Annotated[
    str | None, typer.Option("--positive", help="Label value that means the condition.")
]
ScoreOption = Annotated[str | None, typer.Option("--score", help="Score column.")]
ScoreKindOption = Annotated[
    str | None, typer.Option("--score-kind", help="probability (default), logit or rank.")
]
ThresholdOption = Annotated[
    float | None, typer.Option("--threshold", help="Flag when score >= this.")
]
ThresholdSourceOption = Annotated[
    str | None, typer.Option("--threshold-source", help="fixed (default), external or tuned_here.")
]
ByOption = Annotated[list[str] | None, typer.Option("--by", help="Attribute column (repeatable).")]
BandOption = Annotated[
    list[str] | None, typer.Option("--band", help="Bands of an attribute: age=40,65,80.")
]
ReferenceOption = Annotated[
    list[str] | None, typer.Option("--reference", help="Reference level: sex=M.")
]
SiteOption = Annotated[str | None, typer.Option("--site", help="Site column.")]
PatientOption = Annotated[str | None, typer.Option("--patient", help="Patient column.")]
UnitOption = Annotated[str | None, typer.Option("--unit", help="Unique unit id column.")]
DepthOption = Annotated[
    int | None, typer.Option("--depth", help="Cross at most so many attributes (default 1).")
]
LevelOption = Annotated[float | None, typer.Option("--level", help="Interval level (0.95).")]
ResamplesOption = Annotated[
    int | None, typer.Option("--resamples", help="Bootstrap resamples (2000).")
]
SeedOption = Annotated[int | None, typer.Option("--seed", help="Seed of the resamples (1).")]

# The papers of a product beside an audit.
AnswersOption = Annotated[
    Path | None,
    typer.Option(
        "--answers",
        envvar="EQUIPOISE_ANSWERS",
        help="Answers; answers.yaml beside the audit if absent.",
    ),
]
ProfileOption = Annotated[
    Path | None,
    typer.Option(
        "--profile",
        envvar="EQUIPOISE_PROFILE",
        help="Product profile; that in the plan or beside the audit.",
    ),
]

QuietOption = Annotated[
    bool, typer.Option("--quiet", "-q", envvar="EQUIPOISE_QUIET", help="No progress on stderr.")
]
