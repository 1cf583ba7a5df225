"""Remembers what a place looked like, so that a stay goes on after a gap only if the same thing is there."""

from __future__ import annotations

import cv2
import numpy as np

from detectors.base import BoxXyxy, Image

SIDE = 24
MARGIN = 0.1
SAME_LOOK = 0.5
"""Two looks at one place count as the same from this correlation on."""


def appearance(image: Image, box_xyxy: BoxXyxy) -> bytes:
    """Returns a small grey picture of the box and a margin round it, ``SIDE * SIDE`` bytes.

    image: BGR ``(H, W, 3)`` or grey ``(H, W)``, ``uint8``.
    """
    height, width = image.shape[:2]
    x1, y1, x2, y2 = box_xyxy
    dx, dy = (x2 - x1) * MARGIN, (y2 - y1) * MARGIN
    left, right = _span(x1 - dx, x2 + dx, width)
    top, bottom = _span(y1 - dy, y2 + dy, height)
    part = image[top:bottom, left:right]
    grey = part if part.ndim == 2 else cv2.cvtColor(part, cv2.COLOR_BGR2GRAY)
    return cv2.resize(grey, (SIDE, SIDE), interpolation=cv2.INTER_AREA).tobytes()


def likeness(before: bytes, after: bytes) -> float:
    """Returns the correlation -1..1 of two appearances; brightness and contrast of the light drop out."""
    a = np.frombuffer(before, dtype=np.uint8).astype(np.float64)
    b = np.frombuffer(after, dtype=np.uint8).astype(np.float64)
    a -= a.mean()
    b -= b.mean()
    scale = float(np.sqrt((a @ a) * (b @ b)))
    return float(a @ b) / scale if scale > 0 else 0.0


def _span(low: float, high: float, size: int) -> tuple[int, int]:
    start = min(max(int(low * size), 0), size - 1)
    return start, max(start + 1, min(int(np.ceil(high * size)), size))
