"""Ends a process whose parent was killed: it must not work on beside the parent's successor."""

from __future__ import annotations

import os
import signal
import threading


def end_with_parent(stop: threading.Event) -> None:
    """Watches the parent from now on, in a thread that ends with the process or when ``stop`` is set."""
    threading.Thread(target=_watch, args=(os.getppid(), stop), name="parent", daemon=True).start()


def _watch(parent: int, stop: threading.Event) -> None:
    while not stop.wait(1.0):
        if os.getppid() != parent:
            os.kill(os.getpid(), signal.SIGKILL)
