"""Where the requirements of an audit stand in the plan file at hand."""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from audit.problems import InputError

if TYPE_CHECKING:
    from reports.gate.judged import Place

PLAN = "equipoise.yaml"


def places(plan: Path | None, audit: Path, sha256: str) -> "Mapping[str, Place]":
    """Line of each requirement; none where no file at hand is the plan that was followed.

    A plan that is named is the one that was judged by; one that lies about must have the hash.
    """
    from audit.plan_lines import requirement_lines
    from reports.gate.judged import Place

    found = plan if plan is not None else _lying_about(audit, sha256)
    if found is None:
        return {}
    lines = requirement_lines(found.read_text(encoding="utf-8"))
    return {id: Place(path=from_here(found), line=line) for id, line in lines.items()}


def _lying_about(audit: Path, sha256: str) -> Path | None:
    from audit.plan_file import read_plan

    for path in (Path(PLAN), audit.parent / PLAN):
        try:
            if path.exists() and read_plan(path).sha256() == sha256:
                return path
        except InputError:  # another product's, or half-written: no place to point at
            continue
    return None


def from_here(path: Path) -> str:
    """A path as build servers want it: from where the command runs, with forward slashes."""
    try:
        return Path(os.path.relpath(path)).as_posix()
    except ValueError:  # another drive
        return path.resolve().as_posix()
