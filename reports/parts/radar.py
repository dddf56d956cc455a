"""The ALTAI by requirement: how much is answered, and how many measures are said to be in place."""

import math
from dataclasses import dataclass
from typing import Any

from reports.blocks import Block, Cell, Column, Figure, Group, Row, Table
from reports.format import DASH, plural
from reports.papers import Papers
from reports.parts.altai import Requirement, requirements, unknown

LEAST_AXES = 3
LINE_LETTERS = 30
OUTSIDE = 1.09
LINE = 0.096  # from one line of a label to the next, on the scale of the circle
RINGS = (0.25, 0.5, 0.75, 1.0)
NOTE = (
    "Coverage: how much was answered, and how. It is not compliance, and an answer is what a "
    "person said, not what was found. Do not know is no answer, and one that is stale counts as "
    "open."
)


@dataclass(frozen=True)
class RadarData:
    """Axes round a circle of radius 1 with lines of text, and the sides of two polygons."""

    axes: tuple[dict[str, Any], ...]
    labels: tuple[dict[str, Any], ...]
    rings: tuple[dict[str, Any], ...]
    sides: tuple[dict[str, Any], ...]
    points: tuple[dict[str, Any], ...]


def blocks(papers: Papers) -> list[Block]:
    """Make the radar and its table; empty where the ALTAI is not followed."""
    found = requirements(papers)
    if not found:
        return []
    table = _table(found)
    return [_figure(found), table] if len(found) >= LEAST_AXES else [table]


def _figure(found: tuple[Requirement, ...]) -> Figure:
    return Figure(
        "altai-radar",
        "radar",
        "ALTAI by requirement: questions answered, and measures answered yes",
        _alt(found),
        radar_data(found),
        "Circles and solid line: share of questions answered. Diamonds and dashed line: share of "
        f"measures answered yes. A requirement that asks for no measure has no diamond. {NOTE}",
    )


def radar_data(found: tuple[Requirement, ...]) -> RadarData:
    """Place axes clockwise from the top; a share that is not defined has no point."""
    turns = [2 * math.pi * i / len(found) for i in range(len(found))]
    points: list[dict[str, Any]] = []
    sides: list[dict[str, Any]] = []
    for kind in ("answered", "yes"):
        shares = [_share(requirement, kind) for requirement in found]
        placed = [
            None if share is None else _at(turn, share)
            for share, turn in zip(shares, turns, strict=True)
        ]
        for requirement, here, after in zip(found, placed, placed[1:] + placed[:1], strict=True):
            if here is None:
                continue
            tip = {"name": requirement.name, "told": _told(requirement, kind)}
            points.append({"kind": kind, **here, **tip})
            if after is not None:
                sides.append({"kind": kind, **here, "x2": after["x"], "y2": after["y"]})
    axes = tuple(_at(turn, 1.0) for turn in turns)
    labels = tuple(line for r, t in zip(found, turns, strict=True) for line in _label(r, t))
    return RadarData(axes, labels, _rings(turns), tuple(sides), tuple(points))


def _share(requirement: Requirement, kind: str) -> float | None:
    part, whole = _counts(requirement, kind)
    return part / whole if whole else None


def _counts(requirement: Requirement, kind: str) -> tuple[int, int]:
    if kind == "answered":
        return requirement.all.answered, requirement.all.items
    return requirement.asked_for.statuses["met"], requirement.asked_for.items


def _told(requirement: Requirement, kind: str) -> str:
    part, whole = _counts(requirement, kind)
    if not whole:
        return "no measure asked for"
    return f"{part} of {whole} {'answered' if kind == 'answered' else 'measures yes'}"


def _at(turn: float, radius: float) -> dict[str, float]:
    return {
        "x": round(radius * math.sin(turn), 4) + 0.0,
        "y": round(radius * math.cos(turn), 4) + 0.0,
    }


def _label(requirement: Requirement, turn: float) -> list[dict[str, Any]]:
    """The lines of text at the end of an axis, which grow away from the circle."""
    names = _lines(requirement.name)
    lines = [*names, *(_told(requirement, kind) for kind in ("answered", "yes"))]
    place, up = _at(turn, OUTSIDE), math.cos(turn)
    side = "center" if abs(place["x"]) < 0.2 else "left" if place["x"] > 0 else "right"
    # Above the circle the last line is the nearest one, below it the first.
    above = len(lines) - 1 if up > 0.9 else 0 if up < -0.9 else (len(lines) - 1) / 2
    return [
        {"x": place["x"], "y": round(place["y"] + LINE * (above - i), 4), "align": side,
         "text": text, "head": int(i < len(names))}
        for i, text in enumerate(lines)
    ]  # fmt: skip


def _lines(name: str) -> list[str]:
    """Break a name over lines."""
    lines = [""]
    for word in name.split():
        longer = f"{lines[-1]} {word}".strip()
        if len(longer) > LINE_LETTERS and lines[-1]:
            lines.append(word)
        else:
            lines[-1] = longer
    return lines


def _rings(turns: list[float]) -> tuple[dict[str, Any], ...]:
    out = []
    for radius in RINGS:
        corners = [_at(turn, radius) for turn in turns]
        for here, after in zip(corners, corners[1:] + corners[:1], strict=True):
            out.append({**here, "x2": after["x"], "y2": after["y"], "share": radius})
    return tuple(out)


def _alt(found: tuple[Requirement, ...]) -> str:
    return "; ".join(
        f"{r.name}: {_told(r, 'answered')}, {_told(r, 'yes')}" for r in found
    ) + f". {plural(len(found), 'requirement')}; coverage, not compliance."  # fmt: skip


def _table(found: tuple[Requirement, ...]) -> Table:
    columns = (
        Column("Requirement", "text", 31),
        Column("Questions", "count", 9),
        Column("Answered", "count", 9),
        Column("Measures", "count", 9),
        Column("Yes", "count", 6),
        Column("To some extent", "count", 9),
        Column("No", "count", 6),
        Column("Do not know", "count", 8),
        Column("N/a", "count", 6),
        Column("Open", "count", 7),
    )
    rows = tuple(_row(r) for r in found)
    note = "Questions that describe the system count as answered, never as yes. " + NOTE
    return Table("altai-requirements", "ALTAI by requirement, in questions", columns,
                 (Group("", rows),), note)  # fmt: skip


def _row(r: Requirement) -> Row:
    whole, asked = r.all, r.asked_for
    n = asked.statuses
    values: list[int | None] = [whole.items, whole.answered, asked.items]
    split = (n["met"], n["partly"], n["not_met"], unknown(r.measures), n["not_applicable"])
    given = sum(split)
    values += [*split, asked.items - given] if asked.items else [None] * 6
    cells = (Cell(DASH if v is None else str(v), sort=v) for v in values)
    return Row((Cell(r.name), *cells))
