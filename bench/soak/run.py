"""One soak: a calm, then fault after fault on one camera, while the others are looked at as ever."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

from bench.soak.box import FAULTY, LOOK_EVERY_S, TIMEOUT_S, EdgeBox
from bench.soak.clips import Clips
from bench.soak.measured import Episode, back_off_s, growth_mb, longest_gap_s, on_time
from bench.soak.noting import now_s
from bench.soak.plan import LASTING, Fault, Plan, Planned
from bench.soak.servers import OTHER_PASSWORD, OTHER_STREAM, PASSWORD, RtspServer

HEALTHY = 3
CALM_SHARE = 0.1
CALM_AT_LEAST_S = 13.0
"""Long enough for the clip of the others to begin again once."""

STARTED_S = 120.0
FIRST_LOOKS = 12
"""Before the calm: what stands there is raised by then, with its pictures."""

NEVER_S = 60.0
"""So long beyond what is allowed a camera is waited for."""

SAMPLE_EVERY_S = 1.0
LAST_LOOKS = 20
POLL_S = 0.05


class Soak:
    """One run in ``folder``; :meth:`close` ends every process of it, whatever happened.

    opening_s: What connecting and the first keyframe may take beside the back-off.
    """

    def __init__(self, folder: Path, *, seed: int, minutes: float, restarts: int, opening_s: float) -> None:
        self.episodes: list[Episode] = []
        self.memory_mb: list[float] = []
        self.last_status: dict[str, Any] = {}
        self._opening_s = opening_s
        self._calm_s = max(CALM_AT_LEAST_S, CALM_SHARE * minutes * 60)
        self._plan = Plan(seed=seed, total_s=max(1.0, minutes * 60 - self._calm_s), restarts=restarts)
        self._clips = Clips(folder)
        self._server, self._well = RtspServer(folder / "faulty.log"), RtspServer(folder / "well.log")
        self._sampled_s = self._calm_from_s = self._faults_from_s = self._over_s = 0.0
        self._plays_large = False
        healthy = {f"healthy-{number}": self._well.url for number in range(1, HEALTHY + 1)}
        self.box = EdgeBox(folder, {FAULTY: self._server.url, **healthy})

    def start(self) -> None:
        """Starts servers and edge. Raises: SystemExit: If one does not start."""
        self._clips.draw()
        self._well.start(self._clips.usual)
        self._server.start(self._clips.usual)
        self.box.start()
        deadline_s = now_s() + STARTED_S
        while len(self.box.looks) <= HEALTHY or min(map(len, self.box.looks.values())) < FIRST_LOOKS:
            if now_s() > deadline_s:
                raise SystemExit(f"not all cameras started: {self.box.log_text()[-2000:]}")
            self._pass(POLL_S)

    def run(self) -> None:
        """A calm, then the faults of the plan. Raises: SystemExit: If the edge ends."""
        self.memory_mb.clear()
        self._calm_from_s = now_s()
        self._pass(self._calm_s)
        self._faults_from_s = now_s()
        while (planned := self._plan.next(now_s() - self._faults_from_s)) is not None:
            episode = self._play(planned)
            self.episodes.append(episode)
            mark = "" if episode.is_in_time else "  LATE"
            back = "never" if episode.back_s is None else f"{episode.back_s:.2f} s"
            print(f"{episode.fault.value:22} {episode.away_s:5.1f} s  back {back}{mark}", flush=True)
            self._pass(planned.well_s)

    def close(self) -> None:
        """Ends every process; what was measured stays."""
        self._over_s = now_s()
        self.last_status = self.box.status()
        self.box.stop()
        for server in (self._server, self._well):
            server.kill()

    @property
    def growth_mb(self) -> float:
        return growth_mb(self.memory_mb)

    def others_on_time(self) -> tuple[float, float]:
        """Returns the share of the other cameras' looks that came on time, in the calm and during the faults."""
        done = {c: [done_s for _, done_s in looks] for c, looks in self.box.looks.items() if c != FAULTY}
        over_s = self._over_s
        begin_s = self._faults_from_s or over_s
        calm = on_time(done, every_s=LOOK_EVERY_S, from_s=self._calm_from_s or over_s, to_s=begin_s)
        return calm, on_time(done, every_s=LOOK_EVERY_S, from_s=begin_s, to_s=over_s) if begin_s < over_s else calm

    def _play(self, planned: Planned) -> Episode:
        if planned.fault in LASTING:
            return self._play_lasting(planned)
        began_s = now_s()
        self._begin(planned.fault)
        self._pass(planned.lasts_s)
        told_as = _fault_in(self.box.status())
        self._mend(planned.fault)
        server_back_s = now_s()
        back_s, back_off = self._await_look(began_s, server_back_s)
        return Episode(
            planned.fault,
            away_s=server_back_s - began_s,
            back_s=back_s,
            back_off_s=back_off,
            allowed_s=back_off + self._opening_s,
            told_as=told_as,
        )

    def _await_look(self, began_s: float, server_back_s: float) -> tuple[float | None, float]:
        """Returns how long after its server the camera was back, and the back-off that it had to wait for."""
        back_off = 0.0
        while now_s() - server_back_s < back_off + NEVER_S:
            self._pass(POLL_S)
            waits = [wait for wait in self.box.waits if wait.began_s >= began_s]
            back_off = back_off_s(waits, server_back_s=server_back_s, timeout_s=TIMEOUT_S)
            for taken_s, done_s in self.box.looks[FAULTY][-LAST_LOOKS:]:
                if taken_s >= server_back_s:
                    return done_s - server_back_s, back_off
        return None, back_off

    def _play_lasting(self, planned: Planned) -> Episode:
        """Plays a fault that must not lose the camera: the longest time without a look is what counts."""
        if planned.fault is Fault.LOOPING:
            self._server.start(self._clips.short)
            self._await_look(now_s(), now_s())
        else:
            self._server.pause()
        began_s = now_s()
        self._pass(planned.lasts_s)
        self._server.resume()
        away_s = now_s() - began_s
        self._pass(2 * LOOK_EVERY_S)
        gap_s = longest_gap_s([done for _, done in self.box.looks[FAULTY]], from_s=began_s, to_s=now_s())
        still_s = away_s if planned.fault is Fault.PAUSED else 0.0
        allowed_s = still_s + 2 * LOOK_EVERY_S + self._opening_s
        return Episode(planned.fault, away_s=away_s, back_s=gap_s, back_off_s=0.0, allowed_s=allowed_s)

    def _begin(self, fault: Fault) -> None:
        server, usual = self._server, self._clips.usual
        if fault in {Fault.KILLED, Fault.REFUSED, Fault.RESIZED}:
            server.kill()
        elif fault is Fault.UNAUTHORISED:
            server.start(usual, password=OTHER_PASSWORD)
        elif fault is Fault.NOT_FOUND:
            server.start(usual, path=OTHER_STREAM)
        elif fault is Fault.SILENT:
            server.fall_silent()
        else:
            server.pause()
            self._pass(2 * TIMEOUT_S)  # it is lost only after its time-out

    def _mend(self, fault: Fault) -> None:
        if fault is Fault.STALLED:
            self._server.resume()
        else:
            self._plays_large ^= fault is Fault.RESIZED
            self._server.start(self._clips.large if self._plays_large else self._clips.usual)

    def _pass(self, seconds: float) -> None:
        """Lets time pass, taking notes in and weighing the edge."""
        until_s = now_s() + seconds
        while True:
            self.box.read()
            if now_s() - self._sampled_s >= SAMPLE_EVERY_S:
                self._sampled_s = now_s()
                self.memory_mb.append(self.box.memory_mb())
            left_s = until_s - now_s()
            if left_s <= 0:
                return
            time.sleep(min(POLL_S, left_s))

    def secrets_shown(self) -> int:
        """Returns how many lines of log and status show a password."""
        told = [*self.box.log_text().splitlines(), str(self.box.status())]
        return sum(PASSWORD in line for line in told)


def _fault_in(status: dict[str, object]) -> str:
    """Returns the fault of the faulty camera as the edge tells it, in short."""
    cameras = status.get("cameras")
    named = [camera for camera in cameras if camera["id"] == FAULTY] if isinstance(cameras, list) else []
    return str(named[0]["fault"] or "").partition(":")[0] if named else ""
