"""What an audit can say to an item: for each automation key, figures proposed to a person.

A proposal is an id and a sentence. It answers nothing: a person accepts it, edits it or leaves it.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property

from audit.result import AuditResult, Disparity, Verdict
from checklists.figures import figures, site_id
from checklists.instrument import Item
from checklists.vocabulary import KEY_NAMES, Key

# The measures that stand for a model's performance where the plan's requirements name none.
_FRONT = (
    "auroc", "sensitivity", "specificity", "macro_auroc", "accuracy", "dice", "hd95",
    "missed_rate", "sensitivity_at_fp", "psnr", "ssim", "mae", "bias", "r2", "harrell_c",
)  # fmt: skip
_CALIBRATION = (
    "oe_ratio", "citl", "calibration_slope", "line_slope", "line_intercept", "oe_at_horizon",
    "slope_at_horizon",
)  # fmt: skip
_QUALITY = ("isolated_zero", "missing", "duplicate", "imputed", "constant", "score_kind")
_MOST_MEASURES = 3
# What no audit of scores holds, and where it comes from.
ELSEWHERE: dict[Key, str] = {
    "DRIFT": "an audit is of one window of time; audits of later windows show change",
    "ADV": "an audit of scores holds no attack on the model; name the report of one",
    "EXP": "an audit of scores holds no explanations; name their evaluation",
    "MIT": "an audit is of one model; `equipoise compare` sets one before and one after beside it",
    "COMP": "an audit is of one version; `equipoise compare` sets two versions beside each other",
    "ENV": "an audit holds no use of energy; name the record of it",
}


@dataclass(frozen=True)
class FigureProposal:
    """A figure that an audit offers for an item."""

    figure: str
    sentence: str
    keys: tuple[Key, ...]
    verdict: str | None = None


class AuditEvidence:
    """The figures of one audit, sorted by what they can speak to."""

    def __init__(self, result: AuditResult) -> None:
        self.result = result

    @cached_property
    def sentences(self) -> dict[str, str]:
        """Id -> sentence of everything that may be cited."""
        return dict(figures(self.result))

    @cached_property
    def verdict_keys(self) -> dict[str, frozenset[Key]]:
        """Requirement -> the keys that its verdict speaks to."""
        return {v.requirement: _verdict_keys(v, self.result) for v in self.result.verdicts}

    def proposals(self, item: Item) -> tuple[FigureProposal, ...]:
        """What this audit offers for an item, in the order of its keys; each figure once."""
        found: dict[str, list[Key]] = {}
        for key in item.evidence_keys:
            for id in _FOR_KEY.get(key, _nothing)(self):
                if id in self.sentences:
                    found.setdefault(id, []).append(key)
        verdicts = {f"verdict/{v.requirement}": v.status for v in self.result.verdicts}
        return tuple(
            FigureProposal(id, self.sentences[id], tuple(keys), verdicts.get(id))
            for id, keys in found.items()
        )

    def unanswered(self, item: Item) -> tuple[str, ...]:
        """Why the audit has nothing for some of an item's keys."""
        told = []
        for key in item.evidence_keys:
            ids = [id for id in _FOR_KEY.get(key, _nothing)(self) if id in self.sentences]
            if not ids:
                why = ELSEWHERE.get(key, "this audit holds no such figure")
                told.append(f"{KEY_NAMES[key]}: {why}")
        return tuple(told)

    def judged(self, key: Key) -> Iterator[str]:
        """Ids of the verdicts that speak to a key."""
        for v in self.result.verdicts:
            if key in self.verdict_keys[v.requirement]:
                yield f"verdict/{v.requirement}"

    def front(self) -> tuple[str, ...]:
        """The measures that stand for performance: those of the requirements, else the usual.

        Where a task has several classes or labels, those of the whole task come first.
        """
        of_measures = [v.measure for v in self.result.verdicts if v.kind in ("measure", "change")]
        named = [measure for measure in of_measures if "CAL" not in _measure_keys(measure)]
        whole = {e.measure for e in self.result.estimates if e.output is None}
        parts = {e.measure for e in self.result.estimates} - whole
        usual = [m for m in _FRONT if m in whole] + [m for m in _FRONT if m in parts]
        return tuple(dict.fromkeys([*named, *usual]))[:_MOST_MEASURES]

    def overall(self, measures: Iterable[str]) -> Iterator[str]:
        """Ids of measures over everyone: of the whole task, else of every class or label."""
        for measure in measures:
            found = [
                e for e in self.result.estimates if e.measure == measure and e.stratum == "overall"
            ]
            yield from [e.id for e in found if e.output is None] or [e.id for e in found]


def _measure_keys(measure: str) -> frozenset[Key]:
    if measure.endswith("net_benefit"):
        return frozenset(("THR", "PERF"))
    from audit.measures import DECLARED  # brings the numerical libraries, which take a while

    declared = DECLARED.get(measure)
    family = declared.family if declared is not None else None
    if family == "calibration" or measure in _CALIBRATION:
        return frozenset(("CAL",))
    return frozenset(("PERF",))


def _verdict_keys(verdict: Verdict, result: AuditResult) -> frozenset[Key]:
    if verdict.kind == "coverage":
        return frozenset(("DATA",))
    if verdict.kind == "change":  # without a baseline it says nothing
        return frozenset(("DRIFT",) if verdict.parts else ())
    if verdict.kind == "checklist":
        return frozenset()
    keys = set(_measure_keys(verdict.measure))
    sites = {a.name for a in result.cohort.attributes if a.role == "site"}
    parts = [id for id in verdict.evidence if not id.endswith("/overall")]
    if parts:
        keys.add("SUB")
        keys.discard("PERF")
        if any(f"/{site}=" in id or id.endswith(f"/{site}") for id in parts for site in sites):
            keys.add("ROB")
    return frozenset(keys)


def _nothing(audit: AuditEvidence) -> Iterable[str]:
    return ()


def _performance(audit: AuditEvidence) -> Iterable[str]:
    yield from audit.judged("PERF")
    yield from audit.overall(audit.front())


def _subgroups(audit: AuditEvidence) -> Iterable[str]:
    yield from audit.judged("SUB")
    for measure in audit.front()[:2]:
        yield from (d.id for d in _gaps(audit.result, measure))
    yield "strata/without_inference"


def _gaps(result: AuditResult, measure: str) -> Iterable[Disparity]:
    single = {a.name for a in result.cohort.attributes if a.role == "attribute"}
    for d in result.disparities:
        if d.measure == measure and d.contrast == "gap" and d.attribute in single:
            yield d


def _calibration(audit: AuditEvidence) -> Iterable[str]:
    yield from audit.judged("CAL")
    yield from audit.overall(_CALIBRATION)
    yield from (test.id for test in audit.result.calibration_tests)


def _composition(audit: AuditEvidence) -> Iterable[str]:
    yield "cohort/overall"
    yield from (f"cohort/{attribute.name}" for attribute in audit.result.cohort.attributes)


def _quality(audit: AuditEvidence) -> Iterable[str]:
    yield "cohort/overall"
    for code in dict.fromkeys(w.code for w in audit.result.warnings):
        if code.startswith(_QUALITY):
            yield f"warnings/{code}"


def _robustness(audit: AuditEvidence) -> Iterable[str]:
    yield from audit.judged("ROB")
    sites = audit.result.sites
    pooled = [h for h in sites.heterogeneity if h.contrast is None] if sites is not None else []
    for measure in audit.front():
        found = [h for h in pooled if h.measure == measure]
        yield from (site_id(h) for h in [h for h in found if h.output is None] or found)


def _uncertainty(audit: AuditEvidence) -> Iterable[str]:
    yield from audit.overall(audit.front()[:1])
    yield from (
        f"sample_size/{row.id}" for row in audit.result.sample_size if row.stratum == "overall"
    )
    yield "strata/without_inference"


def _threshold(audit: AuditEvidence) -> Iterable[str]:
    yield "plan/threshold"
    yield from audit.judged("THR")
    yield from audit.overall(("net_benefit",))


_FOR_KEY: dict[Key, Callable[[AuditEvidence], Iterable[str]]] = {
    "PERF": _performance,
    "SUB": _subgroups,
    "CAL": _calibration,
    "DATA": _composition,
    "DQ": _quality,
    "ROB": _robustness,
    "UNC": _uncertainty,
    "THR": _threshold,
    "REPRO": lambda audit: ("provenance",),
    "LOG": lambda audit: ("provenance", "provenance/plan"),
    "CARD": lambda audit: ("plan/product",),
}
