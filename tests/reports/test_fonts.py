"""Every script that is announced has a font of the package that holds its letters."""

from fontTools.ttLib import TTFont

from reports.fonts import SCRIPTS, scripts_in
from reports.templating import ASSETS

NAMES = {
    "Nanum Gothic": "\ud55c\uad6d\uc778 \ub0a8\uc131",
    "Droid Sans Fallback": "\u6c49\u65cf\u5973\u6027\u3042\u30ab",
    "Noto Sans Arabic": "\u0639\u0631\u0628\u064a",
    "Noto Sans Hebrew": "\u05e2\u05d1\u05e8\u05d9\u05ea",
    "Noto Sans Devanagari": "\u0939\u093f\u0928\u094d\u0926\u0940",
    "Noto Sans Thai": "\u0e44\u0e17\u0e22",
}


def test_each_script_is_set_with_a_font_that_holds_it() -> None:
    assert set(NAMES) == {script.family for script in SCRIPTS}
    for family, name in NAMES.items():
        (script,) = scripts_in(name)
        assert script.family == family
        with TTFont(ASSETS / "fonts" / script.file, lazy=True) as font:
            held = font.getBestCmap()
        assert {c for c in name if c != " " and ord(c) not in held} == set()
