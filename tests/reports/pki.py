"""Certificates made on the spot: an authority, signers of it, and a timestamp authority."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, HTTPServer
from threading import Thread
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    KeySerializationEncryption,
    NoEncryption,
    PrivateFormat,
)
from cryptography.hazmat.primitives.serialization.pkcs12 import serialize_key_and_certificates
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from reports.credentials import Signer
from reports.signing import asn1

START, END = datetime(2024, 1, 1, tzinfo=UTC), datetime(2044, 1, 1, tzinfo=UTC)
SECRET = b"correct horse"
NO_USAGE = x509.KeyUsage(False, False, True, False, False, False, False, False, False)
SIGNS = x509.KeyUsage(True, True, False, False, False, False, False, False, False)
VOUCHES = x509.KeyUsage(False, False, False, False, False, True, True, False, False)


@dataclass(frozen=True)
class Holder:
    """A key and its certificate."""

    key: Any
    certificate: x509.Certificate

    @property
    def signer(self) -> Signer:
        return Signer(self.key, self.certificate)

    @property
    def pem(self) -> bytes:
        return self.certificate.public_bytes(Encoding.PEM)

    def key_pem(self, passphrase: bytes | None = None) -> bytes:
        secret: KeySerializationEncryption = NoEncryption()
        if passphrase is not None:
            secret = BestAvailableEncryption(passphrase)
        made: bytes = self.key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, secret)
        return made

    def pkcs12(self, *chain: x509.Certificate, passphrase: bytes | None = SECRET) -> bytes:
        secret: KeySerializationEncryption = NoEncryption()
        if passphrase is not None:
            secret = BestAvailableEncryption(passphrase)
        return serialize_key_and_certificates(b"key", self.key, self.certificate, chain, secret)


def holder(
    name: str,
    issuer: Holder | None = None,
    *,
    usage: x509.KeyUsage | None = SIGNS,
    end: datetime = END,
    purpose: x509.ObjectIdentifier | None = None,
    rsa_bits: int | None = None,
) -> Holder:
    """A key with a certificate by `issuer`, or by itself."""
    key: Any = (
        rsa.generate_private_key(65537, rsa_bits)
        if rsa_bits
        else ec.generate_private_key(ec.SECP256R1())
    )
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer.certificate.subject if issuer else subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(START)
        .not_valid_after(end)
        .add_extension(x509.BasicConstraints(usage is VOUCHES, None), critical=True)
    )
    if usage is not None:
        builder = builder.add_extension(usage, critical=True)
    if purpose is not None:
        builder = builder.add_extension(x509.ExtendedKeyUsage([purpose]), critical=True)
    return Holder(key, builder.sign(issuer.key if issuer else key, hashes.SHA256()))


def authority(name: str = "Example Clinic CA", issuer: Holder | None = None) -> Holder:
    """A certificate that may vouch for others."""
    return holder(name, issuer, usage=VOUCHES)


def timestamper(issuer: Holder, at: datetime) -> Any:
    """An authority that states one time, without any network."""
    from asn1crypto.keys import PrivateKeyInfo
    from pyhanko.sign.timestamps import DummyTimeStamper

    own = holder("Example TSA", issuer, purpose=ExtendedKeyUsageOID.TIME_STAMPING, rsa_bits=2048)
    plain = own.key.private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption())
    (certificate,) = asn1([own.certificate])
    return DummyTimeStamper(certificate, PrivateKeyInfo.load(plain), fixed_dt=at)


@contextmanager
def served(answer: Any) -> Iterator[str]:
    """An address at which `answer(request bytes)` gives the timestamp replies."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            content = answer(self.rfile.read(int(self.headers["Content-Length"])))
            self.send_response(200)
            self.send_header("Content-Type", "application/timestamp-reply")
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *_: Any) -> None:
            """Keep the terminal clean."""

    server = HTTPServer(("127.0.0.1", 0), Handler)
    thread = Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
