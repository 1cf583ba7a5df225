"""Uploads evidence, several pieces at once and beside the events: what an operator needs first goes first."""

from __future__ import annotations

import errno
import hashlib
import threading
import time
from collections.abc import Collection, Iterator
from functools import partial
from pathlib import Path

import structlog
from pydantic import ValidationError

from edge.looking.evidence import EvidenceFolder
from edge.outbox.box import Outbox, OutboxError
from edge.outbox.pictures import FIRST_ROLES, Item
from edge.processes.threads import tireless
from edge.uplink.bandwidth import Bandwidth
from edge.uplink.lane import Lane, LaneLog, Later
from edge.uplink.link import CentreLink, LinkDown
from ingest.contract import EVIDENCE_PER_QUESTION, EvidenceMissing, EvidenceQuestion, EvidenceState

PIECE_BYTES = 16 * 1024
LARGE_BYTES = 500_000
"""One of the places is never given to more than this: else three time-lapses would keep every start waiting."""

SLOWEST_KBYTES_PER_S = 10.0
"""No upload gets less than this of a limited link (fewer go at once then): the gateway ends what creeps."""

ANSWER_WITHIN_S = 30.0
ASK_FROM_ITEMS = 16
ASK_AGAIN_S = 3600.0
IDLE_S = 0.3

log = structlog.get_logger(__name__)

# What a file cannot recover from; any other failure to read it (no handle left, no right to it) may pass.
_GONE = frozenset({errno.ENOENT, errno.EIO})


# No item's own fault: the key, or that this edge sends too much.
_OF_ALL = frozenset({401, 403, 429})


class _NotNow(Exception):
    """A file cannot be read just now; that is no fault of the link's."""


class Uploads:
    """The threads that upload. An item that fails alone waits alone; when two fail in a row, all wait."""

    def __init__(
        self,
        link: CentreLink,
        outbox: Outbox,
        evidence: EvidenceFolder,
        *,
        stop: threading.Event,
        at_once: int = 3,
        kbytes_per_s: float | None = None,
        lanes: LaneLog | None = None,
    ) -> None:
        self._link = link
        self._outbox = outbox
        self._evidence = evidence
        self._stop = stop
        self._at_once = (
            at_once if kbytes_per_s is None else max(1, min(at_once, int(kbytes_per_s / SLOWEST_KBYTES_PER_S)))
        )
        self._bandwidth = Bandwidth(kbytes_per_s)
        self._lane = Lane("pictures", lanes or LaneLog(), stop=stop)
        self._changed = threading.Condition()
        self._in_hand: set[str] = set()
        self._later = Later()
        self._newest_next = True
        self._must_ask = True
        self._ask_not_before_s = 0.0
        self._threads: list[threading.Thread] = []

    def start(self) -> None:
        """Starts the threads, once."""
        if self._threads:
            return
        for place in range(self._at_once):
            largest = LARGE_BYTES if place == 0 and self._at_once > 1 else None
            work = partial(self._run, largest)
            self._threads.append(tireless(work, name=f"upload-{place}", stop=self._stop))
        for thread in self._threads:
            thread.start()

    def join(self, timeout_s: float) -> None:
        """Waits until what is in hand is over, or so long altogether; ``stop`` is set then."""
        deadline_s = time.monotonic() + timeout_s
        for thread in self._threads:
            thread.join(max(0.0, deadline_s - time.monotonic()))

    def ask_first(self) -> None:
        """Has the centre asked what it lacks before anything that is not fresh goes."""
        with self._changed:
            self._must_ask, self._ask_not_before_s = True, 0.0

    @property
    def is_down(self) -> bool:
        return self._lane.is_down

    def wait_for(self, sha256s: Collection[str], *, timeout_s: float) -> None:
        """Returns once none of these waits any more, the link is down, or the time is over."""
        deadline_s = time.monotonic() + timeout_s
        with self._changed:
            self._changed.notify_all()
            while (left_s := deadline_s - time.monotonic()) > 0 and not (self.is_down or self._stop.is_set()):
                states = self._outbox.evidence_states(list(sha256s))
                if not any(state is EvidenceState.PENDING for state, _ in states.values()):
                    return
                self._changed.wait(min(left_s, IDLE_S))

    def _run(self, largest_bytes: int | None) -> None:
        while not self._stop.is_set():
            self._lane.wait_while_down()
            try:
                busy = self.send_one(largest_bytes)
            except (LinkDown, OutboxError) as error:
                self._lane.failed(error)
                continue
            if not busy:
                with self._changed:
                    self._changed.wait(IDLE_S)

    def send_one(self, largest_bytes: int | None = None) -> bool:
        """Sends what is next; returns whether there was anything to do.

        Raises: LinkDown: The link, or more than one item, cannot be served now. OutboxError.
        """
        if self._asks_first():
            self._ask_what_is_missing()
            return True
        item = self._take(largest_bytes)
        if item is None:
            return False
        try:
            self._send(item)
        except LinkDown as error:
            self._must_ask |= error.status is None
            self._put_aside(item, error)
        except _NotNow as error:
            self._later.put(item.sha256, wait_s=None)
            if not self._stop.is_set():
                log.warning("picture cannot be read, tried again later", sha256=item.sha256, reason=str(error))
        else:
            self._later.forget(item.sha256)
            self._lane.succeeded()
        finally:
            with self._changed:
                self._in_hand.discard(item.sha256)
                self._changed.notify_all()
        return True

    def _put_aside(self, item: Item, error: LinkDown) -> None:
        """Lets one item wait alone; raises ``error`` where the fault is not, or not likely, that item's own."""
        if error.status is None or error.status in _OF_ALL:
            raise error
        self._later.put(item.sha256, wait_s=error.wait_s)
        if self._lane.failures:
            raise error
        self._lane.count_failure()
        log.warning("picture not taken, others go on", sha256=item.sha256, reason=str(error))

    def _take(self, largest_bytes: int | None) -> Item | None:
        """Chooses by worth: start and crop of what was raised just now, then all start and crop, then the rest.

        Newest and oldest take turns, so that neither a backlog nor what is new starves.
        """
        with self._changed:
            besides = self._in_hand | self._later.not_yet()
            item = self._outbox.evidence.next(newest=True, only_fresh=True, besides=besides)
            if item is None and not self._must_ask:
                self._newest_next = not self._newest_next
                item = self._outbox.evidence.next(newest=self._newest_next, besides=besides, max_bytes=largest_bytes)
            if item is not None:
                self._in_hand.add(item.sha256)
            return item

    def _send(self, item: Item) -> None:
        path = self._evidence.path(item.sha256)
        wrong = _what_is_wrong(path, item)
        if wrong is not None:
            # What arrived once, and waits again because the centre lost something, may have been removed here since.
            if self._ask([item.sha256]) == set():
                self._outbox.evidence.arrived([item.sha256])
            else:
                self._sacrifice(item, wrong)
            return
        answer = self._link.request(
            "PUT",
            f"/ingest/v1/evidence/{item.sha256}",
            content=self._pieces(path, urgent=item.role in FIRST_ROLES),
            headers={"Content-Type": item.media_type, "Content-Length": str(item.size_bytes)},
            timeout_s=ANSWER_WITHIN_S,
        )
        if answer.status_code in (200, 201, 204):
            self._outbox.evidence.arrived([item.sha256])
        elif answer.status_code in (400, 413, 415, 422):
            self._sacrifice(item, f"refused by the gateway: {answer.status_code}")
        else:
            raise LinkDown(f"evidence not taken: {answer.status_code}", status=answer.status_code)

    def _pieces(self, path: Path, *, urgent: bool) -> Iterator[bytes]:
        try:
            with path.open("rb") as file:
                while piece := file.read(PIECE_BYTES):
                    if not self._bandwidth.take(len(piece), urgent=urgent, stop=self._stop):
                        raise _NotNow("the edge is stopping")
                    yield piece
        except OSError as error:
            raise _NotNow(str(error.strerror)) from error

    def _sacrifice(self, item: Item, reason: str) -> None:
        if self._outbox.evidence.sacrifice({item.sha256: reason}, now=self._outbox.queue.now()):
            log.error("evidence sacrificed", sha256=item.sha256, reason=reason)
        self._evidence.remove(item.sha256)

    def _asks_first(self) -> bool:
        """Whether this thread is to ask what of a backlog the centre has already; meanwhile only what is fresh goes."""
        with self._changed:
            if not self._must_ask or "question" in self._in_hand:
                return False
            few = self._outbox.evidence.pending_total().items < ASK_FROM_ITEMS
            if few or time.monotonic() < self._ask_not_before_s:
                self._must_ask = False
                return False
            self._in_hand.add("question")
            return True

    def _ask_what_is_missing(self) -> None:
        try:
            after = ""
            while page := self._outbox.evidence.pending_page(EVIDENCE_PER_QUESTION, after=after):
                missing = self._ask(page)
                if missing is None:
                    self._ask_not_before_s = time.monotonic() + ASK_AGAIN_S
                    break
                self._outbox.evidence.arrived(sorted(set(page) - missing))
                after = page[-1]
            self._must_ask = False
        except LinkDown as error:
            # Without an answer the link is down, and the next time begins with the question; else it goes without.
            self._must_ask = error.status is None
            raise
        finally:
            with self._changed:
                self._in_hand.discard("question")

    def _ask(self, page: list[str]) -> set[str] | None:
        """Returns which of these the centre lacks; None where it does not know the question."""
        body = EvidenceQuestion(sha256s=page).model_dump_json().encode()
        answer = self._link.request("POST", "/ingest/v1/evidence/missing", content=body)
        if answer.status_code != 200:
            return None
        try:
            return set(EvidenceMissing.model_validate_json(answer.content).missing)
        except ValidationError as error:
            raise LinkDown(f"the answer is not of the contract: {error.error_count()} errors", status=200) from None


def _at_once(wanted: int, kbytes_per_s: float | None) -> int:
    return wanted if kbytes_per_s is None else max(1, min(wanted, int(kbytes_per_s / SLOWEST_KBYTES_PER_S)))


def _what_is_wrong(path: Path, item: Item) -> str | None:
    """Says in words why a file must not go: it travels under the name of its bytes, and a damaged one has none.

    Raises: _NotNow: It cannot be read, and may be later.
    """
    try:
        with path.open("rb") as file:
            sha256 = hashlib.file_digest(file, "sha256").hexdigest()
            size_bytes = file.tell()
    except OSError as error:
        if error.errno not in _GONE:
            raise _NotNow(str(error.strerror)) from error
        return f"file cannot be read: {error.strerror}"
    if sha256 != item.sha256 or size_bytes != item.size_bytes:
        return "file is damaged: its bytes no longer match its sha256"
    return None
