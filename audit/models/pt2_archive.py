"""What a ``torch.export`` archive may hold if it is loaded without trust.

``torch.export.load`` unpickles parts of an archive, looks operators up by dotted path from
``torch`` (which reaches ``torch.os``), hands shape expressions to ``sympy.sympify`` (which
evaluates them) and compiles guards from text. Here every member, operator, expression and text of
an archive is held against what an ordinary export contains, before any of it is loaded.
"""

import ast
import io
import json
import re
import zipfile
from collections.abc import Iterator
from typing import Any

from audit.models.extras import library

_MEMBERS = re.compile(
    r"([^/]+/)?("
    r"models/\w+\.json|data/(weights|constants)/(weight_\d+|tensor_\d+|\w+_config\.json|\w+\.pt)"
    r"|data/sample_inputs/\w+\.pt|archive_(format|version)|byteorder|version|extra/[^/]+"
    r"|\.data/(version|serialization_id)|\.format_version|\.storage_alignment"
    r"|serialized_exported_program\.json|serialized_\w+\.pt|extra_files/[^/]+)"
)
_OPERATORS = re.compile(
    r"torch\.ops\.(aten|prims|prim|higher_order|torchvision|quantized_decomposed)(\.\w+)+"
    r"|_operator\.(add|sub|mul|floordiv|truediv|mod|neg|pos|pow|eq|ne|lt|le|gt|ge|and_|or_|not_"
    r"|getitem)"
    r"|torch\.sym_\w+|math\.(ceil|floor|trunc|sqrt)"
)
_FILE_OPERATORS = re.compile(r"\.(from_file|save|load)\b")
_PLAIN = re.compile(r"[\w .,:;<>=+\-*/\[\]|@#]*")
_SENTENCE = re.compile(r"[ !#-\[\]-~]*")  # one line without double quotes and backslashes
_NAME = re.compile(r"[A-Za-z_]\w*")
_CONTAINERS = {None, "builtins.tuple", "builtins.list", "builtins.dict", "collections.OrderedDict"}
_FUNCTIONS = {
    "Abs", "Add", "And", "CeilDiv", "CeilToInt", "CleanDiv", "Eq", "Float", "FloatTrueDiv",
    "FloorDiv", "FloorToInt", "Ge", "Gt", "Identity", "IntTrueDiv", "Integer", "Le", "Lt", "Max",
    "Min", "Mod", "ModularIndexing", "Mul", "Ne", "Not", "Or", "Pow", "PowByNatural", "PythonMod",
    "Rational", "RoundToInt", "Symbol", "ToFloat", "TruncToInt", "Where", "max", "min",
    "Equality", "Unequality", "GreaterThan", "LessThan", "StrictGreaterThan", "StrictLessThan",
    "BooleanTrue", "BooleanFalse", "TruncToFloat", "RoundDecimal", "LShift", "RShift",
    "BitwiseFn_bitwise_and", "BitwiseFn_bitwise_or",
}  # fmt: skip
_METHODS = {"size", "stride", "storage_offset", "isnan", "inf"}
_NODES = (
    ast.Expression, ast.Name, ast.Load, ast.Constant, ast.Call, ast.keyword, ast.BinOp, ast.UnaryOp,
    ast.BoolOp, ast.Compare, ast.operator, ast.unaryop, ast.boolop, ast.cmpop, ast.Subscript,
    ast.Attribute, ast.List, ast.Tuple,
)  # fmt: skip


def archive_problem(data: bytes) -> str | None:
    """Say why an archive must not be loaded without trust; None when there is no reason.

    Raises
    ------
    zipfile.BadZipFile, ValueError, KeyError
        For an archive that is damaged.
    """
    torch = library("torch")
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        names = archive.namelist()
        if len(set(names)) < len(names):
            return "two of its members have the same name"
        for name in names:
            if not _MEMBERS.fullmatch(name):
                return f"it holds '{name}', which is no part of a plain export"
            content = archive.read(name)
            if name.endswith(".pt") and content:
                try:
                    torch.load(io.BytesIO(content), weights_only=True, map_location="cpu")
                # The member may hold anything, so its reader may fail in any way.
                except Exception:
                    return f"its member '{name}' holds more than tensors"
            elif name.endswith(".json"):
                for problem in _problems(json.loads(content), ""):
                    return problem
    return None


def _problems(value: Any, key: str) -> Iterator[str]:
    """Walk what JSON holds; `key` is the one under which it was found."""
    if isinstance(value, dict):
        for name, inner in value.items():
            if key == "range_constraints":
                yield from _of_expression(name)
            elif not _PLAIN.fullmatch(name):
                yield f"it has an unusual name: {name[:40]!r}"
            # The place in the source from which a node came; it is kept as text.
            if name not in ("metadata", "hint_metadata"):
                yield from _problems(inner, name)
    elif isinstance(value, list):
        for inner in value:
            yield from _problems(inner, key)
    elif isinstance(value, str):
        yield from _of_text(value, key)
    elif key == "use_pickle" and value:
        yield "its weights are pickled"


def _of_text(text: str, key: str) -> Iterator[str]:
    if key in ("expr_str", "guards_code"):
        yield from _of_expression(text)
    elif key in ("in_spec", "out_spec"):
        yield from _of_container(json.loads(text) if text else None)
    elif key == "target" and (not _OPERATORS.fullmatch(text) or _FILE_OPERATORS.search(text)):
        yield f"it calls '{text[:60]}', which is no operator of a plain export"
    elif key == "path_name" and not re.fullmatch(r"(weight|tensor)_\d+", text):
        yield f"it holds the object '{text[:40]}'"
    elif key == "as_string" and _SENTENCE.fullmatch(text):
        return  # the text of an assertion, which is handed on as text
    elif not _PLAIN.fullmatch(text):
        yield f"it has an unusual text: {text[:40]!r}"


def _of_expression(text: str) -> Iterator[str]:
    """Allow arithmetic on sizes and nothing else: no name leads anywhere but to them."""
    refusal = f"it has an expression that is not about sizes: {text[:60]!r}"
    try:
        tree = ast.parse(text, mode="eval")
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        yield refusal
        return
    for node in ast.walk(tree):
        called = node.func if isinstance(node, ast.Call) else None
        if (
            not isinstance(node, _NODES)
            or (isinstance(node, ast.Attribute) and node.attr not in _METHODS)
            or (isinstance(node, ast.Name) and node.id.startswith("__"))
            or (isinstance(node, ast.Constant) and not _is_plain(node.value))
            or (isinstance(called, ast.Name) and called.id not in _FUNCTIONS)
            or (called is not None and not isinstance(called, ast.Name | ast.Attribute))
        ):
            yield refusal
            return


def _is_plain(value: object) -> bool:
    if isinstance(value, str):
        return _NAME.fullmatch(value) is not None and not value.startswith("__")
    return value is None or isinstance(value, bool | int | float)


def _of_container(value: Any) -> Iterator[str]:
    """Allow tuples, lists and maps with plain keys as the arguments and results of a model."""
    if isinstance(value, list):
        for inner in value:
            yield from _of_container(inner)
    elif isinstance(value, dict):
        if value.get("type") not in _CONTAINERS:
            yield f"it takes or gives a {str(value.get('type'))[:60]}"
        context = value.get("context")
        keys = json.loads(context) if isinstance(context, str) else context
        plain = keys is None or (
            isinstance(keys, list)
            and all(isinstance(k, int) or (isinstance(k, str) and _NAME.fullmatch(k)) for k in keys)
        )
        if not plain:
            yield "its arguments or results have unusual names"
        yield from _of_container(value.get("children_spec", []))
