"""Names the keys of one stream in Redis."""

from __future__ import annotations

from zlib import crc32


class StreamKeys:
    """The keys under one prefix. Its braces keep them all in one slot of a Redis cluster, as the scripts need."""

    def __init__(self, prefix: str) -> None:
        self._prefix = f"{{{prefix}}}:"
        self.partitions = self._prefix + "partitions"
        self.epoch = self._prefix + "epoch"
        self.replication_id = self._prefix + "replid"
        self.epochs = self._prefix + "epochs"
        self.heard_at = self._prefix + "heard_at"
        self.attempts = self._prefix + "attempts"
        self.dead = self._prefix + "dead"
        self.workers = self._prefix + "workers"
        self.leases = self._prefix + "leases"

    def events(self, partition: int) -> str:
        return f"{self._prefix}events:{partition}"

    def seen(self, *, edge_id: str, event_id: str) -> str:
        """By edge: no edge can make another's event a duplicate."""
        return f"{self._prefix}seen:{edge_id}:{event_id}"

    def sink(self, name: str) -> str:
        return f"{self._prefix}sink:{name}"

    def sink_dead(self, name: str) -> str:
        return f"{self._prefix}sink:{name}:dead"


def partition_of(edge_id: str, source: str, *, partitions: int) -> int:
    """Returns the partition of a source; what comes from one source lies in one partition, and so in one order."""
    return crc32(f"{edge_id}\0{source}".encode("utf-8", "replace")) % partitions
