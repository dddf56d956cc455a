"""The ledger of empty masks as bars: which of the two masks holds a structure, by stratum."""

from dataclasses import dataclass

from audit.sections import Ledger
from reports.blocks import Block, Figure
from reports.format import WITHHELD, bare, count, crossed, left_out, plural, share
from reports.parts.index import Index
from reports.parts.matrix import pieces

MOST_ROWS = 34
PRINT_FIGURES = 2
CELLS = (
    ("both_present", "In both", ""),
    ("reference_only", "Missed", "reference only"),
    ("prediction_only", "Invented", "prediction only"),
    ("both_empty", "In neither", "both empty"),
)


@dataclass(frozen=True)
class LedgerRow:
    """A row: its name and number of cases, and four texts; `shares` is empty without a bar.

    A `head` names the rows that follow.
    """

    name: str
    cases: str = ""
    texts: tuple[str, ...] = ()
    shares: tuple[float, ...] = ()
    head: bool = False


@dataclass(frozen=True)
class LedgerData:
    """Rows of stacked bars; `titles` head the four cells, each with a second line."""

    titles: tuple[tuple[str, str], ...]
    rows: tuple[LedgerRow, ...]


def blocks(index: Index) -> list[Block]:
    """Make the figures; empty where the audit holds no ledger."""
    found = [r for r in index.result.ledger if not crossed(r.stratum)]
    cuts = _cut(found)
    hidden = sum(len(c) for c in cuts[PRINT_FIGURES:])
    last = min(PRINT_FIGURES, len(cuts)) - 1
    rest = left_out(hidden, "stratum").replace("stratums", "strata")
    out: list[Block] = []
    for number, records in enumerate(cuts):
        part = f" (part {number + 1} of {len(cuts)})" if len(cuts) > 1 else ""
        out.append(
            Figure(
                f"ledger-bars-{number}",
                "ledger",
                f"Which mask holds the structure: shares of the cases{part}",
                _alt(records),
                LedgerData(tuple(c[1:] for c in CELLS), tuple(_rows(records))),
                _note(records),
                rest if number == last else "",
                screen_only=number >= PRINT_FIGURES,
            )
        )
    return out


def _cut(found: list[Ledger]) -> list[list[Ledger]]:
    """Cut between structures where possible, so that no piece is taller than a page."""
    made: list[list[Ledger]] = []
    for output in dict.fromkeys(r.output for r in found):
        own = [r for r in found if r.output == output]
        for run in pieces(len(own), MOST_ROWS):
            if not made or len(made[-1]) + len(run) > MOST_ROWS:
                made.append([])
            made[-1] += [own[i] for i in run]
    return made


def _rows(records: list[Ledger]) -> list[LedgerRow]:
    rows: list[LedgerRow] = []
    last: tuple[str, ...] = ()
    for r in records:
        attribute = "" if r.stratum == "overall" else r.stratum.partition("=")[0]
        place = (r.output or "", attribute)
        if place != last:
            title = ", ".join(p for p in place if p) or "All cases"
            rows.append(LedgerRow(title, head=True))
        last = place
        rows.append(_row(r))
    return rows


def counts(r: Ledger) -> tuple[int | None, ...]:
    """Give the four cells in order."""
    return r.both_present, r.reference_only, r.prediction_only, r.both_empty


def total(r: Ledger) -> int | None:
    """Give the cases of a record; None where a cell is withheld."""
    known = [n for n in counts(r) if n is not None]
    return sum(known) if len(known) == len(CELLS) else None


def _row(r: Ledger) -> LedgerRow:
    name = "All cases" if r.stratum == "overall" else bare(r.stratum)
    cases = total(r)
    if cases is None:  # what is left of a withheld cell would tell of it
        return LedgerRow(name, WITHHELD, (WITHHELD,) * len(CELLS))
    texts = tuple(f"{count(n)} ({share(n, cases)})" if cases else count(n) for n in counts(r))
    shares = tuple((n or 0) / cases for n in counts(r)) if cases else ()
    return LedgerRow(name, count(cases), texts, shares)


def _note(records: list[Ledger]) -> str:
    note = "Each bar is all cases of a row, cut by which of the two masks holds the structure at "
    note += "all: in both, missed (reference only), invented (prediction only), in neither. The "
    note += "counts and shares stand beside it in the same order."
    if any(total(r) is None for r in records):
        note += " Rows without a bar are withheld."
    if any(total(r) == 0 for r in records):
        note += " Rows of no case have no bar."
    return note


def _alt(records: list[Ledger]) -> str:
    told = []
    for r in records:
        cases = total(r)
        if r.stratum == "overall" and cases:
            both, missed, invented, neither = counts(r)
            told.append(
                f"The structure {r.output or 'as a whole'} is in both masks in {count(both)} of "
                f"{plural(cases, 'case')}; it was missed in {count(missed)} of them, invented in "
                f"{count(invented)}, and neither mask holds it in {count(neither)}."
            )
    often = [(r.reference_only / cases, r) for r in records
              if r.stratum != "overall" and (cases := total(r)) and r.reference_only]  # fmt: skip
    if often:
        _, worst = max(often, key=lambda m: m[0])
        where = f"{worst.output}, {worst.stratum}" if worst.output else worst.stratum
        told.append(
            f"It is missed most often in the stratum {where}, in {count(worst.reference_only)} of "
            f"{plural(total(worst), 'case')}."
        )
    withheld = sum(total(r) is None for r in records)
    if withheld:
        told.append(f"{plural(withheld, 'row')} withheld.")
    return " ".join([f"Stacked bars of {plural(len(records), 'row')}.", *told])
