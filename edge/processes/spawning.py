"""Starts processes that Ctrl-C at the terminal never reaches: whoever started them stops them in order."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from multiprocessing import resource_tracker


@contextmanager
def deaf_to_interrupts() -> Iterator[None]:
    """What is started in this block is born with SIGINT blocked: it would die of it before its first line of ours."""
    resource_tracker.ensure_running()  # the first start would do it, and unblock the signal again
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
