"""Reading a file of records from YAML, every problem of it at once and each with its line."""

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import yaml
from pydantic import BaseModel, ValidationError

from audit.problems import InputError, Problem, nearest

Location = tuple[int | str, ...]
Model = TypeVar("Model", bound=BaseModel)
# The parser in C where PyYAML was built with it: the same values, ten times as fast.
_Loader: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


@dataclass(frozen=True)
class FileKind:
    """What a kind of file is called in problems, and what to do about them."""

    code: str
    name: str
    start: str
    remedy: str


def read_text(path: Path, absent: str = "check the path") -> str:
    """Read a UTF-8 file; one clear line when that cannot be done."""
    try:
        return path.read_text(encoding="utf-8")
    except FileNotFoundError:
        problem = Problem("missing_file", str(path), "no such file", absent)
    except UnicodeDecodeError as error:
        where = f"{path}: byte {error.start}"
        problem = Problem("encoding", where, "the file is not UTF-8", "save it as UTF-8")
    except OSError as error:
        reason = f"the file cannot be read ({error.strerror})"
        problem = Problem("unreadable", str(path), reason, "check the path and its permissions")
    raise InputError(problem)


def parse_record(text: str, name: str, model: type[Model], kind: FileKind) -> Model:
    """Validate the text of a file as one record; `name` is how problems call the file.

    Raises
    ------
    InputError
        With every problem found: YAML that does not parse, a key written twice, unknown keys
        (nearest known one suggested), values that do not fit.
    """
    root, data = _loaded(text, name)
    lines: dict[Location, int] = {}
    repeated: list[Problem] = []
    if root is not None:
        try:
            walk_nodes(root, (), lines, repeated, name)
        except RecursionError:
            reason = "an alias holds itself"
            raise InputError(Problem("yaml", name, reason, "write it out")) from None
    if not isinstance(data, dict):
        raise InputError(Problem(kind.code, name, f"this is not {kind.name}", kind.start))
    try:
        record = model.model_validate(data)
    except ValidationError as error:
        found = [_problem(e, lines, name, model, kind) for e in error.errors()]
        raise InputError([*repeated, *found]) from None
    if repeated:
        raise InputError(repeated)
    return record


def checked_record(values: dict[str, Any], name: str, model: type[Model], kind: FileKind) -> Model:
    """Validate values that were never a text as one record, with every problem found."""
    try:
        return model.model_validate(values)
    except ValidationError as error:
        raise InputError(_problem(e, None, name, model, kind) for e in error.errors()) from None


def _loaded(text: str, name: str) -> tuple[yaml.Node | None, Any]:
    """The nodes of a text, with their places, and its values."""
    loader = _Loader(text)
    try:
        root = loader.get_single_node()
        return root, None if root is None else loader.construct_document(root)
    except yaml.YAMLError:
        try:  # again in Python, whose messages say more
            yaml.safe_load(text)
        except yaml.YAMLError as error:
            raise InputError(syntax_problem(error, name)) from None
        raise
    except (ValueError, RecursionError) as error:  # an impossible date, an alias inside itself
        reason = f"a value cannot be read ({error})"
        raise InputError(Problem("yaml", name, reason, "correct it")) from None
    finally:
        loader.dispose()


def without_comments(text: str) -> str:
    """The text of a file without its comments, which may tell of anything; the values stay.

    Raises
    ------
    InputError
        When it is not YAML.
    """
    try:
        scalars = [t for t in yaml.scan(text) if isinstance(t, yaml.ScalarToken)]
        wanted = yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise InputError(syntax_problem(error, "the file")) from None
    inside = bytearray(len(text))
    for token in scalars:
        start, end = token.start_mark.index, token.end_mark.index
        if token.style in ("|", ">"):  # a comment may stand beside the sign that opens it
            start = text.index("\n", start) if "\n" in text[start:] else end
        inside[start:end] = b"\1" * (end - start)
    lines, at = [], 0
    for line in text.splitlines(keepends=True):
        marks = (m.start() for m in re.finditer(r"(?:(?<=\s)|^)#", line))
        cut = next((c for c in marks if not inside[at + c]), None)
        at += len(line)
        kept = line if cut is None else line[:cut].rstrip()
        if cut is None or kept:
            lines.append(kept if cut is None else f"{kept}\n")
    bare = "".join(lines)
    if yaml.safe_load(bare) == wanted:
        return bare
    written: str = yaml.safe_dump(wanted, sort_keys=False, allow_unicode=True)
    return written


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


def _problem(
    error: Any,
    lines: dict[Location, int] | None,
    name: str,
    model: type[BaseModel],
    kind: FileKind,
) -> Problem:
    location: Location = error["loc"]
    key = ".".join(str(part) for part in location)
    where = name
    if lines is not None:
        place = location
        while place and place not in lines:
            place = place[:-1]
        where = f"{name}: line {lines.get(place, 1)}"
    if error["type"] == "extra_forbidden":
        reason = f"unknown key '{key}'"
        known = _known_keys(model, location[:-1])
        return Problem("unknown_key", where, reason, nearest(str(location[-1]), known))
    if error["type"] == "missing":
        return Problem("missing_key", where, f"'{key}' is missing", f"add '{location[-1]}'")
    text = str(error["msg"]).removeprefix("Value error, ")
    reason = f"'{key}': {text[0].lower()}{text[1:]}" if key else text
    return Problem("bad_value", where, reason, kind.remedy)


def _known_keys(top: type[BaseModel], location: Location) -> list[str]:
    """Keys allowed at a place; the keys of a mapping by name (attributes) are the user's own."""
    model: Any = top
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
