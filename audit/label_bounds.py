"""How far measures could move under the error rates of the label that the plan declares."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from audit.measures import MEASURES
from audit.plan import LabelError, Plan
from audit.row_terms import codes_of
from audit.rows import Floats, Ints, Rows
from audit.sections import LabelErrorBound, Status
from audit.selection import chosen, possible
from audit.stats.label_error import (
    NO_FEASIBLE_RATES,
    Corrected,
    LabelErrorBounds,
    correct_label_error,
    label_error_bounds,
    label_error_differences,
)
from audit.strata import StrataSet
from audit.stratum_names import OVERALL

NO_ERROR = LabelError()


@dataclass(frozen=True, eq=False)
class _Found:
    """What one set of strata gave; `declared` says whose label may be wrong."""

    strata: StrataSet
    declared: tuple[bool, ...]
    n: Ints
    observed: Corrected
    bounds: LabelErrorBounds


def label_error_records(
    plan: Plan, rows: Rows, sets: Sequence[StrataSet]
) -> tuple[LabelErrorBound, ...]:
    """Bounds of every stratum with declared rates, and of the differences to its reference.

    Rates of ``overall`` hold for the whole cohort and for every single stratum that is not named
    itself; a stratum without rates is compared as if its label were right.
    """
    measures = [
        m for m in possible(chosen(plan, 1), rows) if plan.label_error and m.id in Corrected._fields
    ]
    out: list[LabelErrorBound] = []
    for strata in sets if measures else ():
        errors = [_declared(plan, strata, name) for name in strata.strata]
        if not any(e is not None for e in errors):
            continue
        found = _found(rows, strata, errors)
        for measure in measures:
            out.extend(_own(found, measure.id))
            if len(strata.attributes) == 1:
                out.extend(_differences(found, measure.id))
    return tuple(out)


def _declared(plan: Plan, strata: StrataSet, name: str) -> LabelError | None:
    default = plan.label_error.get(OVERALL) if len(strata.attributes) < 2 else None
    return plan.label_error.get(name, default)


def _found(rows: Rows, strata: StrataSet, errors: Sequence[LabelError | None]) -> _Found:
    code, count = codes_of(strata, rows), len(strata.strata)
    n = np.bincount(code, minlength=count).astype(np.int64)
    label = rows.label.astype(np.float64)
    tp = np.bincount(code, label * rows.flagged, count)
    fp = np.bincount(code, (1 - label) * rows.flagged, count)
    positives = np.bincount(code, label, count)
    cells = (tp, fp, positives - tp, n - positives - fp)
    rates = [e or NO_ERROR for e in errors]
    false_positive = np.array([e.false_positive for e in rates]).T
    false_negative = np.array([e.false_negative for e in rates]).T
    return _Found(
        strata,
        tuple(e is not None for e in errors),
        n,
        correct_label_error(*cells, 0.0, 0.0),
        label_error_bounds(
            *cells, (false_positive[0], false_positive[1]), (false_negative[0], false_negative[1])
        ),
    )


def _own(found: _Found, measure: str) -> Iterator[LabelErrorBound]:
    lower, upper = getattr(found.bounds.lower, measure), getattr(found.bounds.upper, measure)
    observed = getattr(found.observed, measure)
    for i, stratum in enumerate(found.strata.strata):
        if not found.declared[i]:
            continue
        yield _record(
            found,
            f"{measure}/label_error/{stratum}",
            measure,
            (i,),
            (float(observed[i]), float(lower[i]), float(upper[i])),
        )


def _differences(found: _Found, measure: str) -> Iterator[LabelErrorBound]:
    reference = found.strata.reference_index(found.n)
    if reference is None:
        return
    moved = label_error_differences(found.bounds)
    lower, upper = getattr(moved.lower, measure), getattr(moved.upper, measure)
    observed: Floats = getattr(found.observed, measure)
    other = found.strata.strata[reference]
    for i, stratum in enumerate(found.strata.strata):
        if i == reference or not (found.declared[i] or found.declared[reference]):
            continue
        yield _record(
            found,
            f"{measure}/label_error/{stratum}:{other}",
            measure,
            (i, reference),
            (
                float(observed[i] - observed[reference]),
                float(lower[i, reference]),
                float(upper[i, reference]),
            ),
        )


def _record(
    found: _Found,
    id: str,
    measure: str,
    strata: tuple[int, ...],
    numbers: tuple[float, float, float],
) -> LabelErrorBound:
    """Write one record; `strata` are the stratum and, for a difference, its reference."""
    status, reason = _status(found, measure, strata, numbers)
    names = [found.strata.strata[i] for i in strata]
    # The rates of two strata are declared apart, so their feasible shares multiply.
    feasible = float(np.prod(1.0 - found.bounds.infeasible[list(strata)]))
    observed, lower, upper = (float(v) if np.isfinite(v) else None for v in numbers)
    return LabelErrorBound(
        id=id,
        measure=measure,
        attribute=found.strata.attributes[0] if len(found.strata.attributes) == 1 else None,
        stratum=names[0],
        reference=names[1] if len(names) > 1 else None,
        observed=observed,
        lower=lower if status == "ok" else None,
        upper=upper if status == "ok" else None,
        feasible=feasible if np.isfinite(feasible) else None,
        status=status,
        reason=reason,
    )


def _status(
    found: _Found, measure: str, strata: tuple[int, ...], numbers: tuple[float, float, float]
) -> tuple[Status, str | None]:
    for i in strata:
        name = found.strata.strata[i]
        if found.n[i] == 0:
            return "not_collected", f"{name}: no unit of this stratum has both label and score"
        if found.bounds.infeasible[i] >= 1.0:
            return "undefined", f"{name}: {NO_FEASIBLE_RATES}"
    if not np.isfinite(numbers).all():
        return "undefined", MEASURES[measure].undefined_when
    return "ok", None
