"""Keeps a share of the cameras looked at: in one process, or in several while it is sought which camera ends it."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import structlog

from edge.processes.asking import Asked, Beat, failed
from edge.processes.ends import End
from edge.processes.limits import Limits
from edge.processes.parts import part_of
from edge.processes.supervision import GroupProcess
from ingest.configuration import EdgeConfiguration
from ingest.edge_messages import CameraState, CameraStatus, GroupStatus, RequestResult, SetAside

MOST_PIECES = 4
"""Into no more pieces is a group taken while nobody at all looks on: then the fault is hardly one camera's."""


log = structlog.get_logger(__name__)


@dataclass(slots=True)
class _Piece:
    """A process of the group. suspected: it has a part of what died again and again; trial: of a camera set aside."""

    process: GroupProcess
    suspected: bool = False
    trial: bool = False


@dataclass(frozen=True, slots=True)
class _Aside:
    reason: str
    again_s: float
    again_at: datetime


class CameraGroup:
    """One thread tends it; :meth:`ask` may be called from others."""

    def __init__(self, configuration: EdgeConfiguration, *, limits: Limits, ends: Counter[End]) -> None:
        self.configuration = configuration
        self._limits = limits
        self._ends = ends
        self._aside: dict[str, _Aside] = {}
        self._found = False
        self._retired = False
        self._gathering = False
        self._pieces = [self._piece(self.cameras)]

    @property
    def cameras(self) -> list[str]:
        return [camera.id for camera in self.configuration.cameras]

    @property
    def processes(self) -> list[GroupProcess]:
        return [piece.process for piece in self._pieces]

    @property
    def beats(self) -> list[Beat]:
        return [process.last_beat for process in self.processes if process.last_beat is not None]

    def ask(self, asked: Asked) -> Future[RequestResult]:
        """Asks the process that looks at the camera."""
        for process in self.processes:
            if asked.camera in process.cameras:
                return process.ask(asked)
        nobody: Future[RequestResult] = Future()
        nobody.set_result(failed(asked.request_id, f"camera {asked.camera!r} is set aside, or just being moved"))
        return nobody

    def tend(self, *, others_are_well: bool) -> None:
        """Does what is due now. A camera is set aside only where others are well: else the fault is the box's."""
        for piece in self._pieces:
            piece.process.tend()
        if self._retired:
            return
        if self._gathering:
            if all(process.is_retired for process in self.processes):
                self._gather()
            return
        for piece in list(self._pieces):
            if self._is_over(piece):
                self._take_apart(piece, others_are_well=others_are_well)
        self._try_again()
        self._come_together()

    def retire(self, to: EdgeConfiguration | None = None) -> None:
        """Asks all its processes to finish what they have in hand, and to stay away until :meth:`take`.

        to: What it will look at then; cameras for which nothing differs are looked at meanwhile, where that can be.
        """
        self._retired = True
        if self._gathering or len(self._pieces) != 1:
            to = None
        for process in self.processes:
            process.retire(to)

    @property
    def is_retired(self) -> bool:
        return self._retired and all(process.is_retired for process in self.processes)

    def take(self, configuration: EdgeConfiguration, limits: Limits) -> None:
        """Gives a retired group what it looks at from now on; what has changed of a camera set aside is tried anew."""
        for camera in list(self._aside):
            if part_of(configuration, [camera]) != part_of(self.configuration, [camera]):
                del self._aside[camera]
        self.configuration, self._limits, self._retired = configuration, limits, False
        self._gather()

    def stop(self, *, within_s: float) -> None:
        deadline_s = time.monotonic() + within_s
        for process in self.processes:
            process.stop(within_s=max(0.0, deadline_s - time.monotonic()))

    @property
    def is_well(self) -> bool:
        """One of its processes looks on, and has for a while."""
        return any(process.runs_for_s > self._limits.calm_s for process in self.processes)

    @property
    def looks_on(self) -> bool:
        """All its processes run, and have beaten since they were last given what to look at."""
        return not self._retired and not self._gathering and all(process.looks_on for process in self.processes)

    def status(self) -> list[GroupStatus]:
        return [
            GroupStatus(
                process_id=piece.process.pid,
                cameras=piece.process.cameras,
                restarts=piece.process.restarts,
                last_death=piece.process.last_death,
                memory_mb=piece.process.memory_mb,
                memory_ceiling_mb=piece.process.ceiling_mb,
                last_beat_at=piece.process.last_beat_at,
                shed_share=round(beat.shed_share, 3) if (beat := piece.process.last_beat) is not None else 0.0,
                suspected=piece.suspected,
            )
            for piece in self._pieces
        ]

    @property
    def set_aside(self) -> list[SetAside]:
        return [SetAside(camera=c, reason=a.reason, again_at=a.again_at) for c, a in self._aside.items()]

    def camera_statuses(self) -> list[CameraStatus]:
        """Returns what the processes tell of the cameras, and what is known of those that they do not tell of."""
        told = {camera.id: camera for beat in self.beats for camera in beat.cameras}
        return [told.get(camera) or self._untold(camera) for camera in self.cameras]

    def _untold(self, camera: str) -> CameraStatus:
        aside = self._aside.get(camera)
        if aside is None:
            return CameraStatus(id=camera, state=CameraState.STARTING)
        return CameraStatus(id=camera, state=CameraState.LOST, fault=f"set aside: {aside.reason}")

    def _piece(self, cameras: Sequence[str], *, suspected: bool = False, trial: bool = False) -> _Piece:
        process = GroupProcess(part_of(self.configuration, cameras), limits=self._limits, ends=self._ends)
        return _Piece(process, suspected, trial)

    def _is_over(self, piece: _Piece) -> bool:
        most = self._limits.suspected_deaths if piece.suspected else self._limits.deaths
        return piece.process.deaths >= most and piece.process.pid is None

    def _is_trusted(self, piece: _Piece) -> bool:
        # Once the camera at fault is found the others need not wait long to be together again.
        calm_s = self._limits.calm_s if self._found and not piece.trial else self._limits.steady_s
        return piece.process.runs_for_s > calm_s

    def _come_together(self) -> None:
        if not self._pieces or not all(self._is_trusted(piece) for piece in self._pieces):
            return
        if len(self._pieces) == 1:
            self._pieces[0].suspected = self._pieces[0].trial = False
            return
        log.info("camera group comes together again", cameras=self.cameras, set_aside=list(self._aside))
        self._gathering = True
        for process in self.processes:
            process.retire()

    def _take_apart(self, piece: _Piece, *, others_are_well: bool) -> None:
        cameras = piece.process.cameras
        why = piece.process.last_death or "its process ended"
        somebody_is_well = others_are_well or self.is_well
        if len(cameras) == 1:
            if somebody_is_well:
                self._put_aside(piece, cameras[0], why)
            return
        if not somebody_is_well and len(self._pieces) >= MOST_PIECES:
            return
        half = (len(cameras) + 1) // 2
        log.error("camera group dies again and again, its cameras are halved", cameras=cameras, reason=why)
        piece.process.stop(within_s=0, why="its process has just died")
        self._found = False
        halves = [self._piece(part, suspected=True) for part in (cameras[:half], cameras[half:])]
        self._pieces = [p for p in self._pieces if p is not piece] + halves

    def _put_aside(self, piece: _Piece, camera: str, why: str) -> None:
        wait_s = self._limits.aside_s
        log.error("camera set aside, its process dies again and again", camera=camera, reason=why, again_in_s=wait_s)
        piece.process.stop(within_s=0, why=f"camera {camera!r} is set aside: {why}")
        again_at = datetime.now(UTC) + timedelta(seconds=wait_s)
        self._aside[camera] = _Aside(why, time.monotonic() + wait_s, again_at)
        self._found = True
        self._pieces = [p for p in self._pieces if p is not piece]

    def _try_again(self) -> None:
        due = [camera for camera, aside in self._aside.items() if time.monotonic() >= aside.again_s]
        for camera in due:
            del self._aside[camera]
            log.info("camera tried again", camera=camera)
            self._pieces = [*self._pieces, self._piece([camera], suspected=True, trial=True)]

    def _gather(self) -> None:
        """Makes one process of all of them, without the cameras that are set aside."""
        self._gathering = self._found = False
        together = [camera for camera in self.cameras if camera not in self._aside]
        first, *rest = self._pieces or [self._piece(together)]
        for piece in rest:
            piece.process.stop(within_s=0, why="its cameras are being moved, ask again")
        if together:
            first.process.take(part_of(self.configuration, together), limits=self._limits)
        else:
            first.process.stop(within_s=0, why="nobody looks at its cameras now")
        self._pieces = [_Piece(first.process)] if together else []
