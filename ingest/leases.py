"""Shares the partitions out among the live workers: each partition is read by one of them at a time."""

from __future__ import annotations

import secrets
import threading
import time
from collections.abc import Collection, Iterable
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, cast

import redis

from ingest import stream_scripts
from ingest.redis_link import StreamUnavailable, translated
from ingest.stream_keys import StreamKeys

RENEW_AT_LEAST_EVERY_S = 1.0


@dataclass(frozen=True, slots=True)
class Renewed:
    """What a worker holds, which of it it was given just now, and how many partitions it should give up."""

    held: frozenset[int]
    taken: frozenset[int]
    surplus: int


class Leases:
    """One worker's leases. They hold while it renews them within ``ttl_s``, by the clock of Redis.

    A random token beside the name tells it from another worker of its name.
    """

    def __init__(self, client: redis.Redis, keys: StreamKeys, *, worker: str, ttl_s: float, partitions: int) -> None:
        self._redis = client
        self._keys = keys
        self._token = f"{worker}:{secrets.token_hex(8)}"
        self.ttl_s = ttl_s
        self._partitions = partitions

    def renew(self) -> Renewed:
        """Shows that the worker lives, and takes what is free up to its fair share. Raises: StreamUnavailable."""
        keys = [self._keys.workers, self._keys.leases, self._keys.partitions]
        answer = self._eval(stream_scripts.RENEW, keys, self._token, int(self.ttl_s * 1000), self._partitions)
        _, surplus, held, taken = answer
        return Renewed(frozenset(map(int, held)), frozenset(map(int, taken)), int(surplus))

    def give_up(self, partitions: Iterable[int]) -> None:
        """Lets others have these partitions. Raises: StreamUnavailable."""
        self._release(partitions, goes=False)

    def leave(self, partitions: Iterable[int]) -> None:
        """Gives up all and is no live worker any more. Raises: StreamUnavailable."""
        self._release(partitions, goes=True)

    def _release(self, partitions: Iterable[int], *, goes: bool) -> None:
        keys = [self._keys.workers, self._keys.leases]
        self._eval(stream_scripts.RELEASE, keys, self._token, int(goes), *partitions)

    def _eval(self, script: str, keys: list[str], *arguments: str | int) -> Any:
        with translated():
            return cast(Any, self._redis.eval(script, len(keys), *keys, *arguments))


class LeaseKeeper:
    """Renews the leases in a thread of its own, so that they hold while the worker waits for the API."""

    def __init__(self, leases: Leases) -> None:
        self._leases = leases
        self._lock = threading.Lock()
        self._held: dict[int, int] = {}
        self._surplus = 0
        self._turn = 0
        self._valid_until = 0.0
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._keep, name="leases", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        """Ends the thread and gives up all leases at once; where Redis is away, they expire."""
        self._stop.set()
        self._thread.join()
        with suppress(StreamUnavailable):
            self._leases.leave(self._held)

    def held(self) -> dict[int, int]:
        """Returns the partitions that may be read now, each with a number that is another once it was given anew."""
        if not self._thread.is_alive():
            raise RuntimeError("the thread that renews the leases has died")
        with self._lock:
            return dict(self._held) if time.monotonic() < self._valid_until else {}

    def give_up_surplus(self) -> None:
        """Gives up what is beyond a fair share; to be called with nothing in hand. Raises: StreamUnavailable."""
        with self._lock:
            given_up = sorted(self._held)[len(self._held) - self._surplus :]
            self._surplus = 0
            for partition in given_up:
                del self._held[partition]
            if given_up:
                self._leases.give_up(given_up)

    def _keep(self) -> None:
        while not self._stop.is_set():
            # The worker itself meets and tells an outage; without renewal the leases run out.
            with suppress(StreamUnavailable):
                self._renew()
            self._stop.wait(min(self._leases.ttl_s / 4, RENEW_AT_LEAST_EVERY_S))

    def _renew(self) -> None:
        with self._lock:
            asked_at = time.monotonic()
            renewed = self._leases.renew()
            self._turn += 1
            self._held = {
                partition: self._turn if self._is_new(partition, renewed.taken) else self._held[partition]
                for partition in sorted(renewed.held)
            }
            self._surplus = renewed.surplus
            self._valid_until = asked_at + self._leases.ttl_s

    def _is_new(self, partition: int, taken: Collection[int]) -> bool:
        return partition in taken or partition not in self._held
