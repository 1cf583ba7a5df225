"""All groups of cameras: which cameras are whose, what changes for whom, and whom to ask about a camera."""

from __future__ import annotations

import time
from collections.abc import Sequence
from concurrent.futures import Future

from edge.processes.asking import Asked, Beat, failed
from edge.processes.supervision import GroupProcess, spread
from ingest.configuration import EdgeConfiguration
from ingest.edge_messages import RequestResult


class Fleet:
    """One thread tends it; :meth:`ask` may be called from others.

    To change what is watched: :meth:`retire`, tend until :attr:`is_ready`, :meth:`take`. Groups for which nothing
    changes look on meanwhile.
    """

    def __init__(self) -> None:
        self._groups: list[GroupProcess] = []
        self._retired: list[GroupProcess] = []

    def retire(self, configuration: EdgeConfiguration) -> None:
        """Stops the groups for which ``configuration`` has something else to look at."""
        self._retired = [g for g in self._groups if part_of(configuration, g.cameras) != g.configuration]
        for group in self._retired:
            group.retire()

    @property
    def is_ready(self) -> bool:
        return all(group.is_retired for group in self._retired)

    def take(self, configuration: EdgeConfiguration) -> None:
        """Lets the retired groups go on with ``configuration``, or starts all for the first time."""
        if not self._groups:
            shares = spread([camera.id for camera in configuration.cameras])
            self._groups = [GroupProcess(part_of(configuration, share)) for share in shares]
        for group in self._retired:
            group.take(part_of(configuration, group.cameras))
        self._retired = []

    def tend(self) -> None:
        for group in self._groups:
            group.tend()

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
        return [group.last_beat for group in self._groups if group.last_beat is not None]

    @property
    def cannot_start(self) -> list[tuple[str | None, str]]:
        """The watch, where it is one watch, and the reason of each group that ended before its first beat."""
        return [(g.cannot_start.watch_id, g.cannot_start.reason) for g in self._groups if g.cannot_start is not None]


def part_of(configuration: EdgeConfiguration, cameras: Sequence[str]) -> EdgeConfiguration:
    """Returns what a group of cameras has to know: neither sensors nor the way to the centre."""
    return configuration.model_copy(
        update={
            "centre": None,
            "brokers": [],
            "sensors": [],
            "cameras": [camera for camera in configuration.cameras if camera.id in cameras],
            "watches": [watch for watch in configuration.watches if watch.camera in cameras],
        }
    )
