"""Verdicts as the summary of a step of GitHub Actions; steps add to one file, so it ends a line."""

from reports.gate.judged import Failed, Judged
from reports.gate.markdown import body, failed_body

MOST = 1_000_000  # bytes; GitHub takes 1 MiB of a step


def github_summary(judged: Judged) -> str:
    """Give the same table and details as the comment."""
    return body(judged, MOST).rstrip("\n") + "\n"


def failed_github_summary(failed: Failed) -> str:
    """Say that nothing was judged, and why."""
    return failed_body(failed)
