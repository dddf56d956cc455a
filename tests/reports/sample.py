"""A small but complete AuditResult: every status, every verdict, sites, curves, intersections.

Counted from rows drawn with a fixed seed, so that the numbers agree with each other; the intervals
are rough normal or Wilson ones, good enough to be printed.
"""

import math
import pickle
import random
from dataclasses import dataclass
from functools import cache
from itertools import combinations
from typing import Any

from audit.result import SCHEMA_VERSION, AuditResult
from reports.papers import Papers

THRESHOLD = 0.4
SITES = ("Charité", "Karolinska", "Leiden", "Lyon", "St Mary's Hospital & Infirmary, North Wing")
DIMENSIONS = ("age", "hospital", "race", "sex")
REFERENCE = {"age": "[40,65)", "hospital": "Charité", "race": "White", "sex": "M"}
LEVELS = {
    "age": ("[18,40)", "[40,65)", "[65,80)", "[80,120)"),
    "hospital": SITES,
    "race": ("Asian", "Black", "Other", "White", "(missing)"),
    "sex": ("F", "M"),
}
PROPORTIONS = {
    "sensitivity": ("tp", "p"),
    "specificity": ("tn", "q"),
    "ppv": ("tp", "flagged"),
    "npv": ("tn", "unflagged"),
    "fpr": ("fp", "q"),
    "fnr": ("fn", "p"),
    "flag_rate": ("flagged", "n"),
    "prevalence": ("p", "n"),
}
OTHERS = (
    "auroc",
    "average_precision",
    "brier",
    "oe_ratio",
    "citl",
    "calibration_intercept",
    "calibration_slope",
    "ece",
    "net_benefit",
)


@dataclass(frozen=True)
class Row:
    """One made-up unit."""

    levels: tuple[tuple[str, str], ...]
    label: int
    score: float


@cache
def rows() -> tuple[Row, ...]:
    """Draw the cohort."""
    draw = random.Random(20240229)
    out = []
    for _ in range(1400):
        race = draw.choices(LEVELS["race"], (14, 18, 2, 62, 0.7))[0]
        levels = {
            "age": draw.choices(LEVELS["age"][:3], (3, 5, 4))[0],
            "hospital": draw.choices(SITES, (5, 4, 3, 3, 1.4))[0],
            "race": race,
            "sex": draw.choice("FM"),
        }
        risk = 1 / (1 + math.exp(1.3 - 1.4 * draw.gauss(0, 1)))
        label = int(draw.random() < risk and race != "Other")
        shift = 0.7 * (race == "Black") + 0.3 * (levels["hospital"] == "Leiden")
        noise = draw.gauss(0, 0.5)
        score = 1 / (1 + math.exp(-(math.log(risk / (1 - risk)) - shift + noise)))
        out.append(Row(tuple(sorted(levels.items())), label, round(score, 6)))
    return tuple(out)


def wilson(k: float, n: float) -> tuple[float, float]:
    """Give Wilson's 95 % interval."""
    z = 1.959964
    p = k / n
    middle = (p + z * z / 2 / n) / (1 + z * z / n)
    half = z * math.sqrt(p * (1 - p) / n + z * z / 4 / n / n) / (1 + z * z / n)
    return max(0.0, middle - half), min(1.0, middle + half)


def strata() -> dict[str, tuple[Row, ...]]:
    """Every stratum up to two attributes, the declared but empty one included."""
    out: dict[str, list[Row]] = {"overall": list(rows())}
    for name in DIMENSIONS:
        for level in LEVELS[name]:
            out[f"{name}={level}"] = [r for r in rows() if (name, level) in r.levels]
    for pair in combinations(DIMENSIONS, 2):
        for row in rows():
            name = " & ".join(f"{k}={v}" for k, v in row.levels if k in pair)
            out.setdefault(name, []).append(row)
    return {k: tuple(v) for k, v in out.items()}


def counts(part: tuple[Row, ...]) -> dict[str, int]:
    """Confusion counts of a stratum."""
    tp = sum(r.label and r.score >= THRESHOLD for r in part)
    fp = sum((not r.label) and r.score >= THRESHOLD for r in part)
    p = sum(r.label for r in part)
    n = len(part)
    return {
        "n": n, "p": p, "q": n - p, "tp": tp, "fp": fp, "fn": p - tp, "tn": n - p - fp,
        "flagged": tp + fp, "unflagged": n - tp - fp,
    }  # fmt: skip


def _auroc(part: tuple[Row, ...]) -> float:
    positive = [r.score for r in part if r.label]
    negative = [r.score for r in part if not r.label]
    wins = sum((a > b) + 0.5 * (a == b) for a in positive for b in negative)
    return wins / (len(positive) * len(negative))


def _other(measure: str, part: tuple[Row, ...], c: dict[str, int]) -> tuple[float, float]:
    """Value and a rough half-width."""
    n, expected = c["n"], sum(r.score for r in part)
    spread = 1 / math.sqrt(min(c["p"], c["q"]) + 1)
    odds = THRESHOLD / (1 - THRESHOLD)
    return {
        "auroc": lambda: (_auroc(part), 0.5 * spread),
        "average_precision": lambda: (min(1.0, 0.3 + c["p"] / n), 0.6 * spread),
        "brier": lambda: (sum((r.score - r.label) ** 2 for r in part) / n, 0.4 / math.sqrt(n)),
        "oe_ratio": lambda: (c["p"] / expected, 1.6 * spread * c["p"] / expected),
        "citl": lambda: (math.log(max(c["p"], 1) / expected), 2 * spread),
        "calibration_intercept": lambda: (math.log(max(c["p"], 1) / expected) + 0.05, 2.2 * spread),
        "calibration_slope": lambda: (0.9 + 0.2 * spread, 1.9 * spread),
        "ece": lambda: (0.02 + 0.3 / math.sqrt(n), 0.0),
        "net_benefit": lambda: (c["tp"] / n - c["fp"] / n * odds, 0.8 / math.sqrt(n)),
    }[measure]()


def _refusal(measure: str, stratum: str, c: dict[str, int]) -> tuple[str, str] | None:
    if c["n"] == 0:
        return "not_collected", "no unit of the cohort is in this stratum"
    if stratum == "race=(missing)":
        return "suppressed", "fewer than 11 people"
    if measure in PROPORTIONS:
        if c[PROPORTIONS[measure][1]] == 0:
            return "undefined", "there are no units with the condition"
    elif min(c["p"], c["q"]) == 0 and measure in ("auroc", "average_precision", *OTHERS[4:7]):
        return "undefined", "there are no positives or no negatives"
    return None


def estimate(measure: str, stratum: str, part: tuple[Row, ...]) -> dict[str, Any]:
    """One estimate as a dictionary."""
    c = counts(part)
    out: dict[str, Any] = {
        "id": f"{measure}/{stratum}", "measure": measure, "stratum": stratum, "value": None,
        "lower": None, "upper": None, "level": 0.95, "method": "none", "n": c["n"],
        "n_positive": c["p"], "n_negative": c["q"], "events": None, "denominator": c["n"],
        "clusters": c["n"], "undefined_fraction": None, "status": "ok", "reason": None,
    }  # fmt: skip
    refused = _refusal(measure, stratum, c)
    if refused:
        out["status"], out["reason"] = refused
        return out
    if measure in PROPORTIONS:
        top, bottom = (c[k] for k in PROPORTIONS[measure])
        out |= {"value": top / bottom, "events": top, "denominator": bottom, "method": "wilson"}
        out["lower"], out["upper"] = wilson(top, bottom)
        short = bottom < 10
    else:
        value, half = _other(measure, part, c)
        out |= {"value": value, "lower": value - half, "upper": value + half, "events": c["p"]}
        out["method"] = {"auroc": "obuchowski_logit", "oe_ratio": "cluster_robust_log"}.get(
            measure, "percentile_bootstrap_poisson"
        )
        if measure == "oe_ratio":
            out["lower"] = value * math.exp(-half / max(value, 0.05))
            out["upper"] = value * math.exp(half / max(value, 0.05))
        if measure == "auroc":
            out["upper"] = min(0.999, value + half / 2)
        short = min(c["p"], c["q"]) < 5 and measure != "brier"
    if measure == "ece":
        mean = 0.25 / math.sqrt(c["n"])
        out |= {"method": "null_reference", "lower": None, "upper": None}
        out["null"] = {
            "mean": mean, "q95": mean * 1.6, "excess": out["value"] - mean, "p": 0.012,
        }  # fmt: skip
    if short:
        out |= {"status": "insufficient", "lower": None, "upper": None}
        out["reason"] = f"{min(c['p'], c['q'])} patients with the condition; the plan asks for 10"
    out["undefined_fraction"] = 0.0
    return out


def _contrast(a: dict[str, Any], b: dict[str, Any], kind: str, attribute: str) -> dict[str, Any]:
    """Contrast two estimates."""
    code = f"{a['stratum']}:{b['stratum']}" if kind != "gap" else attribute
    primary = a["measure"] == "sensitivity" and kind == "difference"
    out: dict[str, Any] = {
        "id": f"{a['measure']}/{kind}/{code}", "measure": a["measure"], "attribute": attribute,
        "contrast": kind, "stratum": a["stratum"], "reference": b["stratum"], "value": None,
        "lower": None, "upper": None, "level": 0.95, "method": "none", "p": None,
        "p_adjusted": None, "family": "primary" if primary else "screening",
        "undefined_fraction": None, "status": "ok", "reason": None,
    }  # fmt: skip
    if a["lower"] is None or b["lower"] is None:
        worse = a if a["lower"] is None else b
        out["status"] = worse["status"] if worse["status"] != "ok" else "insufficient"
        out["reason"] = f"{worse['stratum']}: {worse['reason'] or 'no interval'}"
        return out
    half = math.hypot(a["upper"] - a["lower"], b["upper"] - b["lower"]) / 2
    value = a["value"] - b["value"]
    if kind == "ratio" and b["value"] > 0 and a["value"] > 0:
        value = a["value"] / b["value"]
        spread = half / b["value"]
        out |= {"lower": value * math.exp(-spread), "upper": value * math.exp(spread)}
    else:
        value = abs(value) if kind == "gap" else value
        out |= {"lower": value - half, "upper": value + half}
    z = abs(a["value"] - b["value"]) / (half / 1.96)
    p = math.erfc(z / math.sqrt(2))
    out |= {"value": value, "p": p, "p_adjusted": min(1.0, 4 * p), "undefined_fraction": 0.0}
    out["method"] = "newcombe" if kind == "difference" else "percentile_bootstrap_poisson"
    return out


def _disparities(estimates: list[dict[str, Any]]) -> list[dict[str, Any]]:
    by = {e["id"]: e for e in estimates}
    out = []
    for measure in ("sensitivity", "specificity", "flag_rate", "auroc", "oe_ratio", "net_benefit"):
        for name in DIMENSIONS:
            base = by[f"{measure}/{name}={REFERENCE[name]}"]
            levels = [by[f"{measure}/{name}={v}"] for v in LEVELS[name]]
            for kind in ("difference", "ratio"):
                out += [_contrast(e, base, kind, name) for e in levels if e is not base]
            known = sorted((e for e in levels if e["lower"] is not None), key=lambda e: e["value"])
            out.append(_contrast(known[0], known[-1], "gap", name))
    return out


def _verdict(status: str, by: dict[str, Any], **more: Any) -> dict[str, Any]:
    out = {
        "requirement": f"{status.replace('_', '-')}-example", "statement": "", "rationale": None,
        "measure": "sensitivity", "stratum": None, "status": status, "value": None, "lower": None,
        "upper": None, "level": 0.95, "margin": 0.1, "reason": "", "detectable": None,
        "n_needed": None, "evidence": (), "parts": (),
    } | more  # fmt: skip
    source = by.get(out["evidence"][0]) if out["evidence"] else None
    if source:
        out |= {k: source[k] for k in ("value", "lower", "upper", "stratum")}
        part = {k: source[k] for k in ("id", "value", "lower", "upper")}
        out["parts"] = ({**part, "status": status, "reason": out["reason"]},)
    return out


def _verdicts(by: dict[str, Any]) -> list[dict[str, Any]]:
    gap = "sensitivity/difference/race=Black:race=White"
    return [
        _verdict("met", by, measure="auroc", evidence=("auroc/overall",), margin=0.75,
                 statement="AUROC at least 0.75 overall",
                 reason="the interval lies above the floor 0.75"),
        _verdict("violated", by, evidence=(gap,), rationale="Equal opportunity between groups.",
                 statement="difference in sensitivity between levels of race within ±0.10",
                 reason="race=Black: the interval lies wholly outside the margin"),
        _verdict("inconclusive", by, evidence=("sensitivity/difference/sex=F:sex=M",),
                 margin=0.05, detectable=0.11, n_needed=3120,
                 statement="difference in sensitivity between levels of sex within ±0.05",
                 reason="the interval crosses the margin"),
        _verdict("not_estimable", by, evidence=("sensitivity/age=[80,120)",), margin=0.7,
                 statement="sensitivity at least 0.70 in age=[80,120)",
                 reason="no unit of the cohort is in this stratum"),
        _verdict("not_applicable", by, measure="calibration_slope", margin=(0.8, 1.2),
                 statement="calibration slope within 0.8 to 1.2 overall",
                 reason="the score was declared a rank in the first version of the plan"),
        _verdict("waived", by, measure="oe_ratio", margin=(0.8, 1.25),
                 evidence=("oe_ratio/hospital=Leiden",),
                 statement="O:E ratio within 0.80 to 1.25 in hospital=Leiden",
                 reason="waived until 2025-06-30: recalibration is under way"),
    ]  # fmt: skip


def _curves(parts: dict[str, tuple[Row, ...]]) -> dict[str, Any]:
    calibration, decision, risk = [], [], []
    for name, part in parts.items():
        if " & " in name or len(part) < 60:
            continue
        ordered = sorted(part, key=lambda r: r.score)
        groups = 10 if len(part) > 400 else 5
        bins = []
        for i in range(groups):
            some = ordered[i * len(part) // groups : (i + 1) * len(part) // groups]
            hits = sum(r.label for r in some)
            low, high = wilson(hits, len(some))
            bins.append({"n": len(some), "predicted": sum(r.score for r in some) / len(some),
                         "observed": hits / len(some), "lower": low, "upper": high})  # fmt: skip
        calibration.append({"stratum": name, "method": "equal-mass bins, Wilson", "bins": bins})
        edges = [i / 20 for i in range(21)]
        cell = [min(19, int(r.score * 20)) for r in part]
        risk.append({"stratum": name, "edges": edges,
                     "positives": [sum(r.label and c == i for r, c in zip(part, cell, strict=True))
                                   for i in range(20)],
                     "negatives": [sum((not r.label) and c == i
                                       for r, c in zip(part, cell, strict=True))
                                   for i in range(20)]})  # fmt: skip
        grid = [i / 50 for i in range(1, 41)]
        share = sum(r.label for r in part) / len(part)
        decision.append({
            "stratum": name, "thresholds": grid,
            "net_benefit": [sum((1 if r.label else -t / (1 - t)) * (r.score >= t) for r in part)
                            / len(part) for t in grid],
            "treat_all": [share - (1 - share) * t / (1 - t) for t in grid]})  # fmt: skip
    return {"calibration": calibration, "decision": decision, "risk": risk}


def _heterogeneity(by: dict[str, Any], measure: str, scale: str) -> dict[str, Any]:
    known = [s for s in SITES if by[f"{measure}/hospital={s}"]["lower"] is not None]
    overall = by[f"{measure}/overall"]
    value, low, high = (overall[k] for k in ("value", "lower", "upper"))
    wide = 3 * (high - low)
    return {
        "measure": measure, "contrast": None, "attribute": None, "stratum": None,
        "reference": None, "scale": scale, "method": "REML, Hartung-Knapp", "sites": known,
        "excluded": [s for s in SITES if s not in known], "k": len(known), "tau2": 0.0421,
        "i2": 61.2, "q": 10.3, "q_p": 0.0355,
        "pooled": {"value": value, "lower": low, "upper": high},
        "prediction": {"lower": max(0.01, value - wide), "upper": min(0.99, value + wide)
                       if scale == "logit" else value + wide},
        "leave_one_out": [{"site": s, "value": value, "lower": low, "upper": high, "tau2": 0.03}
                          for s in known],
        "status": "ok", "reason": None,
    }  # fmt: skip


def _sites(by: dict[str, Any]) -> dict[str, Any]:
    pooled = [_heterogeneity(by, m, s) for m, s in
              (("sensitivity", "logit"), ("specificity", "logit"), ("auroc", "logit"),
               ("oe_ratio", "log"))]  # fmt: skip
    gap = dict(pooled[0]) | {
        "contrast": "difference", "attribute": "sex", "stratum": "sex=F", "reference": "sex=M",
        "scale": "identity", "k": 2, "pooled": None, "prediction": None, "tau2": None, "i2": None,
        "q": None, "q_p": None, "leave_one_out": [], "status": "insufficient",
        "reason": "2 sites have an interval; 3 are needed",
    }  # fmt: skip
    return {"attribute": "hospital", "strata": [f"hospital={s}" for s in SITES],
            "heterogeneity": [*pooled, gap]}  # fmt: skip


def _cohort(parts: dict[str, tuple[Row, ...]]) -> dict[str, Any]:
    c = counts(parts["overall"])
    attributes = [
        {"name": n, "column": "age_years" if n == "age" else n,
         "role": "site" if n == "hospital" else "attribute",
         "edges": (18, 40, 65, 80, 120) if n == "age" else None, "levels": LEVELS[n],
         "reference": REFERENCE[n], "reference_chosen": "declared" if n == "sex" else "largest",
         "missing": sum(("race", "(missing)") in r.levels for r in rows()) * (n == "race")}
        for n in DIMENSIONS
    ]  # fmt: skip
    table = []
    for name, part in parts.items():
        k = counts(part)
        table.append({
            "stratum": name,
            "attributes": [] if name == "overall" else
                          [p.split("=")[0] for p in name.split(" & ")],
            "rows": k["n"] + 2 * (name == "overall"), "missing_label": 2 * (name == "overall"),
            "missing_score": 0, "n": k["n"], "n_positive": k["p"], "n_negative": k["q"],
            "patients": k["n"], "tp": k["tp"], "fp": k["fp"], "tn": k["tn"], "fn": k["fn"],
        } | (dict.fromkeys(WITHHELD) if name == "race=(missing)" else {}))  # fmt: skip
    covariates = [
        {"column": "creatinine", "site": s, "rows": 100 + 10 * i, "missing": 3 * i,
         "zeros": 61 if s == "Lyon" else 0, "distinct": 1 if s == "Leiden" else 58}
        for i, s in enumerate(SITES)
    ]  # fmt: skip
    return {
        "rows": c["n"] + 2, "analysed": c["n"], "n_positive": c["p"], "n_negative": c["q"],
        "missing_label": 2, "missing_score": 0, "patients": 1302, "patients_declared": True,
        "patients_at_several_sites": 3, "largest_patient": 4, "label": "diagnosis",
        "positive": "disease", "score": "p", "score_kind": "probability",
        "threshold": {"value": THRESHOLD, "source": "external"}, "attributes": attributes,
        "strata": table, "covariates": covariates,
    }  # fmt: skip


WITHHELD = ("rows", "missing_label", "missing_score", "n", "n_positive", "n_negative", "patients",
            "tp", "fp", "tn", "fn")  # fmt: skip
WARNINGS = (
    {"code": "stratum_empty", "message": "age=[80,120) was declared but no unit is in it.",
     "stratum": "age=[80,120)"},
    {"code": "covariate_zeros", "message": "creatinine is 0 in 61 of 130 rows at Lyon; a zero may "
     "stand for a missing value.", "column": "creatinine"},
    {"code": "patients_at_several_sites", "message": "3 patients have rows at more than one site."},
)  # fmt: skip

PLAN: dict[str, Any] = {
    "version": 1,
    "title": "Bias audit of CardioScan 2.1 on the five-hospital test cohort",
    "product": {
        "name": "CardioScan", "version": "2.1.0", "manufacturer": "Example Medical AB",
        "intended_use": "Support for cardiologists: flags adults referred for chest pain whose "
        "risk of significant coronary disease warrants angiography.",
        "description": "Gradient-boosted trees on 13 clinical variables.",
        "cohort": "Consecutive referrals 2019-2022 at five European hospitals (made-up data).",
        "model": None,
    },
    "columns": {"label": "diagnosis", "score": "p", "patient": "pid", "site": "hospital"},
    "threshold": {"value": THRESHOLD, "source": "external"}, "depth": 2, "level": 0.95,
    "resamples": 2000, "seed": 1, "minimum": {"denominator": 10, "events": 5},
    "requirements": [
        {"id": "met-example", "measure": "auroc", "strata": ["overall"], "floor": 0.75},
        {"id": "oe", "measure": "oe_ratio", "strata": ["hospital"], "within": [0.8, 1.25]},
        {"id": "sens", "measure": "sensitivity", "strata": ["age", "overall"], "floor": 0.4},
        {"id": "gap", "measure": "sensitivity", "contrast": "difference", "attribute": "race",
         "margin": 0.1},
    ],
}  # fmt: skip


def sample_dict() -> dict[str, Any]:
    """Give the sample as plain data, to be altered by a test before it is validated."""
    data: dict[str, Any] = pickle.loads(_made())
    return data


@cache
def _made() -> bytes:
    return pickle.dumps(_sample())


def _sample() -> dict[str, Any]:
    parts = strata()
    measures = (*PROPORTIONS, *OTHERS)
    estimates = [estimate(m, s, part) for s, part in parts.items() for m in measures]
    by = {e["id"]: e for e in estimates}
    disparities = _disparities(estimates)
    by |= {d["id"]: d for d in disparities}
    sha = "0123456789abcdef" * 4
    return {
        "schema_version": SCHEMA_VERSION, "plan": PLAN,
        "provenance": {
            "tool": "equipoise", "tool_version": "0.1.0",
            "command": "equipoise audit equipoise.yaml --out out/", "as_of": "2024-06-30",
            "seed": 1, "resamples": 2000, "plan_sha256": sha,
            "data": [{"name": "predictions.parquet", "bytes": 48213, "sha256": sha[::-1]}],
            "model": None, "versions": {"python": "3.11.2", "numpy": "2.4.1", "scipy": "1.17.0"},
        },
        "cohort": _cohort(parts), "estimates": estimates, "disparities": disparities,
        "sites": _sites(by), "curves": _curves(parts), "verdicts": _verdicts(by),
        "warnings": list(WARNINGS),
    }  # fmt: skip


@cache
def sample() -> AuditResult:
    """Give the sample result."""
    return AuditResult.model_validate(sample_dict())


@cache
def large() -> AuditResult:
    """Give a result of 320 single-attribute strata x 17 measures with 11,000 contrasts."""
    data = sample_dict()
    first = [e for e in data["estimates"] if e["stratum"] == "sex=F"]
    levels = [f"clinic {i:03d}" for i in range(300)]
    for level in levels:
        for e in first:
            name = f"clinic={level}"
            data["estimates"].append(e | {"stratum": name, "id": f"{e['measure']}/{name}"})
    data["cohort"]["attributes"].append(
        data["cohort"]["attributes"][-1] | {"name": "clinic", "column": "clinic", "levels": levels}
    )
    model = next(d for d in data["disparities"] if d["contrast"] == "difference" and d["value"])
    base = f"clinic={levels[0]}"
    for measure in (*PROPORTIONS, *OTHERS):
        for level in levels[1:]:
            for kind in ("difference", "ratio"):
                name = f"clinic={level}"
                changed = {"measure": measure, "attribute": "clinic", "contrast": kind,
                           "stratum": name, "reference": base,
                           "id": f"{measure}/{kind}/{name}:{base}"}  # fmt: skip
                data["disparities"].append(model | changed)
    return AuditResult.model_validate(data)


def papers_of(result: AuditResult, plan_text: str | None = None) -> Papers:
    """Papers of a result alone."""
    return Papers(result, result.to_json().encode(), plan_text)


def papers(plan_text: str | None = None) -> Papers:
    """Papers of the sample."""
    return papers_of(sample(), plan_text)
