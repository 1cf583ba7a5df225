"""Whom an edge trusts with its key, and how each way to fail reads."""

from __future__ import annotations

import gc
import ipaddress
import socket
import ssl
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from edge.link import UNANSWERED_S, CentreLink, LinkDown
from ingest.configuration import Centre
from tests.edge.scripted_gateway import EVENTS, Reply, ScriptedGateway, serving

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


@pytest.fixture
def gateway() -> Iterator[ScriptedGateway]:
    with serving(ScriptedGateway()) as gateway:
        yield gateway


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


def test_a_redirect_is_never_followed(gateway: ScriptedGateway) -> None:
    with serving(ScriptedGateway()) as elsewhere:
        gateway.script(PATH, Reply(307, {"Location": f"{elsewhere.url}{PATH}"}))
        link = _link(gateway.port, scheme="http")

        with pytest.raises(LinkDown, match="redirect"):
            link.request("PUT", PATH, content=b"{}")
        link.close()

    assert elsewhere.requests == []
    assert gateway.requests[0].headers["Authorization"] == f"Bearer {KEY}"


def test_an_answer_of_not_modified_is_an_answer(gateway: ScriptedGateway) -> None:
    gateway.script(PATH, Reply(304))
    link = _link(gateway.port, scheme="http")

    assert link.request("GET", PATH).status_code == 304
    link.close()


DATE = datetime(2026, 6, 1, 8, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("status", "headers", "wait_s"),
    [
        (429, {"Retry-After": "7"}, 7.0),
        (503, {"Retry-After": "1.5"}, 1.5),
        # A date is on the clock of the centre, which need not be ours.
        (503, {"Retry-After": format_datetime(DATE + timedelta(seconds=90), usegmt=True)}, 90.0),
        (429, {"Retry-After": "99999999"}, 600.0),
        (429, {"Retry-After": "-5"}, 0.1),
        (429, {"Retry-After": "soon"}, None),
        (429, {"Retry-After": "nan"}, None),
        (408, {}, None),
        (502, {}, None),
    ],
)
def test_what_means_not_now_says_how_long_where_the_centre_said_so(
    gateway: ScriptedGateway, status: int, headers: dict[str, str], wait_s: float | None
) -> None:
    gateway.script(EVENTS, Reply(status, {**headers, "Date": format_datetime(DATE, usegmt=True)}))
    link = _link(gateway.port, scheme="http")

    with pytest.raises(LinkDown, match=str(status)) as told:
        link.request("POST", EVENTS, content=b"{}")
    link.close()

    assert (told.value.status, told.value.wait_s) == (status, wait_s)


def test_a_peer_that_says_nothing_is_given_up_in_time() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        link = _link(silent.getsockname()[1], scheme="http")
        begun_s = time.monotonic()

        with pytest.raises(LinkDown, match="ReadTimeout"):
            link.request("POST", EVENTS, content=b"{}", timeout_s=0.3)

        assert time.monotonic() - begun_s < 2
        link.close()


def test_a_peer_that_acknowledges_nothing_counts_as_gone_in_time(gateway: ScriptedGateway) -> None:
    """Half-open: the other side lost power or its address. The kernel is asked to find out; here, that it is asked."""
    link = _link(gateway.port, scheme="http")
    link.request("PUT", PATH, content=b"{}")

    [connection] = [s for s in _sockets() if s.getpeername() == ("127.0.0.1", gateway.port)]
    assert connection.getsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT) == UNANSWERED_S * 1000
    assert connection.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE) == 1
    link.close()


def _sockets() -> list[socket.socket]:
    """Returns the connected TCP sockets of this process that were made by connecting."""
    found = [s for s in gc.get_objects() if type(s) is socket.socket and s.fileno() != -1]
    return [s for s in found if _is_connected(s)]


def _is_connected(candidate: socket.socket) -> bool:
    try:
        candidate.getpeername()
    except OSError:
        return False
    return True
