"""Runs the plan: kills while the edges tell their scripts, then waits until everything has arrived."""

from __future__ import annotations

import signal
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

from bench.services import HOST
from bench.torture.centre import Centre
from bench.torture.edge import committed_ids
from bench.torture.judge import Verdict, expected_of, judge_cases, judge_pictures
from bench.torture.plan import Kill, Size, draw
from bench.torture.records import archived_ids, counts_of, judge_api, judge_outboxes, read_recorded, reader_of
from bench.torture.script import Script
from ingest.contract import Answer

EDGES = 2
TICK_S = 0.02
TELL_S = 5.0
WIPE_PATIENCE_S = 5.0
SHARE_OF_CHAOS_TOLD = 0.8


@dataclass(slots=True)
class Course:
    """How a run went, but for its verdict."""

    accepted: int = 0
    kills_by_part: Counter[str] = field(default_factory=Counter)
    ended_by_itself: Counter[str] = field(default_factory=Counter)
    in_stream_at_wipe: int = 0
    drain_s: float = 0.0
    drained: bool = False


class Torture:
    """One run in ``folder``; :meth:`close` ends every process of it, whatever happened."""

    def __init__(self, folder: Path, size: Size, *, seed: int) -> None:
        scripts = tuple(Script(seed=seed, edge=edge, events=size.events // EDGES) for edge in range(1, EDGES + 1))
        per_s = size.events / EDGES / (size.chaos_s * SHARE_OF_CHAOS_TOLD)
        self._size = size
        self._seed = seed
        self._centre = Centre(folder, scripts, seed=seed, per_s=per_s)
        self._begun_s = 0.0
        self.course = Course()
        self.verdict = Verdict()
        self.is_over = False

    def run(self) -> None:
        """Fills ``course`` and ``verdict``. Raises: SystemExit: If something that is needed is missing."""
        self._centre.prepare()
        self._begun_s = time.monotonic()
        self._say(f"{self._size.events} events in {EDGES} scripts; all parts start")
        self._centre.start()
        self._say("all parts run")
        self._chaos()
        self._drain()
        self._judge()
        self.is_over = True

    def close(self) -> None:
        self._centre.stop()

    def _chaos(self) -> None:
        centre, started_s = self._centre, time.monotonic()
        plan = draw(self._size, seed=self._seed, parts=list(centre.parts.parts))
        left, wires = list(plan.kills), [(plan.cut_at_s, "cut"), (plan.mend_at_s, "mended")]
        tell_s = 0.0
        while (left or wires or self._untold()) and time.monotonic() - started_s < 2 * self._size.chaos_s:
            now_s = time.monotonic() - started_s
            if wires and now_s >= wires[0][0]:
                self._wire(wires.pop(0)[1])
            # A part that is down at its time is killed as soon as it is up.
            left = [k for k in left if k.at_s > now_s or not self._kill(k, late_s=now_s - k.at_s)]
            centre.parts.tend()
            if now_s >= tell_s:
                tell_s = now_s + TELL_S
                self._tell()
            time.sleep(TICK_S)
        self.course.kills_by_part = Counter({name: part.kills for name, part in centre.parts.parts.items()})
        if left or wires or self._untold():
            self.verdict.wrong.append(
                f"the plan was not over in time: {len(left)} kills and {self._untold()} events left"
            )

    def _wire(self, what: str) -> None:
        self._say(f"the link is {what}")
        if what == "cut":
            self._centre.cut()
        else:
            self._centre.mend()

    def _kill(self, kill: Kill, *, late_s: float) -> bool:
        """Carries out a kill; returns False where it has to wait."""
        if not kill.wipe:
            return self._centre.parts.kill(kill.part, down_s=kill.down_s)
        in_stream = self._count(Answer.ACCEPTED) - (self._centre.reports() or 0)
        if in_stream <= 0 and late_s < WIPE_PATIENCE_S:
            return False
        done = self._centre.parts.kill(kill.part, down_s=kill.down_s, before_start=self._centre.wipe_redis)
        if done:
            self.course.in_stream_at_wipe = in_stream
            self._say(f"Redis has lost its data, with about {in_stream} events in the stream")
        return done

    def _drain(self) -> None:
        begun_s = time.monotonic()
        self._say("nothing is killed any more; what is on its way may arrive")
        tell_s = 0.0
        while not (over := self._is_drained()) and time.monotonic() - begun_s < self._size.drain_s:
            self._centre.parts.tend()
            if time.monotonic() >= tell_s:
                tell_s = time.monotonic() + TELL_S
                self._tell()
            time.sleep(0.2)
        self.course.drained, self.course.drain_s = over, time.monotonic() - begun_s
        self.course.ended_by_itself = Counter(
            {name: part.ended_by_itself for name, part in self._centre.parts.parts.items() if part.ended_by_itself}
        )
        if not over:
            self.verdict.wrong.append(f"not everything had arrived {self._size.drain_s:g} s after the last kill")

    def _is_drained(self) -> bool:
        counts = [counts_of(self._centre.files(script).outbox) for script in self._centre.scripts]
        waiting = sum(sum(c.events.values()) - c.events.get(Answer.ACCEPTED, 0) + c.evidence_items for c in counts)
        return not waiting and self._centre.reports() == self._size.events and self._centre.in_stream() == 0

    def _judge(self) -> None:
        self._say("comparing")
        centre, verdict = self._centre, self.verdict
        expected, recorded = expected_of(centre.scripts), read_recorded(centre.postgres.conninfo)
        committed = set().union(*(committed_ids(centre.files(script).outbox) for script in centre.scripts))
        self.course.accepted = len(committed & expected.events.keys())
        verdict.note("scripted events were never committed", expected.events.keys() - committed)
        verdict.note("events in the outboxes are not of the script", committed - expected.events.keys())
        judge_cases(expected, recorded, verdict)
        verdict.note("events are not in the archive", expected.events.keys() - archived_ids(centre.archive_dir))
        judge_pictures(expected, recorded, verdict, read=reader_of(centre.evidence_dir))
        judge_outboxes((counts_of(centre.files(script).outbox) for script in centre.scripts), verdict)
        judge_api(
            f"http://{HOST}:{centre.api_port}",
            centre.administrator_password,
            list(recorded.cases),
            verdict,
            seed=self._seed,
        )

    def _untold(self) -> int:
        return self._size.events - sum(len(committed_ids(self._centre.files(s).outbox)) for s in self._centre.scripts)

    def _count(self, state: str) -> int:
        files = [self._centre.files(script).outbox for script in self._centre.scripts]
        return sum(counts_of(file).events.get(state, 0) for file in files if file.exists())

    def _tell(self) -> None:
        told = self._size.events - self._untold()
        accepted, reports = self._count(Answer.ACCEPTED), self._centre.reports()
        kills = sum(part.kills for part in self._centre.parts.parts.values())
        in_cases = "-" if reports is None else reports
        self._say(f"{told:6} committed {accepted:6} taken by the gateway {in_cases:>6} in cases {kills:4} kills")

    def _say(self, what: str) -> None:
        print(f"{time.monotonic() - self._begun_s:6.1f} s  {what}", flush=True)


def interruptible() -> None:
    """Lets SIGTERM end a run like Ctrl-C: with every process of it."""
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.default_int_handler)
