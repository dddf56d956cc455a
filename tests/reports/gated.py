"""The sample as a gate would hand it to its formats: every status, waivers, a lock, a baseline."""

from datetime import date
from functools import cache
from typing import Any

from audit.exit_codes import OnInconclusive, exit_code
from audit.ratchet import Moved, Ratchet
from audit.result import AuditResult, Finding, Lock, Verdict, Waiver
from audit.waivers import apply_waivers
from reports.gate.judged import Failed, Judged, Place
from tests.reports.sample import sample

WAIVER = Waiver(
    requirement="oe-example",
    justification="Recalibration is under way.",
    owner="Ann Owner",
    approver="Ben Approver",
    created="2024-01-01",
    expires="2024-12-31",
)
EXPIRED = WAIVER.model_copy(
    update={"requirement": "violated-example", "created": "2023-01-01", "expires": "2023-12-31"}
)
UNMATCHED = WAIVER.model_copy(update={"requirement": "no-such-requirement"})
LOCK = Lock(
    sha256="ab" * 32,
    locked_on="2024-01-15",
    file="plan.lock",
    deviations=("the margin of met-example was 0.8 and is 0.75",),
)
FAILED_GATE = Failed("out/audit.json", 2, "out/audit.json: it is not JSON")


def judged_of(result: AuditResult, on_inconclusive: OnInconclusive = "fail", **more: Any) -> Judged:
    """A result as it is judged, with the exit code that its verdicts come to."""
    code = exit_code(result.verdicts, on_inconclusive)
    given = {"audit": "out/audit.json", "places": {}} | more
    return Judged(result=result, code=code, on_inconclusive=on_inconclusive, **given)


def with_verdicts(*verdicts: Verdict) -> AuditResult:
    """The sample with other verdicts."""
    return sample().model_copy(update={"verdicts": verdicts})


def verdict(status: str) -> Verdict:
    """The sample's verdict of a status."""
    return next(v for v in sample().verdicts if v.status == status)


@cache
def gated(on_inconclusive: OnInconclusive = "fail") -> Judged:
    """Every status and kind, one waiver that holds and two that do not, a lock, a baseline."""
    found = [v for v in sample().verdicts if v.status not in ("waived", "error")]
    set_aside = verdict("violated").model_copy(
        update={"requirement": "oe-example", "severity": "minor"}
    )
    error = verdict("not_estimable").model_copy(
        update={"requirement": "error-example", "status": "error", "kind": "checklist",
                "reason": "the answers could not be read"}
    )  # fmt: skip
    critical = [
        v.model_copy(update={"severity": "critical"}) if v.status == "violated" else v
        for v in found
    ]
    result = with_verdicts(*critical, set_aside, error).model_copy(update={"lock": LOCK})
    result = apply_waivers(result, (WAIVER, EXPIRED, UNMATCHED), date(2024, 6, 30))
    lines = {v.requirement: Place("plans/equipoise.yaml", 10 + i)
             for i, v in enumerate(result.verdicts)}  # fmt: skip
    return judged_of(result, on_inconclusive, places=lines, ratchet=RATCHET)


def moved(requirement: str, movement: str, before: str | None, now: str | None) -> Moved:
    """A requirement that moved by -0.02."""
    return Moved.model_validate(
        {"requirement": requirement, "movement": movement, "before": before, "now": now,
         "change": -0.02, "lower": -0.05, "upper": 0.01, "method": "as two independent audits",
         "reason": "it may be chance"}
    )  # fmt: skip


RATCHET = Ratchet(
    baseline_sha256="cd" * 32,
    moved=(
        moved("met-example", "fixed", "violated", "met"),
        moved("violated-example", "new", "met", "violated"),
        moved("inconclusive-example", "worse", "inconclusive", "inconclusive"),
        moved("not-estimable-example", "unchanged", "not_estimable", "not_estimable"),
        moved("not-applicable-example", "unchanged", None, "not_applicable"),
        moved("retired-example", "gone", "violated", None),
    ),
)


HOSTILE = (
    "<script>alert(1)</script> ]]> &amp; `code` | @team #12 !7 <!-- x -->\n::error file=x::gotcha"
    "\r\nsecond\u2028third \x00\x1b[31m \u202eevil\u2066 \ud800 \N{HEBREW LETTER ALEF}"
    " [link](javascript:x) **bold** 100% a,b:c"
)


@cache
def hostile() -> Judged:
    """The same with text in every place that was written to do harm."""
    judged = gated()
    bad = {"statement": HOSTILE, "rationale": HOSTILE, "reason": HOSTILE}
    waiver = WAIVER.model_copy(update={"justification": HOSTILE, "owner": HOSTILE})
    verdicts = tuple(
        v.model_copy(update=bad | ({"waiver": waiver} if v.waiver else {}))
        for v in judged.result.verdicts
    )
    findings = (Finding(code="waiver_unmatched", requirement=None, message=HOSTILE),)
    lock = LOCK.model_copy(update={"deviations": (HOSTILE,), "file": HOSTILE})
    update = {"verdicts": verdicts, "findings": findings, "lock": lock}
    places = {v.requirement: Place(f"a b/{HOSTILE[:24]}.yaml", 3) for v in verdicts}
    return judged_of(judged.result.model_copy(update=update), places=places, ratchet=RATCHET)
