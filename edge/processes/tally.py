"""Counts looks and faults of each camera over all the processes that looked at it: no count ever falls."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

from ingest.edge_messages import CameraState, CameraStatus


@dataclass(frozen=True, slots=True)
class _Told:
    """What a process last told of a camera."""

    process_id: int | None
    looks: int
    gated: int
    dropped: int
    fault: str | None


class Tally:
    """One caller of :meth:`note`; the counters may be copied by others."""

    def __init__(self) -> None:
        self.looks: Counter[str] = Counter()
        self.gated: Counter[str] = Counter()
        self.dropped: Counter[str] = Counter()
        self.faults: Counter[tuple[str, str]] = Counter()
        """How often a camera was lost or blind, by camera and type of the fault."""

        self._told: dict[str, _Told] = {}

    def note(self, process_id: int | None, camera: CameraStatus) -> None:
        """Takes what a process tells now; its own counts begin at 0."""
        before = self._told.get(camera.id, _Told(process_id, 0, 0, 0, None))
        # Within a process the counts of a camera begin anew when it was changed.
        counts = ((camera.looks, before.looks), (camera.gated, before.gated), (camera.dropped, before.dropped))
        same = before.process_id == process_id and all(now >= then for now, then in counts)
        self.looks[camera.id] += camera.looks - (before.looks if same else 0)
        self.gated[camera.id] += camera.gated - (before.gated if same else 0)
        self.dropped[camera.id] += camera.dropped - (before.dropped if same else 0)
        fault = before.fault if camera.state is CameraState.STARTING else _type_of(camera)
        if fault is not None and fault != before.fault:
            self.faults[camera.id, fault] += 1
        self._told[camera.id] = _Told(process_id, camera.looks, camera.gated, camera.dropped, fault)


def _type_of(camera: CameraStatus) -> str | None:
    if camera.state not in (CameraState.LOST, CameraState.BLIND) or camera.fault is None:
        return None
    return camera.fault.partition(":")[0]
