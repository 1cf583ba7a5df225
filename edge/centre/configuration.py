"""Keeps what the centre tells this edge to watch: asks for it, checks it whole, and keeps the last good one.

What is not good is not taken, not even in part: the last good one stays in force, and the status says why.
"""

from __future__ import annotations

import dataclasses
import threading
from collections.abc import Sequence
from dataclasses import dataclass

import structlog

from edge.centre.document import Offer, OfferRefused, watches_of
from edge.centre.kept_offer import KeptOffer, KeptOfferDamaged
from edge.reading.faults import waits_s
from edge.uplink.link import CentreLink, LinkDown
from ingest.configuration import EdgeConfiguration, Watch

PATH = "/ingest/v1/edges/me/config"
ASK_EVERY_S = 60.0
FIRST_ANSWER_S = 5.0
"""A start waits so long for the centre at most; an edge that is offline starts with what it has."""

FAULT_CHARS = 500

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class CentreWatches:
    """The centre's part of what is watched.

    revision: None where the centre has no configuration for this edge, or where nothing is known.
    known: False where what the centre wants watched was lost or does not fit here. What its watches followed is then
    neither seen nor ended: blind is not empty.
    """

    watches: Sequence[Watch] = ()
    revision: str | None = None
    known: bool = True


@dataclass(slots=True)
class _Seen:
    """What the centre last answered with: its tag for the next question, and the offer where that was not taken."""

    etag: str | None = None
    waiting: Offer | None = None


@dataclass(slots=True)
class _Good:
    """What is in force, and the offer behind it, to go back to."""

    part: CentreWatches
    offer: Offer | None = None


class CentreConfiguration:
    """The centre's watches for one edge. One thread runs :meth:`run`; the rest may be called from others."""

    def __init__(
        self, local: EdgeConfiguration, kept: KeptOffer, link: CentreLink | None, *, stop: threading.Event
    ) -> None:
        self.fault: str | None = None
        self.asked = threading.Event()
        """Set once the centre was asked for the first time, whether it answered or not."""

        self._local = local
        self._kept = kept
        self._link = link
        self._stop = stop
        self._lock = threading.Lock()
        self._seen = _Seen()
        self._refused: dict[str, str] = {}
        """Revisions that passed the checks and yet could not be started here, with the reason."""

        self._previous: _Good | None = None
        self._said_unknown = False
        self._good = self._kept_good() if link is not None else _Good(CentreWatches())

    @property
    def in_force(self) -> CentreWatches:
        return self._good.part

    def merged(self, part: CentreWatches) -> EdgeConfiguration:
        """Returns the local configuration with the centre's watches behind its own."""
        return self._local.model_copy(update={"watches": [*self._local.watches, *part.watches]})

    def _kept_good(self) -> _Good:
        try:
            offer = self._kept.read()
        except KeptOfferDamaged as error:
            self._set_fault(f"{error}; waiting for the centre")
            return _Good(CentreWatches(known=False))
        if offer is None:
            return _Good(CentreWatches())
        try:
            watches = watches_of(offer, self._local)
        except OfferRefused as error:
            # The edge's own file has changed: what the centre said no longer goes with it.
            self._set_fault(f"revision {offer.revision}: {error}")
            return _Good(CentreWatches(known=False))
        self._seen.etag = offer.etag
        return _Good(CentreWatches(watches, offer.revision), offer)

    def take_local(self, local: EdgeConfiguration) -> None:
        """Takes what the edge's own file says now. Raises: OfferRefused: What the centre wants watched does not fit."""
        with self._lock:
            offer, part = self._good.offer, self._good.part
            watches = part.watches if offer is None else watches_of(offer, local)
            self._local = local
            self._previous = None
            # Another object: whoever follows sees that there is something to do.
            self._good = _Good(dataclasses.replace(part, watches=watches), offer)

    def run(self) -> None:
        """Asks each minute until told to stop; while the centre is away, ever more rarely, with jitter."""
        waits = waits_s(first_s=2.0, longest_s=ASK_EVERY_S)
        while not self._stop.is_set():
            wait_s = ASK_EVERY_S
            try:
                self.ask()
                waits = waits_s(first_s=2.0, longest_s=ASK_EVERY_S)
            except LinkDown as error:  # the uplink tells when the centre is lost
                wait_s = max(error.wait_s or 0.0, next(waits))
            finally:
                self.asked.set()
            self._stop.wait(wait_s)

    def ask(self) -> None:
        """Asks once and takes what is new and good. Raises: LinkDown."""
        assert self._link is not None  # noqa: S101 - asked only where there is a centre
        headers = {"If-None-Match": self._seen.etag} if self._seen.etag is not None else {}
        answer = self._link.request("GET", PATH, headers=headers)
        with self._lock:
            if answer.status_code == 200:
                etag = answer.headers.get("ETag")
                if etag is None:
                    self._set_fault("the centre's configuration has no ETag; it is not taken")
                else:
                    self._seen.etag = etag
                    self._take(Offer(etag, answer.content))
            elif answer.status_code == 304:
                if self._seen.waiting is not None:
                    # What it lacked may have come meanwhile: a model, room on the disk.
                    self._take(self._seen.waiting)
            elif answer.status_code == 204:
                self._take_none()
            elif not self._said_unknown:
                self._said_unknown = True
                log.warning("the centre hands out no configuration", status=answer.status_code)

    def _take(self, offer: Offer) -> None:
        self._seen.waiting = offer
        try:
            watches = self._checked(offer)
            if not self._is_in_force(offer):
                self._kept.write(offer)
        except OfferRefused as error:
            self._set_fault(f"revision {offer.revision}: {error}")
            return
        except OSError as error:
            # Not in force before it is on the disk: after a restart offline its incidents would have no watch.
            self._set_fault(f"revision {offer.revision}: cannot be kept on the disk: {error.strerror}")
            return
        self._seen.waiting = None
        if not self._is_in_force(offer):
            self._previous = self._good
            self._good = _Good(CentreWatches(watches, offer.revision), offer)
            log.info("configuration taken", revision=offer.revision, watches=len(watches))
        self._set_fault(None)

    def _checked(self, offer: Offer) -> Sequence[Watch]:
        if offer.revision in self._refused:
            raise OfferRefused(self._refused[offer.revision])
        return watches_of(offer, self._local)

    def _is_in_force(self, offer: Offer) -> bool:
        return self._good.offer is not None and self._good.offer.etag == offer.etag

    def _take_none(self) -> None:
        self._seen = _Seen()
        try:
            self._kept.remove()
        except OSError as error:
            self._set_fault(f"the centre withdrew its configuration; the kept one cannot be removed: {error.strerror}")
            return
        self._set_fault(None)
        if self.in_force != CentreWatches():
            log.info("configuration withdrawn by the centre")
            self._previous = None
            self._good = _Good(CentreWatches())

    def prove(self) -> None:
        """All look on with what is in force: nobody goes back from it any more."""
        with self._lock:
            self._previous = None

    def refuse(self, revision: str, why: str, *, watch_id: str | None = None) -> None:
        """Goes back from a configuration that could not be started here to the one before it, if there is one.

        watch_id: The watch at fault; where the one before has the same, going back would mend nothing.
        """
        with self._lock:
            if self._good.offer is None or self._good.offer.revision != revision:
                return
            earlier = self._previous.part.watches if self._previous is not None else ()
            if any(watch.id == watch_id and watch in earlier for watch in self._good.part.watches):
                return
            self._refused[revision] = why
            self._seen.waiting = self._good.offer
            self._set_fault(f"revision {revision}: {why}")
            before, self._previous = self._previous, None
            if before is None or before.offer is None:
                # The file stays: it names what was watched, and what that followed must not end.
                self._good = _Good(CentreWatches(known=False))
                return
            self._good = before
            try:
                self._kept.write(before.offer)
            except OSError as error:
                log.error("configuration cannot be kept", revision=before.offer.revision, reason=error.strerror)

    def _set_fault(self, fault: str | None) -> None:
        if fault is not None:
            # Names in it come from outside: a status takes neither control characters nor a novel.
            fault = "".join(c if c.isprintable() else "?" for c in fault)[:FAULT_CHARS]
        if fault is not None and fault != self.fault:
            log.warning("configuration not taken", reason=fault)
        self.fault = fault
