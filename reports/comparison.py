"""A comparison as text for a terminal and as Markdown for a pull request: who got worse first."""

from collections.abc import Sequence

from audit.comparison.records import Comparison, Flips, GapChange, Paired, Parity
from reports import words
from reports.format import (
    count,
    crossed,
    digits,
    fixed,
    interval,
    level_text,
    p_value,
    plural,
    signed,
)

SHOWN = 15  # records of a list that are shown; the others stand in comparison.json
KEY = {
    "binary": ("sensitivity", "specificity", "auroc", "brier", "oe_ratio"),
    "multiclass": ("accuracy", "macro_sensitivity", "macro_auroc"),
    "multilabel": ("macro_sensitivity", "macro_auroc"),
    "regression": ("mae", "rmse", "bias"),
    "segmentation": ("dice", "nsd", "hd95"),
    "image": ("psnr", "ssim"),
    "survival": ("harrell_c", "uno_c", "brier_at_horizon"),
}
_CHANGE = {
    "worse": "worse",
    "better": "better",
    "no_worse": "no worse than the margin",
    "unclear": "not shown either way",
    "same": "the same, but for rounding",
    "none": "",
}
HOLM = "p is Holm's over the strata of a measure."
MCNEMAR = "p is McNemar's mid-p, or Obuchowski's where patients have several rows."
Rows = list[tuple[str, ...]]


def comparison_text(result: Comparison) -> str:
    """Write the comparison for a terminal."""
    parts = [*lead(result)]
    for title, head, rows, note in _tables(result):
        parts += ["", title, *_plain(head, rows), *([note] if note else [])]
    parts += ["", *told(result)]
    return "\n".join(parts) + "\n"


def comparison_markdown(result: Comparison) -> str:
    """Write the comparison as Markdown."""
    parts = ["# Comparison of two models", "", *lead(result)]
    for title, head, rows, note in _tables(result):
        parts += ["", f"## {title}", "", _line(head), _line(("---",) * len(head))]
        parts += [*(_line(row) for row in rows), *(["", note] if note else [])]
    last = told(result)
    parts += ["", *(f"- {line}" for line in last)] if last else []
    return "\n".join(parts) + "\n"


def lead(result: Comparison) -> list[str]:
    """What was compared, how alike the numbers are, and how many measures got worse."""
    # Most documents compare nothing, and the arithmetic behind this import takes a second.
    from audit.comparison.differences import adjusted_significant

    sides = " and ".join(f"{name}: {', '.join(f.name for f in side.files)} ({side.score})"
                         for name, side in (("a", result.a), ("b", result.b)))  # fmt: skip
    lines = [f"{plural(result.compared, 'unit')} compared; {sides}. Differences are b less a."]
    lines += [_parity(p) for p in result.parity]
    by_id = {r.id: r for r in result.paired}
    sure = sum(adjusted_significant(by_id[id]) for id in result.worsened)
    lines.append(
        f"{plural(len(result.worsened), 'measure')} of a stratum got worse by an interval that "
        f"excludes 0; {sure} of them also after Holm's adjustment over the strata."
        if result.worsened
        else "No measure of a stratum got worse by an interval that excludes 0. That is no proof "
        "that none did."
    )
    return lines


def _parity(p: Parity) -> str:
    text = f"Largest difference of two numbers {p.largest:.3g}, mean {p.mean:.3g}; "
    text += f"{100 * p.identical:.1f} % are identical"
    if p.rank_correlation is not None:
        text += f"; rank correlation {fixed(p.rank_correlation, 4)}"
    if p.decisions_agree is not None:
        text += f"; {100 * p.decisions_agree:.1f} % of decisions agree"
    if p.within is not None:
        text += f". {'All' if p.within else 'Not all'} agree within {p.tolerance:g}"
    return words.of_output("Parity", p.output) + f": {text}."


def key_records(result: Comparison) -> list[Paired]:
    """The key measures of the task in strata of one attribute, in reporting order."""
    key = KEY.get(str(result.plan.get("task")), ())
    single = [r for r in result.paired if r.measure in key and not crossed(r.stratum)
              and r.output is None]  # fmt: skip
    return sorted(single, key=lambda r: key.index(r.measure))


def judged_records(result: Comparison) -> list[Paired]:
    """What has a margin that it can be held against."""
    return [r for r in result.paired if r.margin is not None and r.change != "none"]


def shown_flips(result: Comparison) -> list[Flips]:
    """Decisions that changed, in strata of one attribute."""
    return [f for f in result.flips if not crossed(f.stratum)]


def further(rest: int) -> str:
    """Say how many records stand in the comparison alone; empty when none do."""
    if rest <= 0:
        return ""
    return f"{plural(rest, 'further one', 'further ones')} in comparison.json."


def change_text(r: Paired) -> str:
    """Say which way a measure went, from its interval; why nothing is said otherwise."""
    if r.beyond_margin:
        return f"worse beyond the margin {r.margin:g}"
    return _CHANGE[r.change] or (r.reason or "")


def p_of(r: Paired) -> float | None:
    """The p value that is shown: adjusted over the strata where that is possible."""
    return r.p_adjusted if r.p_adjusted is not None else r.p


def p_of_flips(f: Flips) -> float | None:
    """The p value that is shown: by patient where they have several rows."""
    return f.clustered_p if f.clustered_p is not None else f.mid_p


def _tables(result: Comparison) -> list[tuple[str, tuple[str, ...], Rows, str]]:
    by_id = {r.id: r for r in result.paired}
    worse = [by_id[id] for id in result.worsened]
    head = ("measure", "stratum", "n", "a", "b", "difference", "p", "change")
    out: list[tuple[str, tuple[str, ...], Rows, str]] = []
    if worse:
        note = f"{further(len(worse) - SHOWN)} {HOLM}".strip()
        out.append(("Who got worse", head, [_row(r) for r in worse[:SHOWN]], note))
    judged = judged_records(result)
    if judged:
        rows = [_row(r) for r in judged[: 2 * SHOWN]]
        out.append(("Against the margins", head, rows, ""))
    out.append(("Measures by stratum", head, [_row(r) for r in key_records(result)], ""))
    flips = shown_flips(result)
    if flips:
        names = ("stratum", "class", "n", "right in a only", "right in b only", "p")
        out.append(("Decisions that changed", names, [_flip(f) for f in flips], MCNEMAR))
    return out


def _row(r: Paired) -> tuple[str, ...]:
    places = digits(r.measure)

    def text(value: float | None) -> str:
        return "-" if value is None else fixed(value, places)

    difference = "-" if r.difference is None else signed(r.difference, places)
    if r.lower is not None:
        difference += f" {interval(r.lower, r.upper, places, True)}"
    name = words.of_output(words.name(r.measure), r.output)
    return (name, r.stratum, count(r.n), text(r.value_a), text(r.value_b), difference,
            p_value(p_of(r)), change_text(r))  # fmt: skip


def _flip(f: Flips) -> tuple[str, ...]:
    p = p_value(p_of_flips(f))
    return f.stratum, f.label, count(f.n), count(f.lost), count(f.gained), p


def told(result: Comparison) -> list[str]:
    """Sentences that no table holds: levelling down, warnings, the level."""
    found: list[GapChange] = [g for g in result.gaps if g.levelled_down]
    lines = [g.sentence for g in found]
    lines += [w.message for w in result.warnings]
    level = result.plan.get("level")
    if isinstance(level, float):
        lines.append(f"Intervals are paired, at the {level_text(level)} level.")
    return lines


def _plain(head: tuple[str, ...], rows: Rows) -> list[str]:
    if not rows:
        return ["  (nothing)"]
    width = [max(len(row[i]) for row in (head, *rows)) for i in range(len(head))]

    def line(row: Sequence[str]) -> str:
        return "  " + "  ".join(f"{cell:<{w}}" for cell, w in zip(row, width, strict=True)).rstrip()

    return [line(head), *(line(row) for row in rows)]


def _line(cells: Sequence[str]) -> str:
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"
