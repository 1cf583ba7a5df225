"""Starts, awaits and stops the processes of real services, each by its own process id."""

from __future__ import annotations

import os
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from signal import SIGCONT, SIGTERM, Signals
from typing import NoReturn, Protocol

import pytest

START_TIMEOUT_S = 20.0
STOP_TIMEOUT_S = 10.0
LOG_TAIL_CHARS = 2000


class ServiceError(RuntimeError):
    """A service was installed but did not start."""


def missing(reason: str) -> NoReturn:
    """Ends the test because a service is not installed: skipped on a laptop, failed where CI is set."""
    if os.environ.get("CI"):
        pytest.fail(f"{reason}; scripts/install_services.sh installs it", pytrace=False)
    pytest.skip(reason)


def wait_until(condition: Callable[[], bool], *, timeout_s: float, what: str) -> None:
    """Returns once ``condition`` holds.

    Raises:
        ServiceError: If it does not hold within ``timeout_s``; ``what`` says what was awaited.
    """
    deadline = time.monotonic() + timeout_s
    while not condition():
        if time.monotonic() > deadline:
            raise ServiceError(f"{what}: not within {timeout_s:g} s")
        time.sleep(0.02)


class Started(Protocol):
    """A process that was started, with the calls of subprocess.Popen."""

    @property
    def pid(self) -> int: ...

    @property
    def returncode(self) -> int | None: ...

    def poll(self) -> int | None: ...

    def send_signal(self, sig: int) -> None: ...

    def kill(self) -> None: ...

    def wait(self, timeout: float | None = None) -> int | None: ...


class Process:
    """One running server; what it prints goes to ``log``. ``user`` is the account that it runs as, for root only."""

    def __init__(
        self,
        command: Sequence[str],
        *,
        log: Path,
        user: str | None = None,
        environment: Mapping[str, str] | None = None,
        folder: Path | None = None,
    ) -> None:
        self._log = log
        with log.open("ab") as output:
            self._process: Started = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                user=user,
                group=user,
                extra_groups=[] if user else None,
                env=environment,
                cwd=folder,
            )
        self._name = Path(command[0]).name

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def running(self) -> bool:
        return self._process.poll() is None

    def log_tail(self) -> str:
        """Returns the end of what the server printed."""
        return self._log.read_text(errors="replace")[-LOG_TAIL_CHARS:]

    def wait_ready(self, ready: Callable[[], bool]) -> None:
        """Returns once ``ready()`` holds; a server that cannot start is stopped again.

        Raises:
            ServiceError: If the process ended or is not ready in time; holds the end of its log.
        """
        try:
            wait_until(lambda: not self.running or ready(), timeout_s=START_TIMEOUT_S, what=f"{self._name} ready")
        except ServiceError as error:
            self.stop()
            raise ServiceError(f"{error}: {self.log_tail()}") from error
        if not self.running:
            raise ServiceError(f"{self._name} ended with {self._process.returncode}: {self.log_tail()}")

    def send(self, number: Signals) -> None:
        """Sends a signal, unless the process has ended."""
        if self.running:
            self._process.send_signal(number)

    def stop(self, number: Signals = SIGTERM) -> None:
        """Asks the process to end and waits for it; kills it where it does not. Stopping twice is harmless."""
        self.send(SIGCONT)  # A process that is paused would never see the request.
        self.send(number)
        try:
            self._process.wait(STOP_TIMEOUT_S)
        except subprocess.TimeoutExpired:
            self.kill()

    def kill(self) -> None:
        """Ends the process at once, as a power cut would."""
        self._process.kill()
        self._process.wait()
