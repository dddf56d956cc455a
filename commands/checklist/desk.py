"""What every checklist command works with: profile, answers, audit, date and person."""

import subprocess
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from functools import cached_property, lru_cache
from pathlib import Path
from typing import Annotated

import typer

from audit.problems import InputError, Problem
from checklists.answers import AnswersFile, Person
from checklists.answers_file import read_answers
from checklists.assessment import Assessment, ItemState, assess
from checklists.profile import Profile, read_profile
from checklists.staleness import CurrentAudit, Workplace
from commands.dates import date_of as date_of
from commands.dates import moment as moment

ProfileOption = Annotated[
    Path,
    typer.Option("--profile", envvar="EQUIPOISE_PROFILE", help="File with the product profile."),
]
AnswersOption = Annotated[
    Path, typer.Option("--answers", envvar="EQUIPOISE_ANSWERS", help="File of answers.")
]
AuditOption = Annotated[
    Path | None,
    typer.Option(
        "--audit",
        envvar="EQUIPOISE_AUDIT",
        help="audit.json as evidence; that in the folder of the profile or its out/ if absent.",
    ),
]
AsOfOption = Annotated[
    str | None,
    typer.Option("--as-of", envvar="EQUIPOISE_AS_OF", help="Date to judge from; today if absent."),
]
NameOption = Annotated[
    str | None,
    typer.Option(
        "--as", envvar="EQUIPOISE_NAME", help="Your name; git's user.name if absent. Recorded."
    ),
]
RoleOption = Annotated[
    str | None, typer.Option("--role", envvar="EQUIPOISE_ROLE", help="Your role. Recorded.")
]
PROFILE = Path("equipoise.yaml")
ANSWERS = Path("answers.yaml")


@dataclass(frozen=True)
class Desk:
    """One product's papers on one date."""

    profile: Profile
    answers_path: Path
    audit_path: Path | None
    on: date

    @cached_property
    def audit(self) -> CurrentAudit | None:
        """The audit given, read when it is first needed."""
        if self.audit_path is None:
            return None
        from audit.result_file import read_result_file

        return CurrentAudit(read_result_file(self.audit_path))

    def answers(self) -> AnswersFile:
        """The answers as they are on disk now."""
        try:
            seen = self.answers_path.stat()
        except OSError:
            return read_answers(self.answers_path)
        stamp = (seen.st_ino, seen.st_size, seen.st_mtime_ns)
        return _answers_as_of(self.answers_path, stamp)

    def workplace(self) -> Workplace:
        """The files that answers point at."""
        return Workplace(self.answers_path.parent, self.profile, self.audit)

    def assess(
        self,
        instruments: Iterable[str] | None = None,
        answers: AnswersFile | None = None,
        *,
        findings: bool = True,
    ) -> Assessment:
        """The state of the checklists now."""
        given = self.answers() if answers is None else answers
        place = self.workplace()
        return assess(self.profile, given, self.on, place, instruments, findings=findings)

    def state(self, item: str, answers: AnswersFile | None = None) -> ItemState:
        """The state of one item, whether its instrument is followed or not."""
        found = self.profile.catalogue.item(item)
        states = self.assess([found.instrument], answers).items
        return next(s for s in states if s.item.id == item)


@lru_cache(maxsize=1)
def _answers_as_of(path: Path, stamp: tuple[int, int, int]) -> AnswersFile:
    """The answers of a file that has not changed since it was read last."""
    del stamp
    return read_answers(path)


def open_desk(profile: Path, answers: Path, audit: Path | None, as_of: str | None) -> Desk:
    """Read the profile; find the audit."""
    read = read_profile(profile)
    if audit is None:
        beside = (profile.parent / "out" / "audit.json", profile.parent / "audit.json")
        audit = next((path for path in beside if path.exists()), None)
    return Desk(read, answers, audit, date_of(as_of))


def person(name: str | None, role: str | None) -> Person:
    """Who is answering, as they say."""
    name = (name or _git_name() or "").strip()
    missing = [flag for flag, value in (("--as", name), ("--role", role)) if not value]
    if missing:
        reason = "an answer needs to say who gave it"
        remedy = "give your name and role, or set EQUIPOISE_NAME and EQUIPOISE_ROLE"
        raise InputError(Problem("no_person", " and ".join(missing), reason, remedy))
    return Person(name=name, role=str(role))


def _git_name() -> str | None:
    try:
        done = subprocess.run(
            ["git", "config", "user.name"], capture_output=True, text=True, check=False, timeout=5
        )
    except (OSError, subprocess.SubprocessError):
        return None
    return done.stdout.strip() or None
