"""The further sections of a shared result: everything that rests on a withheld stratum is removed.

A figure over all levels of an attribute goes as soon as one level is withheld: it could be solved
for that level. A figure over the cells of crossed attributes (a group inside a site) stays only
where the plan crosses them, so that the cells were counted, and none of them is withheld.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import TypeVar

import numpy as np

from audit.curve_sections import CalibrationCurve, Curves
from audit.result import AuditResult, Estimate, StratumCount
from audit.sections import (
    Adequacy,
    AssignmentBound,
    Bounded,
    Bounds,
    CalibrationInteraction,
    CaseMix,
    Criterion,
    LabelErrorBound,
    NestedSites,
    Record,
    SiteSplit,
    StandardisedGap,
)
from audit.stratum_names import OVERALL
from audit.suppression import is_small

R = TypeVar("R", bound=Record)

REASON = "withheld: it shows, or would reveal, too few people"
_NOTHING = Bounded(value=None, lower=None, upper=None)
# Each counts the people above a cut of its own, found on these data.
AT_OWN_CUT = ("sensitivity_at_specificity", "specificity_at_sensitivity")


@dataclass(frozen=True)
class Shown:
    """Which strata may be spoken of.

    `hidden` are withheld; `attributes` maps attributes, crossed ones as ``race & sex``, to all
    their strata.
    """

    hidden: frozenset[str]
    attributes: dict[str, frozenset[str]]

    @classmethod
    def of(cls, strata: Collection[StratumCount], hidden: frozenset[str]) -> "Shown":
        """Group the strata by the attributes they are made of."""
        sets = {" & ".join(s.attributes) for s in strata}
        return cls(
            hidden,
            {a: frozenset(s.stratum for s in strata if " & ".join(s.attributes) == a)
             for a in sets},
        )  # fmt: skip

    def strata(self, *names: str | None) -> bool:
        """Whether none of these strata is withheld, nor the whole that a complement is part of."""
        told = [OVERALL if n.startswith("not ") else n for n in names if n is not None]
        return not self.hidden & set(told)

    def attribute(self, *names: str) -> bool:
        """Whether the crossing of these attributes was counted and no part of it is withheld."""
        strata = self.attributes.get(" & ".join(sorted(set(names))))
        return strata is not None and not strata & self.hidden


def shared_sections(result: AuditResult, hidden: frozenset[str]) -> dict[str, object]:
    """Give the sections of a result as they may be shared, by the name of their field.

    `hidden` are the withheld strata.
    """
    shown = Shown.of(result.cohort.strata, hidden)
    mix, bounds = result.case_mix, result.bounds
    return {
        "criteria": tuple(_criterion(c, shown) for c in result.criteria),
        "case_mix": CaseMix(
            by_site=tuple(_split(s, shown, result) for s in mix.by_site),
            standardised=tuple(_standardised(s, shown) for s in mix.standardised),
        ),
        "bounds": Bounds(
            missing=tuple(_assignment(b, shown) for b in bounds.missing),
            label_error=tuple(_label_error(b, shown) for b in bounds.label_error),
        ),
        "sample_size": tuple(_adequacy(a, shown) for a in result.sample_size),
        "calibration_tests": tuple(_interaction(t, shown) for t in result.calibration_tests),
        "confusion": (),  # only other tasks have them, whose results are not shared
    }


def nested_shared(
    nested: Sequence[NestedSites], strata: Collection[StratumCount], hidden: frozenset[str]
) -> tuple[NestedSites, ...]:
    """Withhold pools over an attribute nested in the sites."""
    shown = Shown.of(strata, hidden)
    return tuple(
        n
        if shown.attribute(n.outer, n.inner) and shown.attribute(n.outer)
        else _without(
            n, "tau2_outer", "tau2_inner", "q", "q_p", "pooled", "prediction", k_outer=0, k_inner=0
        )
        for n in nested
    )


def at_small_cuts(
    result: AuditResult, curves: Curves, hidden: frozenset[str], largest: int, min_cell: int
) -> frozenset[tuple[str, str]]:
    """Name (measure, stratum) that are read off at a cut too near to a published one.

    Sensitivity at fixed specificity counts positives above some cut. Beside the cuts that are
    published anyway (nobody, everybody, the decision threshold, the edges of the curves) it must
    not leave a small cell.
    """
    counts = {s.stratum: s for s in result.cohort.strata if s.stratum not in hidden}
    found = set()
    for e in result.estimates:
        if e.measure in AT_OWN_CUT and e.value is not None and e.stratum in counts:
            positive = e.measure == AT_OWN_CUT[0]
            known = _published_cuts(counts[e.stratum], curves, positive=positive)
            apart = np.abs(known - _above_cut(e, positive=positive))
            if is_small(apart, largest, min_cell):
                found.add((e.measure, e.stratum))
    return frozenset(found)


def _above_cut(e: Estimate, *, positive: bool) -> int:
    """Units of one outcome at or above the estimate's own cut."""
    size = (e.n_positive if positive else e.n_negative) or 0
    share = e.value or 0.0
    return round(size * (share if positive else 1 - share))


def _published_cuts(
    s: StratumCount, curves: Curves, *, positive: bool
) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
    """Units of one outcome above every cut that is published of a stratum."""
    size, above = (s.n_positive, s.tp) if positive else (s.n_negative, s.fp)
    cuts = [0, size or 0]
    if above is not None:
        cuts.append(above)
    for risk in curves.risk:
        if risk.stratum == s.stratum:
            bins = risk.positives if positive else risk.negatives
            cuts += np.cumsum(bins[::-1]).tolist()
    for curve in curves.calibration:
        if curve.stratum == s.stratum:
            cuts += _of_bins(curve, positive=positive)
    return np.array(cuts, dtype=np.int64)


def _of_bins(curve: CalibrationCurve, *, positive: bool) -> list[int]:
    events = [round(b.observed * b.n) for b in curve.bins[::-1]]
    sizes = [b.n for b in curve.bins[::-1]]
    return [int(c) for c in np.cumsum(events if positive else np.array(sizes) - np.array(events))]


def _without(record: R, *numbers: str, **rest: object) -> R:
    """Blank the numbers of a record and say that it is withheld."""
    text = {"status": "suppressed", "reason": REASON}
    if "method" in type(record).model_fields:
        text["method"] = "none"
    return record.model_copy(update={**dict.fromkeys(numbers), **rest, **text})


def _criterion(c: Criterion, shown: Shown) -> Criterion:
    if shown.attribute(c.attribute):
        return c
    return _without(c, "value", "lower", "upper", "stratum", "reference", evidence=())


def _split(s: SiteSplit, shown: Shown, result: AuditResult) -> SiteSplit:
    site = next((a.name for a in result.cohort.attributes if a.role == "site"), "")
    cells = shown.attribute(site, s.attribute) and shown.attribute(site)
    if cells and shown.strata(s.stratum, s.reference):
        return s
    return _without(
        s, "reversal", total=_NOTHING, within=_NOTHING, between=_NOTHING, sites=0, one_group_only=()
    )


def _standardised(s: StandardisedGap, shown: Shown) -> StandardisedGap:
    cells = shown.attribute(s.attribute, *s.covariates) and shown.attribute(*s.covariates)
    if cells and shown.strata(s.stratum, s.reference):
        return s
    return _without(s, "crude", "value", "lower", "upper", "covered")


def _assignment(b: AssignmentBound, shown: Shown) -> AssignmentBound:
    if shown.attribute(b.attribute):
        return b
    return _without(b, "observed", "lower", "upper", "missing")


def _label_error(b: LabelErrorBound, shown: Shown) -> LabelErrorBound:
    if shown.strata(b.stratum, b.reference):
        return b
    return _without(b, "observed", "lower", "upper", "feasible")


def _adequacy(a: Adequacy, shown: Shown) -> Adequacy:
    if shown.strata(a.stratum):
        return a
    return _without(a, "achieved_width", "n", "events", "n_needed", "adequate")


def _interaction(t: CalibrationInteraction, shown: Shown) -> CalibrationInteraction:
    if shown.attribute(t.attribute):
        return t
    numbers = ("slope_chi2", "slope_df", "slope_p", "joint_chi2", "joint_df", "joint_p")
    return _without(t, *numbers, levels=(), left_out=())
