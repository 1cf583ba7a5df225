"""Starts the centre's programs from a process that has loaded them already: to import them takes a second each time."""

from __future__ import annotations

import importlib
import multiprocessing
import os
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from contextlib import suppress
from multiprocessing.process import BaseProcess
from pathlib import Path

from tests.services.processes import Process

_LOADED = ["pytest", "uvicorn.main", "uvicorn.protocols.http.httptools_impl", "api.app", "ingest.gateway"]
_LOADED += ["ingest.worker", "tests.ingest.doors"]


class ForkedProcess(Process):
    """``program`` is MODULE:FUNCTION; apart from what is loaded it runs as a new ``python -m MODULE`` would."""

    def __init__(
        self, program: str, arguments: Sequence[str], *, log: Path, environment: Mapping[str, str], folder: Path
    ) -> None:
        context = multiprocessing.get_context("forkserver")
        context.set_forkserver_preload(_LOADED)
        given = (program, list(arguments), str(log), dict(environment), str(folder))
        process = context.Process(target=_run, args=given, daemon=True)
        process.start()
        self._process = _Started(process)
        self._log = log
        self._name = program


class _Started:
    """A process of multiprocessing, with the calls of one of subprocess."""

    def __init__(self, process: BaseProcess) -> None:
        assert process.pid
        self._process = process
        self._pid = process.pid

    @property
    def pid(self) -> int:
        return self._pid

    @property
    def returncode(self) -> int | None:
        return self._process.exitcode

    def poll(self) -> int | None:
        return self._process.exitcode

    def send_signal(self, sig: int) -> None:
        with suppress(ProcessLookupError):  # It may end between the two.
            if self.poll() is None:
                os.kill(self._pid, sig)

    def kill(self) -> None:
        self.send_signal(signal.SIGKILL)

    def wait(self, timeout: float | None = None) -> int | None:
        self._process.join(timeout)
        if self.poll() is None:
            raise subprocess.TimeoutExpired(str(self._process.name), timeout or 0.0)
        return self.returncode


def _run(program: str, arguments: list[str], log: str, environment: dict[str, str], folder: str) -> None:
    output = os.open(log, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644)
    for descriptor in (1, 2):
        os.dup2(output, descriptor)
    os.environ.clear()
    os.environ.update(environment)
    os.chdir(folder)
    module, _, function = program.partition(":")
    sys.argv = [module, *arguments]
    getattr(importlib.import_module(module), function)()
