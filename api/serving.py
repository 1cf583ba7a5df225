"""Serves the API by HTTP until a signal comes, and lets those who listen to the feed go first."""

from __future__ import annotations

import socket
import sys
from collections.abc import Callable, Sequence

import uvicorn
from fastapi import FastAPI

from api.services import Services

SWITCH_S = 0.0005


class ApiServer(uvicorn.Server):
    """Ends streams before it waits for answers to be finished: they would never be.

    beat: called several times a second as long as the event loop turns.
    """

    def __init__(self, configuration: uvicorn.Config, *, beat: Callable[[], None] = lambda: None) -> None:
        super().__init__(configuration)
        self._beat = beat

    async def on_tick(self, counter: int) -> bool:
        self._beat()
        return await super().on_tick(counter)

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        app = self.config.app
        services = getattr(getattr(app, "state", None), "services", None)
        if isinstance(services, Services):
            services.feed.close()
        await super().shutdown(sockets)


def serve(
    app: FastAPI,
    *,
    host: str,
    port: int,
    sockets: Sequence[socket.socket] = (),
    beat: Callable[[], None] = lambda: None,
) -> None:
    """Returns when the process was told to end, by SIGTERM or Ctrl-C.

    sockets: that are bound already; where there are none, host and port are. beat: see ``ApiServer``.
    """
    # A request gives the interpreter up at each of its twenty or so statements, and each time waits for it as long as
    # this: at Python's own 5 ms a busy process answers several times as late.
    sys.setswitchinterval(SWITCH_S)
    # Whose X-Forwarded-For is believed is a setting of ours; uvicorn would believe everybody on this machine.
    configuration = uvicorn.Config(
        app, host=host, port=port, log_level="warning", access_log=False, proxy_headers=False
    )
    ApiServer(configuration, beat=beat).run(sockets=list(sockets) or None)
