"""Words of people and providers that quote a count which a shared audit withholds."""

import json

from audit.result import AuditResult, Lock

RELOCKED = "%s was %s people and too few"
CLAIMED = "Of %s there are %s people."


def size(result: AuditResult, stratum: str) -> tuple[str, int | None]:
    return stratum, next(c.n for c in result.cohort.strata if c.stratum == stratum)


def relocked(result: AuditResult, stratum: str) -> AuditResult:
    """The result beside a lock that was replaced for a reason that tells a count."""
    why = RELOCKED % size(result, stratum)
    told = f"relocked on 2026-02-01 (first locked on 2026-01-02): {why}; the cohort was another"
    lock = Lock(sha256="ab" * 32, locked_on="2026-02-01", file="equipoise.lock.yaml",
                deviations=(told,))  # fmt: skip
    return result.model_copy(update={"lock": lock})


def claimed(result: AuditResult, stratum: str) -> str:
    """What a provider tells of a stratum, in words and as data."""
    group, n = size(result, stratum)
    record = {
        "@type": "sc:Dataset",
        "name": "People",
        "dct:conformsTo": "http://mlcommons.org/croissant/1.1",
        "description": CLAIMED % (group, n),
        "recordSet": [{"data": [{"group": group, "n": n}]}],
    }
    return json.dumps(record, indent=1)
