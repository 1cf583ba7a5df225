"""Whom an edge trusts with its key."""

from __future__ import annotations

import ipaddress
import socket
import ssl
import threading
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from edge.uplink.link import CentreLink, LinkDown
from ingest.configuration import Centre
from tests.edge.scripted_gateway import ScriptedGateway, serving

KEY = "sc_edge_s3cret"
PATH = "/ingest/v1/edges/me/status"


@dataclass
class Authority:
    """Signs certificates for 127.0.0.1; ``file`` holds its own."""

    folder: Path
    name: str

    def __post_init__(self) -> None:
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._certificate = self._signed(self.name, self._key.public_key(), by=self.name, is_authority=True)
        self.file = self._write(f"{self.name}.pem", self._certificate)

    def server(self, name: str = "centre") -> Served:
        key = ec.generate_private_key(ec.SECP256R1())
        certificate = self._signed(name, key.public_key(), by=self.name, is_authority=False)
        file = self._write(f"{self.name}-{name}.pem", certificate)
        key_file = self.folder / f"{self.name}-{name}.key"
        key_file.write_bytes(
            key.private_bytes(
                serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
            )
        )
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(file, key_file)
        return Served(context, file)

    def _signed(
        self, name: str, public_key: ec.EllipticCurvePublicKey, *, by: str, is_authority: bool
    ) -> x509.Certificate:
        now = datetime.now(UTC)
        return (
            x509.CertificateBuilder()
            .subject_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)]))
            .issuer_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, by)]))
            .public_key(public_key)
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - timedelta(days=1))
            .not_valid_after(now + timedelta(days=1))
            .add_extension(x509.BasicConstraints(ca=is_authority, path_length=None), critical=True)
            .add_extension(
                x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), critical=False
            )
            .sign(self._key, hashes.SHA256())
        )

    def _write(self, name: str, certificate: x509.Certificate) -> Path:
        file = self.folder / name
        file.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
        return file


@dataclass(frozen=True)
class Served:
    context: ssl.SSLContext
    certificate: Path


@pytest.fixture
def ours(tmp_path: Path) -> Authority:
    return Authority(tmp_path, "ours")


@dataclass(frozen=True)
class Trust:
    ca_file: Path | None = None
    certificate_file: Path | None = None


def _link(port: int, trust: Trust | None = None, *, scheme: str = "https", host: str = "127.0.0.1") -> CentreLink:
    trust = trust or Trust()
    return CentreLink(
        Centre(
            url=f"{scheme}://{host}:{port}",
            key_env="KEY",
            ca_file=str(trust.ca_file) if trust.ca_file else None,
            certificate_file=str(trust.certificate_file) if trust.certificate_file else None,
        ),
        KEY,
    )


def _speaks(server: Served, trust: Trust) -> list[bytes]:
    """Sends one request over TLS and returns the bodies that arrived. Raises: LinkDown."""
    gateway = ScriptedGateway()
    with serving(gateway, server.context):
        link = _link(gateway.port, trust)
        link.request("PUT", PATH, content=b"{}")
        link.close()
    return [request.body for request in gateway.requests]


def test_a_private_authority_is_trusted_and_so_is_what_it_signed(ours: Authority) -> None:
    assert _speaks(ours.server(), Trust(ca_file=ours.file)) == [b"{}"]


def test_a_pinned_certificate_is_trusted_whoever_signed_it(ours: Authority) -> None:
    server = ours.server()

    assert _speaks(server, Trust(certificate_file=server.certificate)) == [b"{}"]


@pytest.mark.parametrize("trust", ["the public ones", "another authority", "another certificate", "its own authority"])
def test_a_centre_that_is_not_trusted_hears_nothing_but_the_handshake(
    ours: Authority, tmp_path: Path, trust: str
) -> None:
    trusted = {
        "the public ones": Trust(),
        "another authority": Trust(ca_file=Authority(tmp_path, "theirs").file),
        "another certificate": Trust(certificate_file=ours.server("other").certificate),
        # Pinned is that certificate, and not what it has signed.
        "its own authority": Trust(certificate_file=ours.file),
    }[trust]
    server = ours.server()

    with _listening() as heard:
        link = _link(heard.port, trusted)
        heard.serve(server.context)
        with pytest.raises(LinkDown, match="certificate is not trusted") as told:
            link.request("PUT", PATH, content=b'{"secret": "words"}')
        link.close()
    assert heard.bytes_after_the_handshake == b""
    assert KEY not in str(told.value)
    assert told.value.__cause__ is None


class _listening:  # noqa: N801 - reads as a verb where it is used
    """A TLS server that only listens: what it hears after the handshake is kept."""

    def __enter__(self) -> _listening:
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._socket.getsockname()[1]
        self.bytes_after_the_handshake = b""
        self._thread: threading.Thread | None = None
        return self

    def serve(self, context: ssl.SSLContext) -> None:
        def listen() -> None:
            connection, _ = self._socket.accept()
            connection.settimeout(5)
            try:
                with context.wrap_socket(connection, server_side=True) as secure:
                    self.bytes_after_the_handshake = secure.recv(10_000)
            except OSError:  # the edge has broken off
                connection.close()

        self._thread = threading.Thread(target=listen)
        self._thread.start()

    def __exit__(self, *_: object) -> None:
        if self._thread is not None:
            self._thread.join()
        self._socket.close()


def test_a_private_authority_does_not_trust_other_names(ours: Authority) -> None:
    gateway = ScriptedGateway()
    with serving(gateway, ours.server().context):
        link = _link(gateway.port, Trust(ca_file=ours.file), host="localhost")
        with pytest.raises(LinkDown, match="certificate is not trusted"):
            link.request("GET", PATH)
        link.close()


def test_a_file_without_a_certificate_is_refused_at_the_start(tmp_path: Path) -> None:
    file = tmp_path / "empty.pem"
    file.write_text("no certificate")

    with pytest.raises(ValueError, match="holds no certificate"):
        _link(1, Trust(certificate_file=file))
