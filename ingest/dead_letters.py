"""Lists dead letters, replays them and drops them: those of the stream, or of a sink."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any, cast

import redis

from ingest.entries import DeadLetter, read_letter
from ingest.redis_link import translated
from ingest.stream_keys import StreamKeys, partition_of

_LETTER_ID = re.compile(r"\d{1,19}-\d{1,19}")
_WHY_DEAD = ("reason", "failed_at", "attempts")
_WHERE_IT_LAY = ("entry_id", "partition")

# Back into a stream and out of the dead letters in one step: never lost in between, never there twice.
# KEYS: dead, a stream. ARGV: the letter's id, the names of the fields that dying has added.
_REPLAY = """
local found = redis.call('XRANGE', KEYS[1], ARGV[1], ARGV[1])[1]
if not found then return 0 end
local added = {}
for i = 2, #ARGV do added[ARGV[i]] = true end
local fields = {}
for i = 1, #found[2], 2 do
  if not added[found[2][i]] then
    fields[#fields + 1] = found[2][i]
    fields[#fields + 1] = found[2][i + 1]
  end
end
redis.call('XADD', KEYS[2], '*', unpack(fields))
redis.call('XDEL', KEYS[1], ARGV[1])
return 1
"""


class LetterStream:
    """The dead letters under one key. Every method raises StreamUnavailable when Redis does not serve.

    A text that is no letter's id names no letter.
    """

    def __init__(self, client: redis.Redis, dead_key: str) -> None:
        self._redis = client
        self._dead_key = dead_key

    def letters(self, *, after: str = "-", count: int = 100) -> list[DeadLetter]:
        """Returns the oldest letters behind the letter ``after``; "-" begins with the first."""
        if after != "-" and not _LETTER_ID.fullmatch(after):
            return []
        start = after if after == "-" else f"({after}"
        with translated():
            raw = cast(Any, self._redis.xrange(self._dead_key, min=start, count=count))
        return [read_letter(letter_id, fields) for letter_id, fields in raw]

    def find(self, letter_id: str) -> DeadLetter | None:
        if not _LETTER_ID.fullmatch(letter_id):
            return None
        with translated():
            raw = cast(Any, self._redis.xrange(self._dead_key, min=letter_id, max=letter_id))
        return read_letter(*raw[0]) if raw else None

    def drop(self, letter_id: str) -> bool:
        """Removes a letter for ever; False where there is no such letter (any more)."""
        if not _LETTER_ID.fullmatch(letter_id):
            return False
        with translated():
            return bool(self._redis.xdel(self._dead_key, letter_id))

    def count(self) -> int:
        with translated():
            return int(self._redis.xlen(self._dead_key))

    def _put_back(self, letter_id: str, stream: str, *, without: Iterable[str]) -> bool:
        with translated():
            return bool(self._redis.eval(_REPLAY, 2, self._dead_key, stream, letter_id, *without))


class DeadLetters(LetterStream):
    """The dead letters of the stream itself: what the API would not take."""

    def __init__(self, client: redis.Redis, *, prefix: str = "streetcase") -> None:
        self._keys = StreamKeys(prefix)
        super().__init__(client, self._keys.dead)

    def replay(self, letter_id: str) -> bool:
        """Puts a letter's entry back among those of its source; False where there is no such letter (any more).

        That its event was seen before is no hindrance.
        """
        letter = self.find(letter_id)
        if letter is None:
            return False
        with translated():
            # Not where it lay: the stream may have another number of partitions since, and nobody reads the others.
            partitions = int(cast(bytes | None, self._redis.get(self._keys.partitions)) or 1)
        partition = partition_of(letter.entry.edge_id, letter.entry.source, partitions=partitions)
        return self._put_back(letter_id, self._keys.events(partition), without=(*_WHY_DEAD, *_WHERE_IT_LAY))


class SinkDeadLetters(LetterStream):
    """The dead letters of one sink."""

    def __init__(self, client: redis.Redis, name: str, *, prefix: str) -> None:
        keys = StreamKeys(prefix)
        super().__init__(client, keys.sink_dead(name))
        self._key = keys.sink(name)

    def sink_is_known(self) -> bool:
        """Says whether this sink ever had anything waiting; another name may be a slip of the pen."""
        with translated():
            return bool(self._redis.exists(self._key, self._dead_key))

    def replay(self, letter_id: str) -> bool:
        """Puts a letter's entry back at the end of what waits for the sink; False where there is no such letter."""
        return bool(_LETTER_ID.fullmatch(letter_id)) and self._put_back(letter_id, self._key, without=_WHY_DEAD)
