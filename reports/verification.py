"""Holding a dossier against what is attached to it: every hash, and every word that is printed.

The document is made again from its attachments. Where the bytes are the same, every printed figure
follows from the attached audit; where they are not, the words of the two are compared page by page.
"""

import io
import json
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from difflib import SequenceMatcher
from hashlib import sha256
from itertools import islice
from pathlib import Path, PurePosixPath
from typing import Any, Literal

from audit.problems import InputError, Problem
from audit.result import AuditResult
from audit.result_file import ResultFile, parse_result
from checklists.assessment import Assessment
from reports.attachments import MANIFEST
from reports.papers import Papers

_MOST_DIFFERENCES = 20
_AROUND = 4
_Outcome = Literal["same", "differs", "not_checked"]
_ADDITIONS: dict[str, tuple[_Outcome, str]] = {
    "drawing": ("differs", "what was appended changes what is shown"),
    "visible_signature": (
        "not_checked",
        "a signature that shows was laid over it; look at what it covers",
    ),
    "other": ("not_checked", "what was appended replaces parts of it that are not drawn"),
}


@dataclass(frozen=True)
class Check:
    """One thing that was held against another, and how it came out."""

    outcome: _Outcome
    what: str
    detail: str = ""


def attached_files(path: Path) -> dict[str, bytes]:
    """The files attached to a PDF, by name.

    Raises
    ------
    InputError
        When the file cannot be read or is no PDF.
    """
    try:
        return attached(path.read_bytes(), str(path))
    except OSError as error:
        reason = f"it cannot be read ({error.strerror})"
        raise InputError(Problem("unreadable", str(path), reason, "check the path")) from None


def attached(pdf: bytes, name: str) -> dict[str, bytes]:
    """The files attached to the bytes of a PDF; `name` is how problems call it."""
    import pikepdf

    try:
        with pikepdf.open(io.BytesIO(pdf)) as document:
            return {k: v.get_file().read_bytes() for k, v in document.attachments.items()}
    except (pikepdf.PdfError, ValueError) as error:
        reason = f"it is no PDF that can be read ({error})"
        raise InputError(Problem("bad_pdf", name, reason, "give a dossier")) from None


def verify(pdf: bytes, name: str) -> list[Check]:
    """Hold a dossier against its attachments.

    Raises
    ------
    InputError
        When it is no PDF, or no dossier: without a manifest there is nothing to hold it against.
    """
    files = attached(pdf, name)
    manifest = _manifest(files, name)
    checks = [*_hashes(files, manifest), *_inputs(files, manifest)]
    if any(c.outcome == "differs" for c in checks):
        why = "the attachments are not those of the manifest"
        return [*checks, Check("not_checked", "printed figures", why)]
    return [*checks, *_printed(pdf, files, manifest)]


def _manifest(files: Mapping[str, bytes], name: str) -> dict[str, Any]:
    try:
        manifest = json.loads(files[MANIFEST])
        if {"attachments", "document", "inputs"} <= manifest.keys() and "audit.json" in files:
            return dict(manifest)
    except (KeyError, ValueError, AttributeError):
        pass
    reason = "no manifest of a dossier is attached to it"
    raise InputError(Problem("not_a_dossier", name, reason, "give a dossier made by this tool"))


def _hashes(files: Mapping[str, bytes], manifest: Mapping[str, Any]) -> Iterator[Check]:
    """Every attachment against the manifest, and the other way round."""
    listed = {entry["name"]: entry for entry in manifest["attachments"]}
    for name, entry in listed.items():
        content = files.get(name)
        if content is None:
            yield Check("differs", name, "it is in the manifest and not attached")
            continue
        found = sha256(content).hexdigest()
        if found == entry["sha256"] and len(content) == entry["bytes"]:
            yield Check("same", name, f"SHA-256 {found}")
        else:
            yield Check("differs", name, f"SHA-256 {found}, the manifest says {entry['sha256']}")
    for name in sorted(set(files) - set(listed) - {MANIFEST}):
        yield Check("differs", name, "it is attached and not in the manifest")


def _inputs(files: Mapping[str, bytes], manifest: Mapping[str, Any]) -> Iterator[Check]:
    """The audit's own account of its inputs against the manifest, and its plan against the hash."""
    result = parse_result(files["audit.json"], "audit.json")
    p = result.provenance
    told = {
        "plan_sha256": p.plan_sha256,
        "data": [f.model_dump() for f in p.data],
        "model": p.model.model_dump() if p.model else None,
    }
    same = told == manifest["inputs"]
    why = "" if same else "the manifest names other inputs than the audit"
    yield Check("same" if same else "differs", "inputs of the audit", why)
    if "equipoise.yaml" in files:
        from audit.plan_file import parse_plan

        found = parse_plan(files["equipoise.yaml"].decode(), "equipoise.yaml").sha256()
        same = found == p.plan_sha256
        why = f"SHA-256 {found}" + ("" if same else f", the audit followed {p.plan_sha256}")
        yield Check("same" if same else "differs", "plan of the audit", why)


def _printed(pdf: bytes, files: Mapping[str, bytes], manifest: Mapping[str, Any]) -> list[Check]:
    """The document made again from what is attached, against the one at hand."""
    from audit.provenance import tool_version
    from reports.pdf import render_pdf

    with tempfile.TemporaryDirectory() as folder:
        papers = papers_of(files, manifest, Path(folder))
        made = render_pdf(papers, manifest["document"]["template"])
    what = "printed figures"
    if made == pdf:
        return [Check("same", what, "made again from the attachments, byte for byte")]
    if pdf.startswith(made):
        return list(_extended(made, pdf))
    other = manifest.get("tool_version")
    differences = list(_differences(pdf, made))
    by = "" if other == tool_version() else f" (made with {other}, this is {tool_version()})"
    if not differences:
        return [Check("same", what, f"made again: other bytes, every word the same{by}")]
    shown = [Check("differs", where, detail) for where, detail in differences[:_MOST_DIFFERENCES]]
    rest = len(differences) - len(shown)
    if rest > 0:
        shown.append(Check("differs", what, f"{rest} further differences{by}"))
    return shown


def _extended(made: bytes, pdf: bytes) -> Iterator[Check]:
    """A document that begins as it was made; what was appended may replace what it shows."""
    from reports.appended import additions

    found = additions(made, pdf)
    if any(addition.kind == "drawing" for addition in found):
        for where, detail in islice(_differences(pdf, made), _MOST_DIFFERENCES):
            yield Check("differs", where, detail)
    for addition in found:
        where = "document" if addition.page is None else f"page {addition.page}"
        outcome, detail = _ADDITIONS[addition.kind]
        yield Check(outcome, where, detail)
    if not any(addition.kind == "drawing" for addition in found):
        detail = "made again, byte for byte; what was appended to it changes no page"
        yield Check("same", "printed figures", detail)


def papers_of(files: Mapping[str, bytes], manifest: Mapping[str, Any], folder: Path) -> Papers:
    """The papers that a dossier was made from, from what is attached to it.

    `folder` is an empty one for the files that have to lie on disk.
    """
    from audit.comparison.records import Comparison
    from checklists.croissant import parse_croissant

    audit_json = files["audit.json"]
    result = parse_result(audit_json, "audit.json")
    previous = files.get("previous-audit.json")
    comparison = files.get("comparison.json")
    claims = files.get("croissant.json")
    plan = files.get("equipoise.yaml")
    file = ResultFile(folder / "audit.json", sha256(audit_json).hexdigest(), result)
    profile = files.get("profile.yaml", plan)
    assessment = None
    if manifest["document"].get("checklists_as_of") is not None and profile is not None:
        assessment = _assessed(files, profile.decode(), manifest, file, folder)
    result, waivers, waivers_on = _waived(files, manifest, result)
    answers = files.get("answers.yaml")
    own = assessment.profile.own if assessment is not None else ()
    return Papers(
        result=result,
        audit_json=audit_json,
        plan_text=plan.decode() if plan is not None else None,
        assessment=assessment,
        answers_text=answers.decode() if answers is not None else None,
        profile_text=files["profile.yaml"].decode() if "profile.yaml" in files else None,
        instruments={PurePosixPath(n).name: files[PurePosixPath(n).name] for n in own},
        recorded=manifest.get("cited") or {},
        previous=parse_result(previous, "previous-audit.json") if previous is not None else None,
        previous_json=previous,
        comparison=Comparison.model_validate_json(comparison) if comparison is not None else None,
        comparison_json=comparison,
        claims=parse_croissant(claims.decode(), "croissant.json") if claims is not None else None,
        claims_json=claims,
        waivers_text=waivers,
        waivers_on=waivers_on,
    )


def _waived(
    files: Mapping[str, bytes], manifest: Mapping[str, Any], result: AuditResult
) -> tuple[AuditResult, str | None, date | None]:
    """The audit with its waivers as on the day that the manifest states: attached, or its own."""
    from audit.waivers import apply_waivers, parse_waivers, reapplied

    stated = manifest["document"].get("waivers_as_of")
    if stated is None:
        return result, None, None
    on = date.fromisoformat(stated)
    if "waivers.yaml" not in files:
        return reapplied(result, on), None, on
    text = files["waivers.yaml"].decode()
    return apply_waivers(result, parse_waivers(text, "waivers.yaml"), on), text, on


def _assessed(
    files: Mapping[str, bytes],
    profile_text: str,
    manifest: Mapping[str, Any],
    audit: ResultFile,
    folder: Path,
) -> Assessment:
    """The checklists as they stood, from the attached answers and the recorded hashes."""
    from checklists.answers import AnswersFile
    from checklists.answers_file import parse_answers
    from checklists.assessment import assess
    from checklists.profile import read_profile
    from checklists.staleness import CurrentAudit, Workplace
    from reports.outline import outline

    _lay_out(files, profile_text, folder)
    path = folder / "equipoise.yaml"
    profile = read_profile(path)
    text = files.get("answers.yaml")
    given = parse_answers(text.decode(), "answers.yaml") if text is not None else AnswersFile()
    on = date.fromisoformat(manifest["document"]["checklists_as_of"])
    place = Workplace(folder, profile, CurrentAudit(audit), manifest.get("cited") or {})
    chosen = outline(manifest["document"]["template"]).instruments
    return assess(profile, given, on, place, chosen or None)


def _lay_out(files: Mapping[str, bytes], profile_text: str, folder: Path) -> None:
    """Put the profile, and the instruments of one's own where the profile looks for them."""
    import yaml

    (folder / "equipoise.yaml").write_text(profile_text, encoding="utf-8")
    section = (yaml.safe_load(profile_text) or {}).get("profile") or {}
    for name in section.get("instruments") or ():
        place = PurePosixPath(str(name))
        if place.suffix not in (".yaml", ".yml") or place.name not in files:
            continue
        target = (folder / place).resolve()
        if not target.is_relative_to(folder.resolve()):
            reason = f"the profile names '{name}', which lies outside its folder"
            remedy = "verify where that file is at hand"
            raise InputError(Problem("outside", "profile", reason, remedy))
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(files[place.name])


def _differences(pdf: bytes, made: bytes) -> Iterator[tuple[str, str]]:
    """Where the words of two documents differ: page, and what each of them says."""
    ours, theirs = words_of(made), words_of(pdf)
    if len(ours) != len(theirs):
        yield "pages", f"it has {len(theirs)}, made again it has {len(ours)}"
    for number, (again, printed) in enumerate(zip(ours, theirs, strict=False), start=1):
        if again == printed:
            continue
        matcher = SequenceMatcher(None, printed, again, autojunk=False)
        for tag, i, j, k, m in matcher.get_opcodes():
            if tag != "equal":
                before = " ".join(printed[max(i - _AROUND, 0) : i])
                said, found = " ".join(printed[i:j]), " ".join(again[k:m])
                detail = f"after '{before}' it says '{said}', the attached audit gives '{found}'"
                yield f"page {number}", detail


def words_of(pdf: bytes) -> list[list[str]]:
    """The words of every page, in the order in which they are drawn."""
    from pypdf import PdfReader

    return [page.extract_text().split() for page in PdfReader(io.BytesIO(pdf)).pages]
