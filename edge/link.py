"""Speaks HTTP to the gateway for everything on an edge: one key, one trust, one name for each way to fail."""

from __future__ import annotations

import ssl
from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

import httpx

from ingest.configuration import Centre

TIMEOUT_S = 10.0
LONGEST_WAIT_S = 600.0


class LinkDown(Exception):
    """The centre does not answer, or asks to wait. ``wait_s`` is its Retry-After, where it gave one."""

    def __init__(self, message: str, wait_s: float | None = None) -> None:
        super().__init__(message)
        self.wait_s = wait_s


class CentreLink:
    """One pool of kept-alive connections. Safe to share between threads; never shows its key.

    Raises: OSError, ValueError, httpx.InvalidURL: If the URL or a certificate file cannot be used.
    """

    def __init__(self, centre: Centre, key: str) -> None:
        self.clock_offset_ms: int | None = None
        self._http = httpx.Client(
            base_url=centre.url.rstrip("/"),
            headers={"Authorization": f"Bearer {key}", "User-Agent": "streetcase-edge"},
            timeout=httpx.Timeout(TIMEOUT_S),
            verify=_trust(centre),
            trust_env=False,
        )

    def close(self) -> None:
        self._http.close()

    def request(
        self,
        method: str,
        path: str,
        *,
        content: bytes | None = None,
        headers: Mapping[str, str] | None = None,
        timeout_s: float = TIMEOUT_S,
    ) -> httpx.Response:
        """Returns any answer but those that mean "not now"; ``content`` is JSON where no Content-Type is given.

        Raises: LinkDown: No answer, a key that is not accepted, 429 or 5xx.
        """
        sent = {"Content-Type": "application/json"} if content is not None else {}
        try:
            answer = self._http.request(
                method, path, content=content, headers={**sent, **(headers or {})}, timeout=timeout_s
            )
        except httpx.HTTPError as error:
            # Not chained: httpx keeps the request, and with it the key, on its errors.
            raise LinkDown(type(error).__name__) from None
        self._measure_clock(answer)
        if answer.status_code in (401, 403):
            raise LinkDown(f"the gateway does not accept this edge's key ({answer.status_code})")
        if answer.status_code == 429 or answer.status_code >= 500:
            raise LinkDown(f"the gateway asks to wait ({answer.status_code})", _retry_after_s(answer))
        return answer

    def _measure_clock(self, answer: httpx.Response) -> None:
        try:
            theirs = parsedate_to_datetime(answer.headers["Date"])
        except (KeyError, ValueError):
            return
        if theirs.tzinfo is None:  # "-0000": the time is right, the zone unknown
            return
        # Date has whole seconds: half a second is added, what remains is the offset to half a second.
        self.clock_offset_ms = round((theirs - datetime.now(UTC)).total_seconds() * 1000 + 500)


def _trust(centre: Centre) -> ssl.SSLContext | bool:
    if centre.certificate_file is not None:
        # Pinned: this one certificate and no other, whatever name it bears and whoever signed it.
        pinned = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        pinned.check_hostname = False
        pinned.verify_flags |= ssl.VerifyFlags.VERIFY_X509_PARTIAL_CHAIN
        pinned.load_verify_locations(cafile=centre.certificate_file)
        return pinned
    return httpx.create_ssl_context(verify=centre.ca_file) if centre.ca_file else True


def _retry_after_s(answer: httpx.Response) -> float | None:
    try:
        return min(LONGEST_WAIT_S, max(0.1, float(answer.headers["Retry-After"])))
    except (KeyError, ValueError):
        return None
