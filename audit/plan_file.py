"""Reading a plan from YAML, every problem of the file at once and each with its line."""

from pathlib import Path
from typing import Any

from audit.plan import Plan
from audit.yaml_file import FileKind, checked_record, parse_record, read_text

_KIND = FileKind(
    code="not_a_plan",
    name="a plan",
    start="start from `equipoise init`",
    remedy="see `equipoise schema plan`",
)


def read_plan(path: Path) -> Plan:
    """Read and validate a plan file.

    Raises
    ------
    InputError
        With every problem found: missing file, wrong encoding, YAML that does not parse, a key
        written twice, unknown keys (nearest known one suggested), values that do not fit.
    """
    text = read_text(path, "check the path, or write one with `equipoise init`")
    return parse_plan(text, str(path))


def parse_plan(text: str, name: str) -> Plan:
    """Validate plan text; `name` is how problems call it."""
    return parse_record(text, name, Plan, _KIND)


def checked_plan(values: dict[str, Any], name: str) -> Plan:
    """Validate the keys of a plan that was not written as text."""
    return checked_record(values, name, Plan, _KIND)
