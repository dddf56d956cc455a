"""Gaps between groups seen again with the site, or declared covariates, held fixed."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from audit.cohort import Cohort
from audit.dimensions import Dimension
from audit.plan import Plan
from audit.problems import InputError, Problem, nearest
from audit.row_terms import Patients, RowTerms, codes_of, patients_of, terms_of, too_little
from audit.rows import Floats, Ints, Rows
from audit.sections import Bounded, CaseMix, SiteSplit, StandardisedGap, Status
from audit.stats._arrays import group_sum, pair_codes
from audit.stats.decomposition import Decomposition, Part, decompose
from audit.stats.standardisation import Standardised, standardise
from audit.strata import StrataSet
from audit.stratum_names import stratum_name


@dataclass(frozen=True, eq=False)
class _Pair:
    """A stratum, the reference, and whether the data bear a comparison of one measure.

    `codes` are those of the stratum and the reference.
    """

    attribute: str
    stratum: str
    reference: str
    codes: tuple[int, int]
    status: Status
    reason: str | None


def check_case_mix(plan: Plan, attribute_names: Sequence[str], source: str) -> None:
    """Refuse to standardise to what is not a declared attribute.

    Raises
    ------
    InputError
        With every unknown name, and when nothing is left to compare.
    """
    where = f"{source}: standardise"
    problems = [
        Problem(
            "unknown_attribute",
            where,
            f"'{name}' is not a declared attribute",
            nearest(name, list(attribute_names)),
        )
        for name in plan.standardise
        if name not in attribute_names
    ]
    if plan.standardise and not problems and set(attribute_names) <= set(plan.standardise):
        reason = "it names every attribute, so that none is left whose levels could be compared"
        problems.append(Problem("nothing_to_compare", where, reason, "leave at least one out"))
    if problems:
        raise InputError(problems)


def case_mix_of(cohort: Cohort, plan: Plan, rows: Rows, sets: Sequence[StrataSet]) -> CaseMix:
    """Split every difference by site, and standardise it to the covariates of the plan.

    For every measure that is a ratio of linear sums, and every level of every single attribute but
    the site against its reference. Covariates are not compared themselves.
    """
    site = next((d for d in cohort.dimensions if d.role == "site"), None)
    covariates = [d for d in cohort.dimensions if d.name in plan.standardise]
    if site is None and not covariates:
        return CaseMix()
    by_site: list[SiteSplit] = []
    standardised: list[StandardisedGap] = []
    for strata in sets:
        if len(strata.attributes) != 1 or (site and strata.attributes == (site.name,)):
            continue
        groups = _groups(rows, strata)
        if site is not None:
            by_site.extend(_by_site(rows, groups, site, terms_of(plan, rows), plan))
        if covariates and strata.attributes[0] not in plan.standardise:
            terms = terms_of(plan, rows)
            standardised.extend(_standardised(rows, groups, covariates, terms, plan))
    return CaseMix(by_site=tuple(by_site), standardised=tuple(standardised))


@dataclass(frozen=True, eq=False)
class _Groups:
    """The stratum of every row, where those of each would begin, and the patients behind them."""

    strata: StrataSet
    start: Ints
    code: Ints
    patients: Patients


def _groups(rows: Rows, strata: StrataSet) -> _Groups:
    code, count = codes_of(strata, rows), len(strata.strata)
    start = np.concatenate(([0], np.cumsum(np.bincount(code, minlength=count))))
    return _Groups(strata, start, code, patients_of(rows, code, count))


def _pairs(rows: Rows, groups: _Groups, terms: RowTerms, plan: Plan) -> Iterator[_Pair]:
    """Every stratum of a set against its reference, for one measure."""
    strata, n = groups.strata, np.diff(groups.start)
    reference = strata.reference_index(n)
    if reference is None or n.size < 2:
        return
    short = too_little(terms, groups.patients, rows.label, plan.minimum)
    bottom = np.bincount(groups.code, terms.denominator, n.size).astype(np.float64)
    for i, stratum in enumerate(strata.strata):
        if i == reference:
            continue
        status, reason = _status(strata, (i, reference), n, bottom, short, terms)
        names = (strata.attributes[0], stratum, strata.strata[reference])
        yield _Pair(*names, (i, reference), status, reason)


def _status(
    strata: StrataSet,
    pair: tuple[int, int],
    n: Ints,
    bottom: Floats,
    short: NDArray[np.bool_],
    terms: RowTerms,
) -> tuple[Status, str | None]:
    for i in pair:
        name = strata.strata[i]
        if n[i] == 0:
            return "not_collected", f"{name}: no unit of this stratum has both label and score"
        if not bottom[i] > 0:
            return "undefined", f"{name}: {terms.measure.undefined_when}"
    for i in pair:
        if short[i]:
            reason = "fewer patients inform the measure than the plan asks for"
            return "insufficient", f"{strata.strata[i]}: {reason}"
    return "ok", None


@dataclass(frozen=True, eq=False)
class _Units:
    """Rows of one patient, one stratum and one cell of the other variable, added together.

    Units are sorted by stratum; `start` is where those of each stratum begin. What depends on sums
    over patients alone is the same of units as of rows.
    """

    of_row: Ints
    cell: Ints
    cluster: Ints
    start: Ints

    def total(self, values: Floats) -> Floats:
        """Sum a per-row array by unit."""
        return group_sum(values, self.of_row, self.cluster.size)


def _units(rows: Rows, groups: _Groups, cell: Ints, cells: int) -> _Units:
    owner, of_row = pair_codes(groups.code * cells + cell, rows.cluster)
    cluster = np.empty(owner.size, dtype=np.int64)
    cluster[of_row] = rows.cluster
    start = np.searchsorted(owner // cells, np.arange(groups.start.size))
    return _Units(of_row, owner % cells, cluster, start)


@dataclass(frozen=True, eq=False)
class _Compared:
    """The units of a stratum (group 1) and the reference (group 0) that enter one measure."""

    numerator: Floats
    denominator: Floats
    group: Ints
    cell: Ints
    cluster: Ints


def _compared(units: _Units, terms: tuple[Floats, Floats], pair: _Pair) -> _Compared:
    numerator, denominator = terms
    own, base = (np.arange(units.start[i], units.start[i + 1]) for i in pair.codes)
    group = np.repeat(np.array([1, 0]), [own.size, base.size])
    mine = np.concatenate([own, base])
    used = (numerator[mine] != 0) | (denominator[mine] != 0)
    mine, group = mine[used], group[used]
    return _Compared(
        numerator[mine], denominator[mine], group, units.cell[mine], units.cluster[mine]
    )


def _by_site(
    rows: Rows, groups: _Groups, site: Dimension, terms: Iterable[RowTerms], plan: Plan
) -> Iterator[SiteSplit]:
    sites = len(site.levels)
    units = _units(rows, groups, site.codes[rows.position].astype(np.int64), sites)
    for own in terms:
        sums = units.total(own.numerator), units.total(own.denominator)
        for pair in _pairs(rows, groups, own, plan):
            found = None
            if pair.status in ("ok", "insufficient"):
                c = _compared(units, sums, pair)
                found = decompose(
                    c.numerator, c.denominator, c.group, c.cell, c.cluster, sites, plan.level
                )
            yield _site_split(pair, own, found, site, plan.level, rows.clustered)


def _site_split(
    pair: _Pair,
    terms: RowTerms,
    found: Decomposition | None,
    site: Dimension,
    level: float,
    clustered: bool,
) -> SiteSplit:
    status, reason = pair.status, pair.reason
    nothing = Bounded(value=None, lower=None, upper=None)
    parts: tuple[Bounded, ...] = (nothing, nothing, nothing)
    sites, alone = 0, tuple[str, ...]()
    if found is not None and not np.isfinite(found.total.value):
        status, reason, found = "undefined", terms.measure.undefined_when, None
    if found is not None:
        there = ~np.isnan(found.rate)
        sites = int(there.any(axis=0).sum())
        only = np.flatnonzero(there[0] != there[1])
        alone = tuple(stratum_name((site.name,), (site.levels[k],)) for k in only)
        if status == "ok" and not np.isfinite(found.total.lower + found.within.lower):
            status, reason = "insufficient", "no interval can be formed from these data"
        bounded = status == "ok"
        parts = tuple(_bounded(p, bounded) for p in (found.total, found.within, found.between))
    return SiteSplit.model_validate(
        {
            "id": f"{terms.measure.id}/by_site/{pair.stratum}:{pair.reference}",
            "measure": terms.measure.id,
            "attribute": pair.attribute,
            "stratum": pair.stratum,
            "reference": pair.reference,
            "total": parts[0],
            "within": parts[1],
            "between": parts[2],
            "sites": sites,
            "one_group_only": alone,
            "reversal": _reversal(found) if status == "ok" else None,
            "level": level,
            "method": f"kitagawa_{'cluster_robust' if clustered else 'linearised'}",
            "status": status,
            "reason": reason,
        }
    )


def _reversal(found: Decomposition | None) -> str | None:
    if found is None:
        return None
    if not found.reversal:
        return "none"
    return "resolved" if found.resolved_reversal else "point"


def _bounded(part: Part, bounded: bool) -> Bounded:
    """A part with its interval; no bounds where it does not vary, as with a single site."""
    known = bounded and bool(np.isfinite(part.lower + part.upper))
    return Bounded(
        value=part.value,
        lower=part.lower if known else None,
        upper=part.upper if known else None,
    )


def _standardised(
    rows: Rows,
    groups: _Groups,
    covariates: Sequence[Dimension],
    terms: Iterable[RowTerms],
    plan: Plan,
) -> Iterator[StandardisedGap]:
    """Both groups of each pair at the distribution that the cohort has, taken as given."""
    cell, cells = _cells(rows, covariates)
    names = tuple(d.name for d in covariates)
    units = _units(rows, groups, cell, cells)
    for own in terms:
        sums = units.total(own.numerator), units.total(own.denominator)
        standard = np.bincount(cell, own.denominator, cells)
        for pair in _pairs(rows, groups, own, plan):
            found = None
            if pair.status in ("ok", "insufficient"):
                c = _compared(units, sums, pair)
                found = standardise(
                    c.numerator,
                    c.denominator,
                    c.group,
                    c.cell,
                    c.cluster,
                    2,
                    cells,
                    0,
                    plan.level,
                    standard=standard,
                )
            yield _standardised_gap(pair, own, found, names, plan.level, rows.clustered)


def _standardised_gap(
    pair: _Pair,
    terms: RowTerms,
    found: Standardised | None,
    covariates: tuple[str, ...],
    level: float,
    clustered: bool,
) -> StandardisedGap:
    status, reason = pair.status, pair.reason
    names = ("crude", "value", "lower", "upper", "covered")
    numbers: dict[str, float | None] = dict.fromkeys(names)
    if found is not None:
        value = float(found.difference[1])
        bounds = (float(found.difference_lower[1]), float(found.difference_upper[1]))
        numbers["crude"] = float(found.crude[1] - found.crude[0])
        numbers["covered"] = found.standard_covered
        if not np.isfinite(value):
            status, reason = "undefined", "no cell of the covariates holds both groups"
        else:
            numbers["value"] = value
        if status == "ok" and not np.isfinite(sum(bounds)):
            status, reason = "insufficient", "no interval can be formed from these data"
        if status == "ok":
            numbers["lower"], numbers["upper"] = bounds
    return StandardisedGap(
        id=f"{terms.measure.id}/standardised/{pair.stratum}:{pair.reference}",
        measure=terms.measure.id,
        attribute=pair.attribute,
        covariates=covariates,
        stratum=pair.stratum,
        reference=pair.reference,
        **numbers,
        level=level,
        method=f"directly_standardised_{'cluster_robust' if clustered else 'linearised'}",
        status=status,
        reason=reason,
    )


def _cells(rows: Rows, covariates: Sequence[Dimension]) -> tuple[Ints, int]:
    """Number the combinations of covariate levels that occur, and each row's."""
    cell = np.zeros(rows.position.size, dtype=np.int64)
    for dimension in covariates:
        _, cell = np.unique(
            cell * len(dimension.levels) + dimension.codes[rows.position], return_inverse=True
        )
    return cell, int(cell.max(initial=-1)) + 1
