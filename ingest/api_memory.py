"""Remembers what the API said about keys and kinds, so that an outage of the API stops no events."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from api.client import ApiRefused, ApiUnavailable
from api.schemas import EdgeIdentity

Clock = Callable[[], float]
FRESH_S = 60.0
FRESH_UNKNOWN_S = 5.0
ASK_AGAIN_S = 5.0
LAST_RESORT_S = 24 * 3600.0
KEYS_MAX = 20_000
MALFORMED_STATUSES = frozenset({400, 422})


class KeyDirectory(Protocol):
    def authenticate_edge(self, key: str) -> EdgeIdentity | None: ...


class KindCatalogue(Protocol):
    def kinds(self) -> frozenset[str]: ...


@dataclass(slots=True)
class _Known:
    """One answer about a key: ``answered_at`` and ``ask_at`` are readings of the monotonic clock, in seconds."""

    identity: EdgeIdentity | None
    answered_at: float
    ask_at: float


class EdgeKeys:
    """Whom a key belongs to. Only the sha256 of a key is kept, and nothing of it is logged."""

    def __init__(self, directory: KeyDirectory, *, clock: Clock = time.monotonic) -> None:
        self._directory = directory
        self._clock = clock
        self._known: dict[bytes, _Known] = {}
        self._away_until = 0.0  # one edge's vain question spares all others the wait

    def identity_of(self, key: str) -> EdgeIdentity | None:
        """Returns the edge behind ``key``, None for an unknown key.

        Raises: ApiUnavailable: If the API is away and did not know the key within the last day.
            ApiRefused: If the API does not accept this gateway's own key.
        """
        digest = hashlib.sha256(key.encode("utf-8", "surrogateescape")).digest()
        known, now = self._known.get(digest), self._clock()
        if known and now < known.ask_at:
            return known.identity
        last_resort = known.identity if known and now - known.answered_at < LAST_RESORT_S else None
        if last_resort and now < self._away_until:
            return last_resort
        try:
            identity = self._directory.authenticate_edge(key)
        except ApiUnavailable:
            self._away_until = self._clock() + ASK_AGAIN_S
            if last_resort:
                return last_resort
            raise
        except ApiRefused as error:
            if error.status not in MALFORMED_STATUSES:
                raise
            identity = None
        self._remember(digest, identity, now)
        return identity

    def _remember(self, digest: bytes, identity: EdgeIdentity | None, now: float) -> None:
        if len(self._known) >= KEYS_MAX:
            # Guessed keys fill the memory; known edges stay in it.
            self._known = {digest: known for digest, known in list(self._known.items()) if known.identity}
        fresh_s = FRESH_S if identity else FRESH_UNKNOWN_S
        self._known[digest] = _Known(identity=identity, answered_at=now, ask_at=now + fresh_s)


class Kinds:
    """The kinds in the API's catalogue, as last heard."""

    def __init__(self, catalogue: KindCatalogue, *, clock: Clock = time.monotonic) -> None:
        self._catalogue = catalogue
        self._clock = clock
        self._kinds: frozenset[str] | None = None
        self._asked_at = 0.0
        self._ask_at = 0.0
        self.api_answers = False

    def __contains__(self, kind: object) -> bool:
        """Whether the API knows the kind; it is asked again before a kind counts as unknown, for it may be new.

        Raises: ApiUnavailable, ApiRefused: If the kinds were never heard.
        """
        if kind in self.current():
            return True
        if self._clock() < self._asked_at + ASK_AGAIN_S:
            return False
        self._ask_at = 0.0
        return kind in self.current()

    def current(self) -> frozenset[str]:
        """Returns the known kinds. Raises: ApiUnavailable, ApiRefused: If they were never heard."""
        now = self._clock()
        if self._kinds is not None and now < self._ask_at:
            return self._kinds
        self._asked_at = now
        try:
            self._kinds = self._catalogue.kinds()
        except (ApiUnavailable, ApiRefused):
            self.api_answers = False
            if self._kinds is None:
                raise
            self._ask_at = now + ASK_AGAIN_S
        else:
            self.api_answers = True
            self._ask_at = now + FRESH_S
        return self._kinds
