"""Learns what a camera's view usually looks like, by the time of day, and keeps it in the data folder."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

import numpy as np
import structlog
from numpy.typing import NDArray

from detectors.base import Grey
from edge.looking.views import SmallView
from edge.staying.clock import Moment

BANDS = 8
BAND_HOURS = 24 // BANDS

LEARNT_FROM = 12
LEARN_EVERY_S = 10.0
"""A reference is the median of so many good looks, so far apart: two minutes, in which what drives past drops out."""

FOLLOW = 0.03
SAVE_EVERY_S = 600.0

log = structlog.get_logger(__name__)


class References:
    """The views of one camera, one for each three hours of the day (UTC). One caller at a time.

    Each is the median of the first good looks and then follows the good looks slowly, a grey level at a time: a stall
    that comes for an hour hardly shows, a tree that turns green does. Removing the file makes it learn anew.
    """

    def __init__(self, folder: Path, camera_id: str) -> None:
        self._file = folder / f"{camera_id}.npz"
        self._camera_id = camera_id
        self._learning: dict[int, list[SmallView]] = {}
        self._learnt_at: Moment | None = None
        self._saved_at: Moment | None = None
        self._unsaved = False
        self._failing = False
        self._written = self._stamp()
        self._bands = self._load()

    def of(self, at: datetime) -> list[SmallView]:
        """Returns what a look of this time is held against: its own band's view and its neighbours'.

        Nothing where its own is not learnt yet: by night a camera need not look as it does by day.
        """
        band = _band(at)
        near = (band, (band - 1) % BANDS, (band + 1) % BANDS)
        return [self._bands[b] for b in near if b in self._bands] if band in self._bands else []

    @property
    def all(self) -> list[SmallView]:
        return list(self._bands.values())

    def refresh(self) -> bool:
        """Reads the file again where somebody has removed or replaced it; returns whether that was so."""
        if self._failing or (stamp := self._stamp()) == self._written:
            return False
        log.info("view read again", camera=self._camera_id, known=stamp is not None)
        self._written, self._learning, self._bands = stamp, {}, self._load()
        return True

    def learn_at_once(self, views: list[SmallView], moment: Moment) -> bool:
        """Makes these looks the reference of their time of day; returns whether it is on the disk."""
        self._bands[_band(moment.utc)] = _median(views)
        self._save(moment)
        return not self._failing

    def _stamp(self) -> int | None:
        try:
            return self._file.stat().st_mtime_ns
        except OSError:
            return None

    def learn(self, view: SmallView, moment: Moment) -> None:
        """Takes a good look."""
        if self._learnt_at is not None and moment.since(self._learnt_at) < LEARN_EVERY_S:
            return
        self._learnt_at = moment
        band = _band(moment.utc)
        if band in self._bands:
            self._bands[band] = _followed(self._bands[band], view)
            self._unsaved = True
        else:
            learning = self._learning.setdefault(band, [])
            learning.append(view)
            if len(learning) >= LEARNT_FROM:
                self._bands[band] = _median(self._learning.pop(band))
                self._save(moment)
        if self._unsaved and (self._saved_at is None or moment.since(self._saved_at) >= SAVE_EVERY_S):
            self._save(moment)

    def _save(self, moment: Moment) -> None:
        """Writes all bands. Not fsynced: what a crash costs is learnt again in minutes."""
        self._saved_at, self._unsaved = moment, False
        arrays = {name: array for band, view in self._bands.items() for name, array in _named(band, view)}
        part = self._file.with_suffix(".part")
        try:
            self._file.parent.mkdir(parents=True, exist_ok=True)
            with part.open("wb") as file:
                np.savez(file, **arrays)  # type: ignore[arg-type]
            part.replace(self._file)
        except OSError as error:
            if not self._failing:
                log.warning("view not kept", camera=self._camera_id, reason=error.strerror)
            self._failing = True
        else:
            self._failing, self._written = False, self._stamp()

    def _load(self) -> dict[int, SmallView]:
        try:
            with np.load(io.BytesIO(self._file.read_bytes()), allow_pickle=False) as arrays:
                return {b: _read(arrays, b) for b in range(BANDS) if f"grey{b}" in arrays}
        except FileNotFoundError:
            return {}
        except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile):
            log.warning("kept view unreadable, learnt anew", camera=self._camera_id)
            return {}


def _band(at: datetime) -> int:
    return at.hour // BAND_HOURS


def _median(views: list[SmallView]) -> SmallView:
    grey = np.median([view.grey for view in views], axis=0).astype(np.uint8)
    # A median picture is smoother than any look: how much texture and detail is usual, the looks tell.
    texture = np.median([view.texture for view in views], axis=0).astype(np.float32)
    return SmallView(grey, texture, np.median([view.detail for view in views], axis=0).astype(np.float32))


def _followed(reference: SmallView, view: SmallView) -> SmallView:
    step = np.sign(view.grey.astype(np.int16) - reference.grey)
    texture = reference.texture + np.float32(FOLLOW) * (view.texture - reference.texture)
    detail = reference.detail + np.float32(FOLLOW) * (view.detail - reference.detail)
    return SmallView((reference.grey + step).astype(np.uint8), texture, detail)


def _named(band: int, view: SmallView) -> Iterator[tuple[str, NDArray[np.generic]]]:
    yield f"grey{band}", view.grey
    yield f"texture{band}", view.texture
    yield f"detail{band}", view.detail


def _read(arrays: np.lib.npyio.NpzFile, band: int) -> SmallView:
    grey: Grey = arrays[f"grey{band}"]
    view = SmallView(grey, arrays[f"texture{band}"], arrays[f"detail{band}"])
    if (view.grey.shape, view.texture.shape, view.detail.shape) != ((180, 320), (9, 16), (9, 16)):
        raise ValueError("another version's shapes")
    if view.grey.dtype.name != "uint8" or {view.texture.dtype.name, view.detail.dtype.name} != {"float32"}:
        raise ValueError("another version's types")
    return view
