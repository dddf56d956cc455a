"""Reading the declaration of a model from YAML, with a line for every problem."""

from pathlib import Path
from typing import Any

import yaml
from pydantic import BaseModel, ValidationError

from audit.models.spec import ModelSpec
from audit.problems import InputError, Problem, nearest
from audit.yaml_file import Location, read_text, syntax_problem, walk_nodes

_REMEDY = "correct it in the model's declaration"
# Lists whose entries are of several kinds.
_ALTERNATIVES = ("inputs", "steps")


def read_model_spec(path: Path) -> ModelSpec:
    """Read and validate the declaration of a model.

    Raises
    ------
    InputError
        With every problem found: a missing file, wrong encoding, YAML that does not parse, a key
        written twice, unknown keys, values that do not fit.
    """
    return parse_model_spec(read_text(path), str(path))


def parse_model_spec(text: str, name: str) -> ModelSpec:
    """Validate the text of a declaration; `name` is how problems call it."""
    try:
        root = yaml.compose(text, Loader=yaml.SafeLoader)
        data = yaml.safe_load(text)
        lines: dict[Location, int] = {}
        repeated: list[Problem] = []
        if root is not None:
            walk_nodes(root, (), lines, repeated, name)
    except yaml.YAMLError as error:
        raise InputError(syntax_problem(error, name)) from None
    except (ValueError, RecursionError):  # an impossible date, an alias inside itself
        reason = "a value cannot be read"
        raise InputError(Problem("yaml", name, reason, _REMEDY)) from None
    if not isinstance(data, dict):
        reason = "this is not the declaration of a model"
        remedy = "start with 'file: NAME' and say its inputs and output"
        raise InputError(Problem("not_a_model", name, reason, remedy))
    try:
        spec = ModelSpec.model_validate(data)
    except ValidationError as error:
        found = [_problem(item, lines, name) for item in error.errors()]
        raise InputError([*repeated, *found]) from None
    if repeated:
        raise InputError(repeated)
    return spec


def _problem(item: Any, lines: dict[Location, int], name: str) -> Problem:
    """Say one finding; the kind of input or step that pydantic puts into a place is left out."""
    location: Location = ()
    for place, part in enumerate(item["loc"]):
        kind = place > 1 and item["loc"][place - 2] in _ALTERNATIVES
        if not kind and (*location, part) in lines:
            location = (*location, part)
    where = f"{name}: line {lines.get(location, 1)}"
    key = ".".join(str(part) for part in location)
    last = str(item["loc"][-1]) if item["loc"] else ""
    if item["type"] == "extra_forbidden":
        return Problem(
            "unknown_key", where, f"unknown key '{key}'", nearest(last, _known_keys(last))
        )
    if item["type"] == "missing":
        said = f"{key}.{last}" if key else last
        return Problem("missing_key", where, f"'{said}' is missing", f"add '{last}'")
    text = str(item["msg"]).removeprefix("Value error, ")
    reason = f"'{key}': {text[0].lower()}{text[1:]}" if key else text
    return Problem("bad_value", where, reason, _REMEDY)


def _known_keys(but: str) -> list[str]:
    """Every key of any part of a declaration."""
    known: set[str] = set()
    waiting: list[Any] = [ModelSpec]
    seen: set[Any] = set()
    while waiting:
        item = waiting.pop()
        if isinstance(item, type) and issubclass(item, BaseModel):
            if item not in seen:
                seen.add(item)
                known |= set(item.model_fields)
                waiting += [field.annotation for field in item.model_fields.values()]
        else:
            waiting += list(getattr(item, "__args__", ()))
    return sorted(known - {but})
