"""Text as it is written into YAML."""

import re


def quoted(text: str) -> str:
    """A YAML scalar that reads back as this text whatever is in it."""
    if re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]*", text) and text.lower() not in (
        "y", "n", "yes", "no", "on", "off", "true", "false", "null",
    ):  # fmt: skip
        return text
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n") + '"'
