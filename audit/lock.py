"""Pre-registration: the plan as it stood before scores were read, kept beside it.

The lock holds the plan itself, its hash, and hashes of the columns of the cohort that can be read
without its scores. A later audit says how its plan departs from the locked one. A seal over the
whole file shows that it was edited; who writes the seal anew is not stopped by it, and a lock that
must convince others is committed, signed or deposited on the day.
"""

import hashlib
import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Literal

import yaml
from pydantic import Field

from audit.cells import decode
from audit.plan import Plan
from audit.plan_changes import plan_changes
from audit.plan_part import PlanPart
from audit.problems import InputError, Problem
from audit.result import AuditResult, Lock
from audit.sources.source import Source
from audit.unscored import unscored_columns
from audit.yaml_file import FileKind, parse_record, read_text

_KIND = FileKind(
    code="not_a_lock",
    name="the lock of a plan",
    start="write one with `equipoise check --lock`",
    remedy="write it again with `equipoise check --lock --relock --reason ...`",
)
_HEAD = """# The plan as it was fixed before scores were read. Written by `equipoise check --lock`.
# Editing this file breaks its seal.
"""


class LockedCohort(PlanPart):
    """The cohort without its scores: rows, and a hash of each column whatever the order of rows."""

    rows: int
    columns: dict[str, str] = Field(description="Column -> SHA-256 of its values.")


class LockedPlan(PlanPart):
    """One plan, fixed on a day."""

    sha256: str = Field(description="SHA-256 of the plan.")
    locked_on: str = Field(description="Day it was fixed: 2026-01-31.")
    plan: dict[str, Any] = Field(description="The plan, every default written out.")
    cohort: LockedCohort | None = Field(None, description="The cohort, where it was at hand.")


class EarlierLock(PlanPart):
    """A lock that was replaced, and why."""

    lock: LockedPlan
    replaced_on: str = Field(description="Day of the lock that replaced it.")
    reason: str = Field(description="Why; printed in every report.")


class LockFile(PlanPart):
    """The plan as it was fixed before scores were read: the file beside it, and its seal."""

    version: Literal[1] = Field(1, description="Version of the file's format.")
    lock: LockedPlan = Field(description="The plan that holds.")
    history: tuple[EarlierLock, ...] = Field((), description="Earlier locks, the first first.")
    seal: str = Field("", description="SHA-256 of everything else in the file.")

    def sealed(self) -> "LockFile":
        """The same with its seal."""
        return self.model_copy(update={"seal": self.own_seal()})

    def own_seal(self) -> str:
        """Hash of everything but the seal."""
        return _sha256(self.model_dump(mode="json", exclude={"seal"}))


def lock_path(plan: Path) -> Path:
    """Where the lock of a plan lies: ``equipoise.lock.yaml`` beside ``equipoise.yaml``."""
    return plan.with_name(f"{plan.stem}.lock.yaml")


def lock_of(plan: Plan, source: Source | None, locked_on: str) -> LockedPlan:
    """Fix a plan, and the cohort where it is at hand."""
    cohort = None if source is None else locked_cohort(source, plan)
    return LockedPlan(
        sha256=plan.sha256(), locked_on=locked_on, plan=plan.canonical(), cohort=cohort
    )


def locked_cohort(source: Source, plan: Plan) -> LockedCohort:
    """Hash the columns that the plan reads, without those of the scores."""
    names = sorted(unscored_columns(plan))
    hashes = {name: column_hash(source.table.column(name)) for name in names}
    return LockedCohort(rows=source.table.num_rows, columns=hashes)


def column_hash(column: Any) -> str:
    """Hash the values of a column and how often each occurs, whatever the order of rows."""
    texts = decode(column, frozenset())
    counts = sorted(zip(texts.values, texts.counts().tolist(), strict=True))
    return _sha256([*counts, int((texts.codes < 0).sum())])


def write_lock(
    path: Path, locked: LockedPlan, relock_reason: str | None
) -> Literal["locked", "same", "relocked"]:
    """Write a lock, or leave one that says the same.

    Raises
    ------
    InputError
        When another lock is there and no reason to replace it is given.
    """
    from audit.atomic import write_atomic

    before = read_lock(path) if path.exists() else None
    if before is None:
        write_atomic(path, lock_text(LockFile(lock=locked)))
        return "locked"
    old = before.lock
    if (old.sha256, old.cohort) == (locked.sha256, locked.cohort):
        return "same"
    if relock_reason is None:
        what = "the plan" if old.sha256 != locked.sha256 else "the cohort"
        reason = f"{what} is another one than was locked on {old.locked_on}"
        remedy = "put it back, or give --relock --reason '...', which keeps the earlier lock"
        raise InputError(Problem("locked", str(path), reason, remedy))
    earlier = EarlierLock(lock=old, replaced_on=locked.locked_on, reason=relock_reason)
    write_atomic(path, lock_text(LockFile(lock=locked, history=(*before.history, earlier))))
    return "relocked"


def lock_text(file: LockFile) -> str:
    """The text of a lock file, sealed."""
    content = file.sealed().model_dump(mode="json")
    written: str = yaml.safe_dump(content, sort_keys=False, allow_unicode=True)
    return _HEAD + written


def read_lock(path: Path) -> LockFile:
    """Read a lock.

    Raises
    ------
    InputError
        When it is none, or was edited: a plan that is not the one of its hash, a broken seal.
    """
    file = parse_record(read_text(path), str(path), LockFile, _KIND)
    wrong = [one.locked_on for one in (file.lock, *(e.lock for e in file.history))
             if _sha256(one.plan) != one.sha256]  # fmt: skip
    remedy = "take the file as it was written, from version control"
    if wrong:
        reason = f"the plan locked on {wrong[0]} does not have the hash that stands beside it"
        raise InputError(Problem("tampered_lock", str(path), reason, remedy))
    if file.seal != file.own_seal():
        reason = "its seal does not fit: it was edited after it was written"
        raise InputError(Problem("tampered_lock", str(path), reason, remedy))
    return file


def refuse_tampered(plan_path: Path | None) -> None:
    """Refuse an edited lock before anything is read; raises InputError."""
    if plan_path is not None and lock_path(plan_path).exists():
        read_lock(lock_path(plan_path))


def held_against_lock(plan_path: Path | None, plan: Plan, source: Source) -> Lock | None:
    """Say how a plan and its cohort depart from the lock beside the plan; None without a lock."""
    if plan_path is None:
        return None
    path = lock_path(plan_path)
    if not path.exists():
        return None
    file = read_lock(path)
    return Lock(
        sha256=file.lock.sha256,
        locked_on=file.lock.locked_on,
        file=path.name,
        deviations=tuple(deviations(file, plan, source)),
    )


def judged_against_lock(result: AuditResult, plan_path: Path, plan: Plan) -> AuditResult:
    """A result with the departures of the plan that it is judged by, beside those of its own."""
    known = result.lock
    if known is None:  # a lock that is there now may have been written after the audit
        return result
    path = lock_path(plan_path)
    if path.exists():
        told = tuple(deviations(read_lock(path), plan, None))
    elif plan.sha256() != result.provenance.plan_sha256:
        told = (f"judged by the requirements of {plan_path.name}, not of the plan audited",)
    else:
        return result
    joined = tuple(dict.fromkeys((*known.deviations, *told)))
    return result.model_copy(update={"lock": known.model_copy(update={"deviations": joined})})


def deviations(file: LockFile, plan: Plan, source: Source | None) -> Iterator[str]:
    """Tell one by one how a plan and its cohort depart from the lock, and when it was replaced."""
    if plan.sha256() != file.lock.sha256:
        yield from plan_changes(file.lock.plan, plan)
    cohort = file.lock.cohort
    if cohort is not None and source is not None:
        yield from _other_cohort(cohort, source)
    locks = [e.lock for e in file.history] + [file.lock]
    for earlier, after in zip(file.history, locks[1:], strict=True):
        changed = list(plan_changes(earlier.lock.plan, after.plan))
        told = f"; then changed: {'; '.join(changed)}" if changed else "; the cohort was another"
        yield (
            f"relocked on {earlier.replaced_on} (first locked on {earlier.lock.locked_on}): "
            f"{earlier.reason}{told}"
        )


def _other_cohort(locked: LockedCohort, source: Source) -> Iterator[str]:
    if source.table.num_rows != locked.rows:
        yield "the cohort has another number of rows than when locked"
    for name, digest in sorted(locked.columns.items()):
        if name in source.table.column_names and column_hash(source.table.column(name)) != digest:
            yield f"column '{name}' of the cohort has other content than when locked"


def _sha256(value: Mapping[str, Any] | list[Any]) -> str:
    text = json.dumps(value, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()
