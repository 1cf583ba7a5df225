"""Serves the API by several processes on one port: as many requests are worked on at once as there are cores.

Each process binds the port by itself and the kernel deals new connections out (SO_REUSEPORT), which spreads them more
evenly than one socket that all accept from. The parent only watches: it starts anew what has died.
"""

from __future__ import annotations

import os
import signal
import socket
import tempfile
import threading
import time
from collections.abc import Callable
from multiprocessing import get_context, parent_process
from multiprocessing.connection import wait
from multiprocessing.context import SpawnProcess
from multiprocessing.synchronize import Event

import structlog
from fastapi import FastAPI

from api.metrics import FOLDER_VARIABLE
from api.serving import serve
from api.settings import ApiSettings

AGAIN_AFTER_S = 1.0
_LOOK_S = 0.5
_log = structlog.get_logger()


MakeApp = Callable[[ApiSettings], FastAPI]


class PortTaken(Exception):
    """Another program listens there already."""


class ServingFailed(Exception):
    """A process ended before any had been made ready; its own last lines say why."""


def serve_by_processes(settings: ApiSettings, *, host: str, port: int, make_app: MakeApp) -> None:
    """Returns when the process was told to end, by SIGTERM or Ctrl-C, and all that it started have ended.

    make_app: a function of a module, called in each of them; it may end the process with words of its own.
    Raises: PortTaken. ServingFailed: Not even one could make it.
    """
    stop = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stop.set())
    with tempfile.TemporaryDirectory(prefix="streetcase-api-") as counted, _bound(host, port) as holds:
        # Not listening: it keeps the port ours, also while no process serves. Its number where 0 was asked for.
        address = holds.getsockname()[:2]
        os.environ[FOLDER_VARIABLE] = counted
        _Watched(settings, address, make_app).until(stop)


class _Watched:
    """The processes that serve."""

    def __init__(self, settings: ApiSettings, address: tuple[str, int], make_app: MakeApp) -> None:
        # Spawned, not forked: locks and threads of this process would be copied in whatever state they are.
        self._context = get_context("spawn")
        self._one_is_ready = self._context.Event()
        self._arguments = (settings, address, make_app, self._one_is_ready)
        self._started: dict[SpawnProcess, float] = {}
        self._count = settings.processes

    def until(self, stop: threading.Event) -> None:
        try:
            for _ in range(self._count):
                self._start()
            while not stop.is_set():
                wait([process.sentinel for process in self._started], timeout=_LOOK_S)
                self._replace_dead(stop)
        finally:
            for process in self._started:
                process.terminate()
            for process in self._started:
                process.join()

    def _start(self) -> None:
        process = self._context.Process(target=_serve_one, args=self._arguments, name="streetcase api")
        process.start()
        self._started[process] = time.monotonic()

    def _replace_dead(self, stop: threading.Event) -> None:
        for process in [process for process in self._started if not process.is_alive()]:
            lived_s = time.monotonic() - self._started.pop(process)
            if stop.is_set():
                return
            if not self._one_is_ready.is_set():
                raise ServingFailed(f"the API could not start: a process ended with code {process.exitcode}")
            _log.error("a serving process ended and is started anew", code=process.exitcode, lived_s=round(lived_s))
            stop.wait(AGAIN_AFTER_S)
            self._start()


def _serve_one(settings: ApiSettings, address: tuple[str, int], make_app: MakeApp, ready: Event) -> None:
    threading.Thread(target=_end_with_parent, name="parent", daemon=True).start()
    app = make_app(settings)
    with _bound(*address) as ours:
        ready.set()
        serve(app, host=address[0], port=address[1], sockets=[ours])


def _end_with_parent() -> None:
    """A parent that was killed starts nobody anew, and its successor brings processes of its own."""
    parent = parent_process()
    if parent is not None:
        parent.join()
        os.kill(os.getpid(), signal.SIGTERM)


def _bound(host: str, port: int) -> socket.socket:
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    family, kind, _protocol, _name, address = found[0]
    bound = socket.socket(family, kind)
    try:
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        bound.bind(address)
    except OSError as error:
        bound.close()
        raise PortTaken(f"port {port} of {host}: {error.strerror}") from error
    return bound
