"""Every class or label as a binary audit: which measures it takes, and its records named by it."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TypeVar

from audit.curve_sections import Curves
from audit.measures import MEASURES, TASK_MEASURES
from audit.plan import Plan
from audit.result import Disparity, Estimate
from audit.rows import Rows, analysed_rows
from audit.sections import Record
from audit.tasks.cohort import Member, OutputCohort

Named = TypeVar("Named", bound=Record)

# Decided by the class predicted, not by a threshold on the score.
_DECISION = frozenset(
    m.id
    for m in MEASURES.values()
    if m.needs_threshold and not m.needs_probability and not m.needs_score
)


@dataclass(frozen=True, eq=False)
class Seen:
    """One output as the binary engine sees it: by its score or by the decision."""

    member: Member
    rows: Rows

    @property
    def by_score(self) -> bool:
        """Whether there is a score to see it by."""
        return self.plan.columns.score is not None

    @property
    def plan(self) -> Plan:
        """The binary plan of the output."""
        return self.member.plan


def seen_outputs(cohort: OutputCohort, plan: Plan) -> list[Seen]:
    """See every output through the binary engine, with the measures that this way of it allows.

    Where the decision is the highest score, the measures of the decision come from that and all
    others from the score: a class can be decided for at any score of its own.
    """
    ways = [(members, by) for members, by in ((cohort.decided, True), (cohort.scored, False))
            if members]  # fmt: skip
    return [
        one
        for place in range(len(cohort.outputs))
        for members, by_decision in ways
        if (one := _seen(members[place], plan, by_decision if len(ways) > 1 else None)) is not None
    ]


def _seen(member: Member, plan: Plan, by_decision: bool | None) -> Seen | None:
    """Limit the plan of a member to what is asked of it and can be seen this way."""
    required = [r for r in plan.requirements if _speaks_of(r.output, r.measure, member, plan)]
    measures = tuple(plan.measures)
    if plan.measures or by_decision is not None:
        compared = [r for r in plan.change if _speaks_of(r.output, r.measure, member, plan)]
        wanted = {*plan.measures, *(r.measure for r in required), *(c.measure for c in compared)}
        measures = tuple(
            m
            for m in MEASURES
            if (not plan.measures or m in wanted)
            and (by_decision is None or (m in _DECISION) == by_decision)
        )
        if not measures:
            return None
    kept = tuple(r for r in required if not measures or r.measure in measures)
    own = member.plan.model_copy(update={"measures": measures, "requirements": kept})
    seen = Member(member.output, member.cohort, own)
    return Seen(seen, analysed_rows(seen.cohort, own))


def _speaks_of(wanted: str | None, measure: str, member: Member, plan: Plan) -> bool:
    if wanted is not None:
        return wanted == member.output
    return measure not in TASK_MEASURES[plan.task]


def id_of(id: str, output: str) -> str:
    """Name the output in an id: ``auroc/sex=F`` becomes ``auroc[melanoma]/sex=F``."""
    head, slash, rest = id.partition("/")
    return f"{head}[{output}]{slash}{rest}"


def named_by(records: Iterable[Named], output: str) -> list[Named]:
    """Name the output in records, and in their ids where they have one."""
    found = []
    for record in records:
        update: dict[str, object] = {"output": output}
        own = getattr(record, "id", None)
        if own is not None:
            update["id"] = id_of(own, output)
        evidence = getattr(record, "evidence", ())
        if evidence:
            update["evidence"] = tuple(id_of(id, output) for id in evidence)
        found.append(record.model_copy(update=update))
    return found


def curves_joined(curves: Sequence[tuple[str, Curves]]) -> Curves:
    """Put the curves of all outputs together, each named by its output."""
    joined = {
        part: tuple(
            curve.model_copy(update={"output": output})
            for output, own in curves
            for curve in getattr(own, part)
        )
        for part in Curves.model_fields
    }
    return Curves.model_validate(joined)


def estimates_ordered(estimates: Iterable[Estimate]) -> list[Estimate]:
    """Put the estimates of one set of strata in the order of the declarations."""
    return sorted(estimates, key=lambda e: _RANK[e.measure])


def disparities_ordered(disparities: Sequence[Disparity]) -> list[Disparity]:
    """Put contrasts in the order of the sets they come in, then of the declarations."""
    sets = {name: i for i, name in enumerate(dict.fromkeys(d.attribute for d in disparities))}
    return sorted(disparities, key=lambda d: (sets[d.attribute], _RANK[d.measure]))


_RANK = {measure: place for place, measure in enumerate(MEASURES)}
