"""Keeps an hour of small masked, blurred looks of each camera, on which a draft of a watch can be tried.

They are a convenience: not fsynced, never sent, and what the disk does not take is only counted.
"""

from __future__ import annotations

import errno
import json
import os
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import cv2
import numpy as np
import structlog

from detectors.base import Grey, Image
from edge.looking.sameness import Remembered
from edge.staying.clock import Moment

KEEP_EVERY_S = 10.0
KEPT_FOR = timedelta(hours=1)
MOST_KEPT = 400
REPEATED_FOR_S = 300.0
"""So long one picture may stand for looks at a scene that does not change."""

WIDTH = 640
QUALITY = 70
AHEAD = timedelta(minutes=1)
"""A name further in the future than this comes from a clock that was wrong; it would outlive all the others."""

SUFFIX = ".jpg"
PART = "look.part"
MASKS = "masks"
LEFT_AFTER_S = 60.0
LOW_SHARE = 0.1
LOW_BYTES = 1_000_000_000
"""With less left on the disk than the smaller of both, no look is kept: events and evidence need the room."""

_STAMP = "%Y%m%dT%H%M%S"

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class RecentLook:
    """One kept look: when it was taken (aware UTC, to the millisecond), its JPEG file, and the preset that it shows."""

    captured_at: datetime
    file: Path
    preset: str | None = None


class RecentLooks:
    """The looks of one camera, or those of one of its presets. One caller at a time.

    masks: With which they are taken; what was kept with others is removed, for a place may be bare in it.
    """

    def __init__(
        self,
        root: Path,
        camera_id: str,
        *,
        masks: Sequence[Sequence[tuple[float, float]]] = (),
        preset: str | None = None,
    ) -> None:
        self._root = root
        self._camera_id = camera_id
        self._masks = masks
        self._mark = json.dumps(masks) if masks else None
        self._preset = preset
        self._forget_other_masks()
        self._last: Moment | None = None
        self._kept: tuple[Remembered, Moment, Path] | None = None
        self.failures = 0
        self._failing = False

    def of(self, preset: str) -> RecentLooks:
        """Returns those of one preset, in the same folder."""
        return RecentLooks(self._root, self._camera_id, masks=self._masks, preset=preset)

    def _forget_other_masks(self) -> None:
        folder = self._root / self._camera_id
        try:
            if folder.is_dir() and _mark_in(folder) != self._mark:
                for name in _names(folder):
                    (folder / name).unlink(missing_ok=True)
                (folder / MASKS).unlink(missing_ok=True)
        except OSError as error:
            log.warning("looks with other masks not removed", camera=self._camera_id, reason=error.strerror)

    def is_due(self, moment: Moment) -> bool:
        return self._last is None or moment.since(self._last) >= KEEP_EVERY_S

    def skip(self, moment: Moment) -> None:
        """Notes that this look could not be kept, so that the next try is not the very next look."""
        self._last = moment

    def between(self, first: datetime, last: datetime) -> list[RecentLook]:
        """Returns the kept looks of that time, the oldest first. Raises: OSError."""
        kept = recent_looks(self._root, self._camera_id, now=last)
        return [look for look in kept if first <= look.captured_at <= last and look.preset == self._preset]

    def repeat(self, small: Grey, moment: Moment) -> bool:
        """Keeps the last picture once more under the name of this look, where nothing in it has changed; else False.

        small: As from :func:`edge.looking.sameness.small_picture`.
        """
        if self._kept is None or moment.since(self._kept[1]) >= REPEATED_FOR_S or self._kept[0].differs(small):
            return False
        folder = self._root / self._camera_id
        try:
            (folder / PART).unlink(missing_ok=True)
            os.link(self._kept[2], folder / PART)
            self._settle(folder, moment.utc)
        except OSError:  # a disk without links, or a picture that has gone: it is made anew
            self._kept = None
            return False
        self._last = moment
        return True

    def keep(self, image: Image, moment: Moment, *, small: Grey | None = None) -> None:
        """Writes a small copy and removes what is old.

        image: already blurred, ``(H, W, 3)`` BGR. small: with it, the picture may stand for looks like it.
        """
        self._last, self._kept = moment, None
        try:
            file = self._write(_small_jpeg(image), moment.utc)
            self._kept = (Remembered(small), moment, file) if small is not None else None
        except OSError as error:
            self.failures += 1
            if not self._failing:
                log.warning("looks not kept", camera=self._camera_id, reason=error.strerror)
            self._failing = True
        else:
            if self._failing:
                log.info("looks kept again", camera=self._camera_id, lost=self.failures)
            self._failing = False

    def _write(self, jpeg: bytes, captured_at: datetime) -> Path:
        folder = self._root / self._camera_id
        folder.mkdir(parents=True, exist_ok=True)
        if disk_is_low(folder):
            raise OSError(errno.ENOSPC, "the disk is nearly full")
        if self._mark is not None and _mark_in(folder) != self._mark:
            (folder / MASKS).write_text(self._mark)
        # Another look may bear the old name of this file: it must not be written over.
        (folder / PART).unlink(missing_ok=True)
        (folder / PART).write_bytes(jpeg)
        return self._settle(folder, captured_at)

    def _settle(self, folder: Path, captured_at: datetime) -> Path:
        file = folder / _name(captured_at, self._preset)
        (folder / PART).replace(file)
        prune(folder, now=captured_at)
        return file


def recent_looks(root: Path, camera_id: str, *, now: datetime) -> list[RecentLook]:
    """Returns the looks of the last hour, the oldest first. Raises: OSError."""
    folder = root / camera_id
    looks = [
        RecentLook(at, folder / name, _preset_of(name))
        for name in _names(folder)
        if (at := _captured_at(name)) is not None
    ]
    return [look for look in looks if now - KEPT_FOR <= look.captured_at <= now + AHEAD]


def disk_is_low(folder: Path) -> bool:
    """Raises: OSError."""
    disk = shutil.disk_usage(folder)
    return disk.free < min(LOW_BYTES, LOW_SHARE * disk.total)


def make_room(root: Path) -> None:
    """Removes all looks when the disk is nearly full, before any evidence has to go. Raises: OSError."""
    if root.is_dir() and disk_is_low(root):
        for folder in _folders(root):
            for name in _names(folder):
                (folder / name).unlink(missing_ok=True)


def prune_all(root: Path, *, now: datetime) -> None:
    """Removes what is old of every camera, also of those that are lost or no longer configured. Raises: OSError."""
    for folder in _folders(root):
        prune(folder, now=now)
        # Only where nobody writes any more; a camera that is looked at makes its folder and fills it at once.
        if not _names(folder) and now.timestamp() - folder.stat().st_mtime > LEFT_AFTER_S:
            (folder / PART).unlink(missing_ok=True)
            (folder / MASKS).unlink(missing_ok=True)
            folder.rmdir()


def prune(folder: Path, *, now: datetime) -> None:
    """Removes looks of one camera that are too old or too many. Raises: OSError."""
    # Names sort as their times do: with 150 cameras on a small box, hundreds of names each are not to be parsed.
    first, last = _name(now - KEPT_FOR), _name(now + AHEAD)
    names = _names(folder)
    staying = set([name for name in names if first <= name <= last][-MOST_KEPT:])
    for name in names:
        if name not in staying:
            (folder / name).unlink(missing_ok=True)


def _folders(root: Path) -> list[Path]:
    return [entry for entry in root.iterdir() if entry.is_dir()] if root.is_dir() else []


def _names(folder: Path) -> list[str]:
    """Returns the names of the kept looks, the oldest first."""
    try:
        return sorted(name for name in os.listdir(folder) if name.endswith(SUFFIX))  # noqa: PTH208 - far cheaper here
    except FileNotFoundError:
        return []


def _name(captured_at: datetime, preset: str | None = None) -> str:
    utc = captured_at.astimezone(UTC)
    shown = "" if preset is None else f"@{preset}"
    return f"{utc.strftime(_STAMP)}{utc.microsecond // 1000:03d}Z{shown}{SUFFIX}"


def _captured_at(name: str) -> datetime | None:
    stem = name.removesuffix(SUFFIX).partition("@")[0]
    try:
        whole = datetime.strptime(stem[:-4], _STAMP).replace(tzinfo=UTC)
        return whole + timedelta(milliseconds=int(stem[-4:-1]))
    except ValueError:
        return None


def _preset_of(name: str) -> str | None:
    return name.removesuffix(SUFFIX).partition("@")[2] or None


def _mark_in(folder: Path) -> str | None:
    """Returns with which masks the looks in a folder were taken; None for none. Raises: OSError."""
    try:
        return (folder / MASKS).read_text()
    except FileNotFoundError:
        return None


def _small_jpeg(image: Image) -> bytes:
    if image.shape[1] > WIDTH:
        scale = WIDTH / image.shape[1]
        image = np.asarray(cv2.resize(image, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA), dtype=np.uint8)
    _, encoded = cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, QUALITY])
    return encoded.tobytes()
