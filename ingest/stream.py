"""Keeps events between the gateway and the workers, in a Redis stream that loses nothing it confirmed."""

from __future__ import annotations

import secrets
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any, cast

import redis

from ingest.redis_link import StreamFull, StreamNotDurable, translated

GROUP = "workers"
SEEN_S = 86_400
STREAM_LIMIT = 1_000_000

# One script a POST: Redis runs and logs it as a whole, so that an event is marked as seen exactly when it is in the
# stream. The epoch is read in the same breath: it is the epoch of the stream that now holds the events.
_APPEND = """
if redis.call('XLEN', KEYS[1]) >= tonumber(ARGV[1]) then return false end
redis.call('SET', KEYS[2], ARGV[3], 'NX')
local outcomes = {}
for i = 3, #KEYS do
  local at = 4 + (i - 3) * 4
  if redis.call('SET', KEYS[i], '1', 'NX', 'EX', ARGV[2]) then
    redis.call('XADD', KEYS[1], '*', 'event', ARGV[at], 'edge_id', ARGV[at + 1],
               'received_at', ARGV[at + 2], 'request_id', ARGV[at + 3])
    outcomes[i - 2] = 'appended'
  else
    outcomes[i - 2] = 'duplicate'
  end
end
return {redis.call('GET', KEYS[2]), outcomes}
"""

# Whoever acknowledges the entry also buries it: two workers that hold the same entry leave one dead letter.
_DEAD_LETTER = """
if redis.call('XACK', KEYS[1], ARGV[1], ARGV[2]) == 0 then return 0 end
redis.call('XADD', KEYS[2], '*', unpack(ARGV, 3))
redis.call('XDEL', KEYS[1], ARGV[2])
return 1
"""


class Outcome(StrEnum):
    APPENDED = "appended"
    DUPLICATE = "duplicate"


@dataclass(frozen=True, slots=True)
class NewEntry:
    """One event to append: ``event`` is its JSON exactly as checked, ``received_at`` an aware UTC time."""

    event_id: str
    event: bytes
    edge_id: str
    received_at: datetime
    request_id: str


@dataclass(frozen=True, slots=True)
class Appended:
    """What became of each entry, in order, and the epoch of the stream that holds them."""

    epoch: str
    outcomes: list[Outcome]


@dataclass(frozen=True, slots=True)
class StreamEntry:
    """One event as it lies in the stream; nothing in it is trusted yet."""

    entry_id: str
    event: bytes
    edge_id: str
    received_at: str
    request_id: str


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """An entry that could not become a report, and why."""

    letter_id: str
    entry: StreamEntry
    reason: str
    failed_at: str


class EventStream:
    """The stream, its consumer group, its dead letters and its epoch, under one key prefix.

    The braces keep all keys of a stream in one slot of a Redis cluster, as its scripts need.
    Every method raises StreamUnavailable when Redis does not serve.
    """

    def __init__(self, client: redis.Redis, *, prefix: str = "streetcase", limit: int = STREAM_LIMIT) -> None:
        self._redis = client
        self._limit = limit
        self.key = f"{{{prefix}}}:events"
        self.dead_key = f"{{{prefix}}}:dead"
        self.epoch_key = f"{{{prefix}}}:epoch"
        self._seen_prefix = f"{{{prefix}}}:seen:"

    def ping(self) -> None:
        with translated():
            self._redis.ping()

    def create_group(self) -> None:
        """Creates stream and group where they are missing; the group starts at the first entry."""
        with translated():
            try:
                self._redis.xgroup_create(self.key, GROUP, id="0", mkstream=True)
            except redis.ResponseError as error:
                if not str(error).startswith("BUSYGROUP"):
                    raise

    def epoch(self) -> str:
        """Returns the stream's epoch, a random name given once; another name means that the stream is another."""
        with translated():
            self._redis.set(self.epoch_key, secrets.token_hex(8), nx=True)
            return _text(self._redis.get(self.epoch_key))

    def append(self, entries: Sequence[NewEntry]) -> Appended:
        """Appends what is not in the stream since a day; once this returns, the entries are as durable as Redis is.

        Raises: StreamFull: If the limit is reached; nothing was appended then.
        """
        # By edge: no edge can make another's event a duplicate.
        seen = (f"{self._seen_prefix}{entry.edge_id}:{entry.event_id}" for entry in entries)
        keys = [self.key, self.epoch_key, *seen]
        arguments: list[str | bytes | int] = [self._limit, SEEN_S, secrets.token_hex(8)]
        for entry in entries:
            arguments += [entry.event, entry.edge_id, entry.received_at.isoformat(), entry.request_id]
        with translated():
            answer = cast(Any, self._redis.eval(_APPEND, len(keys), *keys, *arguments))
        if answer is None:
            raise StreamFull(f"the stream holds its limit of {self._limit} events")
        return Appended(epoch=_text(answer[0]), outcomes=[Outcome(_text(outcome)) for outcome in answer[1]])

    def read(self, consumer: str, *, count: int, block_ms: int) -> list[StreamEntry]:
        """Returns entries that no consumer had yet; waits ``block_ms`` for the first."""
        return self._read_group(consumer, ">", count=count, block_ms=block_ms)

    def own_pending(self, consumer: str, *, count: int, after: str = "0") -> list[StreamEntry]:
        """Returns the oldest entries behind entry ``after`` that ``consumer`` was given and never acknowledged."""
        return self._read_group(consumer, after, count=count, block_ms=None)

    def _read_group(self, consumer: str, start: str, *, count: int, block_ms: int | None) -> list[StreamEntry]:
        with translated():
            try:
                answer = self._redis.xreadgroup(GROUP, consumer, {self.key: start}, count=count, block=block_ms)
            except redis.ResponseError as error:
                self._create_missing_group(error)
                return []
        return self._entries(cast(list[Any], answer)[0][1]) if answer else []

    def _create_missing_group(self, error: redis.ResponseError) -> None:
        """Makes the group again where Redis came back without it; any other error goes on."""
        if not str(error).startswith("NOGROUP"):
            raise error
        self.create_group()

    def claim_stuck(self, consumer: str, *, min_idle_ms: int, count: int) -> list[StreamEntry]:
        """Takes over entries that another consumer was given and left alone for ``min_idle_ms``."""
        cursor = "0-0"
        while True:
            with translated():
                try:
                    raw = self._redis.xautoclaim(self.key, GROUP, consumer, min_idle_ms, cursor, count=count)
                except redis.ResponseError as error:
                    self._create_missing_group(error)
                    return []
            cursor, entries = _text(raw[0]), self._entries(raw[1])
            if entries or cursor == "0-0":
                return entries

    def _entries(self, raw: Iterable[tuple[bytes, dict[bytes, bytes]]]) -> list[StreamEntry]:
        """Reads raw entries; one that was deleted while pending has no fields left, and is let go."""
        found = []
        for entry_id, fields in raw:
            if fields:
                found.append(_entry(_text(entry_id), fields))
            else:
                self.ack([_text(entry_id)])
        return found

    def ack(self, entry_ids: Sequence[str]) -> None:
        """Acknowledges and removes entries in one step, so the stream holds what is not yet done and no more."""
        if not entry_ids:
            return
        with translated(), self._redis.pipeline(transaction=True) as both:
            both.xack(self.key, GROUP, *entry_ids)
            both.xdel(self.key, *entry_ids)
            both.execute()

    def dead_letter(self, entry: StreamEntry, reason: str) -> None:
        """Moves an entry, byte for byte, to the dead letters; a repetition changes nothing."""
        fields: list[str | bytes] = ["entry_id", entry.entry_id, "reason", reason]
        fields += ["failed_at", datetime.now(UTC).isoformat(), "event", entry.event, "edge_id", entry.edge_id]
        fields += ["received_at", entry.received_at, "request_id", entry.request_id]
        with translated():
            self._redis.eval(_DEAD_LETTER, 2, self.key, self.dead_key, GROUP, entry.entry_id, *fields)

    def dead_letters(self, *, count: int = 100) -> list[DeadLetter]:
        """Returns the oldest dead letters."""
        with translated():
            raw = cast(list[Any], self._redis.xrange(self.dead_key, count=count))
        return [_letter(_text(letter_id), fields) for letter_id, fields in raw]

    def dead_letter_count(self) -> int:
        with translated():
            return int(self._redis.xlen(self.dead_key))

    def length(self) -> int:
        """Returns how many events wait or are in hand."""
        with translated():
            return int(self._redis.xlen(self.key))

    def check_durable(self, *, lossy: bool) -> None:
        """Checks that Redis writes to disk before it confirms.

        Raises: StreamNotDurable: If it does not and ``lossy`` is false; the message names expected and got.
        """
        self.ping()
        if lossy:
            return
        got = self._settings(*(name for name, _ in _DURABLE), "maxmemory", "maxmemory-policy")
        faults = [f"{name} is {got.get(name)!r}, expected {want!r}" for name, want in _DURABLE if got.get(name) != want]
        if got.get("maxmemory") != "0" and got.get("maxmemory-policy", "").startswith("allkeys"):
            faults.append(f"maxmemory-policy is {got['maxmemory-policy']!r}, expected 'noeviction'")
        if faults:
            raise StreamNotDurable(
                f"Redis may lose events that it confirmed: {'; '.join(faults)}. Set them with CONFIG SET and in "
                "redis.conf, or accept loss with STREETCASE_LOSSY=1"
            )

    def _settings(self, *names: str) -> dict[str, str]:
        with translated():
            try:
                answer = cast(dict[Any, Any], self._redis.config_get(*names))
            except redis.ResponseError as error:
                raise StreamNotDurable(
                    f"Redis does not tell its settings ({error}); allow CONFIG GET, or accept loss with "
                    "STREETCASE_LOSSY=1"
                ) from error
        return {_text(name): _text(value) for name, value in answer.items()}


# The last one: with yes, Redis confirms without writing to disk for as long as it rewrites its file.
_DURABLE = (("appendonly", "yes"), ("appendfsync", "always"), ("no-appendfsync-on-rewrite", "no"))


def _text(raw: Any) -> str:
    return raw.decode("utf-8", "replace") if isinstance(raw, bytes) else str(raw)


def _entry(entry_id: str, fields: dict[bytes, bytes]) -> StreamEntry:
    return StreamEntry(
        entry_id=entry_id,
        event=fields.get(b"event", b""),
        edge_id=_text(fields.get(b"edge_id", b"")),
        received_at=_text(fields.get(b"received_at", b"")),
        request_id=_text(fields.get(b"request_id", b"")),
    )


def _letter(letter_id: str, fields: dict[bytes, bytes]) -> DeadLetter:
    return DeadLetter(
        letter_id=letter_id,
        entry=_entry(_text(fields.get(b"entry_id", b"")), fields),
        reason=_text(fields.get(b"reason", b"")),
        failed_at=_text(fields.get(b"failed_at", b"")),
    )
