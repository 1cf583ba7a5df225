"""All groups of cameras: which cameras are whose, what changes for whom, and whom to ask about a camera."""

from __future__ import annotations

import dataclasses
import os
import time
from collections import Counter
from collections.abc import Sequence
from concurrent.futures import Future

from edge.processes.asking import Asked, Beat, failed
from edge.processes.camera_group import CameraGroup
from edge.processes.ends import End
from edge.processes.limits import Limits
from edge.processes.parts import deal, part_of
from edge.processes.tally import Tally
from ingest.configuration import Camera, EdgeConfiguration
from ingest.edge_messages import CameraStatus, GroupStatus, RequestResult, SetAside


class Fleet:
    """One thread tends it; :meth:`ask` may be called from others.

    To change what is watched: :meth:`retire`, tend until :attr:`is_ready`, :meth:`take`. Cameras for which nothing
    changes are looked at meanwhile, but where the number of workers, their memory or the time zone changes.
    """

    def __init__(self, limits: Limits | None = None) -> None:
        self.ends: Counter[End] = Counter()
        """How often a process had to be started again, by cause, since the edge started."""

        self.tally = Tally()
        self._limits = limits or Limits()
        self._workers = 0
        self._groups: list[CameraGroup] = []
        self._retired: list[CameraGroup] = []

    def retire(self, configuration: EdgeConfiguration) -> None:
        """Stops the cameras for which ``configuration`` has something else to look at."""
        goes_on = self._number(configuration) == self._workers and self._bounded(configuration) == self._limits
        for group, share in zip(self._groups, self._shares(configuration), strict=False):
            part = part_of(configuration, share)
            if not goes_on or part != group.configuration:
                self._retired.append(group)
                group.retire(part if goes_on and share else None)

    @property
    def is_ready(self) -> bool:
        return all(group.is_retired for group in self._retired)

    def take(self, configuration: EdgeConfiguration) -> None:
        """Lets the retired groups go on with ``configuration``, or starts all for the first time."""
        if self._number(configuration) != self._workers:
            for group in self._groups:
                group.stop(within_s=0)
            self._groups, self._workers = [], self._number(configuration)
        self._limits = self._bounded(configuration)
        before, self._groups = self._groups, []
        for index, share in enumerate(self._shares(configuration, before)):
            part = part_of(configuration, share)
            if index >= len(before):
                self._groups.append(CameraGroup(part, limits=self._limits, ends=self.ends))
                continue
            if not share:
                before[index].stop(within_s=0)
                continue
            if before[index] in self._retired:
                before[index].take(part, self._limits)
            self._groups.append(before[index])
        self._retired = []

    def tend(self) -> None:
        well = {id(group) for group in self._groups if group.is_well}
        for group in self._groups:
            group.tend(others_are_well=bool(well - {id(group)}))
            for process in group.processes:
                process_id, told = process.fresh_beat()
                for camera in told:
                    self.tally.note(process_id, camera)

    def stop(self, *, within_s: float) -> None:
        """Stops all groups, which have so long all together."""
        deadline_s = time.monotonic() + within_s
        for group in self._groups:
            group.retire()
        for group in self._groups:
            group.stop(within_s=max(0.0, deadline_s - time.monotonic()))

    def ask(self, asked: Asked) -> Future[RequestResult]:
        """Asks the group that owns the camera."""
        for group in self._groups:
            if asked.camera in group.cameras:
                return group.ask(asked)
        nobody: Future[RequestResult] = Future()
        nobody.set_result(failed(asked.request_id, f"no group looks at camera {asked.camera!r} yet"))
        return nobody

    @property
    def beats(self) -> list[Beat]:
        return [beat for group in self._groups for beat in group.beats]

    @property
    def cameras(self) -> list[CameraStatus]:
        return [camera for group in self._groups for camera in group.camera_statuses()]

    @property
    def groups(self) -> list[GroupStatus]:
        return [status for group in self._groups for status in group.status()]

    @property
    def set_aside(self) -> list[SetAside]:
        return [aside for group in self._groups for aside in group.set_aside]

    @property
    def looks_on(self) -> bool:
        """Every process has beaten since it was last given what to look at."""
        return all(group.looks_on for group in self._groups)

    @property
    def unseen(self) -> list[Camera]:
        """The cameras that are set aside."""
        aside = {one.camera for one in self.set_aside}
        return [c for group in self._groups for c in group.configuration.cameras if c.id in aside] if aside else []

    @property
    def cannot_start(self) -> list[tuple[str | None, str]]:
        """The watch, where it is one watch, and the reason of each process that ended before its first beat."""
        reasons = [p.cannot_start for group in self._groups for p in group.processes if p.cannot_start is not None]
        return [(reason.watch_id, reason.reason) for reason in reasons]

    def _shares(self, configuration: EdgeConfiguration, groups: Sequence[CameraGroup] | None = None) -> list[list[str]]:
        """Returns the cameras of each group in its place, then those of groups to come."""
        before = [group.cameras for group in (self._groups if groups is None else groups)]
        return deal([camera.id for camera in configuration.cameras], workers=configuration.workers, shares=before)

    def _number(self, configuration: EdgeConfiguration) -> int:
        return configuration.workers or os.cpu_count() or 1

    def _bounded(self, configuration: EdgeConfiguration) -> Limits:
        return dataclasses.replace(self._limits, memory_mb=configuration.worker_memory_mb)
