"""One audit, or a part of it, in a process of its own.

``engine.py FILE PART patient|row DEPTH RESAMPLES PERMUTATIONS [MEASURE ...]``
prints seconds from cohort to result (reading and writing left out), peak memory and sizes as JSON.
"""

import json
import resource
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np

from audit.cohort import Cohort, build_cohort, needed_columns
from audit.figures import compute_figures
from audit.memory import give_back, keep_one_arena
from audit.plan import Plan
from audit.rows import analysed_rows, grouped
from audit.run import audit, set_results
from audit.selection import chosen, possible
from audit.sources.files import read_files
from audit.strata import StrataSet, lattice
from audit.sums import Sums
from audit.sweep import point_sums, resampling, workers
from audit.warm_up import warm_up
from benchmarks.cohorts import THRESHOLD


def peak_mb() -> float:
    """Peak memory of this process alone; the usual figure starts from the parent's."""
    status = Path("/proc/self/status")
    if status.exists():
        for line in status.read_text().splitlines():
            if line.startswith("VmHWM"):
                return int(line.split()[1]) / 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def plan_of(unit: str, depth: str, resamples: str, permutations: str, measures: list[str]) -> Plan:
    """Write the plan of a case; `unit` is what is independent: patient or row."""
    columns = {"label": "y", "score": "p", "site": "hospital"}
    return Plan.model_validate(
        {
            "columns": columns | ({"patient": "pid"} if unit == "patient" else {}),
            "threshold": {"value": THRESHOLD},
            "attributes": {"sex": None, "race": None, "age_band": None},
            "depth": int(depth),
            "resamples": int(resamples),
            "permutations": int(permutations),
            "measures": measures,
        }
    )


def whole(cohort: Cohort, plan: Plan) -> tuple[int, int]:
    """Audit; return how many strata and measures there are."""
    result = audit(cohort, plan)
    return len(result.cohort.strata), len({e.measure for e in result.estimates})


def estimates(cohort: Cohort, plan: Plan) -> tuple[int, int]:
    """Work out estimates and differences with their intervals, and nothing else of an audit."""
    give_back()
    rows = analysed_rows(cohort, plan)
    sets = lattice(cohort.dimensions, plan.depth, cohort.rows)
    site = next(d.codes for d in cohort.dimensions if d.role == "site")
    scheme = resampling(plan.seed, plan.resamples, cohort.clusters)
    results = set_results(sets, rows, plan, scheme, site, None)
    return sum(len(r.figures.strata.strata) for r in results), len(results[0].figures.measures)


def points(cohort: Cohort, plan: Plan) -> tuple[int, int]:
    """Work out values, without anything that says how sure they are."""
    give_back()
    rows = analysed_rows(cohort, plan)
    sets = lattice(cohort.dimensions, plan.depth, cohort.rows)
    measures = possible(chosen(plan, 1), rows)

    def one(strata: StrataSet) -> int:
        data = grouped(
            rows, strata.codes, len(strata.strata), {t for m in measures for t in m.terms}
        )
        fit = np.full((len(strata.strata), 3), np.nan)  # none of the measures is of a fit
        sums = Sums(point_sums(data.rows), fit, rows.setting)
        return len(np.stack([m.compute(sums) for m in measures if m.compute is not None], 1))

    with ThreadPoolExecutor(workers()) as pool:
        return sum(pool.map(one, sets)), len(measures)


def analytic(cohort: Cohort, plan: Plan) -> tuple[int, int]:
    """Work out values and their closed-form variances, without a resample."""
    give_back()
    rows = analysed_rows(cohort, plan)
    sets = lattice(cohort.dimensions, plan.depth, cohort.rows)
    scheme = resampling(plan.seed, 0, cohort.clusters)
    measures = possible(chosen(plan, 1), rows)

    def one(strata: StrataSet) -> int:
        return len(compute_figures(rows, strata, scheme, measures).strata.strata)

    with ThreadPoolExecutor(workers()) as pool:
        return sum(pool.map(one, sets)), len(measures)


PARTS = {"whole": whole, "estimates": estimates, "analytic": analytic, "points": points}


def main() -> None:
    """Run it."""
    keep_one_arena()
    path, part, unit, depth, resamples, permutations, *measures = sys.argv[1:]
    plan = plan_of(unit, depth, resamples, permutations, measures)
    cohort = build_cohort(read_files([Path(path)], needed_columns(plan)), plan)
    warm_up()
    start = time.perf_counter()
    strata, count = PARTS[part](cohort, plan)
    seconds = time.perf_counter() - start
    print(
        json.dumps({"seconds": seconds, "peak_mb": peak_mb(), "strata": strata, "measures": count})
    )


if __name__ == "__main__":
    main()
