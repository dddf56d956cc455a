"""The template environment: everything escaped, nothing undefined, nothing read from elsewhere."""

import json
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from markupsafe import Markup

if TYPE_CHECKING:
    import jinja2

HERE = Path(__file__).parent
ASSETS = HERE / "assets"


@cache
def environment() -> "jinja2.Environment":
    """Make the environment once."""
    import jinja2

    env = jinja2.Environment(
        loader=jinja2.FileSystemLoader(HERE / "templates"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    env.filters["script_json"] = script_json
    return env


def render(template: str, **values: Any) -> str:
    """Render a template."""
    return environment().get_template(template).render(**values)


def asset(name: str) -> Markup:
    """Read a style sheet or script of the package; it is trusted."""
    return Markup((ASSETS / name).read_text("utf-8"))


def script_json(value: Any) -> Markup:
    """Write JSON that cannot end or comment out the script element it stands in."""
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    for character, code in (("<", "\\u003c"), (">", "\\u003e"), ("&", "\\u0026"),
                            ("\u2028", "\\u2028"), ("\u2029", "\\u2029")):  # fmt: skip
        text = text.replace(character, code)
    return Markup(text)
