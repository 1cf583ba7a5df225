"""Sends what waits for each sink: a thread each, in order, until the other side has it or will never take it."""

from __future__ import annotations

import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass

import structlog
from pydantic import ValidationError

from ingest.contract import Event
from ingest.outage import Outage
from ingest.patience import Patience
from ingest.redis_link import StreamUnavailable
from ingest.sinks.base import Sink, SinkConfiguration, SinkRefused, SinkUnavailable
from ingest.sinks.lease import SinkLease
from ingest.sinks.stream import SinkStream, Waiting
from ingest.wording import sentence

BATCH = 50
BLOCK_MS = 500
STANDBY_S = 0.2
LONGEST_WAIT_S = 300.0
ATTEMPTS = 30
BACKLOG_TOLD = 10_000
LOOK_AT_BACKLOG_EVERY_S = 30.0


class SinksDied(Exception):
    """The thread of a sink ended by a fault of our own."""


class _NotOurs(Exception):
    """The lease is another runner's now, or we are asked to stop: what is in hand stays for whoever holds it next."""


@dataclass(frozen=True, slots=True)
class RunningSink:
    """One sink of the file, built, and its stream."""

    configuration: SinkConfiguration
    sink: Sink
    stream: SinkStream


class SinkRunner:
    """Sends for one sink.

    An event at which the other side fails ``attempts`` times (the reason may lie in it) becomes a dead letter, but only
    one of them until the other side has taken something again: beyond, the fault is its own, and is waited out.
    """

    def __init__(
        self,
        running: RunningSink,
        stop: threading.Event,
        *,
        attempts: int = ATTEMPTS,
        longest_wait_s: float = LONGEST_WAIT_S,
        block_ms: int = BLOCK_MS,
    ) -> None:
        self._block_ms = block_ms
        self._configuration = running.configuration
        self._sink = running.sink
        self._stream = running.stream
        self._stop = stop
        self._attempts = attempts
        self._log: structlog.stdlib.BoundLogger = structlog.get_logger().bind(sink=running.configuration.name)
        self._outage = Outage(f"sink {running.configuration.name}")
        self._redis_outage = Outage(f"redis of sink {running.configuration.name}")
        self._patience = Patience(stop, longest_s=longest_wait_s)
        self._redis_patience = Patience(stop)
        self._resuming = True
        self._buried_since_success = False
        self._sent_unsettled: str | None = None
        self._lease = SinkLease(running.stream)
        self._backlog_told = False
        self._look_at_backlog_at = 0.0

    def run(self) -> None:
        """Runs until asked to stop; outages are waited out."""
        self._lease.start()
        try:
            while not self._stop.is_set():
                self._step()
        finally:
            self._lease.stop()
            self._sink.close()

    def _step(self) -> None:
        try:
            self._look_at_backlog()
            self._check_ours()
            for waiting in self._next_batch():
                self._deliver(waiting)
            self._redis_outage.back()
            self._redis_patience.reset()
        except _NotOurs:
            self._resuming = True
            self._stop.wait(STANDBY_S)
        except StreamUnavailable as error:
            self._resuming = True
            self._redis_outage.lost(error)
            self._redis_patience.wait()

    def _next_batch(self) -> Sequence[Waiting]:
        if self._resuming:
            self._stream.create_group()
            if unfinished := self._stream.unfinished(count=BATCH):
                return unfinished
            self._resuming = False
        return self._stream.read(count=BATCH, block_ms=self._block_ms)

    def _deliver(self, waiting: Waiting) -> None:
        """Settles one entry: sent, not wanted, or buried. Raises: _NotOurs, StreamUnavailable: It stays pending."""
        try:
            event = Event.model_validate_json(waiting.entry.event)
        except ValidationError as error:
            self._bury(waiting, sentence(error), attempts=0)
            return
        if self._sent_unsettled != waiting.waiting_id and self._configuration.wants(event):
            if not self._send(waiting, event):
                return
            self._sent_unsettled = waiting.waiting_id
        self._stream.settle(waiting.waiting_id)
        self._sent_unsettled = None

    def _send(self, waiting: Waiting, event: Event) -> bool:
        """Tries until the other side has the event; False where it was buried."""
        attempts = faults = 0
        while True:
            self._check_ours()
            attempts += 1
            try:
                self._send_once(event)
            except SinkRefused as error:
                self._bury(waiting, str(error), attempts=attempts)
                return False
            except SinkUnavailable as error:
                faults += error.fault
                if faults >= self._attempts and not self._buried_since_success:
                    self._buried_since_success = True
                    self._bury(waiting, f"it failed {faults} times: {error}", attempts=attempts)
                    return False
                self._outage.lost(error)
                self._stop.wait(self._patience.next_s(at_least_s=error.wait_s))
            else:
                self._outage.back()
                self._patience.reset()
                self._buried_since_success = False
                return True

    def _send_once(self, event: Event) -> None:
        try:
            self._sink.send(event)
        except (SinkRefused, SinkUnavailable, StreamUnavailable):
            raise
        except Exception as error:
            # A plug-in may be anybody's code, and what its error says may hold a secret.
            self._log.error("sink failed by itself", reason=type(error).__name__)
            raise SinkUnavailable(f"the sink itself failed: {type(error).__name__}", fault=True) from error

    def _bury(self, waiting: Waiting, reason: str, *, attempts: int) -> None:
        self._log.warning(
            "sink's event became a dead letter",
            entry_id=waiting.entry.entry_id,
            edge_id=waiting.entry.edge_id,
            reason=reason,
        )
        self._stream.dead_letter(waiting.waiting_id, reason, attempts=attempts)

    def _check_ours(self) -> None:
        """Raises: _NotOurs."""
        if self._stop.is_set() or not self._lease.is_ours:
            raise _NotOurs

    def _look_at_backlog(self) -> None:
        if time.monotonic() < self._look_at_backlog_at:
            return
        self._look_at_backlog_at = time.monotonic() + LOOK_AT_BACKLOG_EVERY_S
        waiting = self._stream.counts().waiting
        if (waiting >= BACKLOG_TOLD) != self._backlog_told:
            self._backlog_told = not self._backlog_told
            self._log.warning("sink is far behind" if self._backlog_told else "sink has caught up", waiting=waiting)


def run_sinks(sinks: Sequence[RunningSink], stop: threading.Event) -> None:
    """Runs all sinks until ``stop`` is set. Raises: SinksDied: If the thread of one ends before."""
    threads = [threading.Thread(target=SinkRunner(sink, stop).run, name=sink.configuration.name) for sink in sinks]
    for thread in threads:
        thread.start()
    try:
        while not stop.wait(0.5):
            if died := [thread.name for thread in threads if not thread.is_alive()]:
                raise SinksDied(f"the sink {died[0]} ended by a fault of its own; see the log")
    finally:
        stop.set()
        for thread in threads:
            thread.join()
