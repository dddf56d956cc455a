"""The declarations in words: what ``explain`` prints and the reference pages hold."""

from dataclasses import dataclass

from audit.aliases import folded, names_of
from audit.aliases.declaration import Alias, Contrast
from audit.criteria_table import CriterionDeclaration
from audit.measures import DECLARED, TASK_MEASURES
from audit.measures.declaration import Inference, Measure, Scale

Fact = tuple[str, str]

_DIRECTIONS = {
    "higher": "Higher is better.",
    "lower": "Lower is better.",
    "neutral": "Neither high nor low is better in itself.",
}

_INTERVALS: dict[Inference, str] = {
    "proportion": "Wilson; cluster-robust {scale} where patients have several rows.",
    "ratio": "Influence of the rows, summed by patient, {scale}.",
    "auc": "DeLong {scale}, Obuchowski where patients have several rows; Wilson on the smaller "
    "class at 0 and 1.",
    "fit": "Influence of the rows, summed by patient, {scale}.",
    "bootstrap": "Patient bootstrap: BCa in strata of fewer than 1,000 rows, else percentile.",
    "basic": "Basic patient bootstrap, which takes the upward bias of resampling off.",
    "null": "None. Beside it stands its null: what a perfectly calibrated model of this size "
    "would score.",
}

_SCALES: dict[Scale, str] = {
    "identity": "on its own scale",
    "logit": "on the logit scale",
    "log": "on the log scale",
}

_CONTRASTS: dict[Contrast, str] = {
    "difference": "difference of {} from the reference group",
    "ratio": "ratio of {} to the reference group's",
    "gap": "max-min gap of {}",
}

_CRITERION_CONTRASTS = {
    "difference": "Largest less smallest value over the groups; 0 without any disparity.",
    "ratio": "Smallest over largest value over the groups; 1 without any disparity.",
    "worst": "Value of the worst group.",
}


def measure_facts(measure: Measure) -> list[Fact]:
    """Everything that a measure declares, as labels with their text, in the order to be read."""
    facts = [
        ("Formula", measure.formula),
        ("Numerator", measure.numerator_text),
        ("Denominator", measure.denominator_text),
        ("Range", f"{measure.bounds[0]:g} to {measure.bounds[1]:g}. {_better(measure)}"),
        ("Needs", f"{measure.needs}."),
        ("Undefined when", f"{measure.undefined_when}."),
        ("Interval", _INTERVALS[measure.inference].format(scale=_SCALES[measure.scale])),
        ("Scale", f"{measure.scale}, of normal intervals and of pooling over sites."),
        ("Groups", _comparison(measure)),
        ("Computed from", _source(measure)),
        ("Family", f"{measure.family}{', in the appendix' if measure.appendix else ''}."),
    ]
    tasks = [task for task, measures in TASK_MEASURES.items() if measure.id in measures]
    return [*facts, ("Task", f"{', '.join(tasks)}.")] if tasks else facts


def criterion_facts(criterion: CriterionDeclaration) -> list[Fact]:
    """Everything that a named criterion declares, as labels with their text."""
    parts = ", ".join(f"{DECLARED[part].name} ({part})" for part in criterion.parts)
    facts = [
        ("Formula", criterion.formula),
        ("Measures", f"{parts}."),
        ("Comparison", _CRITERION_CONTRASTS[criterion.contrast]),
        ("Fair at", f"{criterion.fair:g}."),
    ]
    if criterion.line is not None:
        facts.append(("Conventional line", f"{criterion.line:g}; it decides nothing here."))
    return facts


@dataclass(frozen=True)
class OtherNames:
    """What others call a measure or criterion.

    `same` gives the same number; `compared` names comparisons of groups on it, `differing` other
    numbers that are near to it, each with what it is.
    """

    same: tuple[str, ...]
    compared: tuple[Fact, ...]
    differing: tuple[Fact, ...]


def other_names(target: str) -> OtherNames:
    """Collect the names of a measure or criterion elsewhere."""
    same: dict[str, str] = {folded(target): ""}
    compared: dict[str, list[str]] = {}
    differing: dict[str, list[str]] = {}
    for alias in names_of(target):
        shown = alias.name + users(alias)
        if alias.contrast is not None:
            compared.setdefault(meaning(alias), []).append(shown)
        elif alias.same:
            same.setdefault(folded(alias.name), shown)
        else:
            differing.setdefault(meaning(alias), []).append(shown)
    return OtherNames(
        tuple(name for name in same.values() if name),
        tuple((", ".join(names), text) for text, names in compared.items()),
        tuple((", ".join(names), text) for text, names in differing.items()),
    )


def meaning(alias: Alias) -> str:
    """What a name stands for, as against its target: a sentence or two, empty where the same."""
    if alias.contrast is None:
        return alias.note
    nearest = _CONTRASTS[alias.contrast].format(alias.target)
    return f"The {nearest}." if alias.same else f"Near to the {nearest}. {alias.note}"


def users(alias: Alias) -> str:
    """The tools that use a name, in brackets; nothing for a word of the field at large."""
    return f" ({', '.join(alias.tools)})" if alias.tools else ""


def _better(measure: Measure) -> str:
    if measure.direction == "target":
        return f"Best at {measure.target:g}."
    return _DIRECTIONS[measure.direction]


def _comparison(measure: Measure) -> str:
    if measure.pairwise:
        return "a contrast of two groups only."
    if not measure.contrasted:
        return "never compared on it."
    return f"compared on it, {'also' if measure.crossed else 'not'} in intersections of attributes."


def _source(measure: Measure) -> str:
    if measure.compute is not None:
        extra = f", among them {', '.join(measure.terms)}" if measure.terms else ""
        return f"sums over the rows of the stratum{extra}."
    if measure.of_ladder is not None:
        return "the whole curve of counts by score."
    return "the rows of the stratum."
