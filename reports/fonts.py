"""The fonts of a printed document: those of the package, one for each script that its text holds.

Without them the machine's own fonts would stand in, and the same inputs would not give the same
bytes everywhere.
"""

import re
from dataclasses import dataclass

from markupsafe import Markup

from reports.templating import ASSETS

FAMILY = "Inter"
_FACES = (
    ("Inter-Regular.otf", 400, "normal"),
    ("Inter-Italic.otf", 400, "italic"),
    ("Inter-SemiBold.otf", 600, "normal"),
    ("Inter-Bold.otf", 700, "normal"),
)


@dataclass(frozen=True)
class Script:
    """A script that Inter does not hold, and the font that does."""

    family: str
    file: str
    letters: str


SCRIPTS = (
    Script(
        "Noto Sans Arabic", "NotoSansArabic-Regular.ttf", "\u0600-\u06ff\u0750-\u077f\ufb50-\ufefc"
    ),
    Script("Noto Sans Hebrew", "NotoSansHebrew-Regular.ttf", "\u0590-\u05ff\ufb1d-\ufb4f"),
    Script("Noto Sans Devanagari", "NotoSansDevanagari-Regular.ttf", "\u0900-\u097f"),
    Script("Noto Sans Thai", "NotoSansThai-Regular.ttf", "\u0e00-\u0e7f"),
    Script(
        "Droid Sans Fallback",
        "DroidSansFallback-Full.ttf",
        "\u2e80-\u312f\u3190-\u9fff\uf900-\ufaff\uff00-\uffef",
    ),
    Script("Nanum Gothic", "NanumGothic.ttf", "\u1100-\u11ff\u3130-\u318f\uac00-\ud7af"),
)  # fmt: skip


def scripts_in(text: str) -> tuple[Script, ...]:
    """The scripts whose letters a text holds."""
    return tuple(s for s in SCRIPTS if re.search(f"[{s.letters}]", text))


def families(scripts: tuple[Script, ...]) -> str:
    """The families in the order in which they are tried, as CSS writes them."""
    return ", ".join([FAMILY, *(f"'{script.family}'" for script in scripts)])


def font_faces(scripts: tuple[Script, ...] = ()) -> Markup:
    """Declare the fonts of the package, with those of the scripts that are needed."""
    faces = [(FAMILY, name, weight, style) for name, weight, style in _FACES]
    faces += [(s.family, s.file, 400, "normal") for s in scripts]
    rule = "@font-face{{font-family:'{}';font-weight:{};font-style:{};src:url({})}}\n"
    return Markup("").join(
        Markup(rule).format(family, weight, style, (ASSETS / "fonts" / name).as_uri())
        for family, name, weight, style in faces
    )


def in_families(style: Markup, scripts: tuple[Script, ...]) -> Markup:
    """A style sheet whose text falls back on the fonts of these scripts."""
    return Markup(str(style).replace(f" {FAMILY};", f" {families(scripts)};"))
