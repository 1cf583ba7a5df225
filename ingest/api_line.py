"""Asks the API on behalf of many, and lets nobody wait for one that is known to be away."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Protocol, TypeVar

from api.client import ApiRefused, ApiUnavailable
from api.schemas import EdgeIdentity

Clock = Callable[[], float]
TRY_AGAIN_S = 0.2
TRYING_S = 5.0  # longer than a question takes, so that only one caller tries at a time
QUIET_PER_WAIT = 2.0  # so that an API that hangs is waited for a third of the time at most
_Answer = TypeVar("_Answer")


class KeyDirectory(Protocol):
    def authenticate_edge(self, key: str) -> EdgeIdentity | None: ...


class KindCatalogue(Protocol):
    def kinds(self) -> frozenset[str]: ...


class KeysAndKinds(KeyDirectory, KindCatalogue, Protocol):
    """What the gateway asks of the API; ``api.client.ApiClient`` is one."""


class ApiLine:
    """Passes questions on. After a failure all fail at once, but for one caller at a time who tries again.

    How soon depends on what the failure cost: after a refused connection almost at once, after a time-out later.
    Safe to share between threads; every question raises what the API's client raises.
    """

    def __init__(self, api: KeysAndKinds, *, clock: Clock = time.monotonic) -> None:
        self._api = api
        self._clock = clock
        self._lock = threading.Lock()
        self._away_until: float | None = None

    def authenticate_edge(self, key: str) -> EdgeIdentity | None:
        return self.ask(lambda: self._api.authenticate_edge(key))

    def kinds(self) -> frozenset[str]:
        return self.ask(self._api.kinds)

    def ask(self, question: Callable[[], _Answer]) -> _Answer:
        """Puts any other question to the same API."""
        with self._lock:
            asked_at = self._clock()
            if self._away_until is not None:
                if asked_at < self._away_until:
                    raise ApiUnavailable("the API did not answer a moment ago")
                self._away_until = asked_at + TRYING_S
        try:
            answer = question()
        except ApiUnavailable:
            failed_at = self._clock()
            self._away_until = failed_at + max(TRY_AGAIN_S, QUIET_PER_WAIT * (failed_at - asked_at))
            raise
        except ApiRefused:
            self._away_until = None
            raise
        self._away_until = None
        return answer
