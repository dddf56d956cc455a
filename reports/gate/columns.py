"""Plain text in a fixed number of columns, as it may stand in the log of a build."""

import textwrap

COLUMNS = 100
_INVISIBLE = "\N{ZERO WIDTH SPACE}"


def wrapped(text: str, indent: str) -> list[str]:
    """Lines that fit; what runs over stands further in."""
    return textwrap.wrap(
        text, COLUMNS, initial_indent=indent, subsequent_indent=indent + "    ",
        break_on_hyphens=False,
    )  # fmt: skip


def inert(line: str) -> str:
    """A line that no build server takes for a command, whatever text was wrapped into it."""
    text = line.replace("##[", f"##{_INVISIBLE}[")
    if text.lstrip().startswith("::"):
        text = text.replace("::", f":{_INVISIBLE}:", 1)
    return text
