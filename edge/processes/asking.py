"""What is asked of a group's process, and how it answers: the words on the pipe between supervisor and group."""

from __future__ import annotations

import time
from dataclasses import dataclass
from uuid import UUID

from ingest.edge_messages import CameraStatus, RequestResult, RequestType, WatchStatus


@dataclass(frozen=True, slots=True)
class Asked:
    """A question to one camera. ``deadline_s`` is of the monotonic clock, which all processes of a box share."""

    request_id: UUID
    type: RequestType
    camera: str
    deadline_s: float

    @property
    def remaining_s(self) -> float:
        return self.deadline_s - time.monotonic()


@dataclass(frozen=True, slots=True)
class Beat:
    """What a group tells its supervisor each second; its silence means that it hangs."""

    cameras: tuple[CameraStatus, ...]
    watches: tuple[WatchStatus, ...]
    uncommitted: int = 0
    fault: str | None = None
    shed_share: float = 0.0


@dataclass(frozen=True, slots=True)
class CannotStart:
    """Why a group ends before its first beat; ``watch_id`` where it is one watch whose detector cannot be built."""

    reason: str
    watch_id: str | None = None


FromGroup = Beat | CannotStart | RequestResult


def failed(request_id: UUID, error: str) -> RequestResult:
    """Returns the answer that says why there is none."""
    said = "".join(c if c.isprintable() else "?" for c in error)[:500]
    return RequestResult(request_id=request_id, ok=False, error=said or "it failed")
