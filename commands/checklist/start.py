"""``equipoise checklist init``: a product profile to fill in."""

from pathlib import Path
from typing import Annotated, get_args, get_origin

import typer

from audit.problems import InputError, Problem
from checklists.catalogue import load_catalogue
from checklists.facts import Facts, possible_values

_HEAD = """\
# What the checklists need to know of the product. A fact that is left out is unknown: it never
# takes an item away. `equipoise checklist status --scope` says what each fact does.
profile:
"""


def init(
    out: Annotated[
        Path, typer.Option("--out", help="File to write the profile to; a plan may be in it.")
    ] = Path("equipoise.yaml"),
) -> None:
    """Write a product profile with every fact commented out, beside the audit plan if any."""
    from audit.atomic import write_atomic
    from audit.yaml_file import read_text

    before = read_text(out) if out.exists() else ""
    if any(line.startswith("profile:") for line in before.splitlines()):
        reason, remedy = "it has a profile already", "edit it there"
        raise InputError(Problem("exists", str(out), reason, remedy))
    text = before if not before or before.endswith("\n") else before + "\n"
    if not before:
        text = (
            "product:\n  name: ''          # model or device\n  version: ''\n"
            "  intended_use: ''  # who uses it, on whom, to decide what\n"
        )
    write_atomic(out, "\n".join([text, profile_text()]))
    typer.echo(
        f"wrote {out}: state the facts that hold\n"
        "next: equipoise checklist status, then equipoise checklist walk"
    )


def profile_text() -> str:
    """The section `profile`: every fact with its values, and every instrument, commented out."""
    lines = [_HEAD.rstrip("\n")]
    for name, field in Facts.model_fields.items():
        lines += [f"  # {field.description}", f"  # {name}: {values_of_fact(name)}"]
    lines.append("  # Instruments that are followed; all that the facts leave in scope if absent.")
    lines.append("  # instruments:")
    for instrument in load_catalogue().instruments.values():
        lines.append(f"  #   - {instrument.id}  # {instrument.short} ({instrument.status})")
    return "\n".join([*lines, ""])


def values_of_fact(name: str) -> str:
    """The values that a fact may take, as they are written in YAML."""
    words = possible_values(name)
    if set(words) == {"yes", "no"}:
        return "true or false"
    annotation = Facts.model_fields[name].annotation
    several = any(get_origin(a) is tuple for a in (annotation, *get_args(annotation)))
    return f"[{', '.join(words)}]" if several else " or ".join(words)
