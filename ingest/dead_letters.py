"""Lists the stream's dead letters, replays them and drops them."""

from __future__ import annotations

import re
from typing import Any, cast

import redis

from ingest.entries import DeadLetter, read_letter
from ingest.redis_link import translated
from ingest.stream_keys import StreamKeys

_LETTER_ID = re.compile(r"\d{1,19}-\d{1,19}")

# Back into the stream and out of the dead letters in one step: never lost in between, never there twice.
_REPLAY = """
local found = redis.call('XRANGE', KEYS[1], ARGV[1], ARGV[1])[1]
if not found then return 0 end
local added = {entry_id = 1, partition = 1, reason = 1, failed_at = 1, attempts = 1}
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


class DeadLetters:
    """The dead letters of one stream. Every method raises StreamUnavailable when Redis does not serve.

    A text that is no letter's id names no letter.
    """

    def __init__(self, client: redis.Redis, *, prefix: str = "streetcase") -> None:
        self._redis = client
        self._keys = StreamKeys(prefix)

    def letters(self, *, after: str = "-", count: int = 100) -> list[DeadLetter]:
        """Returns the oldest letters behind the letter ``after``; "-" begins with the first."""
        if after != "-" and not _LETTER_ID.fullmatch(after):
            return []
        start = after if after == "-" else f"({after}"
        with translated():
            raw = cast(Any, self._redis.xrange(self._keys.dead, min=start, count=count))
        return [read_letter(letter_id, fields) for letter_id, fields in raw]

    def find(self, letter_id: str) -> DeadLetter | None:
        if not _LETTER_ID.fullmatch(letter_id):
            return None
        with translated():
            raw = cast(Any, self._redis.xrange(self._keys.dead, min=letter_id, max=letter_id))
        return read_letter(*raw[0]) if raw else None

    def replay(self, letter_id: str) -> bool:
        """Puts a letter's entry back into its partition; False where there is no such letter (any more).

        That its event was seen before is no hindrance.
        """
        letter = self.find(letter_id)
        if letter is None:
            return False
        with translated():
            partitions = int(cast(bytes | None, self._redis.get(self._keys.partitions)) or letter.entry.partition + 1)
            events = self._keys.events(letter.entry.partition % partitions)
            return bool(self._redis.eval(_REPLAY, 2, self._keys.dead, events, letter_id))

    def drop(self, letter_id: str) -> bool:
        """Removes a letter for ever; False where there is no such letter (any more)."""
        if not _LETTER_ID.fullmatch(letter_id):
            return False
        with translated():
            return bool(self._redis.xdel(self._keys.dead, letter_id))

    def count(self) -> int:
        with translated():
            return int(self._redis.xlen(self._keys.dead))
