"""Answer scales: the words a person chooses from, and the status that each one stands for.

A guideline asks "reported?", an appraisal "probably yes?", a list "to some extent?". The response
is kept as it was given; the status makes answers comparable across instruments.
"""

from dataclasses import dataclass

from checklists.vocabulary import Status


@dataclass(frozen=True)
class Response:
    """One choice on a scale."""

    id: str
    label: str
    status: Status


@dataclass(frozen=True)
class Scale:
    """The choices of one kind of question, in the order in which they are shown.

    One that is not `judged` says how the system is, not that something is in order: an answer on it
    counts as stated, never as met.
    """

    id: str
    name: str
    responses: tuple[Response, ...]
    judged: bool = True

    def response(self, id: str) -> Response | None:
        """The choice of that id, or none."""
        return next((r for r in self.responses if r.id == id), None)


def _scale(id: str, name: str, *rows: tuple[str, str, Status], judged: bool = True) -> Scale:
    return Scale(id, name, tuple(Response(*row) for row in rows), judged)


_NOT_APPLICABLE: tuple[str, str, Status] = ("not_applicable", "not applicable", "not_applicable")

SCALES: dict[str, Scale] = {
    scale.id: scale
    for scale in (
        _scale(
            "obligation",
            "obligation",
            ("met", "met", "met"),
            ("partly", "partly met", "partly"),
            ("not_met", "not met", "not_met"),
            _NOT_APPLICABLE,
        ),
        _scale(
            "descriptive",
            "description of the system",
            ("yes", "yes", "met"),
            ("no", "no", "met"),
            ("possibly", "possibly", "met"),
            ("dont_know", "do not know", "not_assessed"),
            _NOT_APPLICABLE,
            judged=False,
        ),
        _scale(
            "measure",
            "measure in place",
            ("yes", "yes", "met"),
            ("some_extent", "to some extent", "partly"),
            ("no", "no", "not_met"),
            ("dont_know", "do not know", "not_assessed"),
            _NOT_APPLICABLE,
        ),
        _scale(
            "reporting",
            "reported",
            ("reported", "reported", "met"),
            ("partly", "partly reported", "partly"),
            ("not_reported", "not reported", "not_met"),
            _NOT_APPLICABLE,
        ),
        _scale(
            "signalling",
            "signalling question",
            ("yes", "yes", "met"),
            ("probably_yes", "probably yes", "met"),
            ("probably_no", "probably no", "not_met"),
            ("no", "no", "not_met"),
            ("no_information", "no information", "not_assessed"),
            _NOT_APPLICABLE,
        ),
        _scale(
            "classification",
            "finding about the product",
            ("applies", "applies", "met"),
            ("does_not_apply", "does not apply", "met"),
            ("undecided", "not yet decided", "not_assessed"),
            _NOT_APPLICABLE,
            judged=False,
        ),
        # A prohibition is met when the practice is absent.
        _scale(
            "prohibition",
            "practice absent",
            ("absent", "absent, and checked", "met"),
            ("unclear", "unclear", "not_assessed"),
            ("present", "present", "not_met"),
            _NOT_APPLICABLE,
        ),
    )
}
