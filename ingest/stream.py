"""Keeps events between the gateway and the workers, in Redis streams that lose nothing they confirmed."""

from __future__ import annotations

import secrets
from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from typing import Any, cast

import redis

from ingest import stream_scripts
from ingest.durability import check_settings
from ingest.entries import Appended, DeadLetter, NewEntry, Outcome, StreamEntry, read_entry, text_of
from ingest.leases import Leases
from ingest.redis_link import StreamFull, StreamNotDurable, translated
from ingest.stream_keys import StreamKeys, partition_of

__all__ = ["Appended", "DeadLetter", "EventStream", "NewEntry", "Outcome", "StreamEntry"]

GROUP = "workers"
SEEN_S = 86_400
STREAM_LIMIT = 1_000_000
PARTITIONS = 16

# One name for all: who may read a partition is told by its lease, so nothing depends on it, and no names pile up.
_CONSUMER = "worker"


class EventStream:
    """The stream, divided into partitions by source, with its epoch, under one key prefix.

    ``partitions`` is for a new stream; one that exists keeps its number. ``limit`` counts all events in it.
    Every method raises StreamUnavailable when Redis does not serve.
    """

    def __init__(
        self,
        client: redis.Redis,
        *,
        prefix: str = "streetcase",
        limit: int = STREAM_LIMIT,
        partitions: int = PARTITIONS,
    ) -> None:
        self._redis = client
        self._limit = limit
        self._new_partitions = partitions
        self._partitions: int | None = None
        self.prefix = prefix
        self.keys = StreamKeys(prefix)

    def ping(self) -> None:
        with translated():
            self._redis.ping()

    def partitions(self) -> int:
        """Returns how many partitions the stream has; a new one has the number asked for from now on."""
        with translated():
            fixed = self._eval(stream_scripts.PARTITIONS, [self.keys.partitions], self._new_partitions)
        self._partitions = int(fixed)
        return self._partitions

    def leases(self, *, worker: str, ttl_s: float) -> Leases:
        """Returns the leases of a worker that counts as dead ``ttl_s`` after its last sign of life."""
        return Leases(self._redis, self.keys, worker=worker, ttl_s=ttl_s, partitions=self._new_partitions)

    def create_group(self) -> None:
        """Creates streams and groups where they are missing; the groups start at the first entry."""
        self._create_groups(range(self.partitions()))

    def _create_groups(self, partitions: Iterable[int]) -> None:
        for partition in partitions:
            with translated():
                self._eval(stream_scripts.CREATE_GROUP, [self.keys.events(partition)], GROUP)

    def epoch(self) -> str:
        """Returns the stream's epoch, a random name; another name means that it may lack what it had confirmed."""
        return self.append([]).epoch

    def append(self, entries: Sequence[NewEntry], *, known_epoch: str = "") -> Appended:
        """Appends what is not in the stream since a day; once this returns, the entries are as durable as Redis is.

        ``known_epoch`` is the last that their edge knows: only for what was lost since then is it asked again.
        Raises: StreamFull: If the limit is reached; nothing was appended then.
        """
        while True:
            partitions = self._partitions or self.partitions()
            answer = self._append(entries, partitions, known_epoch)
            state = text_of(answer[0])
            if state == "full":
                raise StreamFull(f"the stream holds its limit of {self._limit} events")
            if state == "done":
                outcomes = [Outcome(text_of(outcome)) for outcome in answer[3]]
                return Appended(text_of(answer[1]), _moment(text_of(answer[2])), outcomes)
            self._partitions = int(answer[1])  # This Redis holds another stream than the one that was known.

    def _append(self, entries: Sequence[NewEntry], partitions: int, known_epoch: str) -> list[Any]:
        names = self.keys
        keys = [*self._epoch_keys(), names.partitions, *(names.events(number) for number in range(partitions))]
        keys += [names.seen(edge_id=entry.edge_id, event_id=entry.event_id) for entry in entries]
        now_ms = int(datetime.now(UTC).timestamp() * 1000)
        arguments: list[str | bytes | int] = [partitions, self._limit, SEEN_S, _new_name(), now_ms, known_epoch]
        for entry in entries:
            partition = partition_of(entry.edge_id, entry.source, partitions=partitions)
            arguments += [partition, entry.event, entry.edge_id, entry.source]
            arguments += [entry.received_at.isoformat(), entry.request_id]
        with translated():
            return cast(list[Any], self._eval(stream_scripts.APPEND, keys, *arguments))

    def read(self, partitions: Iterable[int], *, count: int, block_ms: int) -> list[StreamEntry]:
        """Returns up to ``count`` entries of each partition that nobody had yet; waits ``block_ms`` for the first."""
        partition_of_key = {self.keys.events(partition): partition for partition in partitions}
        with translated():
            try:
                answer = self._redis.xreadgroup(
                    GROUP, _CONSUMER, dict.fromkeys(partition_of_key, ">"), count=count, block=block_ms
                )
            except redis.ResponseError as error:
                self._create_missing_groups(error, partition_of_key.values())
                return []
        found = []
        for key, raw in cast(list[Any], answer or []):
            found += _entries(raw, partition_of_key[text_of(key)])
        return found

    def claim(
        self, partition: int, *, after: str = "0-0", min_idle_ms: int = 0, count: int
    ) -> tuple[str, list[StreamEntry]]:
        """Takes over entries that were read, not settled, and then left alone for ``min_idle_ms``, the oldest first.

        Returns where to go on, "0-0" at the end; entries may be few or none before it.
        """
        with translated():
            try:
                raw = cast(
                    Any,
                    self._redis.xautoclaim(
                        self.keys.events(partition), GROUP, _CONSUMER, min_idle_ms, start_id=after, count=count
                    ),
                )
            except redis.ResponseError as error:
                self._create_missing_groups(error, [partition])
                return "0-0", []
        return text_of(raw[0]), _entries(raw[1], partition)

    def _create_missing_groups(self, error: redis.ResponseError, partitions: Iterable[int]) -> None:
        """Makes the groups again where Redis came back without them; any other error goes on."""
        if not str(error).startswith("NOGROUP"):
            raise error
        self._create_groups(partitions)

    def settle(self, entries: Sequence[StreamEntry], sinks: Sequence[str] = ()) -> None:
        """Lets go of entries and hands them to the sinks in one step: the stream holds what is not done and no more."""
        if not entries:
            return
        ids_of: dict[int, list[str]] = defaultdict(list)
        for entry in entries:
            ids_of[entry.partition].append(entry.entry_id)
        keys = [self.keys.attempts, *(self.keys.sink(name) for name in sinks), *(self.keys.events(p) for p in ids_of)]
        arguments: list[str | int] = [GROUP, len(sinks)]
        for partition, ids in ids_of.items():
            arguments += [partition, len(ids), *ids]
        with translated():
            self._eval(stream_scripts.SETTLE, keys, *arguments)

    def count_attempt(self, entry: StreamEntry) -> int:
        """Counts, durably, that the API failed at an entry; returns how often it did so far."""
        with translated():
            return int(self._eval(stream_scripts.COUNT_ATTEMPT, [self.keys.attempts], entry.place))

    def bury(self, entry: StreamEntry, reason: str) -> None:
        """Moves an entry, byte for byte, to the dead letters; a repetition changes nothing."""
        keys = [self.keys.events(entry.partition), self.keys.dead, self.keys.attempts]
        failed_at = datetime.now(UTC).isoformat()
        with translated():
            self._eval(stream_scripts.BURY, keys, GROUP, entry.entry_id, entry.partition, reason, failed_at)

    def dead_letter_count(self) -> int:
        with translated():
            return int(self._redis.xlen(self.keys.dead))

    def length(self) -> int:
        """Returns how many events wait or are in hand."""
        keys = [self.keys.events(number) for number in range(self.partitions())]
        with translated():
            return int(self._eval(stream_scripts.LENGTH, keys))

    def check_durable(self, *, lossy: bool) -> None:
        """Checks that Redis writes to disk before it confirms, and begins an epoch where it may have forgotten.

        Raises: StreamNotDurable: If it does not and ``lossy`` is false; the message names expected and got.
        """
        with translated():
            fault = self._eval(stream_scripts.CHECK_EPOCH, self._epoch_keys(), _new_name())
        if lossy:
            return
        if fault is not None:
            raise StreamNotDurable(
                f"Redis does not tell whether it is still the same ({text_of(fault)}); allow INFO, or accept loss "
                "with STREETCASE_LOSSY=1"
            )
        check_settings(self._redis)

    def _epoch_keys(self) -> list[str]:
        names = self.keys
        return [names.epoch, names.replication_id, names.epochs, names.heard_at]

    def _eval(self, script: str, keys: Sequence[str], *arguments: str | bytes | int) -> Any:
        return self._redis.eval(script, len(keys), *keys, *arguments)


def _new_name() -> str:
    return secrets.token_hex(8)


def _moment(milliseconds: str) -> datetime | None:
    return datetime.fromtimestamp(int(milliseconds) / 1000, UTC) if int(milliseconds) else None


def _entries(raw: Iterable[tuple[bytes, dict[bytes, bytes] | None]], partition: int) -> list[StreamEntry]:
    return [read_entry(entry_id, fields, partition=partition) for entry_id, fields in raw if fields]
