"""``equipoise demo``: from a model file to a dossier on the public path, on real patients."""

from pathlib import Path

from audit.problems import InputError, Problem, nearest
from commands.audit import Flags, run_audit
from commands.dossier import run_dossier
from commands.papers import Named

NAMES = ("heart", "support2")


def run_demo(name: str, out: Path, *, quiet: bool) -> str:
    """Build a demo, audit what it gave and render each dossier; return the lines to print."""
    if name not in NAMES:
        reason = f"unknown demo '{name}'"
        raise InputError(Problem("bad_argument", "demo", reason, nearest(name, NAMES)))
    if name == "heart":
        from commands.demos.heart import build
    else:
        from commands.demos.support2 import build

    demo = build(out)
    lines = [*demo.notes]
    for part in demo.audits:
        summary = run_audit(
            [part.predictions], part.plan, Flags(), model=part.model, out=part.out, quiet=quiet
        )
        named = Named(part.out / "audit.json", part.plan)
        told = run_dossier(named, "full", part.out / "dossier.pdf")
        lines += ["", part.title, "", summary, told]
    return "\n".join(lines)
