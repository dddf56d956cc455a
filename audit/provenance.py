"""Where a result comes from, enough to repeat it; no clock, no path, no user name."""

import hashlib
import os
import platform
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from audit.plan import Plan
from audit.problems import InputError, Problem
from audit.result import FileHash, Provenance

# What the numbers depend on; listed whether or not any extra is installed.
_PACKAGES = ("numpy", "scipy", "pyarrow", "numba", "pydantic")


def tool_version() -> str:
    """Version of the installed distribution."""
    try:
        return version("equipoise")
    except PackageNotFoundError:  # run from a checkout that was never installed
        return "0+unknown"


def file_hash(path: Path) -> FileHash:
    """Hash a file by content; its folder is left out."""
    digest = hashlib.sha256()
    try:
        with path.open("rb") as stream:
            while block := stream.read(1 << 20):
                digest.update(block)
        size = path.stat().st_size
    except OSError as error:
        reason = f"the file cannot be read ({error.strerror})"
        remedy = "check the path and its permissions"
        raise InputError(Problem("unreadable", str(path), reason, remedy)) from None
    return FileHash(name=path.name, bytes=size, sha256=digest.hexdigest())


def as_of(plan: Plan) -> str | None:
    """The date the evidence is stated for: the plan's, else SOURCE_DATE_EPOCH, else none.

    The clock is not read, so that the same inputs give the same bytes on any day.
    """
    if plan.as_of is not None:
        return plan.as_of
    epoch = os.environ.get("SOURCE_DATE_EPOCH")
    if not epoch:
        return None
    try:
        return datetime.fromtimestamp(int(epoch), UTC).date().isoformat()
    except (ValueError, OverflowError, OSError):
        reason = f"'{epoch}' is not a number of seconds since 1970"
        raise InputError(
            Problem("bad_value", "SOURCE_DATE_EPOCH", reason, "unset it or give an integer")
        ) from None


def provenance_of(
    plan: Plan, data: tuple[FileHash, ...], model: FileHash | None, command: str
) -> Provenance:
    """Collect hashes, versions, seed and command."""
    versions = {"python": platform.python_version()} | {p: version(p) for p in _PACKAGES}
    return Provenance(
        tool="equipoise",
        tool_version=tool_version(),
        command=command,
        as_of=as_of(plan),
        seed=plan.seed,
        resamples=plan.resamples,
        plan_sha256=plan.sha256(),
        data=data,
        model=model,
        versions=dict(sorted(versions.items())),
    )
