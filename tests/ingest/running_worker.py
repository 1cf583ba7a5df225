"""A worker in a thread, with an API that does as its test says and an archive in memory."""

from __future__ import annotations

import json
import threading
import uuid
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path

import redis

from api.client import ApiUnavailable
from api.schemas import ReportAnswer, ReportOutcome
from ingest.dead_letters import DeadLetters
from ingest.settings import WorkerSettings
from ingest.settled import ArchiveUnavailable
from ingest.stream import EventStream, NewEntry, StreamEntry
from ingest.worker import Worker
from tests.ingest.entries import entries_for
from tests.services.processes import wait_until

Judge = Callable[[list[uuid.UUID]], list[ReportAnswer]]

FAULT = ApiUnavailable("the API answered 500: a fault of its own", status=500)


class FakeApi:
    """Answers as its judge says of the ids of reports, and remembers how many each call carried."""

    def __init__(self) -> None:
        self.judge: Judge = self.take
        self.calls: list[int] = []
        self.taken: set[uuid.UUID] = set()
        self.order: list[uuid.UUID] = []

    def report_raw(self, reports: Sequence[bytes]) -> list[ReportAnswer]:
        self.calls.append(len(reports))
        return self.judge([uuid.UUID(json.loads(report)["report_id"]) for report in reports])

    def take(self, report_ids: list[uuid.UUID]) -> list[ReportAnswer]:
        self.taken |= set(report_ids)
        self.order += report_ids
        return [ReportAnswer(report_id=report_id, outcome=ReportOutcome.NEW_CASE) for report_id in report_ids]


class ListArchive:
    """An archive in memory, with a disk that may be full."""

    def __init__(self) -> None:
        self.entries: list[StreamEntry] = []
        self.tries = 0
        self.full = False

    def write(self, entries: Sequence[StreamEntry]) -> None:
        self.tries += 1
        if self.full:
            raise ArchiveUnavailable("no space left on device")
        self.entries += entries


class Running:
    """A worker in a thread, beside its stream, its API and its archive."""

    def __init__(
        self,
        client: redis.Redis,
        prefix: str,
        *,
        name: str = "a",
        stuck_after_s: float = 60,
        partitions: int = 16,
        sinks: Sequence[str] = (),
    ) -> None:
        self.stream = EventStream(client, prefix=prefix, partitions=partitions)
        self.letters = DeadLetters(client, prefix=prefix)
        self._client = client
        self.api = FakeApi()
        self.archive = ListArchive()
        self._stop = threading.Event()
        settings = WorkerSettings(
            redis_url="",
            api_url="",
            service_key="",
            worker_name=name,
            archive_dir=Path("archive"),
            batch=50,
            attempts=3,
            partitions=partitions,
            stuck_after_s=stuck_after_s,
        )
        worker = Worker(self.stream, self.api, settings, self._stop, archive=self.archive, sinks=sinks, block_ms=50)
        self._thread = threading.Thread(target=worker.work)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self._stop.set()
        if self._thread.ident:
            self._thread.join(10)
            assert not self._thread.is_alive()

    def append(self, count: int, *, sources: int = 1) -> list[uuid.UUID]:
        """Appends events that come from ``sources`` cameras in turn."""
        event_ids = [uuid.uuid4() for _ in range(count)]
        self.stream.append([event_entry(event_id, f"camera/{n % sources}") for n, event_id in enumerate(event_ids)])
        return event_ids

    def heard_by(self, sink: str) -> list[bytes]:
        """Returns the events in a sink's stream."""
        return [entry.event for entry in entries_for(self._client, self.stream, sink)]

    def wait_drained(self) -> None:
        self.wait_left(0)

    def wait_left(self, count: int) -> None:
        wait_until(lambda: self.stream.length() == count, timeout_s=15, what=f"{count} events are left")

    def fail_at(self, *event_ids: uuid.UUID) -> None:
        """From now on the API answers 500 to every call that carries one of these."""

        def judge(report_ids: list[uuid.UUID]) -> list[ReportAnswer]:
            if set(event_ids) & set(report_ids):
                raise FAULT
            return self.api.take(report_ids)

        self.api.judge = judge


def event_entry(event_id: uuid.UUID, source: str = "camera/c") -> NewEntry:
    now = datetime.now(UTC)
    event = (
        f'{{"event_id": "{event_id}", "incident_id": "{uuid.uuid4()}", "phase": "raised", "edge_id": "edge-1",'
        f' "source": {{"type": "camera", "id": "c"}}, "kind": "burning", "watch_id": "w",'
        f' "first_seen_at": "{now.isoformat()}", "occurred_at": "{now.isoformat()}"}}'
    )
    return NewEntry(str(event_id), event.encode(), "edge-1", source, now, "request-1")
