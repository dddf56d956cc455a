"""One audit in a process of its own: ``engine.py FILE DEPTH RESAMPLES PERMUTATIONS [MEASURE ...]``.

Prints seconds from cohort to result (reading and writing left out), peak memory and sizes as JSON.
"""

import json
import resource
import sys
import time
from pathlib import Path

from audit.cohort import build_cohort, needed_columns
from audit.plan import Plan
from audit.run import audit
from audit.sources.files import read_files
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


def main() -> None:
    """Run it."""
    path, depth, resamples, permutations, *measures = sys.argv[1:]
    plan = Plan.model_validate(
        {
            "columns": {"label": "y", "score": "p", "patient": "pid", "site": "hospital"},
            "threshold": {"value": THRESHOLD},
            "attributes": {"sex": None, "race": None, "age_band": None},
            "depth": int(depth),
            "resamples": int(resamples),
            "permutations": int(permutations),
            "measures": measures,
        }
    )
    cohort = build_cohort(read_files([Path(path)], needed_columns(plan)), plan)
    warm_up()
    start = time.perf_counter()
    result = audit(cohort, plan)
    seconds = time.perf_counter() - start
    print(
        json.dumps(
            {
                "seconds": seconds,
                "peak_mb": peak_mb(),
                "strata": len(result.cohort.strata),
                "measures": len({e.measure for e in result.estimates}),
            }
        )
    )


if __name__ == "__main__":
    main()
