"""Remembers what a place looked like, and says whether it looks like that again in another light.

What is compared are edges and textures, each measured against the contrast around it: a darker day, a shadow across
the place or headlights in a part of it change the grey levels and not these. Measured on cars laid into stills of
streets: 0.68 or more for the same thing in another light (a half shadow, headlights, a sixth of the light with noise),
after a shake of two pixels or behind somebody; 0.52 at most for the bare ground and for another car, in 95 of 100 each.
"""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from detectors.base import BoxXyxy, Image

SIDE = 24
MARGIN = 0.1
SAME_LOOK = 0.6
"""Two looks at one place show the same thing from this likeness on."""

ANOTHER = 0.45
"""Below this likeness what stands at a place is surely another thing, although no look in between was without one."""

_AROUND = (7, 7)
_FAINT = 6.0
"""Contrast, in levels of 255, that is as likely noise as texture."""

_BORDER = 3
_PLAIN = 16.0
"""Two places without any texture are alike: so much, summed over all pixels, counts as none."""


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
    """Returns how alike two appearances are, -1..1; of small shifts, as of a mast that shakes, the best counts."""
    inner = _BORDER - 1
    a = _structure(before)[_BORDER:-_BORDER, _BORDER:-_BORDER]
    b = _structure(after)[inner:-inner, inner:-inner]
    shared = cv2.matchTemplate(b, a, cv2.TM_CCORR)
    squares = cv2.matchTemplate(b * b, np.ones_like(a), cv2.TM_CCORR)
    return float(((2 * shared + _PLAIN) / (float((a * a).sum()) + squares + _PLAIN)).max())


def _structure(look: bytes) -> NDArray[np.float32]:
    grey = np.frombuffer(look, dtype=np.uint8).reshape(SIDE, SIDE).astype(np.float32)
    detail = grey - cv2.blur(grey, _AROUND)
    return np.asarray(detail / (np.sqrt(cv2.blur(detail * detail, _AROUND)) + _FAINT), dtype=np.float32)


def _span(low: float, high: float, size: int) -> tuple[int, int]:
    start = min(max(int(low * size), 0), size - 1)
    return start, max(start + 1, min(int(np.ceil(high * size)), size))
