"""Reading a plan from YAML, every problem of the file at once and each with its line."""

from pathlib import Path
from typing import Any

import yaml
from pydantic import BaseModel, ValidationError

from audit.plan import Plan
from audit.problems import InputError, Problem, nearest

Location = tuple[int | str, ...]


def read_plan(path: Path) -> Plan:
    """Read and validate a plan file.

    Raises
    ------
    InputError
        With every problem found: missing file, wrong encoding, YAML that does not parse, a key
        written twice, unknown keys (nearest known one suggested), values that do not fit.
    """
    return parse_plan(_read_text(path), str(path))


def parse_plan(text: str, name: str) -> Plan:
    """Validate plan text; `name` is how problems call it."""
    try:
        root = yaml.compose(text, Loader=yaml.SafeLoader)
        data = yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise InputError(syntax_problem(error, name)) from None
    except (ValueError, RecursionError) as error:  # an impossible date, an alias inside itself
        reason = f"a value cannot be read ({error})"
        raise InputError(Problem("yaml", name, reason, "correct it")) from None
    lines: dict[Location, int] = {}
    repeated: list[Problem] = []
    if root is not None:
        try:
            walk_nodes(root, (), lines, repeated, name)
        except RecursionError:
            reason = "an alias holds itself"
            raise InputError(Problem("yaml", name, reason, "write it out")) from None
    if not isinstance(data, dict):
        raise InputError(
            Problem("not_a_plan", name, "this is not a plan", "start from `equipoise init`")
        )
    try:
        plan = Plan.model_validate(data)
    except ValidationError as error:
        raise InputError([*repeated, *_problems(error, lines, name)]) from None
    if repeated:
        raise InputError(repeated)
    return plan


def _read_text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except FileNotFoundError:
        reason, remedy = "no such file", "check the path, or write one with `equipoise init`"
        raise InputError(Problem("missing_file", str(path), reason, remedy)) from None
    except UnicodeDecodeError as error:
        where = f"{path}: byte {error.start}"
        raise InputError(
            Problem("encoding", where, "the file is not UTF-8", "save it as UTF-8")
        ) from None
    except OSError as error:
        reason = f"the file cannot be read ({error.strerror})"
        raise InputError(
            Problem("unreadable", str(path), reason, "check the path and its permissions")
        ) from None


def syntax_problem(error: yaml.YAMLError, name: str) -> Problem:
    """Say where a text is not YAML."""
    mark = getattr(error, "problem_mark", None)
    where = f"{name}: line {mark.line + 1}" if mark is not None else name
    reason = getattr(error, "problem", None) or "it is not YAML"
    return Problem("yaml", where, str(reason), "correct the YAML there")


def walk_nodes(
    node: yaml.Node,
    location: Location,
    lines: dict[Location, int],
    repeated: list[Problem],
    name: str,
) -> None:
    """Note the line of every value, and keys that are there twice."""
    lines.setdefault(location, node.start_mark.line + 1)
    if isinstance(node, yaml.MappingNode):
        seen: set[str] = set()
        for key, value in node.value:
            place = (*location, key.value)
            if key.value in seen:
                where = f"{name}: line {key.start_mark.line + 1}"
                reason = f"key '{key.value}' is written twice"
                repeated.append(Problem("repeated_key", where, reason, "keep one of them"))
            seen.add(key.value)
            lines[place] = key.start_mark.line + 1
            walk_nodes(value, place, lines, repeated, name)
    elif isinstance(node, yaml.SequenceNode):
        for index, value in enumerate(node.value):
            walk_nodes(value, (*location, index), lines, repeated, name)


def _problems(error: ValidationError, lines: dict[Location, int], name: str) -> list[Problem]:
    return [_problem(e["type"], e["loc"], e["msg"], lines, name) for e in error.errors()]


def _problem(
    kind: str, location: Location, message: str, lines: dict[Location, int], name: str
) -> Problem:
    place = location
    while place and place not in lines:
        place = place[:-1]
    key = ".".join(str(part) for part in location)
    where = f"{name}: line {lines.get(place, 1)}"
    if kind == "extra_forbidden":
        reason = f"unknown key '{key}'"
        return Problem(
            "unknown_key", where, reason, nearest(str(location[-1]), _known_keys(location[:-1]))
        )
    if kind == "missing":
        return Problem("missing_key", where, f"'{key}' is missing", f"add '{location[-1]}'")
    text = message.removeprefix("Value error, ")
    reason = f"'{key}': {text[0].lower()}{text[1:]}" if key else text
    return Problem("bad_value", where, reason, "see `equipoise schema plan`")


def _known_keys(location: Location) -> list[str]:
    """Keys allowed at a place; the keys of a mapping by name (attributes) are the user's own."""
    model: Any = Plan
    named = False
    for part in location:
        if isinstance(part, int):
            continue
        if named:
            named = False
            continue
        field = model.model_fields.get(part) if model is not None else None
        if field is None:
            return []
        named = getattr(field.annotation, "__origin__", None) is dict
        model = _model_in(field.annotation)
    return list(model.model_fields) if model is not None else []


def _model_in(annotation: Any) -> type[BaseModel] | None:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    for inner in getattr(annotation, "__args__", ()):
        found = _model_in(inner)
        if found is not None:
            return found
    return None
