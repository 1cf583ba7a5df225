"""Reads the partitions that it holds, and takes every event in them to its end: case, dead letter, or still waiting."""

from __future__ import annotations

import signal
import threading
import time
from collections.abc import Sequence

import structlog

from api.client import ApiClient
from ingest.archive import DailyArchive
from ingest.entries import StreamEntry
from ingest.leases import LeaseKeeper
from ingest.outage import Outage
from ingest.patience import Patience
from ingest.redis_link import StreamUnavailable, connect
from ingest.reporting import Reporter, ReportTaker
from ingest.set_aside import SetAside
from ingest.settings import WorkerSettings
from ingest.settled import Archive
from ingest.sinks import sink_names
from ingest.stream import EventStream

BLOCK_MS = 500
WITHOUT_PARTITION_S = 0.1


class Worker:
    """One reader of the partitions that its leases give it, each in order.

    Of a partition that is new to it, first what others read and left, then what is new. After an outage of Redis, all
    partitions are new to it: an answer with entries may be lost. It waits ``block_ms`` for what is new, at a time.
    """

    def __init__(
        self,
        stream: EventStream,
        api: ReportTaker,
        settings: WorkerSettings,
        stop: threading.Event,
        *,
        archive: Archive,
        sinks: Sequence[str] = (),
        block_ms: int = BLOCK_MS,
    ) -> None:
        self._stream = stream
        self._block_ms = block_ms
        self._settings = settings
        self._stop = stop
        self._keeper = LeaseKeeper(stream.leases(worker=settings.worker_name, ttl_s=settings.stuck_after_s))
        self._patience = Patience(stop)
        self._redis_outage = Outage("redis")
        log = structlog.get_logger().bind(worker=settings.worker_name)
        set_aside = SetAside(log, proven_within_s=settings.stuck_after_s)
        self._reporter = Reporter(
            stream, api, archive, sinks=sinks, set_aside=set_aside, attempts=settings.attempts, stop=stop, log=log
        )
        self._known: dict[int, int] = {}
        self._resume_after: dict[int, str] = {}
        self._is_checked = False
        self._look_for_stuck_at = 0.0

    def work(self) -> None:
        """Runs until asked to stop; outages are waited out. Raises: StreamNotDurable."""
        self._keeper.start()
        try:
            while not self._stop.is_set():
                try:
                    self._turn()
                except StreamUnavailable as error:
                    self._known = {}
                    self._is_checked = False
                    self._redis_outage.lost(error)
                    self._patience.wait()
        finally:
            self._keeper.stop()

    def _turn(self) -> None:
        if not self._is_checked:
            self._stream.check_durable(lossy=self._settings.lossy)
            self._is_checked = True
        self._keeper.give_up_surplus()
        self._learn(self._keeper.held())
        entries = self._next_entries()
        self._redis_outage.back()
        self._patience.reset()
        for start in range(0, len(entries), self._settings.batch):
            if not self._stop.is_set():
                self._reporter.handle(entries[start : start + self._settings.batch])

    def _learn(self, held: dict[int, int]) -> None:
        """Notes which partitions are new, and must be gone through from the beginning of what is pending in them."""
        new = [partition for partition, given in held.items() if self._known.get(partition) != given]
        self._resume_after = {p: after for p, after in self._resume_after.items() if p in held and p not in new}
        self._resume_after |= dict.fromkeys(new, "0-0")
        self._known = held

    def _next_entries(self) -> list[StreamEntry]:
        if not self._known:
            self._stop.wait(WITHOUT_PARTITION_S)
            return []
        if self._resume_after:
            return self._left_by_others()
        if time.monotonic() >= self._look_for_stuck_at:
            self._look_for_stuck_at = time.monotonic() + self._settings.stuck_after_s / 2
            if stuck := self._stuck():
                return stuck
        return self._stream.read(self._known, count=self._settings.batch, block_ms=self._block_ms)

    def _left_by_others(self) -> list[StreamEntry]:
        entries = []
        for partition, after in list(self._resume_after.items()):
            go_on, found = self._stream.claim(partition, after=after, count=self._settings.batch)
            entries += found
            if go_on == "0-0":
                del self._resume_after[partition]
            else:
                self._resume_after[partition] = go_on
        return entries

    def _stuck(self) -> list[StreamEntry]:
        """Returns what was set aside long enough ago, and what a worker read after it had lost its lease."""
        entries, min_idle_ms = [], int(self._settings.stuck_after_s * 1000)
        for partition in self._known:
            go_on = ""
            while go_on != "0-0":
                go_on, found = self._stream.claim(
                    partition, after=go_on or "0-0", min_idle_ms=min_idle_ms, count=self._settings.batch
                )
                entries += found
        return entries


def run(settings: WorkerSettings, stop: threading.Event) -> None:
    """Works until ``stop`` is set; the batch in hand is finished first, unless the API is away.

    Raises: StreamNotDurable: If Redis may lose what it confirmed and the settings do not accept that.
    SinksError: If the file of sinks does not fit.
    """
    sinks = sink_names(settings.sinks_file)
    # Without repetition: entries whose answer was lost must be found again before any later ones are read.
    redis = connect(settings.redis_url, retries=0)
    api = ApiClient(settings.api_url, settings.service_key)
    archive = DailyArchive(settings.archive_dir, writer=settings.worker_name)
    stream = EventStream(redis, prefix=settings.stream_prefix, partitions=settings.partitions)
    try:
        Worker(stream, api, settings, stop, archive=archive, sinks=sinks).work()
    finally:
        archive.close()
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
