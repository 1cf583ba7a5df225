"""Posts to an address of the file of sinks, and tells "never" from "later" in the answer."""

from __future__ import annotations

import math
import ssl
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import Annotated
from urllib.parse import urlsplit

import httpx
from pydantic import AfterValidator

from ingest.sinks.base import SinkRefused, SinksError, SinkUnavailable

ANSWER_MAX_BYTES = 65_536
WAIT_MAX_S = 3600.0

# What lies in the event. Any other 4xx (a key withdrawn, a wrong address) lies between the two sides: somebody must
# mend that, and until then nothing may be buried.
_NEVER = frozenset({400, 409, 413, 415, 422})


def _checked(text: str) -> str:
    parts = urlsplit(text.strip())
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.port == 0:
        raise ValueError("expected an address that begins with https:// (or http://) and names a host")
    if parts.username is not None or parts.password is not None:
        raise ValueError("expected an address without user and password")
    if parts.fragment or any(character.isspace() for character in text.strip()):
        raise ValueError("expected an address without # and spaces")
    return text.strip()


HttpUrl = Annotated[str, AfterValidator(_checked)]


def shown(url: str) -> str:
    """Returns scheme, host and port of an address: its path may be a secret."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}"


@dataclass(frozen=True, slots=True)
class Answer:
    """``body`` is cut at a limit; ``wait_s`` is what Retry-After asks for, in seconds."""

    status: int
    body: bytes
    wait_s: float


class HttpLine:
    """A connection to one other side: no proxies of the environment, no redirects, bounded answers."""

    def __init__(self, *, timeout_s: float, ca_file: Path | None = None) -> None:
        """``ca_file``: certificates of a private authority, trusted instead of the public ones. Raises: SinksError."""
        verify: ssl.SSLContext | bool = True
        if ca_file is not None:
            try:
                verify = ssl.create_default_context(cafile=ca_file)
            except OSError as error:
                raise SinksError(f"ca_file {ca_file} cannot be read: {type(error).__name__}") from error
        self._timeout_s = timeout_s
        self._http = httpx.Client(timeout=timeout_s, verify=verify, follow_redirects=False, trust_env=False)
        self._http.headers["User-Agent"] = "streetcase"

    def close(self) -> None:
        self._http.close()

    def ask(
        self,
        method: str,
        url: str,
        *,
        content: bytes | None = None,
        form: dict[str, str] | None = None,
        query: dict[str, str] | None = None,
        headers: dict[str, str] | None = None,
        max_bytes: int = ANSWER_MAX_BYTES,
    ) -> Answer:
        """Returns the answer, whatever its status, with a body of ``max_bytes`` at most.

        Raises: SinkUnavailable: If there is none in time.
        """
        deadline = time.monotonic() + 2 * self._timeout_s
        body = bytearray()
        try:
            with self._http.stream(method, url, content=content, data=form, params=query, headers=headers) as response:
                for chunk in response.iter_bytes(4096):
                    body += chunk
                    if len(body) >= max_bytes or time.monotonic() > deadline:
                        break
                return Answer(response.status_code, bytes(body[:max_bytes]), _wait_s(response))
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            # Not chained: httpx keeps the request, and with it headers and keys, on its errors.
            raise SinkUnavailable(f"no answer from {shown(url)}: {type(error).__name__}") from None


def expect_success(answer: Answer, url: str) -> None:
    """Returns where the answer is a 2xx. Raises: SinkRefused, SinkUnavailable."""
    status, host = answer.status, shown(url)
    if 200 <= status < 300:
        return
    if status in _NEVER:
        raise SinkRefused(f"{host} answered {status}: {_words(answer.body)}")
    if 300 <= status < 400:
        raise SinkUnavailable(f"{host} answered {status} and another address; redirects are not followed")
    raise SinkUnavailable(f"{host} answered {status}", wait_s=answer.wait_s, fault=status == 500)


def _words(body: bytes) -> str:
    text = "".join(letter if letter.isprintable() else " " for letter in body[:400].decode("utf-8", "replace"))
    return " ".join(text.split())[:200]


def _wait_s(response: httpx.Response) -> float:
    """Reads Retry-After, which is seconds or a date; what is neither asks for nothing."""
    text = response.headers.get("Retry-After", "").strip()
    try:
        wait_s = float(text)
    except ValueError:
        try:
            moment = parsedate_to_datetime(text)
            wait_s = (moment.astimezone(UTC) - datetime.now(UTC)).total_seconds()
        except (ValueError, OverflowError):
            return 0.0
    return min(max(0.0, wait_s), WAIT_MAX_S) if math.isfinite(wait_s) else 0.0
