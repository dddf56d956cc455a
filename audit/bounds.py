"""What missing attributes and wrong labels could do to the figures, in the worst and best case."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from audit.cohort import Cohort
from audit.label_bounds import label_error_records
from audit.measures import MEASURES
from audit.measures.declaration import Measure
from audit.plan import Plan
from audit.problems import InputError, Problem, nearest
from audit.row_terms import RowTerms, codes_of, patients_of, terms_of, too_little
from audit.rows import Floats, Ints, Rows, grouped
from audit.sections import AssignmentBound, Bounds, Status
from audit.selection import chosen, possible
from audit.stats import assignment_bounds as cases
from audit.strata import StrataSet
from audit.stratum_names import MISSING, OVERALL
from audit.sums import INDEX
from audit.sweep import point_sums

# Above so many levels the pairs of means get bounds from those of the levels, not their own.
MOST_LEVELS = 24


def check_bounds(plan: Plan, strata: Sequence[str], source: str) -> None:
    """Refuse label error rates of strata that do not exist.

    Raises
    ------
    InputError
        With every unknown stratum.
    """
    known = [OVERALL, *(s for s in strata if s != OVERALL)]
    problems = [
        Problem(
            "unknown_stratum",
            f"{source}: label_error '{name}'",
            f"there is no stratum '{name}'",
            nearest(name, known),
        )
        for name in plan.label_error
        if name not in known
    ]
    if problems:
        raise InputError(problems)


def bounds_of(cohort: Cohort, plan: Plan, rows: Rows, sets: Sequence[StrataSet]) -> Bounds:
    """Bound the differences and gaps against missing attributes, and figures against wrong labels.

    Missing attributes: for every single attribute with analysed rows in its level ``(missing)``,
    every proportion, mean and the AUROC. Label error: where the plan declares rates of it.
    """
    incomplete = {d.name for d in cohort.dimensions if d.missing}
    concerned = [s for s in sets if len(s.attributes) == 1 and s.attributes[0] in incomplete]
    terms = list(terms_of(plan, rows)) if concerned else []
    missing = (r for s in concerned for r in _missing(rows, s, terms, plan))
    return Bounds(missing=tuple(missing), label_error=label_error_records(plan, rows, sets))


@dataclass(frozen=True, eq=False)
class _Known:
    """The levels of an attribute but ``(missing)``, which is always the last.

    `code` is the level of every analysed row, `gone` that of the rows without one.
    """

    strata: StrataSet
    code: Ints
    gone: int
    n: Ints
    reference: int

    @property
    def missing(self) -> int:
        """Analysed rows without the attribute."""
        return int(self.n[self.gone])


@dataclass(frozen=True, eq=False)
class _Ranges:
    """One measure: values of the levels, bounds of pairs, and counts where it is a proportion."""

    measure: Measure
    observed: Floats
    pairs: cases.Bounds
    short: NDArray[np.bool_]
    sharp: bool
    counts: tuple[Floats, Floats, float, float] | None


def _known(rows: Rows, strata: StrataSet) -> _Known | None:
    """Prepare an attribute; None when no analysed row lacks it or no two levels have rows."""
    if not strata.levels or strata.levels[-1] != (MISSING,):
        return None
    code = codes_of(strata, rows)
    n = np.bincount(code, minlength=len(strata.strata)).astype(np.int64)
    gone = len(strata.strata) - 1
    if n[gone] == 0 or np.count_nonzero(n[:gone]) < 2:
        return None
    reference = strata.reference_index(n)
    if reference is None or reference == gone:
        reference = int(np.argmax(n[:gone]))
    return _Known(strata, code, gone, n, reference)


def _missing(
    rows: Rows, strata: StrataSet, terms: Iterable[RowTerms], plan: Plan
) -> Iterator[AssignmentBound]:
    known = _known(rows, strata)
    if known is None:
        return
    patients = patients_of(rows, known.code, known.gone + 1)
    for own in terms:
        short = too_little(own, patients, rows.label, plan.minimum)[: known.gone]
        if own.measure.inference == "proportion":
            yield from _records(known, _of_proportion(known, own, short, rows.clustered))
        elif own.is_mean:
            yield from _records(known, _of_mean(known, own, short, rows.clustered))
    auroc = MEASURES["auroc"]
    if auroc in possible(chosen(plan, 1), rows):
        rarer = np.minimum(patients.behind(rows.label == 1), patients.behind(rows.label == 0))
        yield from _records(known, _of_auroc(rows, known, rarer < plan.minimum.events))


def _of_proportion(
    known: _Known, terms: RowTerms, short: NDArray[np.bool_], clustered: bool
) -> _Ranges:
    """Sharp where rows are independent: rows of one patient would go to one level together."""
    levels = known.gone + 1
    events = np.bincount(known.code, terms.numerator, levels).astype(np.float64)
    size = np.bincount(known.code, terms.denominator, levels).astype(np.float64)
    lost = (float(events[-1]), float(size[-1] - events[-1]))
    counts = (events[:-1], size[:-1], *lost)
    with np.errstate(invalid="ignore"):
        observed = events[:-1] / np.where(size[:-1] > 0, size[:-1], np.nan)
    pairs = cases.difference_bounds(*counts)
    return _Ranges(terms.measure, observed, pairs, short, not clustered, counts)


def _of_mean(known: _Known, terms: RowTerms, short: NDArray[np.bool_], clustered: bool) -> _Ranges:
    inside = terms.denominator != 0
    here, gone = inside & (known.code < known.gone), inside & (known.code == known.gone)
    data = (terms.numerator[here], known.code[here], terms.numerator[gone], known.gone)
    few = known.gone <= MOST_LEVELS
    pairs = (
        cases.mean_difference_bounds(*data)
        if few
        else cases.outer_difference_bounds(cases.mean_bounds(*data))
    )
    size = np.bincount(data[1], minlength=known.gone).astype(np.float64)
    with np.errstate(invalid="ignore"):
        observed = np.bincount(data[1], data[0], known.gone) / np.where(size > 0, size, np.nan)
    return _Ranges(terms.measure, observed, pairs, short, few and not clustered, None)


def _of_auroc(rows: Rows, known: _Known, short: NDArray[np.bool_]) -> _Ranges:
    sums = point_sums(grouped(rows, known.strata.codes, known.gone + 1, ()).rows)
    positives, negatives = sums[:, INDEX["positives"]], sums[:, INDEX["negatives"]]
    pairs = positives * negatives
    with np.errstate(invalid="ignore"):
        area = sums[:, INDEX["pairs"]] / np.where(pairs > 0, pairs, np.nan)
    levels = slice(0, known.gone)
    found = cases.auroc_bounds(
        area[levels],
        positives[levels],
        negatives[levels],
        float(positives[-1]),
        float(negatives[-1]),
    )
    differences = cases.outer_difference_bounds(found)
    return _Ranges(MEASURES["auroc"], area[levels], differences, short[levels], False, None)


def _records(known: _Known, ranges: _Ranges) -> Iterator[AssignmentBound]:
    """Differences of every level to the reference, then the gap."""
    strata, h = known.strata.strata, known.reference
    for g in range(known.gone):
        if g == h:
            continue
        status, reason = _status(known, ranges, (g, h))
        value = float(ranges.observed[g] - ranges.observed[h])
        bounded = status == "ok"
        yield AssignmentBound(
            id=f"{ranges.measure.id}/missing/difference/{strata[g]}:{strata[h]}",
            measure=ranges.measure.id,
            attribute=known.strata.attributes[0],
            contrast="difference",
            stratum=strata[g],
            reference=strata[h],
            observed=value if np.isfinite(value) else None,
            lower=float(ranges.pairs.lower[g, h]) if bounded else None,
            upper=float(ranges.pairs.upper[g, h]) if bounded else None,
            missing=known.missing,
            sharp=ranges.sharp,
            status=status,
            reason=reason,
        )
    yield _gap(known, ranges)


def _status(known: _Known, ranges: _Ranges, pair: tuple[int, int]) -> tuple[Status, str | None]:
    for i in pair:
        name = known.strata.strata[i]
        if known.n[i] == 0:
            return "not_collected", f"{name}: no unit of this stratum has both label and score"
        if not np.isfinite(ranges.observed[i]):
            return "undefined", f"{name}: {ranges.measure.undefined_when}"
    for i in pair:
        if ranges.short[i]:
            reason = "fewer patients inform the measure than the plan asks for"
            return "insufficient", f"{known.strata.strata[i]}: {reason}"
    return "ok", None


def _gap(known: _Known, ranges: _Ranges) -> AssignmentBound:
    """Max-min gap over the levels with enough data; the others are named."""
    strata, attribute = known.strata.strata, known.strata.attributes[0]
    usable = np.flatnonzero(np.isfinite(ranges.observed) & ~ranges.short)
    left_out = [strata[i] for i in range(known.gone) if i not in usable]
    common = {
        "id": f"{ranges.measure.id}/missing/gap/{attribute}",
        "measure": ranges.measure.id,
        "attribute": attribute,
        "contrast": "gap",
        "missing": known.missing,
    }
    if usable.size < 2:
        nothing = dict.fromkeys(("observed", "lower", "upper"))
        reason = "fewer than two strata have enough data to be compared"
        first = strata[usable[0]] if usable.size else strata[known.reference]
        return AssignmentBound.model_validate(
            common
            | nothing
            | {"stratum": first, "reference": first, "sharp": False}
            | {"status": "insufficient", "reason": reason}
        )
    value = ranges.observed[usable]
    ends = (int(value.argmax()), int(value.argmin()))
    worst, best = ends[::-1] if ranges.measure.direction == "higher" else ends
    lower, upper, sharp = _gap_bounds(ranges, usable)
    return AssignmentBound.model_validate(
        common
        | {
            "stratum": strata[usable[worst]],
            "reference": strata[usable[best]],
            "observed": float(value.max() - value.min()),
            "lower": lower,
            "upper": upper,
            "sharp": sharp,
            "status": "ok",
            "reason": f"left out for want of data: {', '.join(left_out)}" if left_out else None,
        }
    )


def _gap_bounds(ranges: _Ranges, usable: NDArray[np.intp]) -> tuple[float, float, bool]:
    if ranges.counts is not None:
        events, size, more, less = ranges.counts
        found = cases.gap_bounds(events[usable], size[usable], more, less)
        return found.lower, found.upper, found.attained and ranges.sharp
    among = np.ix_(usable, usable)
    pairs = cases.Bounds(ranges.pairs.lower[among], ranges.pairs.upper[among])
    return *cases.gap_of_differences(pairs), False
