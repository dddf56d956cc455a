"""How declared covariates were recorded at each site: gaps, and zeros that stand for a gap.

A model that reads a covariate inherits how it was written down. Where one hospital writes 0 for
"not measured", a difference between hospitals, or between the groups they treat, may be an
artefact of recording.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from audit.cells import decode, numbers
from audit.dimensions import Dimension
from audit.findings import Findings, share
from audit.result import CovariateAtSite
from audit.stratum_names import OVERALL, stratum_name

FENCE = 3.0  # interquartile ranges below the lower quartile
MOSTLY_MISSING, MOSTLY_RECORDED = 0.9, 0.5


@dataclass(frozen=True, eq=False)
class _Covariate:
    """`code` numbers the distinct values, -1 where missing; `values` is None unless numeric."""

    column: str
    code: NDArray[np.int64]
    values: NDArray[np.float64] | None

    @property
    def missing(self) -> NDArray[np.bool_]:
        return self.code < 0

    def at(self, site: str, rows: NDArray[np.bool_]) -> CovariateAtSite:
        code = self.code[rows]
        zeros = None if self.values is None else int((self.values[rows] == 0).sum())
        return CovariateAtSite(
            column=self.column,
            site=site,
            rows=len(code),
            missing=int((code < 0).sum()),
            zeros=zeros,
            distinct=len(np.unique(code[code >= 0])),
        )


def record_covariates(
    table: Any, columns: Sequence[str], site: Dimension | None, findings: Findings
) -> tuple[CovariateAtSite, ...]:
    """Count rows, gaps, zeros and distinct values of each covariate, overall and at each site.

    Warns of `isolated_zero`: all other values are positive and 0 lies more than 3 interquartile
    ranges below their lower quartile; and of `all_missing_at_site`: missing on at least 90 % of
    the rows of one site and on fewer than half of the rows elsewhere.

    Parameters
    ----------
    table : pyarrow.Table
        The source's table; the rows of `site` are in its order.
    columns : sequence of str
        Names of the covariates.
    site : Dimension or None
        The site, where one is declared.
    findings : Findings
        Where warnings go.
    """
    counts: list[CovariateAtSite] = []
    for column in columns:
        covariate = _covariate(table, column)
        everywhere = np.ones(len(covariate.code), dtype=np.bool_)
        counts.append(covariate.at(OVERALL, everywhere))
        counts.extend(covariate.at(level, rows) for level, rows in _sites(site))
        _warn_of_zeros(covariate, site, findings)
        _warn_of_gaps(covariate, site, findings)
    return tuple(counts)


def _sites(site: Dimension | None) -> Iterator[tuple[str, NDArray[np.bool_]]]:
    """Give each site that has rows, and which rows."""
    for index, level in enumerate(site.levels if site is not None else ()):
        rows = site.codes == index if site is not None else np.zeros(0, dtype=np.bool_)
        if rows.any():
            yield level, rows


def _covariate(table: Any, column: str) -> _Covariate:
    texts = decode(table.column(column))
    measured = numbers(table.column(column))
    recorded = texts.codes >= 0
    # False is a finding, not a measured zero, whether the file calls it false or 0-as-boolean.
    yes_or_no = {value.lower() for value in texts.values} <= {"true", "false"}
    if yes_or_no or not recorded.any() or measured.unreadable[recorded].any():
        return _Covariate(column, texts.codes.astype(np.int64), None)
    _, code = np.unique(measured.values, return_inverse=True)
    return _Covariate(column, np.where(recorded, code, -1), measured.values)


def _warn_of_zeros(covariate: _Covariate, site: Dimension | None, findings: Findings) -> None:
    quartiles = _implausible_zero(covariate)
    if quartiles is None or covariate.values is None:
        return
    lower, upper = quartiles
    zero = covariate.values == 0
    places = list(_sites(site)) or [("", np.ones(len(zero), dtype=np.bool_))]
    for level, rows in places:
        count = int(zero[rows].sum())
        if not count:
            continue
        stratum = stratum_name((site.name,), (level,)) if site is not None else None
        at = f" at {stratum}" if stratum is not None else ""
        message = (
            f"{covariate.column} is 0 on {count:,} of {int(rows.sum()):,} rows{at}; the other "
            f"values lie far from 0 (non-zero quartiles {lower:.6g} to {upper:.6g}), so 0 is "
            "probably a code for missing"
        )
        findings.warn("isolated_zero", message, column=covariate.column, stratum=stratum)


def _implausible_zero(covariate: _Covariate) -> tuple[float, float] | None:
    """Return the quartiles of the non-zero values when they make zero implausible.

    Values without spread (an interquartile range of 0, as in an indicator of 0 and 1) say nothing
    about how far zero is.
    """
    if covariate.values is None:
        return None
    values = covariate.values[np.isfinite(covariate.values)]
    others = values[values != 0]
    if len(others) == len(values) or not len(others) or others.min() < 0:
        return None
    lower, upper = (float(q) for q in np.quantile(others, (0.25, 0.75)))
    spread = upper - lower
    return (lower, upper) if spread > 0 and FENCE * spread < lower else None


def _warn_of_gaps(covariate: _Covariate, site: Dimension | None, findings: Findings) -> None:
    for level, rows in _sites(site):
        here, elsewhere = covariate.missing[rows], covariate.missing[~rows]
        if not len(elsewhere) or site is None:
            continue
        if here.mean() >= MOSTLY_MISSING and elsewhere.mean() < MOSTLY_RECORDED:
            stratum = stratum_name((site.name,), (level,))
            message = (
                f"{covariate.column} is missing on {share(int(here.sum()), len(here))} at "
                f"{stratum}, and on {share(int(elsewhere.sum()), len(elsewhere))} elsewhere"
            )
            findings.warn("all_missing_at_site", message, column=covariate.column, stratum=stratum)
