"""Keeps one group's process alive: starts it, hears its beats, restarts it with pacing when it dies or hangs."""

from __future__ import annotations

import multiprocessing
import os
import threading
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from uuid import UUID

import structlog

from edge.processes.asking import Asked, Beat, CannotStart, FromGroup, failed
from edge.processes.group import group_main
from edge.processes.spawning import deaf_to_interrupts
from edge.reading.faults import waits_s
from ingest.configuration import EdgeConfiguration
from ingest.edge_messages import RequestResult

SILENT_S = 60.0
STARTING_S = 120.0
STOPPING_S = 15.0
STEADY_S = 600.0
"""A group that ran this long starts its pacing afresh when it dies."""

MOST_OPEN = 20
"""Questions in hand of one group: more than the pipe takes at once would hold up the supervisor of all groups."""

log = structlog.get_logger(__name__)


@dataclass(slots=True)
class _Question:
    asked: Asked
    answer: Future[RequestResult]
    sent: bool = False


class GroupProcess:
    """One group of cameras in a process of its own, seen from outside.

    One thread tends it; :meth:`ask` may be called from others.
    """

    def __init__(self, configuration: EdgeConfiguration, *, silent_s: float = SILENT_S) -> None:
        self.last_beat: Beat | None = None
        self.cannot_start: CannotStart | None = None
        """Why it ended before its first beat, the last time that it was started."""

        self.restarts = 0
        self.configuration = configuration
        self._silent_s = silent_s
        self._process: BaseProcess | None = None
        self._pipe: Connection | None = None
        self._heard_s = 0.0
        self._started_s = 0.0
        self._start_at_s = 0.0
        self._retired_s: float | None = None
        self._waits: Iterator[float] = waits_s()
        self._lock = threading.Lock()
        self._questions: dict[UUID, _Question] = {}

    @property
    def cameras(self) -> list[str]:
        return [camera.id for camera in self.configuration.cameras]

    @property
    def pid(self) -> int | None:
        return self._process.pid if self._process is not None else None

    def ask(self, asked: Asked) -> Future[RequestResult]:
        """Asks one of its cameras. A group that dies meanwhile is asked again, until the deadline."""
        question = _Question(asked, Future())
        with self._lock:
            if len(self._questions) >= MOST_OPEN:
                question.answer.set_result(failed(asked.request_id, f"{MOST_OPEN} other requests are in hand there"))
            else:
                self._questions[asked.request_id] = question
        return question.answer

    def tend(self) -> None:
        """Does what is due now; call it a few times a second."""
        self._drop_late()
        if self._process is None:
            if self._retired_s is None and time.monotonic() >= self._start_at_s:
                self._start()
            return
        self._hear()
        if self._retired_s is not None:
            self._tend_retired(self._process, self._retired_s)
            return
        silent_s = time.monotonic() - self._heard_s
        hangs = silent_s > (STARTING_S if self.last_beat is None else self._silent_s)
        if not self._process.is_alive() or hangs:
            log.error("camera group lost", cameras=self.cameras, exit_code=self._process.exitcode, hangs=hangs)
            self._end()
            self._pace()
        else:
            self._send_questions()

    def retire(self) -> None:
        """Asks it to finish what it has in hand, and to stay away until :meth:`take`; tend it until it is retired."""
        if self._retired_s is None:
            self._retired_s = time.monotonic()
            if self._process is not None and self._process.is_alive():
                self._process.terminate()

    @property
    def is_retired(self) -> bool:
        return self._retired_s is not None and self._process is None

    def take(self, configuration: EdgeConfiguration) -> None:
        """Gives a retired group what it looks at from now on; it starts when it is tended next."""
        self.configuration = configuration
        self.cannot_start = None
        self._retired_s = None
        self._start_at_s = 0.0
        self._waits = waits_s()

    def _tend_retired(self, process: BaseProcess, since_s: float) -> None:
        if not process.is_alive() or time.monotonic() - since_s > STOPPING_S:
            self._end()

    def stop(self, *, within_s: float = STOPPING_S) -> None:
        """Asks the group to finish what it has in hand, and waits for it so long at most."""
        self.retire()
        if self._process is not None:
            self._process.join(timeout=within_s)
        self._end()
        with self._lock:
            questions, self._questions = list(self._questions.values()), {}
        for question in questions:
            question.answer.set_result(failed(question.asked.request_id, "the edge is stopping"))

    def _start(self) -> None:
        context = multiprocessing.get_context("spawn")
        self._heard_s = self._started_s = time.monotonic()
        self.last_beat = self.cannot_start = None
        with self._lock:
            for question in self._questions.values():
                question.sent = False
        self._pipe, theirs = context.Pipe()
        process = context.Process(
            target=group_main, args=(self.configuration.model_dump_json(), theirs), name="cameras"
        )
        try:
            with deaf_to_interrupts():
                process.start()
        except OSError as error:  # no memory, no process left
            log.error("camera group cannot be started", cameras=self.cameras, reason=type(error).__name__)
            self._pace()
        else:
            self._process = process
        finally:
            theirs.close()

    def _send_questions(self) -> None:
        with self._lock:
            unsent = [question for question in self._questions.values() if not question.sent]
        for question in unsent:
            try:
                if self._pipe is not None:
                    self._pipe.send(question.asked)
                    question.sent = True
            except OSError:  # it has just died: asked again when it is back
                return

    def _hear(self) -> None:
        try:
            while self._pipe is not None and self._pipe.poll():
                self._take_message(self._pipe.recv())
                self._heard_s = time.monotonic()
        except (EOFError, OSError):
            return

    def _take_message(self, message: FromGroup) -> None:
        if isinstance(message, Beat):
            self.last_beat = message
        elif isinstance(message, CannotStart):
            self.cannot_start = message
        else:
            with self._lock:
                question = self._questions.pop(message.request_id, None)
            if question is not None:
                question.answer.set_result(message)

    def _drop_late(self) -> None:
        with self._lock:
            late = [q for q in self._questions.values() if q.asked.remaining_s <= 0]
            for question in late:
                del self._questions[question.asked.request_id]
        for question in late:
            answer = failed(question.asked.request_id, f"the group of camera {question.asked.camera!r} gave no answer")
            question.answer.set_result(answer)

    def _pace(self) -> None:
        if time.monotonic() - self._started_s > STEADY_S:
            self._waits = waits_s()
        self.restarts += 1
        self._start_at_s = time.monotonic() + next(self._waits)

    def _end(self) -> None:
        """Ends the process at once, after what it still said was heard."""
        if self._process is not None:
            self._process.kill()
            self._process.join()
            self._hear()
            self._process.close()
            self._process = None
        if self._pipe is not None:
            self._pipe.close()
            self._pipe = None


def spread(camera_ids: Sequence[str]) -> list[list[str]]:
    """Deals the cameras out over as many groups as the box has cores."""
    groups = min(len(camera_ids), os.cpu_count() or 1)
    return [list(camera_ids[i::groups]) for i in range(groups)]
