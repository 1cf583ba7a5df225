"""Keeps one group's process alive: starts it, hears its beats, restarts it with pacing when it dies or hangs."""

from __future__ import annotations

import contextlib
import multiprocessing
import time
from collections import Counter, deque
from collections.abc import Iterator, Sequence
from concurrent.futures import Future
from datetime import UTC, datetime
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess

import structlog

from edge.processes.asking import Asked, Beat, CannotStart, FromGroup, HasLetGo, LetGo, Take, in_bounds
from edge.processes.ends import End, in_words
from edge.processes.group import group_main
from edge.processes.limits import STOPPING_S, Limits
from edge.processes.memory import ceiling_mb, resident_mb
from edge.processes.parts import differing, only_cameras_differ, part_of
from edge.processes.questions import Questions
from edge.processes.spawning import deaf_to_interrupts
from edge.reading.faults import waits_s
from ingest.configuration import EdgeConfiguration
from ingest.edge_messages import CameraStatus, RequestResult

WEIGH_EVERY_S = 2.0

log = structlog.get_logger(__name__)


class GroupProcess:
    """One group of cameras in a process of its own, seen from outside.

    One thread tends it; :meth:`ask` may be called from others.
    """

    def __init__(
        self, configuration: EdgeConfiguration, *, limits: Limits | None = None, ends: Counter[End] | None = None
    ) -> None:
        self.last_beat: Beat | None = None
        self.last_beat_at: datetime | None = None
        self.cannot_start: CannotStart | None = None
        """Why it ended before its first beat, or has not taken what is new; None once it looks at all its cameras."""

        self.restarts = 0
        self.memory_mb: float | None = None
        self.last_death: str | None = None
        self.configuration = configuration
        self._limits = limits or Limits()
        self._ends = ends if ends is not None else Counter()
        self._deaths: deque[float] = deque(maxlen=100)
        self._process: BaseProcess | None = None
        self._pipe: Connection | None = None
        self._heard_s = 0.0
        self._started_s = 0.0
        self._start_at_s = 0.0
        self._weighed_s = 0.0
        self._retired_s: float | None = None
        self._let_go: set[str] | None = None
        """What a retired process was told to let go, where it need not end for what changes."""

        self._has_let_go = False
        self._new: Take | None = None
        self._untaken: set[str] = set()  # what it was last told to take
        self._told: set[str] = set()  # the cameras of its last beat
        self._too_large_s: float | None = None
        self._waits: Iterator[float] = waits_s()
        self._questions = Questions()
        self._fresh: tuple[int | None, Sequence[CameraStatus]] = (None, ())

    @property
    def cameras(self) -> list[str]:
        return [camera.id for camera in self.configuration.cameras]

    @property
    def pid(self) -> int | None:
        return self._process.pid if self._process is not None else None

    @property
    def ceiling_mb(self) -> float:
        return ceiling_mb(len(self.cameras), self._limits.memory_mb)

    @property
    def runs_for_s(self) -> float:
        """For how long it has run and beaten; 0 where it does not."""
        return time.monotonic() - self._started_s if self.last_beat is not None and self._process is not None else 0.0

    @property
    def looks_on(self) -> bool:
        """It runs, and has beaten with all its cameras since it was last given what to look at."""
        return self.runs_for_s > 0 and set(self.cameras) <= self._told

    @property
    def deaths(self) -> int:
        """How often it died of late; an outbox that cannot be opened is no death, for no camera is to blame."""
        return sum(time.monotonic() - at_s <= self._limits.within_s for at_s in self._deaths)

    def ask(self, asked: Asked) -> Future[RequestResult]:
        """Asks one of its cameras. A group that dies meanwhile is asked again, until the deadline."""
        return self._questions.ask(asked)

    def tend(self) -> None:
        """Does what is due now; call it a few times a second."""
        self._questions.drop_late()
        if self._process is None:
            if self._retired_s is None and time.monotonic() >= self._start_at_s:
                self._start()
            return
        self._hear()
        if self._retired_s is not None:
            self._tend_retired(self._process, self._retired_s)
            return
        end = self._end_of(self._process)
        if end is not None:
            self._lose(self._process, end)
        elif self._too_large_s is None:
            self._send_questions()
            self._take_again()
            self._weigh(self._process)

    def _end_of(self, process: BaseProcess) -> End | None:
        """Returns why it has to be started again, or None."""
        now_s = time.monotonic()
        if self._too_large_s is not None:
            is_over = not process.is_alive() or now_s - self._too_large_s > self._limits.stopping_s
            return End.MEMORY if is_over else None
        if not process.is_alive():
            return End.CRASH
        patience_s = self._limits.starting_s if self.last_beat is None else self._limits.silent_s
        return End.HANG if now_s - self._heard_s > patience_s else None

    def _lose(self, process: BaseProcess, end: End) -> None:
        exit_code = process.exitcode
        self._end()
        self._ends[end] += 1
        self.restarts += 1
        self.last_death = in_words(end, exit_code, told=self.cannot_start, held=(self.memory_mb, self.ceiling_mb))
        if end is not End.MEMORY:
            log.error("camera group lost", cameras=self.cameras, exit_code=exit_code, hangs=end is End.HANG)
            if self.cannot_start is None or self.cannot_start.watch_id is not None:
                self._deaths.append(time.monotonic())
        self._pace()

    def _weigh(self, process: BaseProcess) -> None:
        """Asks a process that has grown too large to end after its look; what stays is kept, and goes on."""
        now_s = time.monotonic()
        if now_s - self._weighed_s < WEIGH_EVERY_S:
            return
        self._weighed_s = now_s
        self.memory_mb = resident_mb(process.pid) if process.pid is not None else None
        # Before its first beat nothing is in hand, and ending it would never let it begin.
        if self.last_beat is None or self.memory_mb is None or self.memory_mb <= self.ceiling_mb:
            return
        log.warning(
            "camera group too large, starts again",
            cameras=self.cameras,
            memory_mb=round(self.memory_mb),
            ceiling_mb=round(self.ceiling_mb),
        )
        self._too_large_s = now_s
        process.terminate()

    def fresh_beat(self) -> tuple[int | None, Sequence[CameraStatus]]:
        """Returns what was told of its cameras since the last time that this was asked, and by which process."""
        fresh, self._fresh = self._fresh, (None, ())
        return fresh

    def retire(self, to: EdgeConfiguration | None = None) -> None:
        """Asks it to finish what it has in hand, and to stay away until :meth:`take`; tend it until it is retired.

        to: What it will look at then. Where only cameras and watches differ, the process goes on with the others.
        """
        if self._retired_s is None:
            self._retired_s = time.monotonic()
        self._has_let_go, self._let_go = False, None
        runs = self.runs_for_s > 0 and self._too_large_s is None
        if to is not None and runs and only_cameras_differ(self.configuration, to):
            self._let_go = set(differing(self.configuration, to))
            if self._send(LetGo(tuple(self._let_go))):
                return
        if self._process is not None and self._process.is_alive():
            self._process.terminate()

    @property
    def is_retired(self) -> bool:
        return self._retired_s is not None and (self._process is None or self._has_let_go)

    def take(self, configuration: EdgeConfiguration, *, limits: Limits | None = None) -> None:
        """Gives a retired group what it looks at from now on; one that has ended starts when it is tended next."""
        # What it could not take the last time is due once more.
        kept = set(self.cameras) - (self._let_go or set()) - (self._untaken if self.cannot_start is not None else set())
        new = [camera.id for camera in configuration.cameras if camera.id not in kept]
        self._new = Take(part_of(configuration, new).model_dump_json()) if self._has_let_go and new else None
        self.configuration, self._untaken = configuration, set(new)
        self._questions.drop_others(self.cameras)
        self._limits = limits or self._limits
        self.cannot_start = None
        self._retired_s = None
        self._let_go, self._has_let_go = None, False
        self._deaths.clear()
        self._start_at_s = 0.0
        self._waits = waits_s()
        if self._new is not None:
            self._send(self._new)

    def _take_again(self) -> None:
        """What was not taken may be there later (a model's file); meanwhile the process looks at the others."""
        if self._new is not None and self.cannot_start is not None and time.monotonic() >= self._start_at_s:
            self._start_at_s = time.monotonic() + next(self._waits)
            self._send(self._new)

    def _tend_retired(self, process: BaseProcess, since_s: float) -> None:
        if not process.is_alive() or (not self._has_let_go and time.monotonic() - since_s > self._limits.stopping_s):
            self._end()

    def stop(self, *, within_s: float = STOPPING_S, why: str = "the edge is stopping") -> None:
        """Asks the group to finish what it has in hand, and waits for it so long at most; it is not used again."""
        self.retire()
        if self._process is not None:
            self._process.join(timeout=within_s)
        self._end()
        self._questions.close(why)

    def _start(self) -> None:
        context = multiprocessing.get_context("spawn")
        self._heard_s = self._started_s = time.monotonic()
        self.last_beat = self.cannot_start = self.memory_mb = self._too_large_s = self._new = None
        self._told = set()
        self._questions.send_again()
        self._pipe, theirs = context.Pipe()
        process = context.Process(
            target=group_main, args=(self.configuration.model_dump_json(), theirs), name="cameras"
        )
        try:
            with deaf_to_interrupts():
                process.start()
        except OSError as error:  # no memory, no process left
            log.error("camera group cannot be started", cameras=self.cameras, reason=type(error).__name__)
            self.restarts += 1
            self._pace()
        else:
            self._process = process
        finally:
            theirs.close()

    def _send_questions(self) -> None:
        if self._pipe is not None:
            with contextlib.suppress(OSError):  # it has just died: asked again when it is back
                self._questions.send(self._pipe.send)

    def _send(self, message: LetGo | Take) -> bool:
        with contextlib.suppress(OSError):  # it has just died: started anew, it hears all of it
            if self._pipe is not None:
                self._pipe.send(message)
                return True
        return False

    def _hear(self) -> None:
        try:
            while self._pipe is not None and self._pipe.poll():
                self._take_message(self._pipe.recv())
                self._heard_s = time.monotonic()
        except (EOFError, OSError):
            return

    def _take_message(self, message: FromGroup) -> None:
        if isinstance(message, Beat):
            self.last_beat, self.last_beat_at = message, datetime.now(UTC)
            # With who told it: what is heard when the process has just died is not told by the next one.
            self._fresh = self.pid, message.cameras
            self._told = {camera.id for camera in message.cameras}
            if self.looks_on:
                self.cannot_start = None
        elif isinstance(message, CannotStart):
            # A model's card, or the library that reads it, may say as much as it likes.
            self.cannot_start = CannotStart(in_bounds(message.reason), message.watch_id)
            self._start_at_s = time.monotonic() + next(self._waits)
        elif isinstance(message, HasLetGo):
            # A beat from before says nothing of what it takes from now on.
            self._has_let_go, self._told = self._let_go is not None, self._told - (self._let_go or set())
        else:
            self._questions.answered(message)

    def _pace(self) -> None:
        if time.monotonic() - self._started_s > self._limits.steady_s:
            self._waits = waits_s()
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
