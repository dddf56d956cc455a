"""The matrix of statuses counts every item once, and says in words what it has none of."""

from pathlib import Path

import pytest

from reports.blocks import Row, Table
from reports.papers import Papers
from reports.parts.checklist import COUNTED, status
from tests.reports.answered import Answered, answered, unanswered

KINDS = ("Met", "Partly", "Not met", "N/a", "Stated", "Open", "Stale")


def matrix(product: Answered) -> Table:
    papers = Papers(product.audit.result, b"", assessment=product.assessment)
    (found,) = (b for b in status(papers) if isinstance(b, Table) and b.id == "checklist-status")
    return found


def counts(table: Table, row: Row) -> dict[str, int]:
    labels = [c.label for c in table.columns]
    assert len(labels) == len(row.cells)
    return {label: int(c.text) for label, c in zip(labels[1:], row.cells[1:], strict=True)}


@pytest.fixture
def full(tmp_path: Path) -> Table:
    return matrix(answered(tmp_path))


def test_every_item_is_counted_once(full: Table) -> None:
    for group in full.groups:
        *parts, whole = (counts(full, row) for row in group.rows)
        for row in (*parts, whole):
            assert sum(row.get(kind, 0) for kind in KINDS) == row["Items"]
        assert whole == {name: sum(p[name] for p in parts) for name in whole}


def test_what_was_answered_has_its_columns(full: Table) -> None:
    labels = [c.label for c in full.columns]
    assert labels == ["Requirement", *(c.column.label for c in COUNTED)]
    for label in labels[2:]:
        assert any(counts(full, row)[label] for g in full.groups for row in g.rows), label
    assert "No item is" not in full.note


def test_what_nobody_answered_is_said_and_not_shown_as_zeros(tmp_path: Path) -> None:
    table = matrix(unanswered(tmp_path))
    assert [c.label for c in table.columns] == ["Requirement", "Items", "Open"]
    for group in table.groups:
        for row in group.rows:
            found = counts(table, row)
            assert found["Open"] == found["Items"] > 0
    none = "met, partly met, not met, not applicable, stated, stale or answered and unsigned"
    assert table.note.endswith(f" No item is {none}.")
