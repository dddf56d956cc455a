"""What changed since the version before: inputs, verdicts, estimates and strata.

Two audits are set beside each other and never paired: what they share of their patients they do
not tell. A change is told where two intervals do not overlap; elsewhere there is no clear change.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from audit.result import AuditResult, Estimate, Verdict
from reports import words
from reports.blocks import Block, Cell, Column, Group, Row, Table, Text
from reports.format import (
    count,
    crossed,
    estimate_text,
    left_out,
    plural,
    signed,
)
from reports.papers import Papers
from reports.parts.findings import calibrating
from reports.parts.front import contrast_of, title_of
from reports.parts.index import Index
from reports.parts.results import TASK_FRONT
from reports.parts.verdict_values import limit_text, value_text

PRINT_APART = 24
SCREEN_APART = 300
PRINT_STRATA = 30
UNDECIDED = ("inconclusive", "not_estimable")
RANKED = ("violated", *UNDECIDED, "met")
VERDICT_ORDER = (
    "worse", "undecided now", "changed", "requirement changed", "gone", "new", "better", "same",
)  # fmt: skip
APART = "intervals do not overlap"
UNCLEAR = "no clear change"


@dataclass(frozen=True)
class Versions:
    """The audit before and the audit now."""

    before: AuditResult
    now: AuditResult


def blocks(papers: Papers) -> list[Block]:
    """Make the section; empty where no earlier audit is at hand."""
    if papers.previous is None:
        return []
    both = Versions(papers.previous, papers.result)
    if both.before.cohort.task != both.now.cohort.task:
        text = f"The version before was audited as task {both.before.cohort.task}, this one as "
        text += f"{both.now.cohort.task}. Only their inputs can be set beside each other."
        return [Text((text,)), _inputs(both)]
    return [
        Text(_lead(both)),
        _inputs(both),
        *_verdicts(both),
        *_estimates(both),
        *_strata(both),
    ]


def _lead(both: Versions) -> tuple[str, str]:
    first = f"The version before is {title_of(both.before)}, as of "
    first += f"{both.before.provenance.as_of or 'a date that is not stated'}. "
    alike = _same_data(both)
    if alike is None:
        first += "Which data one of them was made from is not stated, so nothing here is paired."
    elif alike:
        first += (
            "Both audits were made from the same data files: what differs comes from the plan, "
        )
        first += "from the tool or from files that these name. Nothing here is paired."
    else:
        first += "The two audits were made from different data. Whether some patients are in both "
        first += "an audit does not tell, so nothing here is paired, and a change may come from "
        first += "the model, from the patients or from both."
    second = "Estimates are said to have moved where their two intervals do not overlap. "
    second += "Everywhere else there is no clear change, which does not show that there is none. "
    second += "No allowance is made for looking at many of them."
    return first, second


def _same_data(both: Versions) -> bool | None:
    """Whether the data were the same by content; none where an audit does not name them."""
    old, new = ([f.sha256 for f in r.provenance.data] for r in (both.before, both.now))
    return sorted(old) == sorted(new) if old and new else None


def _inputs(both: Versions) -> Table:
    """What went in: hashes, the threshold, the version of the tool."""
    before, now = (_facts_of(r) for r in (both.before, both.now))
    rows = tuple(
        Row((Cell(label), _stated(old), _stated(new), Cell(_same(label, old, new, both))))
        for (label, old), (_, new) in zip(before, now, strict=True)
    )
    columns = (
        Column("Input", "text", 18),
        Column("Version before", "text", 33),
        Column("This version", "text", 33),
        Column("Change", "text", 16),
    )
    return Table("changes-inputs", "Inputs of the two audits", columns, (Group("", rows),))


def _facts_of(result: AuditResult) -> tuple[tuple[str, str], ...]:
    p, t = result.provenance, result.cohort.threshold
    product = result.plan.get("product") or {}
    model = p.model.sha256 if p.model is not None else (p.predicted_by or {}).get("sha256")
    return (
        ("Product version", str(product.get("version") or "")),
        ("As of", p.as_of or ""),
        ("Data", ", ".join(f"{f.name} {_short(f.sha256)}" for f in p.data)),
        ("Model", _short(str(model or ""))),
        ("Plan", _short(p.plan_sha256)),
        ("Threshold", f"{t.value:g}, {words.SOURCE[t.source]}" if t is not None else "none"),
        ("Units analysed", count(result.cohort.analysed)),
        ("Made with", f"{p.tool} {p.tool_version}"),
        ("Seed, resamples", f"{p.seed}, {count(p.resamples)}"),
    )


def _short(sha256: str) -> str:
    return f"{sha256[:16]}…" if sha256 else ""


def _stated(text: str) -> Cell:
    return Cell(text) if text else Cell("not stated", kind="status")


def _same(label: str, old: str, new: str, both: Versions) -> str:
    if not old or not new:
        return "cannot be told"
    if label == "Data":  # by content: a file may have been given another name
        return "same" if _same_data(both) else "changed"
    return "same" if old == new else "changed"


def _verdicts(both: Versions) -> list[Block]:
    """Every requirement of either plan, the worst changes first."""
    before = {v.requirement: v for v in both.before.verdicts}
    now = {v.requirement: v for v in both.now.verdicts}
    names = dict.fromkeys([*now, *before])
    told = [(verdict_change(before.get(r), now.get(r)), before.get(r), now.get(r)) for r in names]
    if not told:
        return [Text(("Neither plan sets a requirement, so there is no verdict to compare.",))]
    told.sort(key=lambda one: VERDICT_ORDER.index(one[0]))
    old, new = Index(both.before), Index(both.now)
    rows = tuple(
        Row((_named(was, is_), _verdict(old, was), _verdict(new, is_), Cell(change)))
        for change, was, is_ in told
    )
    columns = (
        Column("Requirement", "text", 34),
        Column("Version before", "text", 24),
        Column("This version", "text", 24),
        Column("Change", "text", 18),
    )
    tally = {c: sum(one[0] == c for one in told) for c in VERDICT_ORDER}
    caption = "Verdicts: " + ", ".join(f"{n} {c}" for c, n in tally.items() if n)
    note = "Better: met now. Worse: violated now, or no longer shown to be met. Undecided now: no "
    note += "longer shown to be violated, and not met either. A verdict can change with the data "
    note += "alone."
    return [Table("changes-verdicts", caption, columns, (Group("", rows),), note)]


def verdict_change(before: Verdict | None, now: Verdict | None) -> str:
    """Say how a verdict changed; nothing is called better that is not met now."""
    if before is None:
        return "new"
    if now is None:
        return "gone"
    asked = [(v.statement, v.margin, v.level, v.measure, v.output) for v in (before, now)]
    if asked[0] != asked[1]:
        return "requirement changed"
    if before.status == now.status:
        return "same"
    if before.status not in RANKED or now.status not in RANKED:
        return "changed"
    if now.status == "met":
        return "better"
    if now.status == "violated" or before.status == "met":
        return "worse"
    return "undecided now" if before.status == "violated" else "changed"


def _named(before: Verdict | None, now: Verdict | None) -> Cell:
    v = now or before
    assert v is not None  # a name comes from one of the two
    text = v.statement or v.requirement
    if before is not None and now is not None and before.statement != now.statement:
        return Cell(text, f"{v.requirement}; before: {before.statement}")
    return Cell(text, v.requirement)


def _verdict(index: Index, v: Verdict | None) -> Cell:
    if v is None:
        return Cell("not required", kind="status")
    contrast = contrast_of(index, v)
    value = value_text(v, contrast)
    where = f" {words.of_output(v.stratum, v.output)}" if v.stratum else ""
    detail = f"{value}{where}" if v.value is not None else v.reason
    return Cell(words.verdict(v.status), f"{detail}; limit {limit_text(v, contrast)}", "verdict")


def _estimates(both: Versions) -> list[Block]:
    """The main measures over all units, and everything whose intervals do not overlap."""
    old = {e.id: e for e in both.before.estimates}
    pairs = [(old[e.id], e) for e in both.now.estimates if e.id in old]
    if not pairs:
        return [Text(("The two audits have no estimate in common.",))]
    comparable = [p for p in pairs if _comparable(*p)]
    moved = sorted((p for p in comparable if apart(*p)), key=lambda p: _weight(both, *p))
    main = [p for p in pairs if p[1].stratum == "overall" and p[1].measure in _main(both)]
    main.sort(key=lambda p: (p[1].output or "", words.rank(p[1].measure)))
    groups = [
        Group("Main measures over all units", tuple(_row(*p, False) for p in main)),
        Group(
            f"Everything that moved, {plural(len(moved), 'estimate')}",
            tuple(_row(*p, i >= PRINT_APART) for i, p in enumerate(moved[:SCREEN_APART])),
        ),
    ]
    columns = (
        Column("Measure", "text", 20),
        Column("Stratum", "text", 20),
        Column("Version before", "value", 21),
        Column("This version", "value", 21),
        Column("Change", "text", 18),
    )
    table = Table(
        "changes-estimates",
        "Estimates of the two versions",
        columns,
        tuple(g for g in groups if g.rows),
        "Below each value: n. " + left_out(max(0, len(moved) - SCREEN_APART), "estimate"),
        left_out(max(0, min(len(moved), SCREEN_APART) - PRINT_APART), "estimate"),
    )
    return [Text((_counted(pairs, comparable, moved),)), table]


def _main(both: Versions) -> frozenset[str]:
    task = both.now.cohort.task
    return frozenset((*TASK_FRONT[task], *calibrating(task)))


def _comparable(before: Estimate, now: Estimate) -> bool:
    ends = (before.lower, before.upper, now.lower, now.upper)
    return before.status == now.status == "ok" and None not in ends and before.level == now.level


def apart(before: Estimate, now: Estimate) -> bool:
    """Whether two intervals have no value in common."""
    if before.lower is None or before.upper is None or now.lower is None or now.upper is None:
        return False
    return now.lower > before.upper or now.upper < before.lower


def _counted(
    pairs: Sequence[tuple[Estimate, Estimate]],
    comparable: Sequence[tuple[Estimate, Estimate]],
    moved: Sequence[tuple[Estimate, Estimate]],
) -> str:
    lost = sum(b.status == "ok" != n.status for b, n in pairs)
    gained = sum(n.status == "ok" != b.status for b, n in pairs)
    text = f"{plural(len(comparable), 'estimate')} have an interval at one level in both audits"
    text = text.replace("1 estimate have", "1 estimate has") if len(comparable) == 1 else text
    text += f": of {count(len(moved))} the {APART}, of {count(len(comparable) - len(moved))} "
    text += f"there is {UNCLEAR}."
    told = [f"{plural(lost, 'estimate')} lost the inference"] if lost else []
    told += [f"{plural(gained, 'estimate')} gained it" if lost
             else f"{plural(gained, 'estimate')} gained inference"] if gained else []  # fmt: skip
    return f"{text} {'; '.join(told)}." if told else text


def _weight(both: Versions, before: Estimate, now: Estimate) -> tuple[object, ...]:
    """Worse before better, front measures and single attributes first."""
    worse = _direction(before, now) != "worse"
    front = now.measure not in _main(both)
    return front, crossed(now.stratum), worse, words.rank(now.measure), now.stratum


def _direction(before: Estimate, now: Estimate) -> str:
    """Better or worse, where a measure has a better end."""
    declared = words.measure(now.measure)
    if declared is None or declared.direction not in ("higher", "lower"):
        return ""
    up = (now.value or 0.0) > (before.value or 0.0)
    return "better" if up == (declared.direction == "higher") else "worse"


def _row(before: Estimate, now: Estimate, screen_only: bool) -> Row:
    stratum = "All units" if now.stratum == "overall" else now.stratum
    return Row(
        (
            Cell(words.of_output(words.name(now.measure), now.output)),
            Cell(stratum),
            _value(before),
            _value(now),
            _change(before, now),
        ),
        screen_only,
    )


def _value(e: Estimate) -> Cell:
    if e.value is None or e.status == "suppressed":
        return Cell(words.STATUS[e.status], kind="status")
    if e.status != "ok":
        return Cell(estimate_text(e), words.why(e.status, e.reason), "weak", sort=e.value)
    return Cell(estimate_text(e), f"n = {count(e.n)}", sort=e.value)


def _change(before: Estimate, now: Estimate) -> Cell:
    if not _comparable(before, now):
        why = "other level" if before.level != now.level else "without inference in one"
        why = "no interval" if before.status == now.status == "ok" and why != "other level" else why
        return Cell("cannot be told", why, "status")
    if (before.value, before.lower, before.upper) == (now.value, now.lower, now.upper):
        return Cell("same")
    if not apart(before, now):
        return Cell(UNCLEAR)
    up = "higher" if (now.value or 0.0) > (before.value or 0.0) else "lower"
    direction = _direction(before, now)
    return Cell(f"{up}, {direction}" if direction else up, APART)


def _strata(both: Versions) -> list[Block]:
    """Who is in the strata of one attribute: new ones, those that are gone, and n."""
    before = {s.stratum: s.n for s in both.before.cohort.strata}
    now = {s.stratum: s.n for s in both.now.cohort.strata}
    names = [s for s in dict.fromkeys([*now, *before]) if not crossed(s)]
    if not names:
        return []
    # What is new or gone is printed before the others.
    names.sort(key=lambda s: s in before and s in now and s != "overall")
    rows = tuple(_size(s, before, now, i >= PRINT_STRATA) for i, s in enumerate(names))
    columns = (
        Column("Stratum", "text", 40),
        Column("n before", "count", 18),
        Column("n now", "count", 18),
        Column("Change", "text", 24),
    )
    new = sum(crossed(s) and s not in before for s in now)
    gone = sum(crossed(s) and s not in now for s in before)
    note = ""
    if new or gone:
        note = f"Of the intersections of attributes, {new} are new and {gone} are gone."
    rest = left_out(max(0, len(rows) - PRINT_STRATA), "stratum").replace("stratums", "strata")
    return [Table("changes-strata", "Strata of the two audits", columns, (Group("", rows),), note,
                  rest)]  # fmt: skip


def _size(
    name: str, before: dict[str, int | None], now: dict[str, int | None], screen_only: bool
) -> Row:
    old, new = (_n(name, sizes) for sizes in (before, now))
    if name not in before or name not in now:
        change = "new" if name in now else "gone"
    else:
        was, is_ = before[name], now[name]
        change = "withheld" if was is None or is_ is None else _more(is_ - was)
    label = "All units" if name == "overall" else name
    return Row((Cell(label), old, new, Cell(change)), screen_only)


def _more(difference: int) -> str:
    return signed(difference, 0) if difference else "same n"


def _n(name: str, sizes: dict[str, int | None]) -> Cell:
    if name not in sizes:
        return Cell("not there", kind="status")
    return Cell(count(sizes[name]), sort=sizes[name])
