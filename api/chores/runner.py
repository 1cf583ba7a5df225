"""Runs chores on time in a thread, where this process leads."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import structlog

from api.chores.leader import Leadership
from api.services import Services

_log = structlog.get_logger()
_TRY_TO_LEAD_S = 5.0


@dataclass(frozen=True, slots=True)
class Chore:
    """``run`` is called every ``every_s`` seconds by one process of all; what it does must bear repeating."""

    name: str
    every_s: float
    run: Callable[[Services], None]


class ChoreRunner:
    """One thread from start to stop. A chore that fails is tried again when its time comes, and keeps no other back."""

    def __init__(self, services: Services, chores: Sequence[Chore]) -> None:
        self._services = services
        self._chores = chores
        self._stop = threading.Event()
        self._failing: set[str] = set()
        self._thread = threading.Thread(target=self._run, name="chores", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        """Returns when the chore in hand is done."""
        self._stop.set()
        self._thread.join()

    @property
    def is_alive(self) -> bool:
        """Whether the thread still runs, be it that another process does the chores."""
        return self._thread.is_alive()

    def _run(self) -> None:
        leadership = Leadership(self._services.database)
        due_s = {chore.name: time.monotonic() for chore in self._chores}
        while not self._stop.is_set():
            if not self._guarded("leadership", leadership.held):
                self._stop.wait(_TRY_TO_LEAD_S)
                continue
            for chore in self._chores:
                if due_s[chore.name] <= time.monotonic() and not self._stop.is_set():
                    due_s[chore.name] = time.monotonic() + chore.every_s
                    self._guarded(chore.name, lambda chore=chore: self._work(chore))  # type: ignore[misc]
            next_s = min(due_s.values(), default=float("inf")) - time.monotonic()
            self._stop.wait(min(_TRY_TO_LEAD_S, max(0.01, next_s)))
        leadership.close()

    def _work(self, chore: Chore) -> bool:
        chore.run(self._services)
        self._services.metrics.chore_worked(chore.name)
        return True

    def _guarded(self, name: str, work: Callable[[], bool]) -> bool:
        try:
            done = work()
        except Exception as error:  # noqa: BLE001 (the top of a thread: one chore's fault must not end the others)
            if name not in self._failing:
                _log.error("chore fails", chore=name, error=type(error).__name__, reason=str(error)[:300])
            self._failing.add(name)
            return False
        if name in self._failing:
            self._failing.discard(name)
            _log.info("chore works again", chore=name)
        return done
