"""A comparison as text for a terminal and as Markdown for a pull request: who got worse first."""

from collections.abc import Sequence

from audit.comparison.differences import adjusted_significant
from audit.comparison.records import Comparison, Flips, GapChange, Paired, Parity
from reports import words
from reports.format import count, digits, fixed, interval, level_text, p_value, plural, signed

SHOWN = 15  # records of a list that are shown; the others stand in comparison.json
_KEY = {
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
Rows = list[tuple[str, ...]]


def comparison_text(result: Comparison) -> str:
    """Write the comparison for a terminal."""
    parts = [*_lead(result)]
    for title, head, rows, note in _tables(result):
        parts += ["", title, *_plain(head, rows), *([note] if note else [])]
    parts += ["", *_told(result)]
    return "\n".join(parts) + "\n"


def comparison_markdown(result: Comparison) -> str:
    """Write the comparison as Markdown."""
    parts = ["# Comparison of two models", "", *_lead(result)]
    for title, head, rows, note in _tables(result):
        parts += ["", f"## {title}", "", _line(head), _line(("---",) * len(head))]
        parts += [*(_line(row) for row in rows), *(["", note] if note else [])]
    told = _told(result)
    parts += ["", *(f"- {line}" for line in told)] if told else []
    return "\n".join(parts) + "\n"


def _lead(result: Comparison) -> list[str]:
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


def _tables(result: Comparison) -> list[tuple[str, tuple[str, ...], Rows, str]]:
    by_id = {r.id: r for r in result.paired}
    worse = [by_id[id] for id in result.worsened]
    head = ("measure", "stratum", "n", "a", "b", "difference", "p", "change")
    out: list[tuple[str, tuple[str, ...], Rows, str]] = []
    if worse:
        rest = len(worse) - SHOWN
        note = f"{plural(rest, 'further one', 'further ones')} in comparison.json." if rest > 0 \
            else ""  # fmt: skip
        note = f"{note} p is Holm's over the strata of a measure.".strip()
        out.append(("Who got worse", head, [_row(r) for r in worse[:SHOWN]], note))
    judged = [r for r in result.paired if r.margin is not None and r.change != "none"]
    if judged:
        rows = [_row(r) for r in judged[: 2 * SHOWN]]
        out.append(("Against the margins", head, rows, ""))
    key = _KEY.get(str(result.plan.get("task")), ())
    single = [r for r in result.paired if r.measure in key and " & " not in r.stratum
              and r.output is None]  # fmt: skip
    ordered = sorted(single, key=lambda r: key.index(r.measure))
    out.append(("Measures by stratum", head, [_row(r) for r in ordered], ""))
    flips = [f for f in result.flips if " & " not in f.stratum]
    if flips:
        names = ("stratum", "class", "n", "right in a only", "right in b only", "p")
        note = "p is McNemar's mid-p, or Obuchowski's where patients have several rows."
        out.append(("Decisions that changed", names, [_flip(f) for f in flips], note))
    return out


def _row(r: Paired) -> tuple[str, ...]:
    places = digits(r.measure)

    def text(value: float | None) -> str:
        return "-" if value is None else fixed(value, places)

    difference = "-" if r.difference is None else signed(r.difference, places)
    if r.lower is not None:
        difference += f" {interval(r.lower, r.upper, places, True)}"
    change = _CHANGE[r.change] or (r.reason or "")
    if r.beyond_margin:
        change = f"worse beyond the margin {r.margin:g}"
    name = words.of_output(words.name(r.measure), r.output)
    p = r.p_adjusted if r.p_adjusted is not None else r.p
    return (name, r.stratum, count(r.n), text(r.value_a), text(r.value_b), difference,
            p_value(p), change)  # fmt: skip


def _flip(f: Flips) -> tuple[str, ...]:
    p = f.clustered_p if f.clustered_p is not None else f.mid_p
    return f.stratum, f.label, count(f.n), count(f.lost), count(f.gained), p_value(p)


def _told(result: Comparison) -> list[str]:
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
