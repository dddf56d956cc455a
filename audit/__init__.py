"""Numbers: a cohort and a plan in, one typed result out.

Nothing heavy is imported until a name is used, so that the command line starts quickly.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from audit.cohort import build_cohort as build_cohort
    from audit.given import cohort_of as cohort_of
    from audit.given import plan_of as plan_of
    from audit.plan import Plan as Plan
    from audit.plan_file import read_plan as read_plan
    from audit.problems import InputError as InputError
    from audit.result import AuditResult as AuditResult
    from audit.sources.files import read_files as read_files
    from audit.tasks.read import build_any_cohort as build_any_cohort
    from audit.tasks.run import audit_any as audit_any

    audit = audit_any

_HOME = {
    "AuditResult": "audit.result",
    "InputError": "audit.problems",
    "Plan": "audit.plan",
    "audit": "audit.tasks.run",
    "audit_any": "audit.tasks.run",
    "build_any_cohort": "audit.tasks.read",
    "build_cohort": "audit.cohort",
    "cohort_of": "audit.given",
    "plan_of": "audit.given",
    "read_files": "audit.sources.files",
    "read_plan": "audit.plan_file",
}
_CALLED = {"audit": "audit_any"}  # a cohort of any task
__all__ = sorted(_HOME)


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module 'audit' has no attribute '{name}'")
    return getattr(import_module(_HOME[name]), _CALLED.get(name, name))
