"""Jobs for build servers, from the templates that come with the package."""

import os
import shlex
from dataclasses import dataclass
from pathlib import Path

from audit.problems import Problem, nearest

TEMPLATES = Path(__file__).parent / "ci_templates"
CHOICES = ("github", "gitlab", "none")
_PATHS = {
    "github": Path(".github/workflows/equipoise.yml"),
    "gitlab": Path("equipoise.gitlab-ci.yml"),
}
_NOTES = {
    "github": "it runs on every pull request, and on pushes to main",
    "gitlab": "include it in .gitlab-ci.yml with `include: {local: equipoise.gitlab-ci.yml}`",
}


@dataclass(frozen=True)
class CiFile:
    """A job as it is written: where, what, and what to know of it."""

    path: Path
    text: str
    note: str


def unknown_ci(ci: str) -> list[Problem]:
    """The problem of a build server that there is no template for."""
    if ci in CHOICES:
        return []
    reason = f"no template for the build server '{ci}'"
    return [Problem("bad_flag", "--ci", reason, nearest(ci, CHOICES))]


def ci_file(ci: str, plan: Path) -> CiFile | None:
    """The job that audits by a plan, to be written into the folder at hand; none for ``none``."""
    if ci == "none":
        return None
    return CiFile(_PATHS[ci], ci_text(ci, os.path.relpath(plan)), _NOTES[ci])


def ci_text(ci: str, plan: str) -> str:
    """The text of a job; `plan` is its path from the root of the repository."""
    text = (TEMPLATES / f"{ci}.yaml").read_text(encoding="utf-8")
    return text.replace("@PLAN@", shlex.quote(plan.replace(os.sep, "/")))
