"""Findings in sentences: the requirements, the main figures, the gaps, the sites, and what is open.

The sentences are those by which answers to checklists cite figures (`checklists.figures`); here
they are chosen and put in order, never written.
"""

from collections.abc import Iterable

from audit.result import Disparity, Estimate
from checklists.figures import site_id
from checklists.proposals import AuditEvidence
from reports import words
from reports.blocks import Block, Cell, Column, Group, Row, Table
from reports.format import plural
from reports.papers import Papers
from reports.parts import front
from reports.parts.index import Index
from reports.parts.results import TASK_FRONT, TASK_TABLES

ORDER = (
    "violated", "error", "inconclusive", "not_estimable", "waived", "not_applicable", "met",
)  # fmt: skip
CALIBRATION_TABLES = ("calibration", "agreement", "horizon")
GAPS_EACH = 2
MOST_GAPS = 10
MOST_WITHOUT = 6
MOST_OUTPUTS = 12
NOTE = (
    "In small type: the id under which a figure stands in the attached audit.json and is cited by "
    "answers to checklists. After verdict/ stands the requirement; sites/ means the records of "
    "sites.heterogeneity. A sentence without an id counts records."
)
Told = list[tuple[str, str]]


def blocks(papers: Papers) -> list[Block]:
    """Make the table of sentences, the most urgent first; empty where the audit says nothing."""
    index, evidence = papers.index, AuditEvidence(papers.result)
    chosen: list[tuple[str, Told]] = [
        *_verdicts(evidence),
        ("Main measures over all units", _main(index, evidence)),
        ("Largest gaps between groups", _gaps(index, evidence)),
        ("Calibration", _calibration(index, evidence)),
        ("Sites", _sites(index, evidence)),
        ("What was not assessed", _not_assessed(index, evidence)),
    ]
    groups = tuple(
        Group(label, tuple(_row(*one) for one in told)) for label, told in chosen if told
    )
    if not groups:
        return []
    columns = (Column("Finding", "text", 100),)
    return [Table("findings", "What the audit found, in sentences", columns, groups, NOTE)]


def _row(id: str, sentence: str) -> Row:
    return Row((Cell(sentence, id),))


def _told(ids: Iterable[str], evidence: AuditEvidence) -> Told:
    known = evidence.sentences
    return [(id, known[id]) for id in dict.fromkeys(ids) if id in known]


def _verdicts(evidence: AuditEvidence) -> list[tuple[str, Told]]:
    """One group a status, the worst first."""
    out = []
    for status in ORDER:
        ids = [f"verdict/{v.requirement}" for v in evidence.result.verdicts if v.status == status]
        many = plural(len(ids), "requirement")
        label = f"{words.verdict(status)}, {many}: {words.VERDICT_READING[status]}"
        out.append((label, _told(ids, evidence)))
    return out


def calibrating(task: str) -> tuple[str, ...]:
    """The measures of a task that its tables show under calibration."""
    return tuple(m for name, _, own in TASK_TABLES[task] if name in CALIBRATION_TABLES for m in own)


def _main_measures(index: Index) -> tuple[str, ...]:
    return tuple(m for m in TASK_FRONT[index.task] if m not in calibrating(index.task))


def _overall(evidence: AuditEvidence, measures: Iterable[str]) -> list[Estimate]:
    """Estimates over all units: of the whole task, else of the first classes or labels."""
    whole = {e.id: e for e in evidence.result.estimates if e.stratum == "overall"}
    ids = (id for m in measures for id in list(evidence.overall([m]))[:MOST_OUTPUTS])
    return [whole[id] for id in ids]


def _main(index: Index, evidence: AuditEvidence) -> Told:
    found = _overall(evidence, _main_measures(index))
    return _told(["plan/threshold", *(e.id for e in found if e.status == "ok")], evidence)


def _front_gaps(index: Index) -> list[Disparity]:
    """Gaps of the front measures between the levels of one attribute."""
    measures = TASK_FRONT[index.task]
    return [
        d
        for d in index.result.disparities
        if d.contrast == "gap" and d.measure in measures and " & " not in d.attribute
        and d.output is None
    ]  # fmt: skip


def _gaps(index: Index, evidence: AuditEvidence) -> Told:
    """Of each front measure the largest gaps between groups of people, declared ones first."""
    out: list[Disparity] = []
    for measure in TASK_FRONT[index.task]:
        own = [
            d
            for d in _front_gaps(index)
            if d.measure == measure
            and d.status == "ok"
            and d.value is not None
            and d.attribute not in index.site_attributes
        ]
        own.sort(key=lambda d: (d.family == "screening", -(d.value or 0.0), d.attribute))
        out += own[:GAPS_EACH]
    return _told((d.id for d in out[:MOST_GAPS]), evidence)


def _calibration(index: Index, evidence: AuditEvidence) -> Told:
    found = [e.id for e in _overall(evidence, calibrating(index.task)) if e.status == "ok"]
    return _told([*found, *(test.id for test in index.result.calibration_tests)], evidence)


def _sites(index: Index, evidence: AuditEvidence) -> Told:
    """The front measures pooled over the sites, and their gaps between the sites."""
    sites = index.result.sites
    if sites is None:
        return []
    measures = TASK_FRONT[index.task]
    pooled = [
        site_id(h)
        for h in sorted(sites.heterogeneity, key=lambda h: words.rank(h.measure))
        if h.measure in measures and h.contrast is None
    ]
    apart = [
        d.id
        for d in _front_gaps(index)
        if d.attribute in index.site_attributes and d.status == "ok"
    ]
    return _told([*pooled[:MOST_OUTPUTS], *apart], evidence)


def _not_assessed(index: Index, evidence: AuditEvidence) -> Told:
    """What has no conclusion, then the counts that stand on the summary page."""
    measures = (*_main_measures(index), *calibrating(index.task))
    weak = [e.id for e in _overall(evidence, measures) if e.status != "ok"]
    weak += [d.id for d in _front_gaps(index) if d.status != "ok" or d.value is None]
    rest = len(weak) - MOST_WITHOUT
    ids = ["strata/without_inference", *weak[:MOST_WITHOUT]]
    more = [f"{plural(rest, 'further main figure')} without a conclusion."] if rest > 0 else []
    counted = [f"{line}." for line in front.not_assessed(index.result)]
    return [*_told(ids, evidence), *(("", line) for line in [*more, *counted])]
