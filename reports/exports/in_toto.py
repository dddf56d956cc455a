"""The verdicts as an in-toto statement of a test result, to be signed and kept with the files.

Statement: https://in-toto.io/Statement/v1. It is not signed here.
"""

from collections import Counter

from audit.result import FileHash
from reports import words
from reports.exchange import Json, filled, line, text_of
from reports.exports.record import AUDIT_FILE, audit_sha256
from reports.papers import Papers

STATEMENT = "https://in-toto.io/Statement/v1"
TEST_RESULT = "https://in-toto.io/attestation/test-result/v0.1"
# The canonical JSON of the plan is what is hashed, so that comments and order do not matter.
_PLAN_TYPE = "application/json"


def in_toto(papers: Papers) -> str:
    """Write the verdicts as a statement about data, model and audit."""
    return text_of(
        {
            "_type": STATEMENT,
            "subject": _subjects(papers),
            "predicateType": TEST_RESULT,
            "predicate": _predicate(papers),
        }
    )


def _subjects(papers: Papers) -> list[Json]:
    used = papers.result.provenance
    own = FileHash(name=AUDIT_FILE, bytes=len(papers.audit_json), sha256=audit_sha256(papers))
    files = [*used.data, *((used.model,) if used.model is not None else ()), own]
    seen = Counter[str]()
    subjects = []
    for file in files:
        seen[file.name] += 1
        again = seen[file.name] > 1
        name = f"{file.name} ({seen[file.name]})" if again else file.name
        subjects.append({"name": name, "digest": {"sha256": file.sha256}})
    return subjects


def _predicate(papers: Papers) -> Json:
    """PASSED only if every requirement is met; one that is set aside, or none, is a warning."""
    verdicts = papers.result.verdicts
    passed = [v.requirement for v in verdicts if v.status == "met"]
    failed = [v.requirement for v in verdicts if v.status == "violated"]
    warned = [v.requirement for v in verdicts if v.status not in ("met", "violated")]
    result = "FAILED" if failed else "WARNED" if warned or not passed else "PASSED"
    return {
        "result": result,
        "configuration": [_plan(papers)],
        "passedTests": passed,
        "warnedTests": warned,
        "failedTests": failed,
    }


def _plan(papers: Papers) -> Json:
    used = papers.result.provenance
    verdicts = [
        {"id": v.requirement, "verdict": words.VERDICT[v.status][1], "reason": line(v.reason)}
        for v in papers.result.verdicts
    ]
    told = {
        "hashed": "the canonical JSON of the audit plan",
        "tool": f"{used.tool} {used.tool_version}",
        "asOf": used.as_of,
        "seed": used.seed,
        "resamples": used.resamples,
        "verdicts": verdicts,
    }
    return {
        "name": "audit plan",
        "digest": {"sha256": used.plan_sha256},
        "mediaType": _PLAN_TYPE,
        "annotations": filled(told),
    }
