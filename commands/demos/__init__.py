"""Demonstrations on real patients that come with the install.

Each module has one function, ``build(out)``: it writes what a user would bring to an audit (a plan,
predictions, the model where there is one) and returns where they are.
"""

from dataclasses import dataclass
from pathlib import Path

DATA = Path(__file__).parent.parent / "demo_data"


@dataclass(frozen=True)
class DemoAudit:
    """One audit to run: its inputs, and the folder for its results."""

    title: str
    plan: Path
    predictions: Path
    model: Path | None
    out: Path


@dataclass(frozen=True)
class Demo:
    """The audits of a demonstration, and what its reader should be told beside them."""

    audits: tuple[DemoAudit, ...]
    notes: tuple[str, ...]


def copy_plan(name: str, target: Path) -> Path:
    """Write one of the plans that lie beside this module to a user's folder."""
    from audit.atomic import write_atomic

    write_atomic(target, Path(__file__).with_name(name).read_bytes())
    return target
