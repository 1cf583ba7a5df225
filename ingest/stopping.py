"""Hears that the process is asked to stop, which a server tells its application only once nobody waits any more."""

from __future__ import annotations

import asyncio
import signal
import threading
from collections.abc import Callable
from types import FrameType

_STOPPING = (signal.SIGTERM, signal.SIGINT)


def when_asked_to_stop(call: Callable[[], None]) -> None:
    """Has ``call`` run in this event loop at SIGTERM and SIGINT, before the server's own handler of them.

    Does nothing outside the main thread, which is where a server hears of signals, nor where nobody handles them.
    """
    if threading.current_thread() is not threading.main_thread():
        return
    loop = asyncio.get_running_loop()
    for number in _STOPPING:
        servers = signal.getsignal(number)
        if not callable(servers):
            continue

        def tell(
            signum: int,
            frame: FrameType | None,
            servers: Callable[[int, FrameType | None], object] = servers,
        ) -> None:
            if not loop.is_closed():
                loop.call_soon_threadsafe(call)
            servers(signum, frame)

        signal.signal(number, tell)
