"""What a clip says of itself before it is tried: how long it is, and when it was taken."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import av

from edge.reading.faults import fault_of


class ClipUnusable(Exception):
    """The file is not there, or holds no video that can be read; the text says which."""


@dataclass(frozen=True, slots=True)
class Clip:
    """A file with video. ``seconds`` is 0 where it does not say; ``taken_at`` is aware UTC."""

    file: Path
    seconds: float
    taken_at: datetime


def open_clip(file: Path) -> Clip:
    """Returns what the container tells. Raises: ClipUnusable."""
    if "://" in str(file) or str(file).startswith(("http:/", "https:/", "rtsp:/", "rtsps:/")):
        raise ClipUnusable(f"a file is tried, not a stream: {str(file).partition(':')[0]}:// is for `edge run`")
    if not file.is_file():
        raise ClipUnusable(f"{file}: is no file" if file.exists() else f"{file}: no such file")
    try:
        with av.open(str(file)) as container:
            if not container.streams.video:
                raise ClipUnusable(f"{file}: holds no video")
            stream = container.streams.video[0]
            seconds = container.duration / av.time_base if container.duration else 0.0
            if not seconds and stream.duration and stream.time_base:
                seconds = float(stream.duration * stream.time_base)
            return Clip(file, max(0.0, seconds), _taken_at(file, container.metadata.get("creation_time")))
    except (av.FFmpegError, OSError, ValueError) as error:
        raise ClipUnusable(str(fault_of(error, url=str(file), playing=False))) from None


def _taken_at(file: Path, told: str | None) -> datetime:
    """The container's own time, else that of the file, which a copy may have changed."""
    try:
        moment = datetime.fromisoformat(told) if told else None
        if moment is not None and moment.year > 1970:
            return moment.astimezone(UTC)
    except (ValueError, OverflowError):
        pass
    return datetime.fromtimestamp(file.stat().st_mtime, UTC)
