"""What a reader must know before trusting a number, said once and with its figures."""

from collections.abc import Sequence

from audit.cohort import Cohort
from audit.dimensions import MISSING
from audit.plan import Plan
from audit.result import AuditWarning, CohortSummary, Estimate, Sites
from audit.rows import CLIP, Rows

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
    found = list(cohort.warnings)
    if plan.threshold is not None and plan.threshold.source == "tuned_here":
        found.append(
            AuditWarning(
                code="threshold_tuned_here",
                message="The threshold was tuned on these data: every measure at it is optimistic.",
            )
        )
    if rows.clipped:
        found.append(
            AuditWarning(
                code="probability_0_or_1",
                message=f"{rows.clipped} scores are exactly 0 or 1; they were moved by {CLIP:g} "
                "for the calibration intercept and slope.",
                column=summary.score,
            )
        )
    if sites is not None:
        found.extend(_site_warnings(sites, estimates))
    found.extend(_small(summary, plan))
    return tuple(found)


def _site_warnings(sites: Sites, estimates: Sequence[Estimate]) -> list[AuditWarning]:
    found = []
    # Rows without a site are a stratum, but not a hospital.
    named = [s for s in sites.strata if s != f"{sites.attribute}={MISSING}"]
    known = {
        e.stratum: e.value
        for e in estimates
        if e.measure == "prevalence" and e.stratum in named and e.value is not None
    }
    if known and max(known.values()) - min(known.values()) >= PREVALENCE_RANGE:
        low, high = min(known, key=lambda s: known[s]), max(known, key=lambda s: known[s])
        found.append(
            AuditWarning(
                code="prevalence_differs_by_site",
                message=f"Prevalence runs from {known[low]:.3f} at {low} to {known[high]:.3f} at "
                f"{high}: PPV, NPV, net benefit, Brier score and O:E are not comparable between "
                "sites, and pooled figures mix different populations.",
                column=sites.attribute,
            )
        )
    if len(named) < FEW_SITES:
        found.append(
            AuditWarning(
                code="few_sites",
                message=f"There are {len(named)} sites: what is said of differences between "
                "sites, and of a new site, rests on few of them.",
                column=sites.attribute,
            )
        )
    return found


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
