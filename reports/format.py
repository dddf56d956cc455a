"""Numbers, intervals and names as text. Rounding happens here and nowhere else.

One style everywhere, in text, tables, figures and files: a point before decimals, a comma between
thousands of a count (7,472), a real minus, a space before a percent sign. The axes of figures ask
Vega for the same (``,d``), and the page's script writes it too.
"""

from urllib.parse import quote

from audit.result import Estimate

MINUS = "\N{MINUS SIGN}"
DASH = "\N{EN DASH}"
WITHHELD = "withheld"
TWO_DECIMALS = frozenset(
    (
        "oe_ratio",
        "citl",
        "calibration_intercept",
        "calibration_slope",
        "lr_plus",
        "lr_minus",
        "hd95",
        "assd",
        "psnr",
        "oe_at_horizon",
        "citl_at_horizon",
        "slope_at_horizon",
    )
)


def digits(measure: str, contrast: str | None = None) -> int:
    """Decimals a measure is printed with."""
    return 2 if measure in TWO_DECIMALS or contrast == "ratio" else 3


def fixed(value: float, places: int) -> str:
    """Write a number with fixed decimals and a real minus; never a negative zero."""
    if abs(value) >= 1e6:
        return f"{value:.1e}".replace("-", MINUS)
    text = f"{value:.{places}f}"
    if float(text) == 0:
        text = text.lstrip("-")
    return text.replace("-", MINUS)


def signed(value: float, places: int) -> str:
    """Write a number with its sign, as differences are printed."""
    text = fixed(value, places)
    return text if text.startswith(MINUS) or float(text) == 0 else f"+{text}"


def interval(lower: float | None, upper: float | None, places: int, sign: bool = False) -> str:
    """Write ``[lower, upper]``; empty text when there is no interval."""
    if lower is None or upper is None:
        return ""
    write = signed if sign else fixed
    return f"[{write(lower, places)}, {write(upper, places)}]"


def with_interval(
    value: float | None,
    lower: float | None,
    upper: float | None,
    places: int,
    sign: bool = False,
) -> str:
    """Write ``value [lower, upper]``; a dash when there is no value."""
    if value is None:
        return DASH
    point = signed(value, places) if sign else fixed(value, places)
    return f"{point} {interval(lower, upper, places, sign)}".rstrip()


def count(value: int | None) -> str:
    """Write a count with commas between thousands; one withheld for privacy says so."""
    if value is None:
        return WITHHELD
    return f"{value:,}"


def plural(value: int | None, noun: str, many: str | None = None) -> str:
    """Write a count with its noun."""
    if value is None:
        return f"a {WITHHELD} number of {many or noun + 's'}"
    return f"{count(value)} {noun if value == 1 else many or noun + 's'}"


def p_value(p: float | None) -> str:
    """Write a p value, small ones as a bound."""
    if p is None:
        return DASH
    return "< 0.001" if p < 0.001 else fixed(p, 3)


def percent(share: float, places: int = 1) -> str:
    """Write a share as a percentage."""
    return f"{fixed(100 * share, places)} %"


def share(part: int | None, whole: int | None) -> str:
    """Write one count as a percentage of another."""
    if part is None or whole is None:
        return WITHHELD
    return percent(part / whole) if whole else DASH


def left_out(many: int, noun: str) -> str:
    """Say how much of a table stands only in the attachment; empty when nothing does."""
    verb = "is" if many == 1 else "are"
    return f"{plural(many, f'further {noun}')} {verb} in the attached audit.json." if many else ""


def level_text(level: float) -> str:
    """Write an interval level: 95 %, 99.5 %."""
    return f"{100 * level:g} %"


def names(items: list[str], most: int = 8) -> str:
    """Write names in a row, the tail counted."""
    shown = ", ".join(items[:most])
    return shown if len(items) <= most else f"{shown} and {len(items) - most} more"


def shorten(text: str, most: int) -> str:
    """Cut a long name in the middle, where a figure has no room for it."""
    if len(text) <= most:
        return text
    tail = (most - 1) // 3
    return f"{text[: most - 1 - tail].rstrip()}…{text[-tail:].lstrip()}"


def crossed(name: str) -> bool:
    """Whether a stratum crosses attributes; a level's own name may hold an ampersand."""
    return sum("=" in part for part in name.split(" & ")) > 1


def bare(stratum: str) -> str:
    """Name a single-attribute stratum by its level alone (the attribute stands above it)."""
    if stratum.startswith("not "):  # the complement of a level
        return "everyone else"
    return stratum if crossed(stratum) else stratum.partition("=")[2] or stratum


def anchor(estimate_id: str) -> str:
    """Give the fragment of an estimate in the page."""
    return quote(estimate_id, safe="/=:()[],+-._~!*';@$&")


def estimate_text(e: Estimate) -> str:
    """Write an estimate as ``value [interval]``."""
    return with_interval(e.value, e.lower, e.upper, digits(e.measure))
