"""Sends events and evidence from the outbox to the gateway, always outward, until each has its answer."""

from __future__ import annotations

import hashlib
import threading
import time
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

import structlog
from pydantic import ValidationError

from edge.evidence import EvidenceFolder
from edge.faults import waits_s
from edge.link import CentreLink, LinkDown
from edge.outbox import Outbox, OutboxError, WaitingEvent
from ingest.contract import Answer, Event, EvidenceRole, EvidenceState, PostAnswer
from ingest.edge_messages import EdgeStatus

EVENTS_PER_POST = 50
EVIDENCE_PER_ROUND = 8
BEFORE_THE_EVENT = (EvidenceRole.START, EvidenceRole.CROP)
EVENTS_WITH_EVIDENCE_FIRST = 5
"""Before one POST the pictures of so many events go at most: the first event must not wait for the fiftieth's."""

ASK_EPOCH_EVERY_S = 60.0
"""An idle edge asks so often whether the stream is still the one that took its events."""

IDLE_S = 0.5
STATUS_EVERY_S = 30.0
PRUNE_EVERY_S = 3600.0

log = structlog.get_logger(__name__)


class Uplink:
    """One sender per edge. Start and crop go before their event, the event at once, all other evidence behind."""

    def __init__(self, link: CentreLink, outbox: Outbox, evidence: EvidenceFolder, *, stop: threading.Event) -> None:
        self._link = link
        self._outbox = outbox
        self._evidence = evidence
        self._stop = stop
        self._up = False
        self._why = ""
        self._posted_s = -ASK_EPOCH_EVERY_S

    def run(self) -> None:
        """Drains the outbox until told to stop; after a failure waits ever longer, with jitter."""
        waits = waits_s(first_s=0.5, longest_s=60.0)
        while not self._stop.is_set():
            try:
                busy = self.send_once()
            except (LinkDown, OutboxError) as error:
                self._note(up=False, why=str(error))
                asked_s = error.wait_s if isinstance(error, LinkDown) else None
                self._stop.wait(asked_s if asked_s is not None else next(waits))
                continue
            self._note(up=True)
            waits = waits_s(first_s=0.5, longest_s=60.0)
            if not busy:
                self._stop.wait(IDLE_S)

    def send_once(self) -> bool:
        """Sends one batch of events and a few evidence items; returns whether there was anything to send.

        Raises: LinkDown: After the events have gone, where only the evidence could not: events never wait for it.
        """
        waiting = self._outbox.waiting_events(EVENTS_PER_POST)
        kept_back: LinkDown | None = None
        try:
            for item in waiting[:EVENTS_WITH_EVIDENCE_FIRST]:
                self._send_evidence_of(item.event)
        except LinkDown as error:
            kept_back = error
        if waiting or time.monotonic() - self._posted_s > ASK_EPOCH_EVERY_S:
            self._post(waiting)
        if kept_back is not None:
            raise kept_back
        pending = self._outbox.pending_evidence(EVIDENCE_PER_ROUND)
        for sha256, media_type in pending:
            self._send_evidence(sha256, media_type)
        return bool(waiting or pending)

    def send_status(self, status: EdgeStatus) -> None:
        """Tells the centre how this edge is. Raises: LinkDown."""
        answer = self._link.request("PUT", "/ingest/v1/edges/me/status", content=status.model_dump_json().encode())
        if answer.status_code >= 400:
            raise LinkDown(f"status not taken: {answer.status_code}")

    def _post(self, waiting: Sequence[WaitingEvent]) -> None:
        events = [self._as_sent(item.event) for item in waiting]
        body = b'{"events":[' + b",".join(e.model_dump_json(exclude_none=True).encode() for e in events) + b"]}"
        answer = self._link.request("POST", "/ingest/v1/events", content=body)
        if answer.status_code == 413 and len(waiting) > 1:
            self._post(waiting[: len(waiting) // 2])
            return
        if answer.status_code != 202:
            raise LinkDown(f"events not taken: {answer.status_code} {answer.text[:200]}")
        self._posted_s = time.monotonic()
        try:
            post = PostAnswer.model_validate_json(answer.content)
        except ValidationError as error:
            raise LinkDown(f"the answer is not of the contract: {error.error_count()} errors") from None
        if [a.position for a in post.answers] != list(range(len(waiting))):
            raise LinkDown(f"{len(waiting)} events sent, answers for {len(post.answers)} came")
        if not waiting:
            self._follow_epoch(post)
            return
        for item, answered in zip(waiting, post.answers, strict=True):
            if answered.answer in (Answer.HELD, Answer.REFUSED):
                log.warning(
                    "event not accepted",
                    answer=answered.answer.value,
                    event_id=str(item.event.event_id),
                    reason=answered.reason,
                )
        self._outbox.answered((item.seq, a.answer, a.reason) for item, a in zip(waiting, post.answers, strict=True))
        self._follow_epoch(post)

    def _follow_epoch(self, post: PostAnswer) -> None:
        known = self._outbox.note("stream_epoch")
        if known == post.stream_epoch:
            return
        if known is not None:
            again = self._outbox.send_again(post.resend_from)
            log.warning("stream is new, sending again", events=again)
        self._outbox.set_note("stream_epoch", post.stream_epoch)

    def _as_sent(self, event: Event) -> Event:
        """Fills in what is known only now: when it goes, the clock's offset, which evidence has arrived."""
        states = self._outbox.evidence_states([item.sha256 for item in event.evidence]) if event.evidence else {}
        evidence = [
            item.model_copy(update={"state": states[item.sha256][0], "reason": states[item.sha256][1]})
            if item.sha256 in states
            else item
            for item in event.evidence
        ]
        return event.model_copy(
            update={"sent_at": datetime.now(UTC), "clock_offset_ms": self._link.clock_offset_ms, "evidence": evidence}
        )

    def _send_evidence_of(self, event: Event) -> None:
        first = [item for item in event.evidence if item.role in BEFORE_THE_EVENT]
        states = self._outbox.evidence_states([item.sha256 for item in first]) if first else {}
        for item in first:
            if states.get(item.sha256, (EvidenceState.PENDING, None))[0] is EvidenceState.PENDING:
                self._send_evidence(item.sha256, item.media_type)

    def _send_evidence(self, sha256: str, media_type: str) -> None:
        # Read whole and checked: 20 MB at most, and a truncated file must not travel under a good name.
        content = _read_checked(self._evidence.path(sha256), sha256)
        if isinstance(content, str):
            self._sacrifice(sha256, content)
            return
        headers = {"Content-Type": media_type}
        answer = self._link.request("PUT", f"/ingest/v1/evidence/{sha256}", content=content, headers=headers)
        if answer.status_code in (200, 201, 204):
            self._outbox.set_evidence(sha256, EvidenceState.PRESENT)
        elif answer.status_code in (400, 413, 415, 422):
            self._sacrifice(sha256, f"refused by the gateway: {answer.status_code}")
        else:
            raise LinkDown(f"evidence not taken: {answer.status_code}")

    def _sacrifice(self, sha256: str, reason: str) -> None:
        log.error("evidence sacrificed", sha256=sha256, reason=reason)
        self._outbox.set_evidence(sha256, EvidenceState.SACRIFICED, reason)

    def _note(self, *, up: bool, why: str = "") -> None:
        if up and not self._up:
            log.info("centre reached")
        elif not up and (self._up or why != self._why):
            log.warning("centre lost", reason=why)
        self._up, self._why = up, why


def _read_checked(path: Path, sha256: str) -> bytes | str:
    """Returns the bytes of an evidence file, or in words what is wrong with it."""
    try:
        content = path.read_bytes()
    except OSError as error:
        return f"file cannot be read: {error.strerror}"
    if hashlib.sha256(content).hexdigest() != sha256:
        return "file is damaged: its bytes no longer match its sha256"
    return content
