"""Keeps one group's process alive: starts it, hears its beats, restarts it with pacing when it dies or hangs."""

from __future__ import annotations

import multiprocessing
import os
import time
from collections.abc import Iterator, Sequence
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess

import structlog

from edge.faults import waits_s
from edge.group import Beat, group_main
from ingest.configuration import EdgeConfiguration

SILENT_S = 60.0
STARTING_S = 120.0
STOPPING_S = 15.0
STEADY_S = 600.0
"""A group that ran this long starts its pacing afresh when it dies."""

log = structlog.get_logger(__name__)


class GroupProcess:
    """One group of cameras in a process of its own, seen from outside."""

    def __init__(self, configuration: EdgeConfiguration, cameras: Sequence[str], *, silent_s: float = SILENT_S) -> None:
        self.cameras = list(cameras)
        self.last_beat: Beat | None = None
        self.restarts = 0
        self._silent_s = silent_s
        self._configuration_json = configuration.model_dump_json()
        self._process: BaseProcess | None = None
        self._beats: Connection | None = None
        self._heard_s = 0.0
        self._started_s = 0.0
        self._start_at_s = 0.0
        self._waits: Iterator[float] = waits_s()

    @property
    def pid(self) -> int | None:
        return self._process.pid if self._process is not None else None

    def tend(self) -> None:
        """Does what is due now; call it a few times a second."""
        if self._process is None:
            if time.monotonic() >= self._start_at_s:
                self._start()
            return
        self._hear()
        silent_s = time.monotonic() - self._heard_s
        hangs = silent_s > (STARTING_S if self.last_beat is None else self._silent_s)
        if not self._process.is_alive() or hangs:
            log.error("camera group lost", cameras=self.cameras, exit_code=self._process.exitcode, hangs=hangs)
            self._kill()
            self._pace()

    def stop(self) -> None:
        """Asks the group to finish what it has in hand, and waits for it a bounded time."""
        if self._process is not None and self._process.is_alive():
            self._process.terminate()
            self._process.join(timeout=STOPPING_S)
            self._hear()
        self._kill()

    def _start(self) -> None:
        context = multiprocessing.get_context("spawn")
        self._heard_s = self._started_s = time.monotonic()
        self.last_beat = None
        self._beats, theirs = context.Pipe(duplex=False)
        process = context.Process(
            target=group_main, args=(self._configuration_json, self.cameras, theirs), name="cameras"
        )
        try:
            process.start()
        except OSError as error:  # no memory, no process left
            log.error("camera group cannot be started", cameras=self.cameras, reason=type(error).__name__)
            self._pace()
        else:
            self._process = process
        finally:
            theirs.close()

    def _hear(self) -> None:
        try:
            while self._beats is not None and self._beats.poll():
                self.last_beat = self._beats.recv()
                self._heard_s = time.monotonic()
        except (EOFError, OSError):
            return

    def _pace(self) -> None:
        if time.monotonic() - self._started_s > STEADY_S:
            self._waits = waits_s()
        self.restarts += 1
        self._start_at_s = time.monotonic() + next(self._waits)

    def _kill(self) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.join()
            self._process.close()
            self._process = None
        if self._beats is not None:
            self._beats.close()
            self._beats = None


def spread(camera_ids: Sequence[str]) -> list[list[str]]:
    """Deals the cameras out over as many groups as the box has cores."""
    groups = min(len(camera_ids), os.cpu_count() or 1)
    return [list(camera_ids[i::groups]) for i in range(groups)]
