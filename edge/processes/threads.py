"""Threads that nobody is there to restart: what they do goes on after any mistake of ours, and the mistake is told."""

from __future__ import annotations

import threading
import traceback
from collections.abc import Callable

import structlog

from edge.reading.faults import waits_s

log = structlog.get_logger(__name__)


def tireless(work: Callable[[], None], *, name: str, stop: threading.Event) -> threading.Thread:
    """Returns a thread that runs ``work`` until it returns, and again, after a wait, whenever it raises."""

    def run() -> None:
        waits = waits_s()
        while not stop.is_set():
            try:
                work()
            except Exception:  # noqa: BLE001 - the top loop of a thread that must not end while the box looks healthy
                # Plain text without local variables: those may hold passwords.
                log.error("thread failed, starts again", thread=name, trace=traceback.format_exc())
                stop.wait(next(waits))
            else:
                return

    return threading.Thread(target=run, name=name)
