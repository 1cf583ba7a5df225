"""Reports the stream's events to the API, and lets go of each only when the API has it or it can never be taken."""

from __future__ import annotations

import secrets
import signal
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import structlog

from api.client import ApiClient, ApiRefused, ApiUnavailable
from api.schemas import Report, ReportAnswer, ReportOutcome
from ingest.outage import Outage
from ingest.redis_link import StreamUnavailable, connect
from ingest.reports import EntryUnreadable, report_of
from ingest.set_aside import SetAside
from ingest.settings import WorkerSettings
from ingest.stream import EventStream, StreamEntry

BLOCK_MS = 500
BACKOFF_FIRST_S = 0.2
BACKOFF_MAX_S = 10.0

# Refusals that lie in what was sent. Any other (a key withdrawn, a wrong address) lies between us and the API:
# somebody must mend that, and until then nothing may be buried.
_GUILTY_STATUSES = frozenset({400, 413, 422})

# An answer of 500 may lie in one report, other than 502 to 504 or no answer. So often in a row the same reports may
# meet it before the worker looks for the guilty one.
_FAULT = 500
_FAULTS_BEFORE_NARROWING = 3


@dataclass(frozen=True, slots=True)
class _Pair:
    entry: StreamEntry
    report: Report


class _Backoff:
    """Waits longer each time, with jitter, and ends at once when asked to stop."""

    def __init__(self, stop: threading.Event) -> None:
        self._stop = stop
        self._tries = 0
        self._random = secrets.SystemRandom()

    def wait(self) -> None:
        longest_s = min(BACKOFF_MAX_S, BACKOFF_FIRST_S * 2 ** min(self._tries, 10))
        self._tries += 1
        self._stop.wait(longest_s * self._random.uniform(0.5, 1.0))

    def reset(self) -> None:
        self._tries = 0


class ReportTaker(Protocol):
    """What a worker needs of the API; ``api.client.ApiClient`` is one."""

    def report(self, reports: Sequence[Report]) -> list[ReportAnswer]: ...


class Worker:
    """One consumer of the stream. First its own unfinished entries, then those left by others, then new ones."""

    def __init__(self, stream: EventStream, api: ReportTaker, settings: WorkerSettings, stop: threading.Event) -> None:
        self._stream = stream
        self._api = api
        self._settings = settings
        self._stop = stop
        self._backoff = _Backoff(stop)
        self._redis_outage = Outage("redis")
        self._api_outage = Outage("api")
        self._log: structlog.stdlib.BoundLogger = structlog.get_logger().bind(worker=settings.worker_name)
        self._set_aside = SetAside(self._log)
        self._resume()
        self._look_for_stuck_at = 0.0

    def _resume(self) -> None:
        """Goes back to what is pending under this worker's name, from its beginning."""
        self._resuming = True
        self._resumed_until = "0"

    def work(self) -> None:
        """Runs until asked to stop; outages are waited out."""
        while not self._stop.is_set():
            try:
                if self._resuming:
                    self._stream.check_durable(lossy=self._settings.lossy)
                    self._stream.create_group()
                batch = self._next_batch()
                self._redis_outage.back()
                self._handle(batch)
            except StreamUnavailable as error:
                self._resume()
                self._redis_outage.lost(error)
                self._backoff.wait()

    def _next_batch(self) -> list[StreamEntry]:
        name, count = self._settings.worker_name, self._settings.batch
        if self._resuming:
            if own := self._stream.own_pending(name, count=count, after=self._resumed_until):
                self._resumed_until = own[-1].entry_id
                return own
            self._resuming = False
        if time.monotonic() >= self._look_for_stuck_at:
            min_idle_ms = int(self._settings.stuck_after_s * 1000)
            if stuck := self._stream.claim_stuck(name, min_idle_ms=min_idle_ms, count=count):
                return stuck
            self._look_for_stuck_at = time.monotonic() + self._settings.stuck_after_s / 2
        return self._stream.read(name, count=count, block_ms=BLOCK_MS)

    def _handle(self, batch: Sequence[StreamEntry]) -> None:
        pairs = []
        for entry in batch:
            try:
                pairs.append(_Pair(entry, report_of(entry)))
            except EntryUnreadable as error:
                self._bury(entry, str(error))
        if pairs:
            self._report(pairs)

    def _report(self, pairs: Sequence[_Pair], *, patience: int = _FAULTS_BEFORE_NARROWING) -> None:
        """Reports and settles; what fails as a whole by its own fault is halved until only the guilty entry is left.

        After ``patience`` faults in a row the fault counts as the reports' own.
        """
        faults = 0
        while True:
            try:
                answers = self._api.report([pair.report for pair in pairs])
            except ApiUnavailable as error:
                if error.status == _FAULT and not self._set_aside.full:
                    faults += 1
                    if faults >= patience:
                        self._narrow_down(pairs, error, patience=1)
                        return
                else:
                    faults = 0
                    self._api_outage.lost(error)
            except ApiRefused as error:
                if error.status in _GUILTY_STATUSES:
                    self._narrow_down(pairs, error, patience=patience)
                    return
                self._api_outage.lost(error)
            else:
                self._api_outage.back()
                self._backoff.reset()
                self._settle(pairs, answers)
                return
            self._backoff.wait()
            if self._stop.is_set():
                self._resume()  # The entries stay pending; nothing is lost.
                return

    def _narrow_down(self, pairs: Sequence[_Pair], error: ApiUnavailable | ApiRefused, *, patience: int) -> None:
        if len(pairs) == 1:
            self._give_up(pairs[0].entry, error)
            return
        half = len(pairs) // 2
        self._report(pairs[:half], patience=patience)
        self._report(pairs[half:], patience=patience)

    def _give_up(self, entry: StreamEntry, error: ApiUnavailable | ApiRefused) -> None:
        """Buries what the API refuses. What it fails at stays pending, and is taken up again as left alone."""
        if isinstance(error, ApiRefused):
            self._bury(entry, f"the API refused it: {error.reason}")
        else:
            self._backoff.reset()
            self._set_aside.put(entry, str(error))

    def _settle(self, pairs: Sequence[_Pair], answers: Sequence[ReportAnswer]) -> None:
        done = []
        for pair, answer in zip(pairs, answers, strict=True):
            if answer.outcome is ReportOutcome.REFUSED:
                self._bury(pair.entry, f"the API refused it: {answer.reason}")
            else:
                done.append(pair.entry.entry_id)
        self._stream.ack(done)
        self._set_aside.settled(pair.entry.entry_id for pair in pairs)

    def _bury(self, entry: StreamEntry, reason: str) -> None:
        self._log.warning("event became a dead letter", entry_id=entry.entry_id, edge_id=entry.edge_id, reason=reason)
        self._stream.dead_letter(entry, reason)


def run(settings: WorkerSettings, stop: threading.Event) -> None:
    """Works until ``stop`` is set; the batch in hand is finished first, unless the API is away.

    Raises: StreamNotDurable: If Redis may lose what it confirmed and the settings do not accept that.
    """
    redis = connect(settings.redis_url)
    api = ApiClient(settings.api_url, settings.service_key)
    try:
        Worker(EventStream(redis, prefix=settings.stream_prefix), api, settings, stop).work()
    finally:
        api.close()
        redis.close()


def main() -> None:
    """``python -m ingest.worker``: runs with the settings of the environment until SIGTERM or SIGINT."""
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    run(WorkerSettings.from_environment(), stop)


if __name__ == "__main__":
    main()
