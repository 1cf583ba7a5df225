"""Posts one message to a webhook's receiver, within bounds of time and size, and tells what came of it."""

from __future__ import annotations

import asyncio
import json
import math
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from http import HTTPStatus

import httpx

from api.interchange.events import CaseEvent
from api.interchange.signing import signed_headers

CONTENT_TYPE = "application/cloudevents+json; charset=utf-8"
ATTEMPT_S = 10.0
ANSWER_MAX_BYTES = 65_536
RETRY_AFTER_MAX_S = 86_400.0


@dataclass(frozen=True, slots=True)
class Message:
    """``id`` is the same on every attempt; ``body`` is a CloudEvent in structured JSON."""

    id: str
    body: bytes


@dataclass(frozen=True, slots=True)
class Posted:
    """What came of an attempt. status: None where there was no answer. wait_s: what Retry-After asks for."""

    status: int | None
    error: str | None = None
    wait_s: float = 0.0

    @property
    def delivered(self) -> bool:
        return self.error is None

    @property
    def is_ailing(self) -> bool:
        """Whether the receiver, not the message, is to blame: the next one would fare no better."""
        return self.status is None or self.status >= 500 or self.status == HTTPStatus.TOO_MANY_REQUESTS


def message_of(event: CaseEvent, *, source: str) -> Message:
    message_id = f"evt_{event.id}"
    return _message(
        message_id,
        {
            "source": source,
            "type": f"streetcase.{event.event}.v1",
            "subject": str(event.case_id),
            "time": event.at.isoformat(),
            "data": event.model_dump(mode="json"),
        },
    )


def trial_message(message_id: str, *, source: str, at: datetime) -> Message:
    """A message that says nothing but that it arrived."""
    kind = {"source": source, "type": "streetcase.webhook.test.v1", "time": at.isoformat()}
    return _message(message_id, kind | {"data": {}})


def _message(message_id: str, members: dict[str, object]) -> Message:
    envelope = {"specversion": "1.0", "id": message_id, "datacontenttype": "application/json", **members}
    return Message(message_id, json.dumps(envelope, ensure_ascii=False, separators=(",", ":")).encode())


def new_client() -> httpx.AsyncClient:
    """No proxies of the environment, no redirects: an address is posted to, or it fails."""
    return httpx.AsyncClient(
        timeout=ATTEMPT_S, follow_redirects=False, trust_env=False, headers={"User-Agent": "streetcase"}
    )


async def post(client: httpx.AsyncClient, url: str, *, secret: str, message: Message, at: datetime) -> Posted:
    """Returns what came of one attempt, after ``ATTEMPT_S`` at most. ``at`` is its time, in the signature."""
    headers = signed_headers(secret, message.id, timestamp_s=int(at.timestamp()), body=message.body)
    headers["Content-Type"] = CONTENT_TYPE
    try:
        async with (
            asyncio.timeout(ATTEMPT_S),
            client.stream(
                "POST", url, content=message.body, headers=headers | {"Content-Type": CONTENT_TYPE}
            ) as answer,
        ):
            await _read_some(answer)
            return _judged(answer)
    except TimeoutError:
        return Posted(None, f"no answer within {ATTEMPT_S:g} seconds")
    except (httpx.HTTPError, httpx.InvalidURL, OSError, ValueError) as error:
        # Its kind alone: the words of some hold the address, and with it what may be a secret.
        return Posted(None, f"no answer: {type(error).__name__}")


async def _read_some(answer: httpx.Response) -> None:
    """Lets the connection serve again where the answer is short; what it says is of no interest."""
    read_bytes = 0
    async for piece in answer.aiter_raw():
        read_bytes += len(piece)
        if read_bytes > ANSWER_MAX_BYTES:
            return


def _judged(answer: httpx.Response) -> Posted:
    status = answer.status_code
    if 200 <= status < 300:
        return Posted(status)
    if 300 <= status < 400:
        return Posted(status, f"answered {status} and another address; redirects are not followed")
    return Posted(status, f"answered {status}", wait_s=_wait_s(answer.headers.get("Retry-After", "")))


def _wait_s(text: str) -> float:
    """Reads Retry-After, which is seconds or a date; what is neither asks for nothing."""
    try:
        wait_s = float(text)
    except ValueError:
        try:
            wait_s = (parsedate_to_datetime(text).astimezone(UTC) - datetime.now(UTC)).total_seconds()
        except (ValueError, OverflowError):
            return 0.0
    return min(max(0.0, wait_s), RETRY_AFTER_MAX_S) if math.isfinite(wait_s) else 0.0
