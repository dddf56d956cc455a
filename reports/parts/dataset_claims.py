"""What the provider of the dataset claims in a Croissant record, told apart from what was found."""

import re
from collections.abc import Sequence

from audit.result import FileHash
from checklists.croissant import Claim, ClaimedFile, DatasetClaims
from reports.blocks import Block, Bullets, Cell, Column, Group, Row, Table, Text

CLAIMED = "claimed by the provider"
PRINT_FILES = 24
_SCHEME = re.compile(r"\bhttps?://")


def blocks(claims: DatasetClaims | None, audited: Sequence[FileHash]) -> list[Block]:
    """Make the section; `audited` are the files that the audit read."""
    if claims is None:
        return []
    out: list[Block] = [Text(_intro(claims, audited))]
    if claims.claims:
        out.append(_table(claims))
    if claims.not_stated:
        out.append(Bullets(claims.not_stated, "The provider says nothing of:", dense=True))
    if claims.files:
        out.append(_files(claims.files, audited))
    return out


def _intro(claims: DatasetClaims, audited: Sequence[FileHash]) -> tuple[str, ...]:
    known = {f.sha256 for f in audited}
    same = any(f.sha256 in known for f in claims.files)
    found = (
        "A file that it describes is one that was audited, by content."
        if same
        else "No file that it describes is known to be one that was audited: whether it speaks of "
        "these data is itself a claim."
    )
    return (
        f"All of this section is {CLAIMED} of the dataset {claims.name}, in a Croissant record "
        f"(SHA-256 {claims.sha256}). The audit checked none of it. {found}",
    )


def _table(claims: DatasetClaims) -> Table:
    """What is told and how; several statements are kept apart."""
    general = tuple(_row(c) for c in claims.claims if not c.property.startswith("rai:"))
    responsible = tuple(_row(c) for c in claims.claims if c.property.startswith("rai:"))
    groups = (
        Group("The dataset", general),
        Group("Collection, labels, biases and limits", responsible),
    )
    columns = (Column("Property", "text", 24), Column("Claimed by the provider", "text", 76))
    caption = f"The dataset {claims.name}, as {CLAIMED}"
    return Table("dataset-claims", caption, columns, tuple(g for g in groups if g.rows))


def _row(claim: Claim) -> Row:
    # An address that is printed and is no link is a fault of an accessible PDF.
    text = _SCHEME.sub("", " • ".join(claim.texts))
    return Row((Cell(claim.label), Cell(text)))


def _files(files: Sequence[ClaimedFile], audited: Sequence[FileHash]) -> Table:
    names = {f.sha256: f.name for f in audited}
    rows = tuple(_file_row(f, names, i >= PRINT_FILES) for i, f in enumerate(files))
    columns = (
        Column("File", "text", 26),
        Column("SHA-256", "text", 52),
        Column("Audited", "text", 22),
    )
    caption = f"Files of the dataset ({CLAIMED}), and whether the audit read them"
    return Table("claimed-files", caption, columns, (Group("", rows),))


def _file_row(file: ClaimedFile, names: dict[str, str], screen_only: bool) -> Row:
    if file.sha256 is None:
        return Row((Cell(file.name), Cell("not stated"), Cell("cannot be told")), screen_only)
    audited = f"yes, as {names[file.sha256]}" if file.sha256 in names else "no"
    return Row((Cell(file.name), Cell(file.sha256, kind="code"), Cell(audited)), screen_only)
