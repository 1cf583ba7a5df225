"""Remembers what the API said about keys and kinds, so that an outage of the API stops no events.

An answer that is no longer fresh is asked for again by the first who needs it; the others use it meanwhile.
"""

from __future__ import annotations

import hashlib
import threading
import time
from dataclasses import dataclass

from api.client import ApiRefused, ApiUnavailable
from api.schemas import EdgeIdentity
from ingest.api_line import Clock, KeyDirectory, KindCatalogue

FRESH_S = 60.0
FRESH_UNKNOWN_S = 5.0
ASK_AGAIN_S = 5.0
LAST_RESORT_S = 24 * 3600.0
KEYS_MAX = 20_000
MALFORMED_STATUSES = frozenset({400, 422})


@dataclass(slots=True)
class _Known:
    """One answer about a key: ``answered_at`` and ``ask_at`` are readings of the monotonic clock, in seconds."""

    identity: EdgeIdentity | None
    answered_at: float
    ask_at: float


@dataclass(frozen=True, slots=True)
class Remembered:
    """Whom a key belonged to when the API was last asked; None also where it was never asked."""

    identity: EdgeIdentity | None
    fresh: bool


class EdgeKeys:
    """Whom a key belongs to; safe to share between threads.

    Only the sha256 of a key is kept, and nothing of it is logged. ``fresh_s``: after so long a key is asked for again.
    """

    def __init__(self, directory: KeyDirectory, *, clock: Clock = time.monotonic, fresh_s: float = FRESH_S) -> None:
        self._directory = directory
        self._clock = clock
        self._fresh_s = fresh_s
        self._lock = threading.Lock()
        self._known: dict[bytes, _Known] = {}

    def remembered(self, key: str) -> Remembered:
        """Returns what is known without asking anybody: quick enough for an event loop."""
        with self._lock:
            known = self._known.get(_digest(key))
            if known is None:
                return Remembered(identity=None, fresh=False)
            return Remembered(identity=known.identity, fresh=self._clock() < known.ask_at)

    def identity_of(self, key: str) -> EdgeIdentity | None:
        """Returns the edge behind ``key``, None for an unknown key; may wait for the API.

        Raises: ApiUnavailable: If the API is away and did not know the key within the last day.
            ApiRefused: If the API does not accept this gateway's own key.
        """
        digest = _digest(key)
        with self._lock:
            known, now = self._known.get(digest), self._clock()
            if known and now < known.ask_at:
                return known.identity
            last_resort = known if known and known.identity and now - known.answered_at < LAST_RESORT_S else None
            if last_resort:
                last_resort.ask_at = now + ASK_AGAIN_S
        try:
            identity = self._directory.authenticate_edge(key)
        except ApiUnavailable:
            if last_resort is None:
                raise
            last_resort.ask_at = self._clock() + ASK_AGAIN_S
            return last_resort.identity
        except ApiRefused as error:
            if error.status not in MALFORMED_STATUSES:
                raise
            identity = None
        self._remember(digest, identity)
        return identity

    def _remember(self, digest: bytes, identity: EdgeIdentity | None) -> None:
        fresh_s = self._fresh_s if identity else FRESH_UNKNOWN_S
        with self._lock:
            if len(self._known) >= KEYS_MAX:
                # Guessed keys fill the memory; known edges stay in it.
                self._known = {digest: known for digest, known in self._known.items() if known.identity}
            now = self._clock()
            self._known[digest] = _Known(identity=identity, answered_at=now, ask_at=now + fresh_s)


def _digest(key: str) -> bytes:
    return hashlib.sha256(key.encode("utf-8", "surrogateescape")).digest()


class Kinds:
    """The kinds in the API's catalogue, as last heard; safe to share between threads."""

    def __init__(self, catalogue: KindCatalogue, *, clock: Clock = time.monotonic, fresh_s: float = FRESH_S) -> None:
        self._catalogue = catalogue
        self._clock = clock
        self._fresh_s = fresh_s
        self._lock = threading.Lock()
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
        with self._lock:
            if self._clock() < self._asked_at + ASK_AGAIN_S:
                return False
            self._ask_at = 0.0
        return kind in self.current()

    def current(self) -> frozenset[str]:
        """Returns the known kinds. Raises: ApiUnavailable, ApiRefused: If they were never heard."""
        with self._lock:
            now = self._clock()
            if self._kinds is not None and now < self._ask_at:
                return self._kinds
            self._ask_at = now + ASK_AGAIN_S
        try:
            kinds = self._catalogue.kinds()
        except (ApiUnavailable, ApiRefused):
            if (last := self._heard(None)) is None:
                raise
            return last
        self._heard(kinds)
        return kinds

    def _heard(self, kinds: frozenset[str] | None) -> frozenset[str] | None:
        """Notes an answer, or None for its failure, at the time that it came; returns the kinds that now count."""
        with self._lock:
            self.api_answers = kinds is not None
            self._kinds = self._kinds if kinds is None else kinds
            self._asked_at = self._clock()
            self._ask_at = self._asked_at + (ASK_AGAIN_S if kinds is None else self._fresh_s)
            return self._kinds
