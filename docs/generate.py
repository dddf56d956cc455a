"""Write the reference pages from the code: python docs/generate.py.

The tests fail when a page here differs from what the code says now.
"""

from pathlib import Path
from typing import Any

HERE = Path(__file__).parent


def pages() -> dict[str, str]:
    """Every generated page by its name under docs/."""
    from commands.schema import run_schema

    return {
        "measures.md": measures_page(),
        "words.md": words_page(),
        "cli.md": cli_page(),
        "plan.schema.json": run_schema("plan"),
        "result.schema.json": run_schema("result"),
    }


def measures_page() -> str:
    """The measure catalogue."""
    from audit.measures import MEASURES

    lines = ["# Measures", "", "`equipoise explain ID` prints the same. Ids are stable.", ""]
    for m in MEASURES.values():
        best = {"higher": "higher", "lower": "lower", "neutral": "neither end"}.get(
            m.direction, f"{m.target:g}" if m.target is not None else ""
        )
        lines += [
            f"## `{m.id}` {m.name}",
            "",
            f"{m.reading}",
            "",
            f"- Formula: {m.formula}",
            f"- Numerator: {m.numerator_text}",
            f"- Denominator: {m.denominator_text}",
            f"- Range: {m.bounds[0]:g} to {m.bounds[1]:g}; better: {best}",
            f"- Needs: {m.needs}",
            f"- Undefined when {m.undefined_when}",
            f"- Reference: {m.reference}",
            "",
        ]
    return "\n".join(lines)


def words_page() -> str:
    """Statuses, verdicts and methods."""
    from audit.glossary import METHODS, STATUSES, VERDICTS

    lines = ["# Words in a result", ""]
    for title, entries in (
        ("Status of an estimate or disparity", STATUSES),
        ("Status of a verdict", VERDICTS),
        ("Methods", METHODS),
    ):
        lines += [f"## {title}", ""]
        for entry in entries:
            reference = f" ({entry.reference})" if entry.reference else ""
            lines.append(
                f"- **`{entry.id}`** {entry.name}. {entry.meaning} {entry.reading}{reference}"
            )
        lines.append("")
    return "\n".join(lines)


def cli_page() -> str:
    """The command line, command by command."""
    import typer

    import cli

    group: Any = typer.main.get_command(cli.app)
    lines = ["# Command line", "", group.help, "", cli.app.info.epilog or "", ""]
    for name, command in group.commands.items():
        lines += [f"## `equipoise {name}`", "", command.help, ""]
        for param in command.params:
            lines.append(f"- {_parameter(param)}")
        lines.append("")
    return "\n".join(lines)


def _parameter(param: Any) -> str:
    is_argument = param.param_type_name == "argument"
    name = param.name.upper() if is_argument else ", ".join([*param.opts, *param.secondary_opts])
    default = param.default
    shown = ""
    if default not in (None, False, [], ()) and not callable(default):
        shown = f" Default: `{default}`."
    return f"`{name}` {getattr(param, 'help', '') or ''}{shown}"


def main() -> None:
    """Write every page."""
    for name, text in pages().items():
        (HERE / name).write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
