"""Runs chores on time in threads, where this process leads."""

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
_LOOK_WHETHER_LED_S = 0.1


@dataclass(frozen=True, slots=True)
class Chore:
    """``run`` is called every ``every_s`` seconds by one process of all; what it does must bear repeating.

    prompt: it is done in another thread than the rest, which a slow chore does not hold up.
    """

    name: str
    every_s: float
    run: Callable[[Services], None]
    prompt: bool = False


class ChoreRunner:
    """Works from start to stop. A chore that fails is tried again when its time comes, and keeps no other back."""

    def __init__(self, services: Services, chores: Sequence[Chore]) -> None:
        self._services = services
        self._stop = threading.Event()
        self._leads = threading.Event()
        self._failing: set[str] = set()
        prompt = [chore for chore in chores if chore.prompt]
        others = [chore for chore in chores if not chore.prompt]
        self._threads = [
            threading.Thread(target=self._lead, args=(others,), name="chores", daemon=True),
            threading.Thread(target=self._follow, args=(prompt,), name="prompt chores", daemon=True),
        ]

    def start(self) -> None:
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        """Returns when the chores in hand are done."""
        self._stop.set()
        for thread in self._threads:
            thread.join()

    @property
    def is_alive(self) -> bool:
        """Whether the threads still run, be it that another process does the chores."""
        return all(thread.is_alive() for thread in self._threads)

    def _lead(self, chores: Sequence[Chore]) -> None:
        leadership = Leadership(self._services.database)

        def leads() -> bool:
            held = self._guarded("leadership", leadership.held)
            (self._leads.set if held else self._leads.clear)()
            return held

        self._keep_on(chores, leads, again_s=_TRY_TO_LEAD_S)
        leadership.close()

    def _follow(self, chores: Sequence[Chore]) -> None:
        """Goes by the last word of the other thread: what is prompt has to bear that two processes do it."""
        self._keep_on(chores, self._leads.is_set, again_s=_LOOK_WHETHER_LED_S)

    def _keep_on(self, chores: Sequence[Chore], leads: Callable[[], bool], *, again_s: float) -> None:
        due_s = {chore.name: time.monotonic() for chore in chores}
        while not self._stop.is_set():
            if not leads():
                self._stop.wait(again_s)
                continue
            for chore in chores:
                if due_s[chore.name] <= time.monotonic() and not self._stop.is_set():
                    due_s[chore.name] = time.monotonic() + chore.every_s
                    self._guarded(chore.name, lambda chore=chore: self._work(chore))  # type: ignore[misc]
            next_s = min(due_s.values(), default=float("inf")) - time.monotonic()
            self._stop.wait(min(_TRY_TO_LEAD_S, max(0.01, next_s)))

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
