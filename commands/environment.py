"""Options that may stand in the environment: one variable for one meaning, in every command.

What the command line says comes first; a variable that does not fit a command is not there for it.
"""

from typing import TypeVar

import typer

Value = TypeVar("Value")


def stated(ctx: typer.Context, name: str) -> bool:
    """Whether an option stands on the command line itself, and not in the environment."""
    source = ctx.get_parameter_source(name)
    return source is not None and source.name == "COMMANDLINE"


def fitting(ctx: typer.Context, name: str, value: Value, *, fits: bool) -> Value | None:
    """The value of an option; none where it comes from the environment and does not fit here."""
    return value if fits or stated(ctx, name) else None
