"""Sends events from the outbox to the gateway, always outward, until each has its answer; evidence goes beside them."""

from __future__ import annotations

import gzip
import threading
import time
from collections.abc import Sequence
from datetime import UTC, datetime

import structlog
from pydantic import ValidationError

from edge.looking.evidence import EvidenceFolder
from edge.outbox.box import Batch, Outbox, OutboxError, WaitingEvent
from edge.outbox.pictures import FIRST_ROLES
from edge.staying.events import evidence_now
from edge.uplink.lane import Lane, LaneLog
from edge.uplink.link import CentreLink, LinkDown
from edge.uplink.uploads import Uploads
from ingest.contract import EPOCH_HEADER, Answer, Event, PostAnswer
from ingest.edge_messages import EdgeStatus

LARGEST = Batch(events=250, size_bytes=1_000_000)
"""One POST of a backlog. When live, so few events wait that a POST holds a handful."""

PICTURES_FIRST_S = 1.0
"""So long after its commit an event waits for its start and crop at most; then it goes, whatever became of them."""

ASK_EPOCH_EVERY_S = 60.0
"""An idle edge asks so often whether the stream is still the one that took its events."""

LARGER_AFTER_S = 60.0
"""A gateway that found a POST too large is offered twice as much again after so long."""

GZIP_LEVEL = 5
IDLE_S = 0.2
RELEASE_HELD_EVERY_S = 60.0
STATUS_EVERY_S = 30.0
PRUNE_EVERY_S = 3600.0
STOPPING_S = 10.0

log = structlog.get_logger(__name__)


class Uplink:
    """One sender per edge: events in one lane, in order; evidence in another, several at once."""

    def __init__(
        self,
        link: CentreLink,
        outbox: Outbox,
        evidence: EvidenceFolder,
        *,
        stop: threading.Event,
        uploads_at_once: int = 3,
        upload_kbytes_per_s: float | None = None,
    ) -> None:
        self._link = link
        self._outbox = outbox
        self._stop = stop
        told = LaneLog()
        self._lane = Lane("events", told, stop=stop)
        self.uploads = Uploads(
            link,
            outbox,
            evidence,
            stop=stop,
            at_once=uploads_at_once,
            kbytes_per_s=upload_kbytes_per_s,
            lanes=told,
        )
        self._batch = LARGEST
        self._larger_at_s = 0.0
        self._posted_s = float("-inf")
        self._released_s = float("-inf")

    def run(self) -> None:
        """Drains the outbox until told to stop; after a failure waits ever longer, with jitter."""
        self.uploads.start()
        while not self._stop.is_set():
            self._lane.wait_while_down()
            try:
                busy = self.send_once()
            except (LinkDown, OutboxError) as error:
                self._lane.failed(error)
                continue
            if not busy:
                self._stop.wait(IDLE_S)
        self.uploads.join(STOPPING_S)

    def send_once(self) -> bool:
        """Sends one batch of events; returns whether there was any. Raises: LinkDown, OutboxError."""
        self._release_held()
        waiting = self._outbox.queue.next(self._batch)
        if waiting:
            self._give_pictures_time(waiting)
        if waiting or time.monotonic() - self._posted_s > ASK_EPOCH_EVERY_S:
            self._post(waiting)
            self._lane.succeeded()
        return bool(waiting)

    def send_status(self, status: EdgeStatus) -> None:
        """Tells the centre how this edge is, beside all else. Raises: LinkDown."""
        answer = self._link.request("PUT", "/ingest/v1/edges/me/status", content=status.model_dump_json().encode())
        if answer.status_code >= 400:
            raise LinkDown(f"status not taken: {answer.status_code}", status=answer.status_code)

    def _release_held(self) -> None:
        if time.monotonic() - self._released_s > RELEASE_HELD_EVERY_S:
            self._released_s = time.monotonic()
            self._outbox.queue.release_held()

    def _give_pictures_time(self, waiting: Sequence[WaitingEvent]) -> None:
        """Lets start and crop of what was committed just now go ahead; a backlog waits for no picture."""
        now = datetime.now(UTC)
        ages_s = {item.seq: (now - item.added_at).total_seconds() for item in waiting}
        fresh = [item for item in waiting if 0 <= ages_s[item.seq] < PICTURES_FIRST_S]
        first = {piece.sha256 for item in fresh for piece in item.event.evidence if piece.role in FIRST_ROLES}
        if first:
            left_s = PICTURES_FIRST_S - max(ages_s[item.seq] for item in fresh)
            self.uploads.wait_for(first, timeout_s=left_s)

    def _post(self, waiting: Sequence[WaitingEvent]) -> None:
        post = self._answer_of(self._body(waiting), waiting)
        if post is None:
            return
        for item, answered in zip(waiting, post.answers, strict=True):
            if answered.answer in (Answer.HELD, Answer.REFUSED):
                log.warning(
                    "event not accepted",
                    answer=answered.answer.value,
                    event_id=str(item.event.event_id),
                    reason=answered.reason,
                )
        if waiting:
            self._outbox.answered((i.seq, a.answer, a.reason) for i, a in zip(waiting, post.answers, strict=True))
        if time.monotonic() >= self._larger_at_s:
            self._batch, self._larger_at_s = self._batch.doubled(LARGEST), time.monotonic() + LARGER_AFTER_S
        self._follow_epoch(post)

    def _answer_of(self, body: bytes, waiting: Sequence[WaitingEvent]) -> PostAnswer | None:
        """Returns the gateway's answers, one for each event; None where the POST was too large for it."""
        known = self._outbox.note("stream_epoch")
        headers = {"Content-Encoding": "gzip"} | ({EPOCH_HEADER: known} if known else {})
        answer = self._link.request(
            "POST", "/ingest/v1/events", content=gzip.compress(body, GZIP_LEVEL), headers=headers
        )
        self._outbox.queue.clock_offset_ms = self._link.clock_offset_ms
        if answer.status_code == 413 and waiting:
            self._carry_less(waiting, size_bytes=len(body))
            return None
        if answer.status_code != 202:
            said = answer.content[:200].decode(errors="replace")
            raise LinkDown(f"events not taken: {answer.status_code} {said}", status=answer.status_code)
        self._posted_s = time.monotonic()
        try:
            post = PostAnswer.model_validate_json(answer.content)
        except ValidationError as error:
            raise LinkDown(f"the answer is not of the contract: {error.error_count()} errors") from None
        if [a.position for a in post.answers] != list(range(len(waiting))):
            raise LinkDown(f"{len(waiting)} events sent, answers for {len(post.answers)} came")
        return post

    def _carry_less(self, waiting: Sequence[WaitingEvent], *, size_bytes: int) -> None:
        if len(waiting) > 1:
            self._batch = Batch(events=len(waiting), size_bytes=size_bytes).halved()
            self._larger_at_s = time.monotonic() + LARGER_AFTER_S
            return
        reason = f"too large for the gateway (413): {size_bytes} bytes"
        log.error("event not accepted", event_id=str(waiting[0].event.event_id), reason=reason)
        self._outbox.answered([(waiting[0].seq, Answer.REFUSED, reason)])
        self._batch = LARGEST

    def _follow_epoch(self, post: PostAnswer) -> None:
        known = self._outbox.note("stream_epoch")
        if known == post.stream_epoch:
            return
        if known is not None:
            again = self._outbox.send_again(post.resend_from)
            self.uploads.ask_first()
            log.warning("stream is new, sending again", events=again)
        self._outbox.set_note("stream_epoch", post.stream_epoch)

    def _body(self, waiting: Sequence[WaitingEvent]) -> bytes:
        named = {piece.sha256 for item in waiting for piece in item.event.evidence}
        states = self._outbox.evidence_states(list(named)) if named else {}
        # What is known only now: when it goes, the clock's offset, which evidence has arrived.
        known = {"sent_at": datetime.now(UTC), "clock_offset_ms": self._link.clock_offset_ms}
        events: list[Event] = [
            item.event.model_copy(update={**known, "evidence": evidence_now(item.event.evidence, states)})
            for item in waiting
        ]
        return b'{"events":[' + b",".join(e.model_dump_json(exclude_none=True).encode() for e in events) + b"]}"
