"""What is asked of a group's process, and how it answers: the words on the pipe between supervisor and group."""

from __future__ import annotations

import time
from dataclasses import dataclass
from uuid import UUID

from ingest.edge_messages import CameraStatus, RequestResult, RequestType, WatchStatus

REASON_CHARS = 400
"""Room is left in the 500 characters that a text of the contract may have for what is said before a reason."""


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
    """Why a group ends before its first beat, or does not take what is new.

    ``watch_id`` where it is one watch whose detector cannot be built.
    """

    reason: str
    watch_id: str | None = None


@dataclass(frozen=True, slots=True)
class LetGo:
    """Tells a group to look no more at these cameras; the others go on."""

    cameras: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class HasLetGo:
    """The group's answer to :class:`LetGo`: what stays there is on the disk, and nobody follows it any more."""


@dataclass(frozen=True, slots=True)
class Take:
    """Tells a group to look at these cameras too; answered by a beat with them, or by :class:`CannotStart`."""

    configuration_json: str


ToGroup = Asked | LetGo | Take
FromGroup = Beat | CannotStart | HasLetGo | RequestResult


def in_bounds(text: str) -> str:
    """Returns what came from elsewhere as a status takes it: so long at most, and no control characters."""
    return "".join(c if c.isprintable() else "?" for c in text)[:REASON_CHARS]


def failed(request_id: UUID, error: str) -> RequestResult:
    """Returns the answer that says why there is none."""
    return RequestResult(request_id=request_id, ok=False, error=in_bounds(error) or "it failed")


def not_here(asked: Asked) -> RequestResult:
    """Returns the answer to what is asked of a camera that the group does not look at any more."""
    return failed(asked.request_id, f"camera {asked.camera!r} has just been moved or taken away; ask again")
