"""``equipoise checklist walk``: question by question, saved after each, resumed where left."""

import sys
from dataclasses import dataclass, field
from typing import Annotated

import typer

from audit.problems import InputError, Problem
from checklists.answers import Person
from checklists.assessment import ItemState
from commands.checklist.desk import (
    ANSWERS,
    PROFILE,
    AnswersOption,
    AsOfOption,
    AuditOption,
    Desk,
    NameOption,
    ProfileOption,
    RoleOption,
    open_desk,
    person,
)
from commands.checklist.prompts import BrokenOffError, QuitError, ask, say
from commands.checklist.question import Question
from commands.checklist.texts import answer_lines, item_lines, trouble_lines
from reports.format import plural


def walk(
    instruments: Annotated[
        list[str] | None, typer.Argument(help="Instruments to walk; those of the profile if none.")
    ] = None,
    section: Annotated[
        str | None, typer.Option("--section", help="Only items of this section: art-10.")
    ] = None,
    everything: Annotated[
        bool, typer.Option("--all", help="Also items that are answered and not stale.")
    ] = False,
    due: Annotated[bool, typer.Option("--due", help="Only items that are due now.")] = False,
    name: NameOption = None,
    role: RoleOption = None,
    profile: ProfileOption = PROFILE,
    answers: AnswersOption = ANSWERS,
    audit: AuditOption = None,
    as_of: AsOfOption = None,
) -> None:
    """Answer the open items one by one, with the audit's figures beside each.

    Saves after every answer and resumes where it was left. At any question: s skips, b goes back,
    w says why it is asked, e shows the evidence, q quits.
    """
    if not (sys.stdin.isatty() and sys.stdout.isatty()):
        reason = "this is no terminal, so nobody can be asked"
        remedy = "edit that file, or use `equipoise checklist answer`, export and import"
        raise InputError(Problem("no_terminal", str(answers), reason, remedy))
    desk = open_desk(profile, answers, audit, as_of)
    who = person(name, role or _asked_role())
    Walk(desk, who, tuple(instruments or ()), section, everything, due).run()


def _asked_role() -> str | None:
    """Ask once for the role, which no setting knows."""
    try:
        return ask("Your role (recorded with every answer): ") or None
    except (QuitError, BrokenOffError):
        return None


@dataclass
class Walk:
    """One sitting: the items in their order, and where in it the person is."""

    desk: Desk
    who: Person
    instruments: tuple[str, ...]
    section: str | None
    everything: bool
    due: bool
    saved: int = 0
    passed: set[str] = field(default_factory=set)
    shown: list[str] = field(default_factory=list)

    def run(self) -> None:
        """Ask until nothing is open, or the person leaves; say what stands and what is next."""
        try:
            while True:
                states = self._states()
                state = self._next(states)
                if state is None:
                    break
                self._visit(state, states)
            self._goodbye("nothing more is open here")
        except QuitError:
            self._goodbye("stopped")
        except BrokenOffError:
            self._goodbye("stopped; what you had begun is kept as a draft")
            raise typer.Exit(130) from None

    def _states(self) -> tuple[ItemState, ...]:
        states = self.desk.assess(self.instruments or None).items
        return tuple(
            s
            for s in states
            if s.counted
            and (self.section is None or self.section in _sections(s))
            and (not self.due or s.standing.state == "due_now")
        )

    def _next(self, states: tuple[ItemState, ...]) -> ItemState | None:
        """The first item that is open and was not passed in this sitting."""
        if not states and not self.shown:
            where = ", ".join(self.instruments) or "the profile"
            reason = "no item is in scope"
            remedy = "see `equipoise checklist status` for what applies, since when and why not"
            raise InputError(Problem("nothing_to_ask", where, reason, remedy))
        for state in states:
            if state.item.id in self.passed:
                continue
            if state.open or self.everything:
                return state
        return None

    def _visit(self, state: ItemState, states: tuple[ItemState, ...]) -> None:
        """Ask one item until it is answered, skipped or left for the one before."""
        id = state.item.id
        if not self.shown or self.shown[-1] != id:
            self.shown.append(id)
        self._show(state, states)
        seen = self.desk.answers().answers.get(id)
        outcome = Question(self.desk, self.who, state, seen).ask()
        if outcome == "back":
            self._back(states)
            return
        self.passed.add(id)
        if outcome == "saved":
            self.saved += 1

    def _back(self, states: tuple[ItemState, ...]) -> None:
        """Take up the item before this one again."""
        if len(self.shown) < 2:
            say("this is the first item of this sitting")
            return
        self.shown.pop()
        earlier = self.shown.pop()
        state = self.desk.state(earlier)
        self.passed.discard(earlier)
        self._visit(state, states)

    def _show(self, state: ItemState, states: tuple[ItemState, ...]) -> None:
        own = [s for s in states if s.instrument.id == state.instrument.id]
        done = sum(not s.open for s in own)
        say("")
        say(f"── {state.instrument.short}: {done} of {len(own)} answered " + "─" * 24)
        say("\n".join(item_lines(state)))
        if state.answer is not None:
            say("")
            say("\n".join(["As it stands:", *answer_lines(state.answer, state.through)]))
            say("\n".join(trouble_lines(state)))

    def _goodbye(self, why: str) -> None:
        say("")
        count = plural(self.saved, "answer")
        say(f"{why}; {count} saved in {self.desk.answers_path}")
        say("next: equipoise checklist status, then review by somebody else")


def _sections(state: ItemState) -> set[str]:
    """The section of an item and those above it."""
    above = {s.id: s.part_of for s in state.instrument.sections}
    found: set[str] = set()
    place: str | None = state.item.section
    while place is not None and place not in found:
        found.add(place)
        place = above.get(place)
    return found
