"""Takes by long poll what the centre asks of this edge, has it done, and tells the result.

A request comes again until it has its result or has expired: what is in hand or done is done once only.
"""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from uuid import UUID

import structlog
from pydantic import ValidationError

from edge.reading.faults import waits_s
from edge.uplink.link import CentreLink, LinkDown
from ingest.edge_messages import EdgeRequest, RequestResult

PATH = "/ingest/v1/edges/me/requests"
WAIT_S = 25.0
ANSWER_WITHIN_S = 10.0
AGAIN_S = 1.0
"""While something is in hand the centre answers at once with it; so long is waited then before asking again."""

REMEMBERED_S = 3600.0
MOST_IN_HAND = 20

log = structlog.get_logger(__name__)

Answerer = Callable[[EdgeRequest, float], RequestResult]
"""Answers one request by a deadline of the monotonic clock; it may take that long, and it does not raise."""


class Requests:
    """One thread runs it. ``answer`` is called in threads of its own, a few at once."""

    def __init__(
        self, link: CentreLink, answer: Answerer, *, stop: threading.Event, poll_wait_s: float = WAIT_S
    ) -> None:
        self._link = link
        self._answer = answer
        self._stop = stop
        self._poll_wait_s = poll_wait_s
        self._lock = threading.Lock()
        self._in_hand: set[UUID] = set()
        self._done_s: dict[UUID, float] = {}

    def run(self) -> None:
        """Asks until told to stop; while the centre is away, ever more rarely, with jitter."""
        waits = waits_s()
        with ThreadPoolExecutor(MOST_IN_HAND, thread_name_prefix="request") as threads:
            while not self._stop.is_set():
                try:
                    new, nothing_new = self._poll()
                except LinkDown as error:  # the uplink tells when the centre is lost
                    self._stop.wait(max(error.wait_s or 0.0, next(waits)))
                    continue
                waits = waits_s()
                for request, deadline_s in new:
                    threads.submit(self._handle, request, deadline_s)
                if nothing_new:
                    self._stop.wait(AGAIN_S)

    def _poll(self) -> tuple[list[tuple[EdgeRequest, float]], bool]:
        """Returns what is new, each with its deadline, and whether what came held nothing new. Raises: LinkDown."""
        answer = self._link.request(
            "GET", f"{PATH}?wait_s={self._poll_wait_s:g}", timeout_s=self._poll_wait_s + ANSWER_WITHIN_S
        )
        if answer.status_code != 200:
            raise LinkDown(f"no requests to be had: {answer.status_code}")
        listed = _listed_in(answer.content)
        asked = [request for each in listed if (request := _request_in(each)) is not None]
        new = [(request, self._deadline_s(request)) for request in asked if self._takes(request)]
        return new, bool(listed) and not new

    def _takes(self, request: EdgeRequest) -> bool:
        now_s = time.monotonic()
        with self._lock:
            self._done_s = {r: s for r, s in self._done_s.items() if now_s - s < REMEMBERED_S}
            known = request.request_id in self._in_hand or request.request_id in self._done_s
            if known or len(self._in_hand) >= MOST_IN_HAND or self._deadline_s(request) <= now_s:
                return False
            self._in_hand.add(request.request_id)
            return True

    def _deadline_s(self, request: EdgeRequest) -> float:
        """``expires_at`` is of the centre's clock, and this box's may be wrong by hours."""
        centre_is_ahead_s = (self._link.clock_offset_ms or 0) / 1000
        remaining_s = (request.expires_at - datetime.now(UTC)).total_seconds() - centre_is_ahead_s
        return time.monotonic() + remaining_s

    def _handle(self, request: EdgeRequest, deadline_s: float) -> None:
        log.info("request taken", request=str(request.request_id), type=request.type.value, camera=request.camera)
        try:
            result = self._answer(request, deadline_s)
            self._tell(result, deadline_s)
        finally:
            with self._lock:
                self._in_hand.discard(request.request_id)
                if not self._stop.is_set():
                    self._done_s[request.request_id] = time.monotonic()

    def _tell(self, result: RequestResult, deadline_s: float) -> None:
        path = f"{PATH}/{result.request_id}/result"
        body = result.model_dump_json(exclude_none=True).encode()
        waits = waits_s(first_s=0.5, longest_s=10.0)
        while time.monotonic() < deadline_s and not self._stop.is_set():
            try:
                answer = self._link.request("PUT", path, content=body)
            except LinkDown as error:
                wait_s = max(error.wait_s or 0.0, next(waits))
                self._stop.wait(min(wait_s, max(0.0, deadline_s - time.monotonic())))
                continue
            taken = answer.status_code < 300
            told = log.info if taken else log.warning
            told(
                "request answered" if taken else "answer not taken",
                request=str(result.request_id),
                ok=result.ok,
                error=result.error,
                status=answer.status_code,
            )
            return
        log.warning("request expired", request=str(result.request_id))


def _listed_in(content: bytes) -> list[object]:
    """Raises: LinkDown: It is no answer of the contract."""
    try:
        return list(json.loads(content)["requests"])
    except (ValueError, KeyError, TypeError, RecursionError):
        raise LinkDown("the answer is not of the contract") from None


def _request_in(listed: object) -> EdgeRequest | None:
    try:
        return EdgeRequest.model_validate(listed)
    except ValidationError as error:
        # What a newer centre asks must not keep this edge from what it understands; it expires unanswered.
        log.warning("request not understood", errors=error.error_count())
        return None
