"""What a reader must know before trusting a number, said once and with its figures."""

from collections.abc import Sequence

from audit.cohort import Cohort
from audit.nested_sites import nested_warnings
from audit.plan import Plan
from audit.result import AuditWarning, CohortSummary, Estimate, Sites
from audit.rows import CLIP, Rows
from audit.stratum_names import MISSING

PREVALENCE_RANGE = 0.2
FEW_SITES = 5
MOST_NAMED = 20


def warnings_of(
    cohort: Cohort,
    plan: Plan,
    rows: Rows,
    summary: CohortSummary,
    estimates: Sequence[Estimate],
    sites: Sites | None,
) -> tuple[AuditWarning, ...]:
    """Collect the cohort's warnings and those that only the audit can know."""
    found = [*cohort.warnings, *threshold_warnings(plan)]
    found.extend(clipping_warnings(rows, summary.score))
    if sites is not None:
        found.extend([*prevalence_warnings(sites, estimates), *few_sites(sites)])
    found.extend(nested_warnings(plan, cohort.dimensions))
    found.extend(_small(summary, plan))
    return tuple(found)


def threshold_warnings(plan: Plan) -> list[AuditWarning]:
    """Warn of a threshold that was tuned on the same data."""
    if plan.threshold is None or plan.threshold.source != "tuned_here":
        return []
    message = "The threshold was tuned on these data: every measure at it is optimistic."
    return [AuditWarning(code="threshold_tuned_here", message=message)]


def clipping_warnings(rows: Rows, column: str) -> list[AuditWarning]:
    """Warn of scores that had to be moved to have log odds."""
    if not rows.clipped:
        return []
    message = (
        f"{rows.clipped} scores stand for a probability of 0 or 1, or within {CLIP:g} of it; they "
        f"were moved to {CLIP:g} from it for the calibration intercept and slope."
    )
    return [AuditWarning(code="probability_0_or_1", message=message, column=column)]


def _named(sites: Sites) -> list[str]:
    """Rows without a site are a stratum, but not a hospital."""
    return [s for s in sites.strata if s != f"{sites.attribute}={MISSING}"]


def prevalence_warnings(
    sites: Sites, estimates: Sequence[Estimate], output: str | None = None
) -> list[AuditWarning]:
    """Warn of prevalences that differ between the sites, of one class or label if it is named."""
    named = _named(sites)
    known = {
        e.stratum: e.value
        for e in estimates
        if e.measure == "prevalence"
        and e.output == output
        and e.stratum in named
        and e.value is not None
    }
    if not known or max(known.values()) - min(known.values()) < PREVALENCE_RANGE:
        return []
    low, high = min(known, key=lambda s: known[s]), max(known, key=lambda s: known[s])
    what = "Prevalence" if output is None else f"Prevalence of '{output}'"
    return [
        AuditWarning(
            code="prevalence_differs_by_site",
            message=f"{what} runs from {known[low]:.3f} at {low} to {known[high]:.3f} at "
            f"{high}: PPV, NPV, net benefit, Brier score and O:E are not comparable between "
            "sites, and pooled figures mix different populations.",
            column=sites.attribute,
        )
    ]


def few_sites(sites: Sites) -> list[AuditWarning]:
    """Warn of sites too few to say much of the differences between them."""
    named = _named(sites)
    if len(named) >= FEW_SITES:
        return []
    message = (
        f"There are {len(named)} sites: what is said of differences between sites, and of a new "
        "site, rests on few of them."
    )
    return [AuditWarning(code="few_sites", message=message, column=sites.attribute)]


def _small(summary: CohortSummary, plan: Plan) -> list[AuditWarning]:
    """Name the strata of one or two attributes that are too small for inference.

    Beyond a screenful the rest is counted; every such estimate says so itself.
    """
    need = plan.minimum
    found = []
    for count in summary.strata:
        if not count.n or count.n_positive is None or count.n_negative is None:
            continue
        if len(count.attributes) > 2:
            continue
        rarer = min(count.n_positive, count.n_negative)
        if count.n < need.denominator or rarer < need.events:
            found.append(
                AuditWarning(
                    code="small_stratum",
                    message=f"{count.stratum} has {count.n} analysed units, {count.n_positive} "
                    f"with and {count.n_negative} without the condition: some of its measures are "
                    "shown without inference.",
                    stratum=count.stratum,
                )
            )
    if len(found) > MOST_NAMED:
        rest = len(found) - MOST_NAMED
        message = f"{rest} more strata are too small for inference on some measures."
        found = [*found[:MOST_NAMED], AuditWarning(code="small_stratum", message=message)]
    return found
