"""Keeps the parts of the run as processes: kills them, starts them again, and counts both."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from bench.services import end_with_parent

AGAIN_S = 0.5
STOPPING_S = 15.0


class Server(Protocol):
    """What can be killed and started again; ``spawn`` waits for nothing."""

    @property
    def running(self) -> bool: ...
    def spawn(self) -> None: ...
    def kill(self) -> None: ...
    def stop(self) -> None: ...


class Program:
    """A command in a process group of its own; what it prints goes to ``log``."""

    def __init__(self, command: Sequence[str], *, environment: Mapping[str, str], log: Path) -> None:
        self._command = list(command)
        self._environment = dict(environment)
        self.log = log
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def running(self) -> bool:
        return self._process is not None and self._process.poll() is None

    def spawn(self) -> None:
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(
                self._command,
                env=self._environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
                preexec_fn=end_with_parent,  # noqa: PLW1509 - the run has one thread
            )

    def kill(self) -> None:
        self.signal(signal.SIGKILL)
        if self._process is not None:
            self._process.wait()

    def stop(self) -> None:
        """Asks the program to end, and ends it where it does not; harmless to repeat."""
        if self._process is None:
            return
        self.signal(signal.SIGTERM)
        try:
            self._process.wait(STOPPING_S)
        except subprocess.TimeoutExpired:
            self.kill()

    def signal(self, number: signal.Signals) -> None:
        if self._process is not None and self._process.poll() is None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self._process.pid, number)


@dataclass(slots=True)
class Part:
    """``due_s`` is when it starts again, on the monotonic clock, while it is down."""

    server: Server
    started: bool = False
    kills: int = 0
    ended_by_itself: int = 0
    due_s: float | None = None


@dataclass(slots=True)
class Parts:
    """All parts of a run, in the order in which they first start. Use it from one thread."""

    parts: dict[str, Part] = field(default_factory=dict)

    def add(self, name: str, server: Server) -> None:
        self.parts[name] = Part(server)

    def start(self, *names: str) -> None:
        for name in names:
            self.parts[name].server.spawn()
            self.parts[name].started = True

    def kill(self, name: str, *, down_s: float, before_start: Callable[[], None] | None = None) -> bool:
        """Kills a part with SIGKILL; returns False, and does nothing, where it is down at this moment."""
        part = self.parts[name]
        if not part.server.running:
            return False
        part.server.kill()
        if before_start is not None:
            before_start()
        part.kills += 1
        part.due_s = time.monotonic() + down_s
        return True

    def tend(self) -> None:
        """Starts again what is due; what ended by itself comes back after a moment."""
        now_s = time.monotonic()
        for part in self.parts.values():
            if part.due_s is not None and now_s >= part.due_s:
                part.due_s = None
                part.server.spawn()
            elif part.started and part.due_s is None and not part.server.running:
                part.ended_by_itself += 1
                part.due_s = now_s + AGAIN_S

    def stop(self) -> None:
        """Ends all parts in order, the last first; harmless to repeat."""
        for part in reversed(self.parts.values()):
            part.server.stop()
