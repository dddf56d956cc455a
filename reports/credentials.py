"""Keys and certificates as they come in files: PEM, DER and PKCS#12, read from their bytes."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any

from audit.models.extras import required_module
from audit.problems import InputError, Problem

if TYPE_CHECKING:
    from cryptography.x509 import Certificate

SHORTEST_RSA = 2048
_FOR_SIGNING = ("digital_signature", "content_commitment")
_SECRET = "name the environment variable that holds it with --passphrase-env, or use a terminal"


@dataclass(frozen=True)
class Named:
    """The bytes of a file, and how problems call it."""

    name: str
    content: bytes


@dataclass(frozen=True)
class Signer:
    """A private key, the certificate it belongs to and the certificates that vouch for that one."""

    key: Any = field(repr=False)
    certificate: "Certificate"
    chain: tuple["Certificate", ...] = ()

    @property
    def name(self) -> str:
        """The name on the certificate."""
        return name_of(self.certificate)


def needs_extra(where: str) -> None:
    """Make sure that the `sign` extra is there.

    Raises
    ------
    InputError
        With the line that installs it.
    """
    required_module("pyhanko", "sign", where)


def signer_of_pem(
    key: Named, certificate: Named, chain: Iterable[Named] = (), passphrase: bytes | None = None
) -> Signer:
    """Read a key and its certificate from PEM or DER; further certificates go into the chain.

    Raises
    ------
    InputError
        Codes ``passphrase_needed``, ``wrong_passphrase``, ``bad_key``, ``bad_certificate``,
        ``key_mismatch``.
    """
    private = _private_key(key, passphrase)
    found = [*certificates(certificate), *(c for file in chain for c in certificates(file))]
    return _matched(private, found, key.name, certificate.name)


def signer_of_pkcs12(
    file: Named, chain: Iterable[Named] = (), passphrase: bytes | None = None
) -> Signer:
    """Read a key and certificates from a PKCS#12 file.

    Raises
    ------
    InputError
        The codes of `signer_of_pem`.
    """
    from asn1crypto.pkcs12 import Pfx
    from cryptography.hazmat.primitives.serialization.pkcs12 import load_pkcs12

    try:
        Pfx.load(file.content, strict=True).native["version"]
    except (ValueError, TypeError, KeyError):
        reason = "it is no PKCS#12 file"
        raise InputError(Problem("bad_key", file.name, reason, "give a .p12 or .pfx")) from None
    try:
        loaded = load_pkcs12(file.content, passphrase)
    except ValueError:
        raise _passphrase_problem(file.name, given=passphrase is not None) from None
    if loaded.key is None or loaded.cert is None:
        reason = "it holds no key with its certificate"
        raise InputError(Problem("bad_key", file.name, reason, "export both into it"))
    found = [loaded.cert.certificate, *(c.certificate for c in loaded.additional_certs)]
    found += [c for more in chain for c in certificates(more)]
    return _matched(loaded.key, found, file.name, file.name)


def certificates(file: Named) -> list["Certificate"]:
    """Read every certificate of a PEM file, or the one of a DER file."""
    from cryptography.x509 import load_der_x509_certificate, load_pem_x509_certificates

    try:
        if b"-----BEGIN" in file.content:
            return load_pem_x509_certificates(file.content)
        return [load_der_x509_certificate(file.content)]
    except ValueError:
        reason = "it holds no X.509 certificate that can be read"
        remedy = "give it as PEM or DER"
        raise InputError(Problem("bad_certificate", file.name, reason, remedy)) from None


def name_of(certificate: "Certificate") -> str:
    """The common name of a certificate, or its whole subject; only what can be printed."""
    from cryptography.x509.oid import NameOID

    names = certificate.subject.get_attributes_for_oid(NameOID.COMMON_NAME)
    return printable(str(names[0].value) if names else certificate.subject.rfc4514_string())


def printable(text: str) -> str:
    """Text without characters that would steer a terminal; it may come from anybody."""
    return "".join(c if c.isprintable() else "?" for c in text)


def usable(signer: Signer, moment: datetime, where: str) -> None:
    """Make sure that a certificate may sign, and at this moment.

    Raises
    ------
    InputError
        Codes ``out_of_date``, ``not_for_signing``.
    """
    problems = []
    start, end = signer.certificate.not_valid_before_utc, signer.certificate.not_valid_after_utc
    if not start <= moment <= end:
        reason = f"it is valid from {start:%Y-%m-%d} to {end:%Y-%m-%d}, not on {moment:%Y-%m-%d}"
        remedy = "sign with a certificate that is valid"
        problems.append(Problem("out_of_date", where, reason, remedy))
    if not may_sign(signer.certificate):
        reason = "its key usage names neither digital signature nor non-repudiation"
        remedy = "ask for a certificate to sign with"
        problems.append(Problem("not_for_signing", where, reason, remedy))
    if problems:
        raise InputError(problems)


def may_sign(certificate: "Certificate") -> bool:
    """Whether the key usage allows signatures; a certificate without one does not restrict it."""
    from cryptography.x509 import ExtensionNotFound, KeyUsage

    try:
        usage = certificate.extensions.get_extension_for_class(KeyUsage).value
    except ExtensionNotFound:
        return True
    return any(getattr(usage, name) for name in _FOR_SIGNING)


def _private_key(file: Named, passphrase: bytes | None) -> Any:
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives.serialization import (
        load_der_private_key,
        load_pem_private_key,
    )

    load = load_pem_private_key if b"-----BEGIN" in file.content else load_der_private_key
    try:
        return load(file.content, None)
    except TypeError:  # it is encrypted
        pass
    except (ValueError, UnsupportedAlgorithm):
        reason = "it holds no private key that can be read"
        remedy = "give it as PEM or DER"
        raise InputError(Problem("bad_key", file.name, reason, remedy)) from None
    if passphrase is None:
        raise _passphrase_problem(file.name, given=False)
    try:
        return load(file.content, passphrase)
    except (ValueError, UnsupportedAlgorithm):
        raise _passphrase_problem(file.name, given=True) from None


def _passphrase_problem(where: str, *, given: bool) -> InputError:
    if given:
        reason = "the passphrase does not open it"
        return InputError(Problem("wrong_passphrase", where, reason, "give the right one"))
    return InputError(
        Problem("passphrase_needed", where, "it is protected by a passphrase", _SECRET)
    )


def _matched(key: Any, found: list["Certificate"], key_name: str, certificate_name: str) -> Signer:
    """Bring a key together with the certificate that is its own."""
    _strong(key, key_name)
    public = key.public_key()
    own = next((c for c in found if c.public_key() == public), None)
    if own is None:
        reason = f"the key in it does not belong to the certificate in {certificate_name}"
        remedy = "give the key and the certificate that belong together"
        raise InputError(Problem("key_mismatch", key_name, reason, remedy))
    rest = dict.fromkeys(c for c in found if c != own)
    return Signer(key, own, tuple(rest))


def _strong(key: Any, where: str) -> None:
    from cryptography.hazmat.primitives.asymmetric import ec, ed448, ed25519, rsa

    kinds = (
        rsa.RSAPrivateKey,
        ec.EllipticCurvePrivateKey,
        ed25519.Ed25519PrivateKey,
        ed448.Ed448PrivateKey,
    )
    if not isinstance(key, kinds):
        reason = "documents are not signed with this kind of key"
        remedy = "use RSA, an elliptic curve, Ed25519 or Ed448"
        raise InputError(Problem("bad_key", where, reason, remedy))
    if isinstance(key, rsa.RSAPrivateKey) and key.key_size < SHORTEST_RSA:
        reason = f"its {key.key_size} bits are too few"
        remedy = f"use at least {SHORTEST_RSA}"
        raise InputError(Problem("bad_key", where, reason, remedy))
