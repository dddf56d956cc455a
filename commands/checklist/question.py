"""One item in front of a person: its choices, reasons and evidence, until it is saved or left."""

from collections.abc import Iterable, Sequence
from pathlib import Path

from audit.problems import InputError, Problem
from checklists.answering import (
    also_answered,
    figure_evidence,
    file_evidence,
    find_response,
    new_answer,
)
from checklists.answers import Answer, Evidence, FigureEvidence, Person, replaced
from checklists.answers_file import ChangedMeanwhileError, change_answer
from checklists.assessment import ItemState
from checklists.crosswalk import offers
from checklists.drafts import Draft, drop_draft, keep_draft, read_draft
from checklists.proposals import FigureProposal
from checklists.vocabulary import STATUS_NAMES
from commands.checklist.desk import Desk, moment
from commands.checklist.prompts import BrokenOffError, QuitError, ask, ask_lines, letters, say
from commands.checklist.texts import answer_lines, evidence_lines, why_lines, wrapped

_COMMANDS = "s skip, b back, w why, e evidence, q quit"
_MOST_DRAFTS = 3


class Question:
    """One item in front of a person: what they have said so far, and saving it."""

    def __init__(self, desk: Desk, who: Person, state: ItemState, seen: Answer | None) -> None:
        self.desk, self.who, self.state, self.seen = desk, who, state, seen
        digest = state.item.sha256(state.standing.version)
        kept = read_draft(desk.answers_path)
        fits = kept is not None and (kept.item, kept.item_sha256) == (state.item.id, digest)
        self.draft = kept if kept and fits else Draft(item=state.item.id, item_sha256=digest)

    def ask(self) -> str:
        """Return saved, skipped or back."""
        if self.draft.response is not None:
            say("You had begun to answer this; Enter keeps what stands in [brackets].")
        try:
            return self._asked()
        except (BrokenOffError, QuitError):
            if self.draft.response is not None:
                keep_draft(self.desk.answers_path, self.draft)
            raise

    def _asked(self) -> str:
        while True:
            word = self._choice()
            if word in ("skip", "back"):
                return "skipped" if word == "skip" else word
            if word != self.draft.response:
                self._update(response=word, options=())
            if self.state.item.options:
                self._update(options=self._options())
            if not self._rationale():
                continue
            self._evidence()
            if self._save():
                return "saved"

    def _update(self, **changes: object) -> None:
        self.draft = self.draft.model_copy(update=changes)

    def _choice(self) -> str:
        """The word of the scale; commands are carried out until one is given."""
        menu = letters(self.state.item.scale)
        shown = ", ".join(f"{letter} = {label}" for letter, (_, label) in menu.items())
        drafts = self._drafts()
        say("")
        say(wrapped(f"{shown}; {_COMMANDS}"))
        while True:
            kept = self.draft.response
            typed = ask(f"Answer{f' [{kept}]' if kept else ''}: ").strip()
            word = typed.lower()
            if not word and kept:
                return kept
            if word in ("q", "quit"):
                raise QuitError
            if word in ("s", "skip"):
                return "skip"
            if word in ("b", "back"):
                return "back"
            if word in ("w", "why", "?"):
                say("\n".join(why_lines(self.state)))
            elif word in ("e", "evidence"):
                self._show_evidence()
            elif word.startswith("d") and word[1:].strip() in drafts:
                self._take(drafts[word[1:].strip()])
            elif word in menu:
                return menu[word][0]
            elif (found := find_response(self.state.item, word)) is not None:
                return found.id
            else:
                say(f"'{typed}' is none of these: {', '.join(menu)}; {_COMMANDS}")

    def _show_evidence(self) -> None:
        audit = self.desk.audit.evidence if self.desk.audit is not None else None
        say("\n".join(evidence_lines(self.state, audit)))

    def _options(self) -> tuple[str, ...]:
        known = list(self.state.item.options)
        kept = self.draft.options
        shown = f" [{', '.join(kept)}]" if kept else ""
        while True:
            typed = ask(f"Which of them (comma-separated: {', '.join(known)}){shown}: ")
            chosen = tuple(word.strip() for word in typed.split(",") if word.strip()) or kept
            wrong = [word for word in chosen if word not in known]
            if not wrong:
                return chosen
            say(f"'{wrong[0]}' is none of: {', '.join(known)}")

    def _rationale(self) -> bool:
        """Ask for the reasons; false when they are needed and not given."""
        response = find_response(self.state.item, self.draft.response or "")
        needed = response is not None and response.status == "not_applicable"
        kept = self.draft.rationale
        hint = "needed: why does it not apply" if needed else "Enter for none"
        shown = f" [{kept[:40]}…]" if kept else ""
        try:
            text = ask_lines(f"Rationale ({hint}; end a line with \\ to go on){shown}: ") or kept
        except BrokenOffError as stop:
            begun = [part for part in (kept, stop.typed) if part]
            self._update(rationale="\n".join(begun) or None)
            raise
        if needed and not text:
            say("'not applicable' needs a rationale; choose again")
            return False
        self._update(rationale=text)
        return True

    def _drafts(self) -> dict[str, Answer]:
        """Show statements made for overlapping items, each under the word that takes it up."""
        given = self.desk.answers().answers
        found = offers(self.desk.profile.catalogue, self.state.item.id, given)[:_MOST_DRAFTS]
        if not found:
            return {}
        say("")
        say("Said for items that overlap with this one (d1, d2 ... takes one up as a draft):")
        for number, offer in enumerate(found, start=1):
            said = given[offer.item]
            relation = {"superset": "wider", "subset": "narrower"}.get(offer.relation, "related")
            text = f": {said.rationale}" if said.rationale else ""
            status = STATUS_NAMES[said.status]
            say(wrapped(f"(d{number}) {offer.item}, {relation}, {status}{text}", 2, 6))
        return {str(n): given[offer.item] for n, offer in enumerate(found, start=1)}

    def _take(self, said: Answer) -> None:
        """Take up a statement as a draft; nothing is answered until the person goes through it."""
        response = find_response(self.state.item, said.status)
        self._update(
            response=response.id if response is not None else None,
            rationale=said.rationale,
            evidence=said.evidence,
        )
        say("Taken up as a draft; Enter keeps what stands in [brackets].")

    def _evidence(self) -> None:
        """Figures accepted or reworded by number, and documents by path, until an empty line."""
        proposals = self._proposals()
        if proposals:
            say("")
            self._show_evidence()
            say("A number accepts that figure; a number and words say it in your own words.")
        say("PATH#PLACE cites a file.")
        for kept in self.draft.evidence:
            what = kept.figure if isinstance(kept, FigureEvidence) else kept.file
            say(f"  kept from the draft: {what}")
        while typed := ask("Evidence (Enter ends): ").strip():
            try:
                cited = self._cited(typed, proposals)
            except InputError as error:
                for problem in error.problems:
                    say(f"  {problem}")
                continue
            self._update(evidence=(*self.draft.evidence, cited))
            say("  noted")

    def _proposals(self) -> Sequence[FigureProposal]:
        if self.desk.audit is None:
            return ()
        return self.desk.audit.evidence.proposals(self.state.item)

    def _cited(self, typed: str, proposals: Sequence[FigureProposal]) -> Evidence:
        base = self.desk.answers_path.parent
        first, _, words = typed.partition(" ")
        if first.isdigit() and proposals and self.desk.audit is not None:
            if not 1 <= int(first) <= len(proposals):
                reason = f"there is no figure {first}"
                raise InputError(Problem("no_figure", "evidence", reason, "give one shown above"))
            figure = proposals[int(first) - 1].figure
            return figure_evidence(self.desk.audit, figure, base, words)
        path, _, locator = typed.partition("#")
        return file_evidence(Path(path), base, locator)

    def _save(self) -> bool:
        """Write the answer; false when somebody else answered meanwhile and it is asked again."""
        id = self.state.item.id
        made = new_answer(
            self.state.standing,
            response=self.draft.response or "",
            options=self.draft.options,
            rationale=self.draft.rationale,
            evidence=self.draft.evidence,
            also=self._also(),
            by=self.who,
            at=moment(),
        )
        try:
            change_answer(
                self.desk.answers_path, id, self.seen, lambda before: replaced(made, before)
            )
        except ChangedMeanwhileError as error:
            say(f"  {error.problems[0].reason}")
            if error.theirs is not None:
                say("\n".join(answer_lines(error.theirs)))
            say("Answer again, or skip to leave theirs; Enter keeps what you said.")
            self.seen = error.theirs
            return False
        kept = read_draft(self.desk.answers_path)
        if kept is not None and kept.item == id:  # that of an item that was skipped stays
            drop_draft(self.desk.answers_path)
        say(f"saved {id}")
        return True

    def _also(self) -> dict[str, str]:
        """The equal items that the person agrees to answer with this statement."""
        catalogue = self.desk.profile.catalogue
        given = self.desk.answers().answers
        also = also_answered(catalogue, self.state.item.id, self.desk.on, but=given)
        if not also:
            return {}
        say("")
        say("The same is asked by:")
        for other in also:
            asked = catalogue.items[other]
            short = catalogue.instruments[asked.instrument].short
            say(wrapped(f"- {other} ({short}): {asked.question}", 2, 4))
        while True:
            typed = ask("Does this answer them too? y all, n none, or their ids: ").strip()
            if typed.lower() in ("y", "yes"):
                return also
            if typed.lower() in ("n", "no"):
                return {}
            named = _ids(typed)
            if named and all(other in also for other in named):
                return {other: also[other] for other in named}
            say("say y, n, or ids from the list, separated by commas")


def _ids(typed: str) -> Iterable[str]:
    return [word.strip() for word in typed.split(",") if word.strip()]
