"""Who answered and who reviewed: names and roles as people gave them, with dates."""

from dataclasses import dataclass, field
from datetime import date

from checklists.answers import Person
from reports.blocks import Block, Cell, Column, Group, Row, Table
from reports.papers import Papers


@dataclass
class Work:
    """What one person did."""

    answers: int = 0
    reviews: int = 0
    days: list[date] = field(default_factory=list)


def team(papers: Papers) -> dict[Person, Work]:
    """Everybody who gave an answer that stands or reviewed one, by name and role."""
    found: dict[Person, Work] = {}
    for state in papers.states.values():
        if state.answer is None or state.through is not None:
            continue
        mine = found.setdefault(state.answer.by, Work())
        mine.answers += 1
        mine.days.append(state.answer.at.date())
        for review in state.answer.standing_reviews():
            other = found.setdefault(review.by, Work())
            other.reviews += 1
            other.days.append(review.at.date())
    return found


def blocks(papers: Papers) -> list[Block]:
    """A row for each person; empty where nobody answered."""
    rows = [
        Row((
            Cell(person.name),
            Cell(person.role),
            Cell(str(work.answers), sort=work.answers),
            Cell(str(work.reviews), sort=work.reviews),
            Cell(str(min(work.days))),
            Cell(str(max(work.days))),
        ))
        for person, work in sorted(team(papers).items(), key=lambda p: (p[0].name, p[0].role))
    ]  # fmt: skip
    if not rows:
        return []
    columns = (
        Column("Name", "text", 26),
        Column("Role", "text", 30),
        Column("Answers", "count", 10),
        Column("Reviews", "count", 10),
        Column("First", "text", 12),
        Column("Last", "text", 12),
    )
    note = "Names and roles are recorded as people gave them; they are not proven. Counted are "
    note += "answers and reviews that stand, each where it was given."
    return [Table("people", "Who answered and who reviewed", columns, (Group("", tuple(rows)),),
                  note)]  # fmt: skip
