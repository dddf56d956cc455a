"""How one plan departs from an earlier one, field by field and in words."""

from collections.abc import Iterator, Mapping
from typing import Any

from pydantic import ValidationError

from audit.plan import Plan
from audit.stored_plan import plan_of_dump

KINDS = {
    "requirements": "requirement",
    "coverage": "coverage requirement",
    "change": "change requirement",
    "checklists": "checklist requirement",
}
_NOT_THERE = object()


def plan_changes(locked: Mapping[str, Any], now: Plan | Mapping[str, Any]) -> Iterator[str]:
    """Tell one by one what is another than when locked; both may be plans as they were dumped."""
    old, new = _as_now(locked), now.canonical() if isinstance(now, Plan) else _as_now(now)
    told = 0
    for key in [*old, *(k for k in new if k not in old)]:
        before, after = old.get(key, _NOT_THERE), new.get(key, _NOT_THERE)
        if before == after:
            continue
        if key in KINDS and isinstance(before, list) and isinstance(after, list):
            found = list(_stated(KINDS[key], before, after))
        else:
            found = list(_values(key, before, after))
        told += len(found)
        yield from found
    if not told and json_of(old) != json_of(new):
        yield "the requirements stand in another order than when locked"


def json_of(plan: Mapping[str, Any]) -> str:
    """A plan as text in which the order of keys does not count."""
    import json

    return json.dumps(plan, sort_keys=True)


def _as_now(dump: Mapping[str, Any]) -> dict[str, Any]:
    """A dumped plan with the fields that plans have now; as it is where they no longer fit."""
    try:
        return plan_of_dump(dict(dump)).canonical()
    except ValidationError:
        return dict(dump)


def _stated(kind: str, before: list[Any], after: list[Any]) -> Iterator[str]:
    old, new = ({one["id"]: one for one in many} for many in (before, after))
    for id in old:
        if id not in new:
            yield f"{kind} {id} removed after the lock"
        elif old[id] != new[id]:
            yield from _values(f"{kind} {id}:", old[id], new[id])
    for id in new:
        if id not in old:
            yield f"{kind} {id} added after the lock"


def _values(name: str, before: Any, after: Any) -> Iterator[str]:
    """Descend into mappings; say of anything else what it was and what it is."""
    joint = " " if name.endswith(":") else "."
    if isinstance(before, dict) and isinstance(after, dict):
        for key in [*before, *(k for k in after if k not in before)]:
            one, other = before.get(key, _NOT_THERE), after.get(key, _NOT_THERE)
            if one != other:
                yield from _values(f"{name}{joint}{key}", one, other)
        return
    if before is _NOT_THERE:
        yield f"{name} added after the lock"
    elif after is _NOT_THERE:
        yield f"{name} removed after the lock"
    else:
        yield f"{name} {_text(before)} when locked, {_text(after)} now"


def _text(value: Any) -> str:
    if value is None:
        return "not set"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        return f"{value:g}"
    if isinstance(value, list):
        return ", ".join(_text(one) for one in value) or "none"
    if isinstance(value, dict):
        return "{" + ", ".join(f"{k}: {_text(v)}" for k, v in value.items()) + "}"
    return str(value) if str(value) else "empty"
