"""The date that things are judged from: stated, or that of the build, or today."""

import os
from datetime import UTC, date, datetime

from audit.problems import InputError, Problem


def date_of(as_of: str | None) -> date:
    """The date to judge from: the one given, SOURCE_DATE_EPOCH, or today in UTC."""
    if as_of is None:
        return moment().date()
    try:
        return date.fromisoformat(as_of)
    except ValueError:
        reason = f"'{as_of}' is not a date"
        raise InputError(Problem("bad_flag", "--as-of", reason, "write it as 2027-12-02")) from None


def moment() -> datetime:
    """Now, or what SOURCE_DATE_EPOCH says: UTC, whole seconds."""
    epoch = os.environ.get("SOURCE_DATE_EPOCH")
    if not epoch:
        return datetime.now(UTC).replace(microsecond=0)
    try:
        return datetime.fromtimestamp(int(epoch), UTC)
    except (ValueError, OverflowError, OSError):
        reason = f"'{epoch}' is not a number of seconds since 1970"
        remedy = "unset it or give an integer"
        raise InputError(Problem("bad_value", "SOURCE_DATE_EPOCH", reason, remedy)) from None
