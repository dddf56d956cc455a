"""What verdicts come to in one number, for scripts and build servers."""

from collections.abc import Sequence
from typing import Literal

from audit.result import Verdict

OnInconclusive = Literal["fail", "warn"]
MET, VIOLATED, BAD_INPUT, UNDECIDED, INTERNAL = range(5)


def exit_code(verdicts: Sequence[Verdict], on_inconclusive: OnInconclusive = "fail") -> int:
    """0 all met, 1 any violated, 4 any that failed to be judged, 3 any that is not decided.

    Waived verdicts and those that do not apply are left out; with none left, nothing was judged,
    which is 3 whatever `on_inconclusive` says. So it is where nothing could be estimated.
    """
    found = {v.status for v in verdicts} - {"waived", "not_applicable"}
    if "violated" in found:
        return VIOLATED
    if "error" in found:
        return INTERNAL
    if found == {"met"}:
        return MET
    warned = on_inconclusive == "warn" and found & {"met", "inconclusive"}
    return MET if warned else UNDECIDED
