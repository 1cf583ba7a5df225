"""Serves the API by several processes on one port: as many requests are worked on at once as there are cores.

Each process binds the port by itself and the kernel deals new connections out (SO_REUSEPORT), which spreads them more
evenly than one socket that all accept from. The parent only watches: it starts anew what has died, and ends what hangs,
because the kernel goes on dealing connections to it.
"""

from __future__ import annotations

import os
import shutil
import signal
import socket
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from ctypes import c_double
from dataclasses import dataclass
from multiprocessing import get_context, parent_process
from multiprocessing.connection import wait
from multiprocessing.context import SpawnProcess
from multiprocessing.sharedctypes import RawValue
from multiprocessing.synchronize import Event
from pathlib import Path

import structlog
from fastapi import FastAPI

from api.metrics import FOLDER_VARIABLE
from api.serving import serve
from api.settings import ApiSettings

AGAIN_AFTER_S = 1.0
HANGS_AFTER_S = 30.0
ENDS_WITHIN_S = 20.0
"""So long a process may finish what it has in hand; then it is killed."""

_STARTS_WITHIN_S = 180.0
_LOOK_S = 0.5
_PREFIX = "streetcase-api-"
_MEMORY = Path("/dev/shm")  # noqa: S108 - a folder of our own is made in it
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
    with _counted() as counted, _bound(host, port) as holds:
        # Not listening: it keeps the port ours, also while no process serves. Its number where 0 was asked for.
        address = holds.getsockname()[:2]
        os.environ[FOLDER_VARIABLE] = counted
        _Watched(settings, address, make_app).until(stop)


@dataclass(slots=True)
class _Serving:
    """A process, when it was started, and when it last gave a sign of life, 0 until it serves; monotonic seconds."""

    process: SpawnProcess
    started_s: float
    beat_s: c_double

    @property
    def lived_s(self) -> float:
        return time.monotonic() - self.started_s

    @property
    def hangs(self) -> bool:
        seen_s = self.beat_s.value
        if not seen_s:
            return self.lived_s > _STARTS_WITHIN_S
        return time.monotonic() - seen_s > HANGS_AFTER_S


class _Watched:
    """The processes that serve."""

    def __init__(self, settings: ApiSettings, address: tuple[str, int], make_app: MakeApp) -> None:
        # Spawned, not forked: locks and threads of this process would be copied in whatever state they are.
        self._context = get_context("spawn")
        self._one_is_ready = self._context.Event()
        self._settings, self._address, self._make_app = settings, address, make_app
        self._serving: list[_Serving] = []

    def until(self, stop: threading.Event) -> None:
        try:
            for _ in range(self._settings.processes):
                self._start()
            while not stop.is_set():
                wait([one.process.sentinel for one in self._serving], timeout=_LOOK_S)
                self._end_hanging()
                self._replace_dead(stop)
        finally:
            self._end_all()

    def _start(self) -> None:
        # Without a lock: one who is killed while holding it would stop whoever watches.
        beat_s = RawValue(c_double, 0.0)
        arguments = (self._settings, self._address, self._make_app, self._one_is_ready, beat_s)
        process = self._context.Process(target=_serve_one, args=arguments, name="streetcase api")
        process.start()
        self._serving.append(_Serving(process, time.monotonic(), beat_s))

    def _end_hanging(self) -> None:
        for one in self._serving:
            if one.hangs and one.process.is_alive():
                _log.error("a serving process hangs and is ended", lived_s=round(one.lived_s))
                one.process.kill()
                one.process.join()

    def _replace_dead(self, stop: threading.Event) -> None:
        for one in [one for one in self._serving if not one.process.is_alive()]:
            self._serving.remove(one)
            if stop.is_set():
                return
            code = one.process.exitcode
            if not self._one_is_ready.is_set():
                raise ServingFailed(f"the API could not start: a process ended with code {code}")
            _log.error("a serving process ended and is started anew", code=code, lived_s=round(one.lived_s))
            stop.wait(AGAIN_AFTER_S)
            self._start()

    def _end_all(self) -> None:
        for one in self._serving:
            one.process.terminate()
        deadline_s = time.monotonic() + ENDS_WITHIN_S
        for one in self._serving:
            one.process.join(max(0.0, deadline_s - time.monotonic()))
            if one.process.is_alive():
                one.process.kill()
                one.process.join()


def _serve_one(
    settings: ApiSettings, address: tuple[str, int], make_app: MakeApp, ready: Event, beat_s: c_double
) -> None:
    threading.Thread(target=_end_with_parent, name="parent", daemon=True).start()
    app = make_app(settings)

    def beat() -> None:
        beat_s.value = time.monotonic()

    with _bound(*address) as ours:
        ready.set()
        serve(app, host=address[0], port=address[1], sockets=[ours], beat=beat)


def _end_with_parent() -> None:
    """A parent that was killed starts nobody anew, and its successor brings processes of its own."""
    parent = parent_process()
    if parent is not None:
        parent.join()
        os.kill(os.getpid(), signal.SIGTERM)
        # Nobody is left to kill us where something that is in hand never ends.
        time.sleep(ENDS_WITHIN_S)
        os._exit(1)


@contextmanager
def _counted() -> Iterator[str]:
    """Yields a folder to count in; in memory where there is such a place.

    Counting writes to mapped files: on a disk without room that would kill whoever counts.
    """
    memory = _MEMORY if os.access(_MEMORY, os.W_OK) else None
    if memory is not None:
        for left in memory.glob(f"{_PREFIX}*"):
            # Of one that was killed before it could remove it.
            if not Path("/proc", left.name.removeprefix(_PREFIX).partition("-")[0]).exists():
                shutil.rmtree(left, ignore_errors=True)
    with tempfile.TemporaryDirectory(prefix=f"{_PREFIX}{os.getpid()}-", dir=memory) as folder:
        yield folder


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
