"""``equipoise sign``: a signature for a dossier, with a key that stays where it is."""

import os
import sys
from collections.abc import Callable
from datetime import datetime
from getpass import getpass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from audit.problems import InputError, Problem
from commands.dates import moment

if TYPE_CHECKING:
    from reports.credentials import Named, Signer

_OUT = Path("signed.pdf")


def sign(
    dossier: Annotated[Path, typer.Argument(help="PDF made by `equipoise dossier`.")],
    key: Annotated[
        Path | None, typer.Option("--key", help="Private key (PEM or DER), with --cert.")
    ] = None,
    cert: Annotated[
        Path | None, typer.Option("--cert", help="Certificate of the key (PEM or DER).")
    ] = None,
    chain: Annotated[
        list[Path] | None,
        typer.Option("--chain", help="Certificates that vouch for it, to enclose (repeatable)."),
    ] = None,
    pkcs12: Annotated[
        Path | None, typer.Option("--pkcs12", help="Key and certificates in one .p12 or .pfx.")
    ] = None,
    passphrase_env: Annotated[
        str | None,
        typer.Option(
            "--passphrase-env",
            help="Environment variable that holds the key's passphrase; else a terminal asks.",
        ),
    ] = None,
    name: Annotated[
        str | None, typer.Option("--as", help="Who signs, stated as the reason of the signature.")
    ] = None,
    role: Annotated[
        str | None, typer.Option("--role", help="In what role, stated with --as.")
    ] = None,
    location: Annotated[
        str | None, typer.Option("--location", help="Where it is signed, as you state it.")
    ] = None,
    timestamp_url: Annotated[
        str | None,
        typer.Option(
            "--timestamp-url",
            help="Timestamp authority (RFC 3161) to ask; without it nothing leaves the machine.",
        ),
    ] = None,
    out: Annotated[
        Path | None, typer.Option("--out", help="PDF to write; signed.pdf if absent.")
    ] = None,
) -> None:
    """Sign a dossier as PAdES B-B, or B-T with a timestamp; what is signed stays as it is.

    The time in the signature is the signer's own claim (the clock, or SOURCE_DATE_EPOCH) unless a
    timestamp authority is asked. Needs the `sign` extra.
    """
    from audit.atomic import check_writable, write_atomic
    from reports.credentials import needs_extra, usable

    needs_extra("equipoise sign")
    target = _target(dossier, out)
    pdf = _named(dossier).content
    signer = _signer(key, cert, [_named(path) for path in chain or ()], pkcs12, passphrase_env)
    at = moment()
    usable(signer, at, str(pkcs12 or cert))
    check_writable(target.parent)

    from reports.signing import sign as signed
    from reports.signing import timestamp_authority

    authority = timestamp_authority(timestamp_url) if timestamp_url else None
    made = signed(
        pdf,
        signer,
        moment=at,
        reason=_reason(name, role),
        location=location,
        timestamper=authority,
    )
    write_atomic(target, made)
    typer.echo(f"wrote {target}\n{_told(signer, at, timestamp_url)}")


def _told(signer: "Signer", at: datetime, timestamp_url: str | None) -> str:
    stated = f"signed by {signer.name}, {at:%Y-%m-%d %H:%M UTC}"
    if timestamp_url:
        return f"{stated}, with a timestamp from {timestamp_url} (PAdES B-T)"
    return f"{stated} (PAdES B-B); the time is the signer's own claim, no authority was asked"


def _target(dossier: Path, out: Path | None) -> Path:
    """Where to write; the input itself only when it was named."""
    target = out if out is not None else _OUT
    if out is None and target.resolve() == dossier.resolve():
        reason = "it would be overwritten by its signed version"
        raise InputError(Problem("own_input", str(dossier), reason, "name a file with --out"))
    return target


def _reason(name: str | None, role: str | None) -> str | None:
    if name is None and role is not None:
        reason = "a role needs somebody who has it"
        raise InputError(Problem("no_name", "--role", reason, "give the name with --as"))
    if name is None:
        return None
    return f"Signed by {name}" + (f" as {role}" if role else "")


def _signer(
    key: Path | None,
    cert: Path | None,
    chain: "list[Named]",
    pkcs12: Path | None,
    passphrase_env: str | None,
) -> "Signer":
    """Read the key from where the options say; ask for a passphrase only where one is needed."""
    from reports.credentials import signer_of_pem, signer_of_pkcs12

    if (pkcs12 is None) == (key is None) or (key is None) != (cert is None):
        reason = "a signature needs one key"
        remedy = "give --key and --cert, or --pkcs12"
        raise InputError(Problem("no_key", "equipoise sign", reason, remedy))
    if pkcs12 is not None:
        file = _named(pkcs12)
        return _opened(lambda secret: signer_of_pkcs12(file, chain, secret), pkcs12, passphrase_env)
    assert key is not None
    assert cert is not None
    private, own = _named(key), _named(cert)
    return _opened(lambda secret: signer_of_pem(private, own, chain, secret), key, passphrase_env)


def _opened(
    read: "Callable[[bytes | None], Signer]", path: Path, passphrase_env: str | None
) -> "Signer":
    if passphrase_env is not None:
        secret = os.environ.get(passphrase_env)
        if secret is None:
            reason = "there is no such environment variable"
            problem = Problem("no_variable", passphrase_env, reason, "set it, or leave it out")
            raise InputError(problem)
        return read(secret.encode())
    try:
        return read(None)
    except InputError as error:
        needed = any(p.code == "passphrase_needed" for p in error.problems)
        if not needed or not sys.stdin.isatty():
            raise
    return read(getpass(f"Passphrase of {path}: ", stream=sys.stderr).encode())


def _named(path: Path) -> "Named":
    from reports.credentials import Named

    try:
        return Named(str(path), path.read_bytes())
    except OSError as error:
        reason = f"it cannot be read ({error.strerror})"
        raise InputError(Problem("unreadable", str(path), reason, "check the path")) from None
