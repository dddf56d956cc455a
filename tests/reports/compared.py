"""Comparisons of two models, written by hand."""

from typing import Any

from audit.comparison.records import Comparison

SHA = "0123456789abcdef" * 4
Fields = dict[str, Any]


def paired(measure: str, stratum: str, a: float | None, b: float | None, **more: Any) -> Fields:
    """One record; `change` and the interval stand as they are given."""
    known = a is not None and b is not None
    moved = b - a if a is not None and b is not None else None
    record = {
        "id": f"{measure}/{stratum}", "measure": measure, "stratum": stratum, "output": None,
        "value_a": a, "value_b": b, "difference": moved,
        "lower": moved - 0.05 if moved is not None else None,
        "upper": moved + 0.05 if moved is not None else None,
        "level": 0.95, "method": "tango", "p": 0.5 if known else None,
        "p_adjusted": 0.75 if known else None, "n": 100, "clusters": 100, "harm": None,
        "harm_lower": None, "harm_upper": None, "margin": None, "beyond_margin": False,
        "change": "unclear" if known else "none", "status": "ok" if known else "undefined",
        "reason": None if known else "model b: there are no units with the condition",
    }  # fmt: skip
    return record | more


def worse(measure: str, stratum: str, a: float, b: float, **more: Any) -> Fields:
    """A record that got worse."""
    return paired(measure, stratum, a, b, **{"change": "worse", "p_adjusted": 0.004} | more)


def weak(measure: str, stratum: str, a: float, b: float) -> Fields:
    """A record with values and no inference."""
    reason = "model a: 3 units with the condition; the plan asks for 10"
    return paired(measure, stratum, a, b, status="insufficient", reason=reason, change="none",
                  lower=None, upper=None, p=None, p_adjusted=None)  # fmt: skip


def flip(stratum: str, label: str, lost: int, gained: int, **more: Any) -> Fields:
    """Decisions that only one of the models gets right."""
    counts = {"stratum": stratum, "label": label, "n": 50, "lost": lost, "gained": gained}
    return counts | {"exact_p": 0.2, "mid_p": 0.125, "clustered_p": None} | more


def side(sha256: str = SHA, score: str = "p", **more: Any) -> Fields:
    """One of the two files."""
    file = {"name": "predictions.parquet", "bytes": 1, "sha256": sha256}
    return {"files": (file,), "score": score, "model": None} | more


def comparison(*records: Fields, **more: Any) -> Comparison:
    """A comparison of these records; those that got worse are named in their order."""
    fields = {
        "schema_version": "1.0", "tool": "equipoise", "tool_version": "0.1.0",
        "plan": {"task": "binary", "level": 0.95}, "plan_sha256": SHA,
        "a": side(SHA[::-1]), "b": side(), "units": 1000, "compared": 1000, "only_a": 0,
        "only_b": 0, "parity": (), "paired": records, "flips": (), "gaps": (), "warnings": (),
        "worsened": tuple(r["id"] for r in records if r["change"] == "worse"),
    }  # fmt: skip
    return Comparison.model_validate(fields | more)
