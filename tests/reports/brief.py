"""The sample by sex alone and in four measures: a document of it is made in a third of the time."""

from functools import cache
from typing import Any

from audit.result import AuditResult
from reports.papers import Papers
from tests.reports.sample import papers_of, sample_dict

STRATA = ("overall", "sex=F", "sex=M")
MEASURES = ("sensitivity", "specificity", "auroc", "ece")


def _kept(record: dict[str, Any]) -> bool:
    strata = {record["stratum"], record.get("reference", "overall")} - {None}
    return record["measure"] in MEASURES and strata <= set(STRATA)


def _curves(data: dict[str, Any]) -> dict[str, Any]:
    return {kind: [c for c in found if c["stratum"] in STRATA] for kind, found in data.items()}


@cache
def brief() -> AuditResult:
    """Give the result."""
    data = sample_dict()
    cohort = data["cohort"]
    cohort["attributes"] = [a for a in cohort["attributes"] if a["name"] == "sex"]
    cohort["strata"] = [c for c in cohort["strata"] if c["stratum"] in STRATA]
    cohort["covariates"] = []
    known = {r["id"] for part in ("estimates", "disparities") for r in data[part] if _kept(r)}
    for part in ("estimates", "disparities"):
        data[part] = [r for r in data[part] if _kept(r)]
    data["verdicts"] = [v for v in data["verdicts"] if v["evidence"] and {*v["evidence"]} <= known]
    data["warnings"] = []
    return AuditResult.model_validate(data | {"sites": None, "curves": _curves(data["curves"])})


def brief_papers(plan_text: str | None = None) -> Papers:
    """Papers of it."""
    return papers_of(brief(), plan_text)
