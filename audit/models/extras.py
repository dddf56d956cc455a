"""Optional libraries, imported when a model needs them."""

from importlib import import_module
from typing import Any

from audit.problems import InputError, Problem


def required_module(module: str, extra: str, where: str) -> Any:
    """Import an optional library.

    Raises
    ------
    InputError
        With the line that installs it, when it is not there.
    """
    try:
        return import_module(module)
    except ModuleNotFoundError as error:
        if (error.name or "").split(".")[0] != module.split(".")[0]:
            raise
        reason = f"this needs {module}, which is not installed"
        remedy = f'pip install "equipoise[{extra}]"'
        raise InputError(Problem("missing_extra", where, reason, remedy)) from None


def library(module: str) -> Any:
    """Return an optional library whose presence was required before.

    It is imported by name, because a type checker does not find it where it is not installed.
    """
    return import_module(module)
