"""Calls a camera's ONVIF services by SOAP over HTTP: signed, bounded in time and size, never led elsewhere.

Written here, not left to a library: those of Python read answers of any length, follow redirects, sign for wherever
these lead, and hold no Media2, without which a camera cannot tell of its H.265; and 20 MB in each process would be
much for the few calls that it takes.
"""

from __future__ import annotations

import base64
import hashlib
import os
from datetime import UTC, datetime, timedelta
from types import TracebackType
from typing import Self
from xml.sax.saxutils import escape

import httpx

from edge.onvif.addresses import Login, place
from edge.onvif.faults import NoAnswer, NotLetIn, OnvifFault, Refusal, Rubbish, shown
from edge.onvif.untrusted_xml import MAX_BYTES, Element, child, number, parsed, text

_ENVELOPE = (
    '<?xml version="1.0" encoding="UTF-8"?><s:Envelope xmlns:s="http://www.w3.org/2003/05/soap-envelope">'
    "<s:Header>{header}</s:Header><s:Body>{body}</s:Body></s:Envelope>"
)
_WSSE = "http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-wssecurity-secext-1.0.xsd"
_WSU = "http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-wssecurity-utility-1.0.xsd"
_TOKEN = "http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-username-token-profile-1.0#PasswordDigest"  # noqa: S105
_BASE64 = "http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-soap-message-security-1.0#Base64Binary"
_NOT_LET_IN = ("notauthorized", "failedauthentication", "invalidsecurity", "failedcheck")

DEVICE = "http://www.onvif.org/ver10/device/wsdl"


class Caller:
    """Calls one camera. An asynchronous context manager; who uses it bounds the time of the whole.

    clock_ahead: How far the camera's clock is ahead of this machine's, once :meth:`learn_clock` was called. It signs
    by the camera's clock, because cameras refuse a signature that is not of their now.
    """

    def __init__(self, address: str, login: Login | None) -> None:
        self.address = address
        self.clock_ahead = timedelta()
        self._login = login
        # A camera's certificate, where it has one, is signed by itself. Neither proxies nor .netrc are for cameras.
        self._client = httpx.AsyncClient(
            verify=False,  # noqa: S501
            trust_env=False,
            follow_redirects=False,
            # Cameras close connections that were idle without a word: a call on one of those would fail.
            limits=httpx.Limits(max_keepalive_connections=0),
            timeout=None,  # noqa: S113 - the whole is bounded by who calls
            headers={"Content-Type": "application/soap+xml; charset=utf-8", "Accept-Encoding": "identity"},
            auth=None if login is None else httpx.DigestAuth(login.user, login.password),
        )

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, _kind: type[BaseException] | None, _error: BaseException | None, _trace: TracebackType | None
    ) -> None:
        await self._client.aclose()

    async def learn_clock(self) -> timedelta | None:
        """Returns how far the camera's clock is ahead, None where it tells nobody. Raises: OnvifFault."""
        try:
            answer = await self.call(self.address, f'<GetSystemDateAndTime xmlns="{DEVICE}"/>', signed=False)
        except (NotLetIn, Refusal):
            return None
        told = _moment(child(answer, "SystemDateAndTime", "UTCDateTime"))
        if told is None:
            return None
        self.clock_ahead = told - datetime.now(UTC)
        return self.clock_ahead

    async def call(self, service: str, body: str, *, signed: bool = True) -> Element:
        """Returns the first element in the body of the answer of ``service``. Raises: OnvifFault."""
        header = _signature(self._login, self.clock_ahead) if signed and self._login is not None else ""
        request = self._client.build_request(
            "POST", service, content=_ENVELOPE.format(header=header, body=body).encode()
        )
        try:
            status, answer = await self._exchange(request)
        except httpx.TransportError as error:
            # The text of the original may hold anything that the other side sent.
            if isinstance(error, (httpx.RemoteProtocolError, httpx.DecodingError)):
                raise Rubbish(f"{place(service)}: answers no HTTP") from None
            raise NoAnswer(f"{place(service)}: nobody answers there ({type(error).__name__})") from None
        except (httpx.HTTPError, httpx.InvalidURL, ValueError) as error:
            raise Rubbish(f"{place(service)}: answers no HTTP ({type(error).__name__})") from None
        return self._judged(status, answer, place(service))

    async def _exchange(self, request: httpx.Request) -> tuple[int, bytes]:
        response = await self._client.send(request, stream=True)
        try:
            body = bytearray()
            async for piece in response.aiter_raw():
                body += piece
                if len(body) > MAX_BYTES:
                    raise Rubbish(f"{place(str(request.url))}: its answer is longer than {MAX_BYTES} bytes")
            return response.status_code, bytes(body)
        finally:
            await response.aclose()

    def _judged(self, status: int, answer: bytes, where: str) -> Element:
        if status in {401, 403}:
            raise self._not_let_in(where)
        if 300 <= status < 400:
            raise Rubbish(f"{where}: sends us to another address")
        try:
            envelope = parsed(answer)
        except Rubbish as rubbish:
            kind = f"HTTP {status}, and " if status >= 400 else ""
            raise Rubbish(f"{where}: {kind}{rubbish}") from None
        body = child(envelope, "Body")
        first = next(iter(body), None) if body is not None else None
        if first is None:
            raise Rubbish(f"{where}: its answer is no SOAP")
        if first.tag.endswith("}Fault"):
            raise self._fault(first, where)
        return first

    def _fault(self, fault: Element, where: str) -> OnvifFault:
        codes = " ".join(text(code) for code in fault.iter() if code.tag.endswith(("}Value", "faultcode")))
        reason = text(fault, "Reason", "Text") or text(fault, "faultstring")
        if any(sign in codes.lower().replace("_", "") for sign in _NOT_LET_IN):
            return self._not_let_in(where)
        return Refusal(f"{where}: refuses: {shown(reason or codes)}")

    def _not_let_in(self, where: str) -> NotLetIn:
        return NotLetIn(
            f"{where}: {'wants a user and a password' if self._login is None else 'wrong user or password'}"
        )


def _signature(login: Login, clock_ahead: timedelta) -> str:
    """Returns the header of OASIS' Web Services Security Username Token Profile 1.0, with a digest."""
    nonce = os.urandom(16)
    created = (datetime.now(UTC) + clock_ahead).strftime("%Y-%m-%dT%H:%M:%SZ")
    digest = hashlib.sha1(nonce + created.encode() + login.password.encode()).digest()  # noqa: S324 - as it says
    return (
        f'<w:Security xmlns:w="{_WSSE}" s:mustUnderstand="1"><w:UsernameToken><w:Username>{escape(login.user)}'
        f'</w:Username><w:Password Type="{_TOKEN}">{base64.b64encode(digest).decode()}</w:Password>'
        f'<w:Nonce EncodingType="{_BASE64}">{base64.b64encode(nonce).decode()}</w:Nonce>'
        f'<u:Created xmlns:u="{_WSU}">{created}</u:Created></w:UsernameToken></w:Security>'
    )


def _moment(utc: Element | None) -> datetime | None:
    units = (
        ("Date", "Year"),
        ("Date", "Month"),
        ("Date", "Day"),
        ("Time", "Hour"),
        ("Time", "Minute"),
        ("Time", "Second"),
    )
    numbers = [number(utc, *unit) for unit in units]
    if None in numbers:
        return None
    try:
        return datetime(*(n or 0 for n in numbers), tzinfo=UTC)  # type: ignore[misc,arg-type]
    except (ValueError, OverflowError):
        return None
