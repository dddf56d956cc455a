"""What may leave the site: a result without small cells, and without the means to solve them.

The rule (CMS): a cell of 1 to `min_cell` - 1 people is not shown and cannot be derived; a cell of
nobody may be shown. It is applied to the result itself, before anything is written, so that every
channel shows the same. `audit.suppression` decides which strata are withheld; this module removes
every figure that rests on them, and everything else that counts few people.

People are patients where a patient role is declared, else rows. Where patients have several rows
the number of patients behind a figure is withheld throughout: beside the rows it would count the
patients with repeated examinations.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import combinations

import numpy as np

from audit.coverage_verdicts import coverage_verdict
from audit.families import adjusted
from audit.judging import BASELINE, undecided
from audit.plan import Plan
from audit.requirement import ChangeRequirement, CoverageRequirement
from audit.result import (
    AttributeLevels,
    AuditResult,
    AuditWarning,
    CohortSummary,
    CovariateAtSite,
    Disclosure,
    Disparity,
    Estimate,
    Heterogeneity,
    StratumCount,
    Verdict,
)
from audit.shared_curves import shared_curves
from audit.shared_sections import REASON, Shown, at_small_cuts, nested_shared, shared_sections
from audit.stored_plan import stored_plan
from audit.stratum_names import MISSING, OVERALL
from audit.suppression import is_small, rows_per_person, withheld_strata
from audit.verdicts import Evidence, verdicts_of
from audit.waivers import carried_over

MIN_CELL = 11
_NO_COUNTS = ("rows", "missing_label", "missing_score", "n", "n_positive", "n_negative",
              "patients", "tp", "fp", "tn", "fn")  # fmt: skip


@dataclass(frozen=True)
class _Rule:
    """What is withheld: the strata, and whether rows that were not analysed may be counted.

    `cuts` are the (measure, stratum) of published strata that count people at a cut of their own
    too near to a published one.
    """

    min_cell: int
    largest: int
    hidden: frozenset[str]
    rows_of_strata: bool
    rows_of_cohort: bool
    cuts: frozenset[tuple[str, str]] = frozenset()

    def small(self, *rows: int) -> bool:
        return is_small(np.array(rows, dtype=np.int64), self.largest, self.min_cell)

    def withholds(self, measure: str, stratum: str) -> bool:
        return stratum in self.hidden or (measure, stratum) in self.cuts


def shareable(
    result: AuditResult, min_cell: int = MIN_CELL, also: Collection[str] = ()
) -> AuditResult:
    """Make a result fit to leave the site.

    Parameters
    ----------
    result : AuditResult
        As `audit.run.audit` gives it. What people wrote in it (the plan, waivers, reasons of the
        lock) is left as it is: `checklists.shared_texts` holds that against what is withheld.
    min_cell : int
        Fewest people a cell may show, at least 2.
    also : collection of str
        Strata to withhold in any case; names of strata that are not in the result say nothing.

    Returns
    -------
    AuditResult
        The same result with counts null, values withheld (status ``suppressed``), and texts
        reworded where they would tell of fewer people. One that was shared already under a rule
        at least as strict is returned as it is.

    Raises
    ------
    ValueError
        When `min_cell` is below 2, the task is not binary (the cells of other tasks are not worked
        out), or the result was shared under a weaker rule or shows a stratum of `also`: what it
        lacks is needed to apply a stricter rule.
    """
    if min_cell < 2:
        raise ValueError("min_cell must be at least 2")
    if result.cohort.task != "binary":
        raise ValueError(f"only results of task binary are shared, not of {result.cohort.task}")
    if result.disclosure is not None:
        if result.disclosure.min_cell < min_cell:
            raise ValueError(f"already shared with min_cell {result.disclosure.min_cell}")
        if set(also) & ({c.stratum for c in result.cohort.strata} - withheld_from(result)):
            raise ValueError("already shared, with strata that have to be withheld")
        return result
    return _withheld(result, _rule(result, min_cell, also))


def shareable_together(
    results: Sequence[AuditResult], min_cell: int = MIN_CELL
) -> tuple[AuditResult, ...]:
    """Make results fit to leave the site in one document, as two versions of an audit.

    What one of them withholds no other shows: of the same people it would be the missing count.

    Raises
    ------
    ValueError
        As `shareable`; and when results of the same data have other groups: the difference of two
        groups that overlap may be few people.
    """
    for one, other in combinations(results, 2):
        same = {f.sha256 for f in one.provenance.data} & {f.sha256 for f in other.provenance.data}
        if same and _grouping(one) != _grouping(other):
            raise ValueError("two audits of the same data, by other groups")
    gone: frozenset[str] = frozenset()
    while True:
        made = tuple(shareable(r, min_cell, gone) for r in results)
        found = frozenset[str]().union(*(withheld_from(r) for r in made))
        if found == gone:
            return made
        gone = found


def withheld_from(result: AuditResult) -> frozenset[str]:
    """Strata that a shared result says nothing of."""
    return frozenset(c.stratum for c in result.cohort.strata if c.n is None)


def _grouping(result: AuditResult) -> list[tuple[object, ...]]:
    return [(a.name, a.column, a.edges, a.levels) for a in result.cohort.attributes]


def _withheld(result: AuditResult, rule: _Rule) -> AuditResult:
    curves = shared_curves(result, rule.hidden, rule.largest, rule.min_cell)
    cuts = at_small_cuts(result, curves, rule.hidden, rule.largest, rule.min_cell)
    rule = replace(rule, cuts=cuts)
    touched = frozenset(_groups(result.cohort)[s] for s in rule.hidden)
    estimates = tuple(_estimate(e, rule, _groups(result.cohort), touched) for e in result.estimates)
    disparities = _disparities(result, rule, estimates)
    cohort = _cohort(result.cohort, rule)
    sites = result.sites
    if sites is not None:
        spread = tuple(_heterogeneity(h, result.cohort, rule) for h in sites.heterogeneity)
        nested = nested_shared(sites.nested, result.cohort.strata, rule.hidden)
        sites = sites.model_copy(update={"heterogeneity": spread, "nested": nested})
    decided = _verdicts(result, estimates, disparities, cohort)
    verdicts, findings = carried_over(result.verdicts, decided, result.findings)
    return result.model_copy(
        update=shared_sections(result, rule.hidden)
        | {
            "cohort": cohort,
            "estimates": estimates,
            "disparities": disparities,
            "sites": sites,
            "curves": curves,
            "verdicts": verdicts,
            "findings": findings,
            "warnings": _warnings(result, cohort, rule),
            "disclosure": Disclosure(min_cell=rule.min_cell, strata_suppressed=len(rule.hidden)),
        }
    )


def _rule(result: AuditResult, min_cell: int, also: Collection[str]) -> _Rule:
    """Decide what is withheld.

    Rows without label or score are counted by stratum only if no stratum at all has few of them:
    then no difference of strata can have few either.
    """
    cohort = result.cohort
    largest = rows_per_person(cohort)
    hidden = withheld_strata(cohort, result.estimates, min_cell, also)
    known = [s for s in cohort.strata if is_small(_not_analysed(s), largest, min_cell)]
    return _Rule(
        min_cell,
        largest,
        hidden,
        rows_of_strata=not known,
        rows_of_cohort=OVERALL not in hidden and all(s.stratum != OVERALL for s in known),
    )


def _not_analysed(s: StratumCount) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
    """Rows lacking the label alone, the score alone, and both."""
    rows, n, label, score = (c or 0 for c in (s.rows, s.n, s.missing_label, s.missing_score))
    left_out = rows - n
    cells = (left_out - score, left_out - label, label + score - left_out)
    return np.array(cells, dtype=np.int64)


_VALUES = ("value", "lower", "upper", "null", "baseline", "shrunk", "undefined_fraction")
_COUNTS = ("n", "n_positive", "n_negative", "events", "denominator", "clusters")


def _estimate(
    e: Estimate, rule: _Rule, groups: Mapping[str, str], touched: frozenset[str]
) -> Estimate:
    """Withhold what tells of a withheld stratum; `touched` attributes have one.

    A shrunken value is drawn towards what all strata of its attributes suggest.
    """
    if rule.withholds(e.measure, e.stratum):
        blank = dict.fromkeys((*_VALUES, *(_COUNTS if e.stratum in rule.hidden else ())))
        text: dict[str, object] = {"method": "none", "status": "suppressed", "reason": REASON}
        e = e.model_copy(update=blank | text)
    elif e.shrunk is not None and groups[e.stratum] in touched:
        e = e.model_copy(update={"shrunk": None})
    if rule.largest == 1:
        return e
    update: dict[str, object] = {"clusters": None}
    if e.reason is not None and "; the plan asks for " in e.reason:
        update["reason"] = "fewer patients than the plan asks for"
    return e.model_copy(update=update)


def _disparities(
    result: AuditResult, rule: _Rule, estimates: Sequence[Estimate]
) -> tuple[Disparity, ...]:
    """Withhold every contrast that rests on a withheld stratum.

    A gap rests on all strata of its attribute: were it shown beside withheld ones, it would say
    that these have too little data, which bounds their size. The null of any contrast rests on
    all strata of its attribute too. The adjustment of p values is repeated over what is left: an
    adjusted value may be that of another contrast.
    """
    groups = _groups(result.cohort)
    shown = Shown.of(result.cohort.strata, rule.hidden)
    compared = {
        (e.measure, groups[e.stratum])
        for e in result.estimates
        if rule.withholds(e.measure, e.stratum)
    }
    first = {group: stratum for stratum, group in reversed(groups.items())}
    touched = {groups[s] for s in rule.hidden}
    reasons = {e.id: e.reason for e in estimates}
    blank = dict.fromkeys(("value", "lower", "upper", "p", "p_adjusted", "undefined_fraction"))
    blank |= dict.fromkeys(("null", "simultaneous"))
    gone: dict[str, object] = {**blank, "method": "none", "status": "suppressed", "reason": REASON}
    out: list[Disparity] = []
    for d in result.disparities:
        update: dict[str, object] = {}
        ends = (d.stratum, d.reference)
        named = not shown.strata(*ends) or any((d.measure, s) in rule.cuts for s in ends)
        if d.contrast != "gap":
            update = gone if named else _reworded(d, reasons)
        elif named or d.attribute in touched or (d.measure, d.attribute) in compared:
            # its extremes are not named either
            update = gone | dict.fromkeys(("stratum", "reference"), first[d.attribute])
        if d.null is not None and d.attribute in touched:
            update = {**update, "null": None}
        out.append(d.model_copy(update=update) if update else d)
    return tuple(adjusted(out) if rule.hidden else out)


def _reworded(d: Disparity, reasons: Mapping[str, str | None]) -> dict[str, object]:
    """Follow the reasons of the two estimates where those were reworded."""
    for stratum in (d.stratum, d.reference):
        reason = reasons.get(f"{d.measure}/{stratum}")
        if d.reason is not None and reason is not None and d.reason.startswith(f"{stratum}: "):
            return {"reason": f"{stratum}: {reason}"}
    return {}


def _groups(cohort: CohortSummary) -> dict[str, str]:
    return {c.stratum: " & ".join(c.attributes) for c in cohort.strata}


def _heterogeneity(h: Heterogeneity, cohort: CohortSummary, rule: _Rule) -> Heterogeneity:
    """Withhold a pool of which one part is withheld or was never counted in the result.

    From the pooled value, tau2, Q and the values without each site, a single site's value and
    variance could be solved; and that a withheld site was left out would say that it has too
    little data. Rows without a site are never pooled, whatever their number.
    """
    everyone = (*h.sites, *h.excluded)
    shown = {s: _is_published(s, h, cohort, rule) for s in everyone}
    if all(shown[s] for s in everyone if s in h.sites or not s.endswith(f"={MISSING}")):
        return h
    kept = tuple(s for s in h.sites if shown[s])
    blank = dict.fromkeys(("tau2", "i2", "q", "q_p", "pooled", "prediction"))
    text: dict[str, object] = {"status": "suppressed", "reason": REASON, "leave_one_out": ()}
    excluded = tuple(sorted(s for s in everyone if s not in kept))
    return h.model_copy(
        update={**blank, **text, "sites": kept, "excluded": excluded, "k": len(kept)}
    )


def _is_published(site: str, h: Heterogeneity, cohort: CohortSummary, rule: _Rule) -> bool:
    """Whether the strata that a site brings to a pool are all published, or hold nobody.

    The cells behind a gap inside sites are in the result only where the plan crosses the
    attribute with the site; of those that it crosses, the ones that hold nobody are left out.
    """
    parts = [site]
    if h.stratum is not None and h.reference is not None:
        names = (site.partition("=")[0], h.attribute or "")
        if tuple(sorted(names)) not in {c.attributes for c in cohort.strata}:
            return False
        parts = [" & ".join(sorted((site, level), key=lambda t: t.partition("=")[0]))
                 for level in (h.stratum, h.reference)]  # fmt: skip
    return not any(rule.withholds(h.measure, part) for part in parts)


def _cohort(c: CohortSummary, rule: _Rule) -> CohortSummary:
    none: dict[str, object] = {}
    if OVERALL in rule.hidden:
        none |= dict.fromkeys(("analysed", "n_positive", "n_negative", "patients"))
    if not rule.rows_of_cohort:
        none |= dict.fromkeys(("rows", "missing_label", "missing_score"))
    if rule.largest > 1:
        none["largest_patient"] = None  # a fact about one patient
        repeated = -(-((c.analysed or 0) - (c.patients or 0)) // (rule.largest - 1))
        if repeated < rule.min_cell:
            none["patients"] = None
    elif not rule.rows_of_cohort or c.patients != c.rows:
        none["patients"] = None
    several = c.patients_at_several_sites or 0
    elsewhere = (c.patients or 0) - several  # the patients themselves are people, not rows
    if 0 < several < rule.min_cell or 0 < elsewhere < rule.min_cell:
        none["patients_at_several_sites"] = None
    strata = tuple(_count(s, rule) for s in c.strata)
    shown = {s.stratum for s in strata if s.rows is not None}
    return c.model_copy(
        update=none
        | {"attributes": tuple(_attribute(a, shown) for a in c.attributes), "strata": strata,
           "covariates": _covariates(c, rule), "linked": ()}
    )  # fmt: skip


def _count(s: StratumCount, rule: _Rule) -> StratumCount:
    if s.stratum in rule.hidden:
        return s.model_copy(update=dict.fromkeys(_NO_COUNTS))
    none: list[str] = []
    if not (rule.rows_of_cohort if s.stratum == OVERALL else rule.rows_of_strata):
        none += ["rows", "missing_label", "missing_score"]
    if rule.largest > 1 or s.patients != s.n:
        none.append("patients")
    return s.model_copy(update=dict.fromkeys(none))


def _attribute(a: AttributeLevels, shown: set[str]) -> AttributeLevels:
    if not a.missing or f"{a.name}={MISSING}" in shown:
        return a
    return a.model_copy(update={"missing": None})


def _covariates(c: CohortSummary, rule: _Rule) -> tuple[CovariateAtSite, ...]:
    """Show how a covariate was recorded at all of its sites or, if one has a small cell, at none.

    Its rows are those of the site, so they are shown only where the site's are. A covariate that
    is an attribute too counts the same people as the attribute's strata.
    """
    levels = {a.column for a in c.attributes}
    bad: set[str] = set()
    gone: set[str] = set()
    for r in c.covariates:
        rows, missing, zeros = r.rows or 0, r.missing or 0, r.zeros or 0
        small = rule.small(missing, zeros, rows - missing - zeros)
        same_people = bool(rule.hidden) and r.column in levels
        if r.site == OVERALL:
            if small or not rule.rows_of_cohort or same_people:
                gone.add(r.column)
        elif small or not rule.rows_of_strata or same_people:
            bad.add(r.column)
    site = next((a.name for a in c.attributes if a.role == "site"), "")
    if any(f"{site}={r.site}" in rule.hidden for r in c.covariates):
        bad |= {r.column for r in c.covariates}
    blank = dict.fromkeys(("rows", "missing", "zeros", "distinct"))
    return tuple(
        r.model_copy(update=blank)
        if r.column in gone or (r.site != OVERALL and r.column in bad)
        else r
        for r in c.covariates
    )


def _verdicts(
    result: AuditResult,
    estimates: Iterable[Estimate],
    disparities: Iterable[Disparity],
    cohort: CohortSummary,
) -> tuple[Verdict, ...]:
    """Judge again where a part was withheld or reworded, from what is still there.

    Counts are judged from those that are still shown: whether a withheld one reaches what is asked
    would bound it.
    """
    before: dict[str, Estimate | Disparity] = {r.id: r for r in result.estimates}
    before |= {r.id: r for r in result.disparities}
    after: dict[str, Estimate | Disparity] = {r.id: r for r in estimates}
    after |= {r.id: r for r in disparities}

    def same(id: str) -> bool:
        one, other = before[id], after[id]
        return (one.status, one.reason, one.value) == (other.status, other.reason, other.value)

    def again(v: Verdict) -> Verdict:
        if v.status == "error":  # what went wrong may be told with figures
            return v.model_copy(update={"reason": v.reason.partition(":")[0]})
        if v.kind == "measure":
            kept = all(same(p.id) for p in v.parts)
            return v if kept else _judged(v, plan, after, groups)
        stated = next(one for one in plan.stated if one.id == v.requirement)
        if isinstance(stated, CoverageRequirement):
            return coverage_verdict(stated, cohort, v.level)
        if isinstance(stated, ChangeRequirement):  # the baseline may withhold other strata
            return undecided(stated, v.level, "not_estimable", BASELINE)
        return v

    plan = stored_plan(result)
    groups = _groups(result.cohort)
    return tuple(again(v) for v in result.verdicts)


def _judged(
    v: Verdict,
    plan: Plan,
    records: Mapping[str, Estimate | Disparity],
    groups: Mapping[str, str],
) -> Verdict:
    mine: list[Estimate | Disparity] = []
    for part in v.parts:
        record = records[part.id]
        if record.status != "suppressed":  # the interval at the requirement's own level
            ends = {"value": part.value, "lower": part.lower, "upper": part.upper}
            record = record.model_copy(update=ends)
        mine.append(record)
    evidence = Evidence(
        [r for r in mine if isinstance(r, Estimate)],
        [r for r in mine if isinstance(r, Disparity)],
        groups,
    )
    own = tuple(r for r in plan.requirements if r.id == v.requirement)
    return verdicts_of(plan.model_copy(update={"requirements": own}), {v.level: evidence})[0]


_SAFE = frozenset({"threshold_tuned_here", "few_sites"})


def _warnings(result: AuditResult, cohort: CohortSummary, rule: _Rule) -> tuple[AuditWarning, ...]:
    """Keep warnings whose figures are published elsewhere; say the others without figures."""
    rows = {s.stratum: s.rows for s in cohort.strata}
    sizes = {s.stratum: s.n for s in cohort.strata}
    sites = result.sites.strata if result.sites is not None else ()
    known = {
        "missing_label": cohort.missing_label is not None,
        "missing_score": cohort.missing_score is not None,
        "one_class": cohort.analysed is not None,
        "prevalence_differs_by_site": not rule.hidden & set(sites),
        "patient_at_several_sites": cohort.patients_at_several_sites is not None
        and cohort.patients is not None,
    } | dict.fromkeys(_SAFE, True)
    out = []
    for w in result.warnings:
        size = sizes.get(w.stratum or "")
        if w.code == "small_stratum" and size is None and rule.hidden:
            continue  # of withheld strata, or a number of strata that may count them
        count = rows.get(w.stratum or "")
        counted = w.code in ("missing_attribute", "undeclared_level") and count is not None
        counted = counted and cohort.rows is not None
        safe = known.get(w.code, False) or counted or w.code == "small_stratum"
        out.append(w if safe else w.model_copy(update={"message": _without_figures(w)}))
    if rule.hidden:
        many = f"{len(rule.hidden)} of {len(cohort.strata)} strata are withheld"
        message = f"{many}: they show, or would reveal, fewer than {rule.min_cell} people."
        out.append(AuditWarning(code="shared", message=message))
    return tuple(out)


def _without_figures(w: AuditWarning) -> str:
    about = " ".join(f"'{t}'" for t in (w.column, w.stratum) if t is not None)
    kind = w.code.replace("_", " ")
    return f"{kind}{f' ({about})' if about else ''}: its figures are withheld."
