"""The stream of one sink in Redis: what waits for it, its lease and its memory."""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, cast

import redis

from ingest.entries import StreamEntry, read_moved_entry, text_of
from ingest.redis_link import translated
from ingest.stream_keys import StreamKeys
from ingest.stream_scripts import ALLOW_OOM, CREATE_GROUP

GROUP = "sink"
RUNNER = "runner"
LEASE_MS = 5000

# Byte for byte into the dead letters, with the reason. Whoever acknowledges the entry also buries it.
_DEAD_LETTER = f"""{ALLOW_OOM}
local found = redis.call('XRANGE', KEYS[1], ARGV[2], ARGV[2])[1]
if redis.call('XACK', KEYS[1], ARGV[1], ARGV[2]) == 0 or not found then return 0 end
redis.call('XADD', KEYS[2], '*', 'reason', ARGV[3], 'failed_at', ARGV[4], 'attempts', ARGV[5], unpack(found[2]))
redis.call('XDEL', KEYS[1], ARGV[2])
return 1
"""

_HOLD = f"""{ALLOW_OOM}
local holder = redis.call('GET', KEYS[1])
if holder and holder ~= ARGV[1] then return 0 end
redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])
return 1
"""

_KEEP = f"""{ALLOW_OOM}
redis.call('HSET', KEYS[1], ARGV[1], ARGV[2])
"""

_RELEASE = """
if redis.call('GET', KEYS[1]) == ARGV[1] then redis.call('DEL', KEYS[1]) end
return 1
"""


@dataclass(frozen=True, slots=True)
class Waiting:
    """An entry that waits for a sink, and its id in the sink's own stream."""

    waiting_id: str
    entry: StreamEntry


@dataclass(frozen=True, slots=True)
class SinkCounts:
    """``waiting`` includes what is in hand."""

    waiting: int
    dead: int


class SinkStream:
    """The worker appends to it; one runner at a time, whoever holds the lease, takes from it in order.

    Every method raises StreamUnavailable when Redis does not serve.
    """

    def __init__(self, client: redis.Redis, name: str, *, prefix: str) -> None:
        self._redis = client
        keys = StreamKeys(prefix)
        self._key, self._dead_key = keys.sink(name), keys.sink_dead(name)
        self._lease_key = f"{self._key}:lease"
        self._memory_key = f"{self._key}:memory"
        self._token = secrets.token_hex(8)

    def create_group(self) -> None:
        """Creates stream and group where they are missing; the group starts at the first entry."""
        with translated():
            self._redis.eval(CREATE_GROUP, 1, self._key, GROUP)

    def hold(self) -> bool:
        """Takes or renews the lease; False while another runner holds it."""
        with translated():
            return bool(self._redis.eval(_HOLD, 1, self._lease_key, self._token, LEASE_MS))

    def release(self) -> None:
        with translated():
            self._redis.eval(_RELEASE, 1, self._lease_key, self._token)

    def unfinished(self, *, count: int) -> list[Waiting]:
        """Returns the oldest entries that a runner was given and never settled."""
        return self._read("0", count=count, block_ms=None)

    def read(self, *, count: int, block_ms: int) -> list[Waiting]:
        """Returns entries that no runner had yet; waits ``block_ms`` for the first."""
        return self._read(">", count=count, block_ms=block_ms)

    def _read(self, start: str, *, count: int, block_ms: int | None) -> list[Waiting]:
        with translated():
            try:
                answer = self._redis.xreadgroup(GROUP, RUNNER, {self._key: start}, count=count, block=block_ms)
            except redis.ResponseError as error:
                if not str(error).startswith("NOGROUP"):
                    raise
                self.create_group()  # Redis came back without it.
                return []
        return self._waiting(cast(list[Any], answer)[0][1]) if answer else []

    def _waiting(self, raw: Sequence[tuple[bytes, dict[bytes, bytes]]]) -> list[Waiting]:
        """Reads raw entries; one that was deleted while pending has no fields left, and is let go."""
        found = []
        for waiting_id, fields in raw:
            if fields:
                found.append(Waiting(text_of(waiting_id), read_moved_entry(fields)))
            else:
                self.settle(text_of(waiting_id))
        return found

    def settle(self, waiting_id: str) -> None:
        """Acknowledges and removes an entry in one step."""
        with translated(), self._redis.pipeline(transaction=True) as both:
            both.xack(self._key, GROUP, waiting_id)
            both.xdel(self._key, waiting_id)
            both.execute()

    def dead_letter(self, waiting_id: str, reason: str, *, attempts: int) -> None:
        """Moves an entry, byte for byte, to the dead letters; a repetition changes nothing."""
        now = datetime.now(UTC).isoformat()
        with translated():
            self._redis.eval(_DEAD_LETTER, 2, self._key, self._dead_key, GROUP, waiting_id, reason, now, attempts)

    def counts(self) -> SinkCounts:
        with translated():
            return SinkCounts(waiting=int(self._redis.xlen(self._key)), dead=int(self._redis.xlen(self._dead_key)))

    def recall(self, key: str) -> str | None:
        """Returns what the sink keeps under ``key``."""
        with translated():
            found = cast(bytes | None, self._redis.hget(self._memory_key, key))
        return None if found is None else text_of(found)

    def keep(self, key: str, value: str) -> None:
        with translated():
            self._redis.eval(_KEEP, 1, self._memory_key, key, value)
