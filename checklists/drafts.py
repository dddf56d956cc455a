"""What somebody had begun to say when they were interrupted, kept beside the answers file."""

from pathlib import Path

from pydantic import ValidationError

from audit.atomic import write_atomic
from checklists.answers import AnswerPart, Evidence


class Draft(AnswerPart):
    """An answer that is not given yet. It counts for nothing until a person gives it."""

    item: str
    item_sha256: str
    response: str | None = None
    options: tuple[str, ...] = ()
    rationale: str | None = None
    evidence: tuple[Evidence, ...] = ()


def draft_path(answers: Path) -> Path:
    """Where the draft beside an answers file lies."""
    return answers.parent / f".{answers.name}.draft"


def read_draft(answers: Path) -> Draft | None:
    """The draft, if there is one that can be read."""
    try:
        return Draft.model_validate_json(draft_path(answers).read_bytes())
    except (OSError, ValidationError):
        return None


def keep_draft(answers: Path, draft: Draft) -> None:
    """Keep a draft; the one before is overwritten."""
    write_atomic(draft_path(answers), draft.model_dump_json(indent=1, exclude_defaults=True) + "\n")


def drop_draft(answers: Path) -> None:
    """Remove the draft, now that it is an answer or was given up."""
    draft_path(answers).unlink(missing_ok=True)
