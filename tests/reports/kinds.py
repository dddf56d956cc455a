"""The sample with verdicts of every other kind: coverage, change, checklists, and a failure."""

from functools import cache
from typing import Any

from audit.result import AuditResult, Verdict, VerdictKind, VerdictPart, VerdictStatus
from tests.reports.sample import sample


def part(id: str, status: VerdictStatus, value: float | None, reason: str) -> VerdictPart:
    return VerdictPart(id=id, status=status, value=value, lower=None, upper=None, reason=reason)


def verdict(id: str, kind: VerdictKind, status: VerdictStatus, **more: Any) -> Verdict:
    empty = {
        "rationale": None, "measure": kind, "stratum": None, "value": None, "lower": None,
        "upper": None, "level": 0.95, "margin": 0.0, "detectable": None, "n_needed": None,
        "evidence": (), "parts": (),
    }  # fmt: skip
    given = {"requirement": id, "kind": kind, "status": status}
    return Verdict.model_validate(empty | given | more)


@cache
def kinds() -> AuditResult:
    """A result whose requirements are of every kind."""
    few, many = "31 positives of at least 50", "80 positives of at least 50"
    unknown = "63 of 1,250 rows without a recorded value (5.04 %), at most 5 %"
    other = (
        verdict("few-women", "coverage", "violated", stratum="sex=F", value=31, margin=50.0,
                statement="at least 50 positives in each sex",
                reason=f"sex=F: {few} (1 of 2 strata short)",
                parts=(part("coverage/positives/sex=F", "violated", 31, few),
                       part("coverage/positives/sex=M", "met", 80, many))),
        verdict("known", "coverage", "violated", stratum="race", value=63 / 1250, margin=0.05,
                statement="race not recorded on at most 5 % of rows", reason=f"race: {unknown}",
                parts=(part("coverage/missing/race", "violated", 63 / 1250, unknown),)),
        verdict("not-worse", "change", "met", measure="sensitivity", stratum="overall",
                value=0.01, lower=-0.01, upper=0.03, margin=0.02, evidence=("sensitivity/overall",),
                statement="Sensitivity worse than in the baseline by at most 0.02 overall",
                reason="overall: the whole interval is inside the margin; paired",
                parts=(VerdictPart(id="sensitivity/overall", status="met", value=0.01, lower=-0.01,
                                   upper=0.03, reason="inside"),)),
        verdict("papers", "checklist", "violated", value=2.0,
                statement="checklist items of tripod-ai are reviewed and not stale",
                reason="2 of 9 items short: TRIPOD-1 (stale), TRIPOD-2 (not answered)",
                parts=(part("checklist/TRIPOD-1", "violated", None, "stale"),
                       part("checklist/TRIPOD-2", "violated", None, "not answered"))),
        verdict("broken", "measure", "error", measure="auroc", margin=0.8,
                statement="AUROC at least 0.8 overall", reason="ZeroDivisionError: division"),
    )  # fmt: skip
    return sample().model_copy(update={"verdicts": (*sample().verdicts, *other)})
