"""``equipoise explain``: what a word in a result means."""

from textwrap import fill

from audit.problems import InputError, Problem, nearest

_WIDTH = 88


def run_explain(id: str) -> str:
    """Explain a measure, a status, a verdict, a method, or an id out of audit.json."""
    from audit.glossary import ENTRIES
    from audit.measures import MEASURES

    # Ids of estimates and disparities start with the measure: sensitivity/sex=F.
    word = id.split("/", 1)[0]
    if word in MEASURES:
        return _measure_text(word)
    if word in ENTRIES:
        entry = ENTRIES[word]
        lines = [f"{entry.name}  ({entry.id})", "", entry.meaning, "", f"How to read it: "
                 f"{entry.reading}"]  # fmt: skip
        if entry.reference:
            lines += ["", f"Reference: {entry.reference}"]
        return _wrapped(lines)
    known = [*MEASURES, *ENTRIES]
    raise InputError(
        Problem("unknown_id", "explain", f"'{id}' is not known", nearest(word, known))
    )


def _measure_text(id: str) -> str:
    from audit.measures import MEASURES

    measure = MEASURES[id]
    ends = {
        "higher": "Higher is better.",
        "lower": "Lower is better.",
        "target": f"Best at {measure.target:g}." if measure.target is not None else "",
        "neutral": "Neither high nor low is better in itself.",
    }
    return _wrapped(
        [
            f"{measure.name}  ({measure.id})",
            "",
            f"Formula: {measure.formula}",
            f"Numerator: {measure.numerator_text}",
            f"Denominator: {measure.denominator_text}",
            f"Range: {measure.bounds[0]:g} to {measure.bounds[1]:g}. "
            f"{ends[measure.direction]}",
            f"Needs: {measure.needs}.",
            f"Undefined when {measure.undefined_when}.",
            "",
            f"How to read it: {measure.reading}",
            "",
            f"Reference: {measure.reference}",
        ]
    )


def _wrapped(lines: list[str]) -> str:
    return "\n".join(fill(line, _WIDTH, subsequent_indent="  ") for line in lines) + "\n"
