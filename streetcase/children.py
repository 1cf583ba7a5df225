"""Starts the parts of the all-in-one as processes, restarts what dies, and stops them in order."""

from __future__ import annotations

import ctypes
import os
import signal
import socket
import subprocess
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO

import httpx

from streetcase.told import UserError

STOPPING_S = 20.0
FIRST_WAIT_S = 1.0
LONGEST_WAIT_S = 60.0
STEADY_S = 120.0
LOG_MAX_BYTES = 20_000_000
_PR_SET_PDEATHSIG = 1

Say = Callable[[str], None]


@dataclass(slots=True)
class Child:
    """One part: how it starts, and how to tell that it is ready. Its output goes to a log of its own.

    ready_url answers 200 when it is ready; ready_port accepts a connection; with neither, it is ready at once.
    """

    name: str
    command: Sequence[str]
    environment: Mapping[str, str]
    ready_url: str | None = None
    ready_port: int | None = None
    ready_within_s: float = 60.0
    process: subprocess.Popen[bytes] | None = field(default=None, repr=False)
    started_s: float = 0.0
    start_at_s: float = 0.0
    wait_s: float = FIRST_WAIT_S


class Children:
    """A family of processes. Use it from one thread: the kernel ties each child's life to the thread that forked it."""

    def __init__(self, logs: Path, say: Say, *, stop: threading.Event | None = None) -> None:
        self._logs = logs
        self._say = say
        self._stop = stop or threading.Event()
        self._children: list[Child] = []
        logs.mkdir(parents=True, exist_ok=True)

    def start(self, child: Child) -> None:
        """Starts a part and waits until it is ready.

        Raises: UserError: With the end of its log, if it is not; or that we were asked to stop meanwhile.
        """
        self._children.append(child)
        self._spawn(child)
        deadline = time.monotonic() + child.ready_within_s
        while not _is_ready(child):
            if child.process is None or child.process.poll() is not None or time.monotonic() > deadline:
                raise UserError(f"{child.name} did not start; the end of {self._log_of(child)}:\n{self._tail(child)}")
            if self._stop.wait(0.05):
                raise UserError(f"stopped while {child.name} was starting")

    def tend(self) -> None:
        """Restarts what has died, each time after a longer wait."""
        now_s = time.monotonic()
        for child in self._children:
            if child.process is None:
                if now_s >= child.start_at_s:
                    self._spawn(child)
                    self._say(f"{child.name}: started again")
                continue
            code = child.process.poll()
            if code is None:
                continue
            child.wait_s = FIRST_WAIT_S if now_s - child.started_s > STEADY_S else min(child.wait_s * 2, LONGEST_WAIT_S)
            child.start_at_s = now_s + child.wait_s
            child.process = None
            self._say(
                f"{child.name}: ended with {code}, starts again in {child.wait_s:.0f} s; see {self._log_of(child)}"
            )

    def stop(self) -> None:
        """Stops all parts, the last started first, so that each can still hand on what it has."""
        for child in reversed(self._children):
            if child.process is None or child.process.poll() is not None:
                continue
            child.process.send_signal(signal.SIGTERM)
            try:
                child.process.wait(timeout=STOPPING_S)
            except subprocess.TimeoutExpired:
                child.process.kill()
                child.process.wait()
                self._say(f"{child.name}: did not stop in {STOPPING_S:.0f} s and was killed")

    def pid(self, name: str) -> int | None:
        return next((c.process.pid for c in self._children if c.name == name and c.process is not None), None)

    def _spawn(self, child: Child) -> None:
        with self._open_log(child) as log:
            child.process = subprocess.Popen(
                list(child.command),
                env={**os.environ, **child.environment},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,  # Ctrl-C reaches us alone; we stop the parts in order
                preexec_fn=_end_with_parent,  # noqa: PLW1509 - called while we have one thread
            )
        child.started_s = time.monotonic()

    def _open_log(self, child: Child) -> BinaryIO:
        log_file = self._log_of(child)
        try:
            if log_file.exists() and log_file.stat().st_size > LOG_MAX_BYTES:
                log_file.replace(log_file.with_suffix(".log.1"))
            return log_file.open("ab")
        except OSError as error:  # A full disk: the part matters more than its log.
            self._say(f"{log_file}: cannot be written ({error.strerror}), {child.name} runs without a log")
            return Path(os.devnull).open("ab")

    def _log_of(self, child: Child) -> Path:
        return self._logs / f"{child.name}.log"

    def _tail(self, child: Child) -> str:
        text = self._log_of(child).read_text(encoding="utf-8", errors="replace")
        return "\n".join(text.splitlines()[-15:])


def _end_with_parent() -> None:
    # A killed all-in-one must not leave parts behind that hold ports and data. Linux only; elsewhere they stay.
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)


def _is_ready(child: Child) -> bool:
    if child.ready_url is not None:
        try:
            return httpx.get(child.ready_url, timeout=2.0, trust_env=False).status_code == 200
        except httpx.HTTPError:
            return False
    if child.ready_port is not None:
        with socket.socket() as probe:
            probe.settimeout(1.0)
            return probe.connect_ex(("127.0.0.1", child.ready_port)) == 0
    return True
