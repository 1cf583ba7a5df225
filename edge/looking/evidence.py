"""Makes the pictures of an incident and keeps them as files named by their sha256."""

from __future__ import annotations

import contextlib
import hashlib
import os
import shutil
import threading
import time
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import cv2
import numpy as np

from detectors.base import BoxXyxy, Image
from edge.outbox.durable import durable_folder, sync_folder
from ingest.contract import EvidenceItem, EvidenceRole, StreamName

WIDE_MAX_BYTES = 140_000
CROP_MAX_BYTES = 60_000
"""Start and crop go before the event and may take 200 kB together (design: Evidence)."""

MAX_WIDTH = 1280
CROP_MARGIN = 0.25
_QUALITIES = (85, 75, 65, 55, 45)


class EvidenceError(Exception):
    """A picture could not be encoded or written; the event goes without it and says so."""


@dataclass(frozen=True, slots=True)
class Picture:
    """An encoded picture or clip that waits to be written: what it shows, when, and its bytes.

    stream: Which of the camera's two streams it is of; None where there is one.
    """

    role: EvidenceRole
    taken_at: datetime
    content: bytes
    plate_kept: bool = False
    media_type: str = "image/jpeg"
    stream: StreamName | None = None


def wide_picture(image: Image, *, role: EvidenceRole, taken_at: datetime, stream: StreamName | None = None) -> Picture:
    """Encodes the whole (already blurred) picture in at most WIDE_MAX_BYTES."""
    return Picture(role, taken_at, _jpeg(image, WIDE_MAX_BYTES), stream=stream)


def crop_picture(
    image: Image,
    box_xyxy: BoxXyxy,
    *,
    taken_at: datetime,
    plate_kept: bool = False,
    stream: StreamName | None = None,
) -> Picture:
    """Encodes the (already blurred) surroundings of a box in at most CROP_MAX_BYTES."""
    content = _jpeg(surroundings(image, box_xyxy), CROP_MAX_BYTES)
    return Picture(EvidenceRole.CROP, taken_at, content, plate_kept, stream=stream)


def surroundings(image: Image, box_xyxy: BoxXyxy) -> Image:
    """Returns the part of the picture that is a box with a margin. Raises: EvidenceError: There is none."""
    height, width = image.shape[:2]
    x1, y1, x2, y2 = box_xyxy
    dx, dy = (x2 - x1) * CROP_MARGIN, (y2 - y1) * CROP_MARGIN
    left, right = max(0, int((x1 - dx) * width)), min(width, int(np.ceil((x2 + dx) * width)))
    top, bottom = max(0, int((y1 - dy) * height)), min(height, int(np.ceil((y2 + dy) * height)))
    if right <= left or bottom <= top:
        raise EvidenceError(f"crop is empty: box {box_xyxy} of {width}x{height}")
    return image[top:bottom, left:right]


def _jpeg(image: Image, max_bytes: int) -> bytes:
    if image.shape[1] > MAX_WIDTH:
        scale = MAX_WIDTH / image.shape[1]
        image = np.asarray(cv2.resize(image, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA), dtype=np.uint8)
    while True:
        for quality in _QUALITIES:
            done, encoded = cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, quality])
            if not done:
                raise EvidenceError(f"picture of shape {image.shape} cannot be encoded")
            if encoded.size <= max_bytes:
                return encoded.tobytes()
        image = np.asarray(cv2.resize(image, None, fx=0.7, fy=0.7, interpolation=cv2.INTER_AREA), dtype=np.uint8)


class EvidenceFolder:
    """Files below one folder, ``ab/abcdef...``; safe for several processes, because a name fixes its bytes."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._settled: set[Path] = set()
        durable_folder(folder)

    def path(self, sha256: str) -> Path:
        return self._folder / sha256[:2] / sha256

    def keep(self, picture: Picture) -> EvidenceItem:
        """Writes the picture durably and returns its item. Raises: EvidenceError: Disk full or unwritable."""
        sha256 = hashlib.sha256(picture.content).hexdigest()
        path = self.path(sha256)
        try:
            self._settle(path.parent)
            if not path.exists():
                self._write(path, picture.content)
            sync_folder(path.parent)
        except OSError as error:
            raise EvidenceError(f"evidence cannot be written: {error.strerror}") from error
        return EvidenceItem(
            sha256=sha256,
            media_type=picture.media_type,
            size_bytes=len(picture.content),
            role=picture.role,
            taken_at=picture.taken_at,
            plate_kept=picture.plate_kept,
            stream=picture.stream,
        )

    def _settle(self, folder: Path) -> None:
        """Makes a subfolder. Its own entry is fsynced here too: another process may have made it and died before."""
        if folder not in self._settled or not folder.is_dir():
            folder.mkdir(parents=True, exist_ok=True)
            sync_folder(self._folder)
            self._settled.add(folder)

    def _write(self, path: Path, content: bytes) -> None:
        part = path.with_suffix(f".{os.getpid()}.{threading.get_ident()}.part")
        try:
            with part.open("wb") as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
            part.replace(path)
        except OSError:
            part.unlink(missing_ok=True)
            raise

    def sweep(self, *, keep: set[str], older_than_s: float) -> int:
        """Removes files that nobody names, left by a crash between a picture and its event; returns how many."""
        oldest_s = time.time() - older_than_s
        removed = 0
        for path in self._folder.glob("??/*"):
            # Another process may remove or rename a file between the listing and this look at it.
            with contextlib.suppress(FileNotFoundError):
                if path.name not in keep and path.stat().st_mtime < oldest_s:
                    path.unlink()
                    removed += 1
        return removed

    def disk(self) -> tuple[int, int]:
        """Returns the size of the disk below the folder and what it can still take, in bytes. Raises: OSError."""
        usage = shutil.disk_usage(self._folder)
        return usage.total, usage.free

    def remove(self, sha256: str) -> None:
        self.path(sha256).unlink(missing_ok=True)
