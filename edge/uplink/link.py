"""Speaks HTTP to the gateway for everything on an edge: one key, one trust, one name for each way to fail."""

from __future__ import annotations

import re
import socket
import ssl
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from pathlib import Path

import httpx

from ingest.configuration import Centre

TIMEOUT_S = 10.0
LONGEST_WAIT_S = 600.0
ANSWER_MAX_BYTES = 8_000_000
ANSWER_COMES_WITHIN_S = 120.0
"""An answer has no more bytes, unpacked, and takes no longer from first to last: memory and time are the box's."""

UNANSWERED_S = 20
"""A peer that acknowledges nothing for so long is gone, though no packet ever said so."""

SEND_BUFFER_BYTES = 128 * 1024
"""What has left the program and not yet the machine: small, so that time-outs and the bandwidth limit mean the link."""

_NOT_NOW = frozenset({408, 425, 429})
_REDIRECTS = frozenset({300, 301, 302, 303, 305, 307, 308})
_PEM = re.compile(r"-----BEGIN CERTIFICATE-----.+?-----END CERTIFICATE-----", re.DOTALL)


class LinkDown(Exception):
    """The centre does not answer, or asks to wait. ``wait_s`` is its Retry-After, where it gave one.

    ``status`` is the status of its answer; None where none came.
    """

    def __init__(self, message: str, wait_s: float | None = None, *, status: int | None = None) -> None:
        super().__init__(message)
        self.wait_s = wait_s
        self.status = status


@dataclass(frozen=True, slots=True)
class CentreAnswer:
    """What the centre said; ``content`` is unpacked."""

    status_code: int
    headers: Mapping[str, str]
    content: bytes


class CentreLink:
    """One pool of kept-alive connections. Safe to share between threads; never shows its key.

    key: None for a box that has none yet.

    Raises: OSError, ValueError, httpx.InvalidURL: If the URL or a certificate file cannot be used.
    """

    def __init__(self, centre: Centre, key: str | None) -> None:
        self.clock_offset_ms: int | None = None
        authorisation = {} if key is None else {"Authorization": f"Bearer {key}"}
        self._http = httpx.Client(
            base_url=centre.url.rstrip("/"),
            headers={**authorisation, "User-Agent": "streetcase-edge"},
            timeout=httpx.Timeout(TIMEOUT_S),
            transport=httpx.HTTPTransport(verify=_trust(centre), trust_env=False, socket_options=_socket_options()),
            trust_env=False,
            follow_redirects=False,  # the key goes to the centre that was configured, and to nobody whom it names
        )

    def close(self) -> None:
        self._http.close()

    def request(
        self,
        method: str,
        path: str,
        *,
        content: bytes | Iterable[bytes] | None = None,
        headers: Mapping[str, str] | None = None,
        timeout_s: float = TIMEOUT_S,
    ) -> CentreAnswer:
        """Returns any answer but those that mean "not now"; ``content`` is JSON where no Content-Type is given.

        Raises: LinkDown: No answer, an endless one or a web page, a key that is not accepted, a redirect, 408, 425,
            429 or 5xx.
        """
        sent = {"Content-Type": "application/json"} if content is not None else {}
        try:
            with self._http.stream(
                method, path, content=content, headers={**sent, **(headers or {})}, timeout=timeout_s
            ) as stream:
                answer = CentreAnswer(stream.status_code, stream.headers, _read(stream))
        except httpx.HTTPError as error:
            # Not chained: httpx keeps the request, and with it the key, on its errors.
            raise LinkDown(_in_words(error)) from None
        self._measure_clock(answer)
        status = answer.status_code
        if status in (401, 403):
            raise LinkDown(f"the gateway does not accept this edge's key ({status})", status=status)
        if status in _REDIRECTS:
            raise LinkDown(f"the answer is a redirect ({status}): centre.url is not the gateway's own", status=status)
        if status in _NOT_NOW or status >= 500:
            raise LinkDown(f"the gateway asks to wait ({status})", _retry_after_s(answer), status=status)
        if status < 300 and answer.headers.get("Content-Type", "").startswith("text/html"):
            # The log-in page of a network says 200 to everything, also to a picture that went nowhere.
            raise LinkDown("the answer is a web page, which no gateway gives")
        return answer

    def _measure_clock(self, answer: CentreAnswer) -> None:
        theirs = _date(answer.headers.get("Date"))
        if theirs is not None:
            # Date has whole seconds: half a second is added, what remains is the offset to half a second.
            self.clock_offset_ms = round((theirs - datetime.now(UTC)).total_seconds() * 1000 + 500)


class _PinnedSocket(ssl.SSLSocket):
    """Ends the connection after the handshake, before anything is sent, unless the peer showed a pinned certificate."""

    def do_handshake(self, block: bool = False) -> None:
        super().do_handshake(block)
        if isinstance(self.context, _PinnedContext) and self.getpeercert(binary_form=True) not in self.context.pinned:
            raise ssl.SSLCertVerificationError("the centre shows another certificate than the pinned one")


class _PinnedContext(ssl.SSLContext):
    """Trusts the certificates of one file and no others, whatever names they bear and whoever signed them."""

    sslsocket_class = _PinnedSocket
    pinned: frozenset[bytes] = frozenset()

    def pin(self, file: Path) -> None:
        """Raises: OSError, ValueError: The file cannot be read or holds no certificate."""
        self.pinned = frozenset(
            ssl.PEM_cert_to_DER_cert(block) for block in _PEM.findall(file.read_text(encoding="ascii"))
        )
        if not self.pinned:
            raise ValueError(f"{file.name} holds no certificate in PEM")
        self.check_hostname = False
        # OpenSSL would also trust whatever a pinned certificate has signed; the socket above does not.
        self.verify_flags |= ssl.VerifyFlags.VERIFY_X509_PARTIAL_CHAIN
        self.load_verify_locations(cafile=file)


def _trust(centre: Centre) -> ssl.SSLContext | bool:
    if centre.certificate_file is not None:
        context = _PinnedContext(ssl.PROTOCOL_TLS_CLIENT)
        context.pin(Path(centre.certificate_file))
        return context
    if centre.ca_file is not None:
        return ssl.create_default_context(cafile=centre.ca_file)  # this authority alone: no other is loaded beside it
    return True


def _socket_options() -> list[tuple[int, int, int]]:
    options = [
        (socket.SOL_SOCKET, socket.SO_SNDBUF, SEND_BUFFER_BYTES),
        (socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1),
    ]
    wanted = {"TCP_KEEPIDLE": 30, "TCP_KEEPINTVL": 10, "TCP_KEEPCNT": 3, "TCP_USER_TIMEOUT": UNANSWERED_S * 1000}
    options += [
        (socket.IPPROTO_TCP, getattr(socket, name), value) for name, value in wanted.items() if hasattr(socket, name)
    ]
    return options


def _read(stream: httpx.Response) -> bytes:
    """Raises: LinkDown: It is too large, or does not end."""
    content = bytearray()
    deadline_s = time.monotonic() + ANSWER_COMES_WITHIN_S
    for piece in stream.iter_bytes():
        content += piece
        if len(content) > ANSWER_MAX_BYTES:
            raise LinkDown(f"the answer has more than {ANSWER_MAX_BYTES} bytes")
        if time.monotonic() > deadline_s:
            raise LinkDown(f"the answer did not end within {ANSWER_COMES_WITHIN_S:.0f} s")
    return bytes(content)


def _in_words(error: httpx.HTTPError) -> str:
    """Returns what went wrong without the URL; of TLS what it was, as nobody could guess that."""
    if "CERTIFICATE_VERIFY_FAILED" in str(error) or "pinned" in str(error):
        return "the centre's certificate is not trusted"
    return type(error).__name__


def _retry_after_s(answer: CentreAnswer) -> float | None:
    """Returns Retry-After in seconds, whether it was given as such or as a date of the centre's clock."""
    given = answer.headers.get("Retry-After", "")
    try:
        wait_s = float(given)
    except ValueError:
        until = _date(given)
        if until is None:
            return None
        wait_s = (until - (_date(answer.headers.get("Date")) or datetime.now(UTC))).total_seconds()
    if wait_s != wait_s:  # noqa: PLR0124 - NaN, which is no wait
        return None
    return min(LONGEST_WAIT_S, max(0.1, wait_s))


def _date(text: str | None) -> datetime | None:
    try:
        moment = parsedate_to_datetime(text or "")
    except ValueError:
        return None
    # "-0000": the time is right, the zone unknown
    return moment if moment.tzinfo is not None else None
