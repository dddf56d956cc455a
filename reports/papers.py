"""What a document is made from: an audit, the answers to checklists, and what came before."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from functools import cached_property

from audit.comparison.records import Comparison
from audit.result import AuditResult
from checklists.assessment import Assessment, ItemState
from checklists.croissant import DatasetClaims
from reports.parts.index import Index


@dataclass(frozen=True)
class Papers:
    """The inputs of a document, with the files as they were written.

    Texts are the files themselves, to be attached: the profile where it is not in the plan, and
    instruments of one's own by name. `previous` is the audit behind the version before this one.
    `claims` is what the provider of the data set says of it. `recorded` holds the hashes of the
    files that answers cite, as they were looked up. `waivers_text` is the file of waivers that
    `result` was judged with on `waivers_on`; `audit_json` stays as it was written, without them.
    """

    result: AuditResult
    audit_json: bytes
    plan_text: str | None = None
    assessment: Assessment | None = None
    answers_text: str | None = None
    profile_text: str | None = None
    instruments: Mapping[str, bytes] = field(default_factory=dict)
    recorded: Mapping[str, str | None] = field(default_factory=dict)
    previous: AuditResult | None = None
    previous_json: bytes | None = None
    comparison: Comparison | None = None
    comparison_json: bytes | None = None
    claims: DatasetClaims | None = None
    claims_json: bytes | None = None
    waivers_text: str | None = None
    waivers_on: date | None = None

    def __post_init__(self) -> None:
        """Refuse to set what shows small cells beside an audit from which they are withheld."""
        if self.result.disclosure is None:
            return
        if self.previous is not None and self.previous.disclosure is None:
            raise ValueError("the audit is shared, and that of the version before is not")
        if self.comparison is not None:
            raise ValueError("a comparison has no shared form to stand beside a shared audit")

    @cached_property
    def index(self) -> Index:
        """Look-ups over the audit."""
        return Index(self.result)

    @cached_property
    def states(self) -> dict[str, ItemState]:
        """Items of the checklists by id; empty where no checklist is at hand."""
        items = self.assessment.items if self.assessment is not None else ()
        return {state.item.id: state for state in items}
