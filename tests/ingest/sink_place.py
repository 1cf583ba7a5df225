"""The streams of sinks, as the worker fills them."""

from __future__ import annotations

import uuid
from collections.abc import Sequence

from ingest.contract import Event
from ingest.dead_letters import SinkDeadLetters
from ingest.redis_link import connect
from ingest.sinks.stream import SinkStream
from ingest.stream_keys import StreamKeys
from tests.services.processes import wait_until


class Place:
    """The streams of sinks under a prefix of their own."""

    def __init__(self, redis_url: str) -> None:
        self.redis_url = redis_url
        self.client = connect(redis_url, retries=0)
        self.prefix = f"test-{uuid.uuid4().hex[:12]}"

    def stream(self, name: str) -> SinkStream:
        return SinkStream(self.client, name, prefix=self.prefix)

    def letters(self, name: str) -> SinkDeadLetters:
        return SinkDeadLetters(self.client, name, prefix=self.prefix)

    def add(self, name: str, *events: Event | bytes) -> None:
        """Appends as the worker does."""
        for number, event in enumerate(events):
            body = event if isinstance(event, bytes) else event.model_dump_json(exclude_none=True).encode()
            fields = {"entry_id": f"{number}-1", "partition": "0", "event": body, "edge_id": "edge-1"}
            self.client.xadd(StreamKeys(self.prefix).sink(name), fields)  # type: ignore[arg-type]

    def wait_done(self, name: str, *, left: int = 0) -> None:
        wait_until(lambda: self.stream(name).counts().waiting == left, timeout_s=15, what=f"{left} wait for {name}")


def ids(events: Sequence[Event]) -> list[str]:
    return [str(event.event_id) for event in events]
