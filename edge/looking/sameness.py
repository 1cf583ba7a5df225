"""Says whether a place looks as it did before, through noise, a shaking mast and changing light.

Two small grey pictures are compared. The light is taken out first: one gain and one offset for the whole picture,
fitted to what has not changed. Never for a zone alone: a van that fills a zone would pass for a darker light.
"""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

from detectors.base import Frame, Grey

WIDTH = 320
"""Width of the small picture; what a detector finds at 640 pixels covers four by eight of these at least."""

REACH = 0.04
"""What stands in a zone reaches beyond it: so far around it, as a share of the picture's width, is compared too."""

CHANGED_LEVELS = 4.0
"""Mean difference over a cell, in levels of 255 and beyond what shake explains, from which on a place has changed."""

CELL = 5
_HALFWAY = 4
_FIT_EVERY = 6
_FIT_KEEPS = 0.7
_MIN_PIXELS = 50

Levels = NDArray[np.float32]
Zone = Sequence[tuple[float, float]]


def small_picture(frame: Frame) -> Grey:
    """Returns a grey copy WIDTH pixels wide (narrower where the frame is), proportions kept, 0 black to 255 white."""
    if frame.small is None:
        frame.small = _small(frame)
    return frame.small


def _small(frame: Frame) -> Grey:
    width, height = frame.size_wh
    scale = min(1.0, WIDTH / width)
    size_wh = max(1, round(width * scale)), max(1, round(height * scale))
    small: Grey = frame.luma
    if scale <= 1 / _HALFWAY:
        # A third of the work of averaging over all pixels.
        halfway_wh = size_wh[0] * 2, size_wh[1] * 2
        small = np.asarray(cv2.resize(small, halfway_wh, interpolation=cv2.INTER_LINEAR), dtype=np.uint8)
    small = np.asarray(cv2.resize(small, size_wh, interpolation=cv2.INTER_AREA), dtype=np.uint8)
    black, white = frame.luma_range
    if (black, white) == (0, 255):
        return small.copy() if scale == 1.0 else small
    levels = np.clip((np.arange(256) - black) * 255 / (white - black), 0, 255).round().astype(np.uint8)
    return np.asarray(cv2.LUT(small, levels), dtype=np.uint8)


class Remembered:
    """One small picture that later ones are compared with."""

    def __init__(self, small: Grey) -> None:
        self._small: Levels = small.astype(np.float32)
        # A mast that shakes moves everything by less than one of these pixels: each may be as its neighbours were.
        around = np.ones((3, 3), np.uint8)
        self._darkest: Levels = np.asarray(cv2.erode(self._small, around), dtype=np.float32)
        self._brightest: Levels = np.asarray(cv2.dilate(self._small, around), dtype=np.float32)

    def differs(self, small: Grey, where: NDArray[np.bool_] | None = None) -> bool:
        """True where a cell of the picture has changed, or its size. where: ``(H, W)``; None: anywhere."""
        if small.shape != self._small.shape:
            return True
        now = small.astype(np.float32)
        gain, offset = _light(self._small, now)
        low, high = gain * self._darkest + offset, gain * self._brightest + offset
        beyond = np.maximum(np.maximum(now - high, low - now), 0.0)
        changed = cv2.blur(beyond, (CELL, CELL)) >= CHANGED_LEVELS * min(1.0, max(gain, 0.6))
        return bool(changed.any() if where is None else (changed & where).any())


def around_zones(zones: Sequence[Zone], size_wh: tuple[int, int]) -> NDArray[np.bool_]:
    """Returns which pixels of a small picture lie in one of the zones or within REACH of it, shape ``(H, W)``."""
    width, height = size_wh
    inside = np.zeros((height, width), np.uint8)
    for zone in zones:
        corners = np.array([(x * (width - 1), y * (height - 1)) for x, y in zone]).round().astype(np.int32)
        cv2.fillPoly(inside, [corners], (1,))
    reach = max(1, round(REACH * width))
    return np.asarray(cv2.dilate(inside, np.ones((2 * reach + 1, 2 * reach + 1), np.uint8)), dtype=np.bool_)


def _light(before: Levels, now: Levels) -> tuple[float, float]:
    """Returns gain and offset of the light, fitted to the pixels that they explain best."""
    x = before[::_FIT_EVERY, ::_FIT_EVERY].ravel()
    y = now[::_FIT_EVERY, ::_FIT_EVERY].ravel()
    seen = (x > 0) | (y > 0)  # privacy masks are black in any light
    x, y = x[seen], y[seen]
    gain, offset = 1.0, 0.0
    if x.size < _MIN_PIXELS:
        return gain, offset
    off = y - x
    off = np.abs(off - np.median(off))
    for _ in range(2):
        best = off <= np.partition(off, int(_FIT_KEEPS * off.size))[int(_FIT_KEEPS * off.size)]
        gain, offset = _line(x[best], y[best])
        off = np.abs(y - gain * x - offset)
    return gain, offset


def _line(x: Levels, y: Levels) -> tuple[float, float]:
    mean_x, mean_y = float(x.mean()), float(y.mean())
    spread = float(((x - mean_x) ** 2).mean())
    # In fog nothing tells a gain from an offset.
    gain = float(((x - mean_x) * (y - mean_y)).mean()) / spread if spread > 1.0 else 1.0
    gain = min(max(gain, 0.4), 2.5)
    return gain, mean_y - gain * mean_x
