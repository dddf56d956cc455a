"""Why an answer no longer holds: its question, its audit, its data, its model or a file changed."""

import hashlib
import os
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Literal

from audit.problems import InputError
from audit.result_file import ResultFile, read_result_file
from checklists.answers import Answer, FigureEvidence, FileEvidence
from checklists.profile import Profile
from checklists.proposals import AuditEvidence

Cause = Literal[
    "item_changed",
    "audit_missing",
    "audit_changed",
    "plan_changed",
    "data_changed",
    "model_changed",
    "figure_gone",
    "file_missing",
    "file_changed",
]


@dataclass(frozen=True)
class Stale:
    """One reason why an answer is stale."""

    cause: Cause
    what: str
    detail: str

    def __str__(self) -> str:
        return f"{self.what}: {self.detail}"


@dataclass(frozen=True)
class CurrentAudit:
    """An audit at hand, with its figures."""

    file: ResultFile

    @cached_property
    def evidence(self) -> AuditEvidence:
        """Its figures as evidence."""
        return AuditEvidence(self.file.result)


class Workplace:
    """The files that answers point at, each read and hashed once.

    `base` is the folder of the answers file; `audit` the audit given on the command line, which
    stands for the one that answers name. With `recorded` hashes no file is read: the answers are
    held against the files as they were then.
    """

    def __init__(
        self,
        base: Path,
        profile: Profile | None,
        audit: CurrentAudit | None,
        recorded: Mapping[str, str | None] | None = None,
    ) -> None:
        self.base = base
        self.audit = audit
        self._profile = profile
        self._recorded = recorded
        self._hashes: dict[str, str | None] = {}
        self._audits: dict[Path, CurrentAudit | None] = {}

    def sha256(self, path: Path, name: str) -> str | None:
        """Hash of a file, which is recorded under a name; none when it cannot be read."""
        if name not in self._hashes:
            known = self._recorded
            self._hashes[name] = _sha256(path) if known is None else known.get(name)
        return self._hashes[name]

    def recorded(self) -> dict[str, str | None]:
        """The hashes that were looked up, by the names that answers and plan have for the files."""
        return dict(sorted(self._hashes.items()))

    def audit_of(self, evidence: FigureEvidence) -> CurrentAudit | None:
        """The audit to hold a figure against; none when it is not at hand."""
        if self.audit is not None:
            return self.audit
        path = self.base / evidence.audit.file
        if path not in self._audits:
            try:
                self._audits[path] = CurrentAudit(read_result_file(path))
            except InputError:
                self._audits[path] = None
        return self._audits[path]

    def replaced_inputs(self, audit: CurrentAudit) -> list[Stale]:
        """Data and model files at hand that are not the ones that were audited."""
        if self._profile is None:
            return []
        used = audit.file.result.provenance
        known: dict[str, set[str | None]] = {}
        for file in used.data:
            known.setdefault(file.name, {None}).add(file.sha256)
        data = self._profile.data
        found = []
        for place, path in enumerate(data):
            same = [other.name for other in data[:place]].count(path.name)
            name = f"data/{path.name}" + (f"#{same + 1}" if same else "")
            if path.name in known and self.sha256(path, name) not in known[path.name]:
                found.append(_replaced("data_changed", path))
        model = self._profile.model
        if model is None or used.model is None or model.name != used.model.name:
            return found
        if self.sha256(model, f"model/{model.name}") not in (None, used.model.sha256):
            found.append(_replaced("model_changed", model))
        return found


def stale_reasons(answer: Answer, same: bool, workplace: Workplace) -> tuple[Stale, ...]:
    """Every reason why an answer is stale; `same` says whether the question is still the same."""
    found: list[Stale] = []
    if not same:
        found.append(Stale("item_changed", "question", "its text changed since it was answered"))
    for evidence in answer.evidence:
        if isinstance(evidence, FileEvidence):
            found += _file(evidence, workplace)
        else:
            found += _figure(evidence, workplace)
    return tuple(dict.fromkeys(found))


def _file(evidence: FileEvidence, workplace: Workplace) -> list[Stale]:
    now = workplace.sha256(workplace.base / evidence.file, evidence.file)
    if now is None:
        return [Stale("file_missing", evidence.file, "the file is not there or cannot be read")]
    if now != evidence.sha256:
        return [Stale("file_changed", evidence.file, "the file changed since it was cited")]
    return []


def _figure(evidence: FigureEvidence, workplace: Workplace) -> list[Stale]:
    audit = workplace.audit_of(evidence)
    source = evidence.audit
    if audit is None:
        detail = "the audit is not there or cannot be read; give it with --audit"
        return [Stale("audit_missing", source.file, detail)]
    found = workplace.replaced_inputs(audit)
    if audit.file.sha256 == source.sha256:
        return found
    used = audit.file.result.provenance
    if tuple(f.sha256 for f in used.data) != source.data:
        found.append(Stale("data_changed", source.file, "it was made from other data since"))
    if (used.model.sha256 if used.model else None) != source.model:
        found.append(Stale("model_changed", source.file, "it is of another model since"))
    if used.plan_sha256 != source.plan:
        found.append(Stale("plan_changed", source.file, "it follows another plan since"))
    if not found:
        found.append(Stale("audit_changed", source.file, "it was made anew and differs"))
    sentence = audit.evidence.sentences.get(evidence.figure)
    if sentence is None:
        detail = f"the audit holds no {evidence.figure} any more"
        return [*found, Stale("figure_gone", evidence.figure, detail)]
    if sentence != evidence.statement:
        found.append(Stale("audit_changed", evidence.figure, f"it now says: {sentence}"))
    return found


def _replaced(cause: Cause, path: Path) -> Stale:
    detail = "it is not the file that was audited; run `equipoise audit` again"
    return Stale(cause, os.path.basename(path), detail)


def _sha256(path: Path) -> str | None:
    digest = hashlib.sha256()
    try:
        with path.open("rb") as stream:
            while block := stream.read(1 << 20):
                digest.update(block)
    except OSError:
        return None
    return digest.hexdigest()
