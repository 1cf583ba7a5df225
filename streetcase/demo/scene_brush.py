"""Paints shaded shapes, larger than needed, and shrinks them to sprites with soft edges."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeVar

import cv2
import numpy as np
import numpy.typing as npt

Pixels = npt.NDArray[np.uint8]
Plane = npt.NDArray[np.float32]
Colour = tuple[float, float, float]
XY = tuple[float, float]

_T = TypeVar("_T")

OVERSAMPLING = 4


@dataclass(frozen=True, slots=True)
class Sprite:
    """A picture with transparency: ``colour`` is ``(H, W, 3)``, BGR 0..255, ``cover`` is ``(H, W, 1)``, 0..1."""

    colour: Plane
    cover: Plane

    def mirrored(self) -> Sprite:
        """Returns the sprite with left and right exchanged."""
        return Sprite(self.colour[:, ::-1].copy(), self.cover[:, ::-1].copy())


class Brush:
    """Paints on a transparent sheet of ``size_wh`` pixels; all coordinates are pixels of the finished sprite."""

    def __init__(self, size_wh: tuple[int, int]) -> None:
        width, height = size_wh
        self._colour = np.zeros((height * OVERSAMPLING, width * OVERSAMPLING, 3), np.float32)
        self._cover = np.zeros((height * OVERSAMPLING, width * OVERSAMPLING), np.float32)

    def polygon(
        self, points: Sequence[XY], colour: Colour, *, bottom: Colour | None = None, cover: float = 1.0
    ) -> None:
        """Fills a polygon; with ``bottom`` the colour runs over to it from the polygon's top to its lowest point."""
        corners = (np.array(points) * OVERSAMPLING).round().astype(np.int32)
        left, top = np.maximum(corners.min(axis=0), 0)
        right, end = np.minimum(corners.max(axis=0) + 1, self._cover.shape[::-1])
        if left >= right or top >= end:
            return
        mask = np.zeros((end - top, right - left), np.uint8)
        cv2.fillPoly(mask, [corners - (left, top)], 255)
        ramp = np.linspace(0, 1, end - top, dtype=np.float32)[:, None, None]
        paint = np.array(colour, np.float32) * (1 - ramp) + np.array(bottom or colour, np.float32) * ramp
        share = (mask > 0)[..., None] * np.float32(cover)
        under, laid = self._colour[top:end, left:right], self._cover[top:end, left:right]
        under += (paint - under) * share
        laid += (1 - laid) * share[..., 0]

    def smooth(self, points: Sequence[XY], colour: Colour, *, bottom: Colour | None = None, cover: float = 1.0) -> None:
        """Fills a closed curve through the points."""
        self.polygon(closed_curve(points), colour, bottom=bottom, cover=cover)

    def ellipse(
        self, centre: XY, radii: XY, colour: Colour, *, bottom: Colour | None = None, cover: float = 1.0
    ) -> None:
        """Fills an upright ellipse."""
        turn = np.linspace(0, 2 * np.pi, 48, endpoint=False)
        ring = [(centre[0] + radii[0] * np.cos(a), centre[1] + radii[1] * np.sin(a)) for a in turn]
        self.polygon(ring, colour, bottom=bottom, cover=cover)

    def limb(self, joints: Sequence[XY], widths: Sequence[float], colour: Colour) -> None:
        """Fills a chain of tapered segments with round joints, lit from the upper left."""
        for shade, thinner, aside in ((0.62, 1.0, 0.0), (1.0, 0.78, -0.08), (1.12, 0.36, -0.2)):
            for (start, end), (first, last) in zip(_pairs(joints), _pairs(widths), strict=True):
                moved = [(x + aside * first, y) for x, y in (start, end)]
                self._segment(moved[0], moved[1], (first * thinner, last * thinner), scaled(colour, shade))

    def sprite(self, *, blur_px: float = 0.5) -> Sprite:
        """Returns what was painted, at its final size and slightly out of focus."""
        size = (self._cover.shape[1] // OVERSAMPLING, self._cover.shape[0] // OVERSAMPLING)
        sigma = blur_px * OVERSAMPLING
        laid = cv2.GaussianBlur(self._colour * self._cover[..., None], (0, 0), sigma)
        cover = cv2.GaussianBlur(self._cover, (0, 0), sigma)
        laid = cv2.resize(laid, size, interpolation=cv2.INTER_AREA)
        cover = cv2.resize(cover, size, interpolation=cv2.INTER_AREA)[..., None]
        return Sprite((laid / np.maximum(cover, 1e-4)).astype(np.float32), cover.astype(np.float32))

    def _segment(self, start: XY, end: XY, widths: tuple[float, float], colour: Colour) -> None:
        along = np.array(end) - np.array(start)
        across = np.array([-along[1], along[0]]) / max(float(np.hypot(*along)), 1e-6) / 2
        sides = [
            start + across * widths[0],
            end + across * widths[1],
            end - across * widths[1],
            start - across * widths[0],
        ]
        self.polygon([(float(x), float(y)) for x, y in sides], colour)
        for centre, width in ((start, widths[0]), (end, widths[1])):
            self.ellipse(centre, (width / 2, width / 2), colour)


def scaled(colour: Colour, by: float) -> Colour:
    """Returns a darker or lighter colour, white at most."""
    return min(255.0, colour[0] * by), min(255.0, colour[1] * by), min(255.0, colour[2] * by)


def closed_curve(points: Sequence[XY], *, steps: int = 8) -> list[XY]:
    """Returns a Catmull-Rom curve through the points, closed."""
    corners = np.array(points, float)
    before, after, next_after = np.roll(corners, 1, 0), np.roll(corners, -1, 0), np.roll(corners, -2, 0)
    curve: list[XY] = []
    for a, b, c, d in zip(before, corners, after, next_after, strict=True):
        for t in np.linspace(0, 1, steps, endpoint=False):
            point = 0.5 * (2 * b + (c - a) * t + (2 * a - 5 * b + 4 * c - d) * t**2 + (3 * b - a - 3 * c + d) * t**3)
            curve.append((float(point[0]), float(point[1])))
    return curve


def lay(picture: Pixels, sprite: Sprite, left_top: tuple[int, int]) -> None:
    """Lays a sprite on a picture ``(H, W, 3)``, uint8, BGR, in place; what sticks out is cut off."""
    left, top = left_top
    height, width = sprite.cover.shape[:2]
    x1, y1 = max(left, 0), max(top, 0)
    x2, y2 = min(left + width, picture.shape[1]), min(top + height, picture.shape[0])
    if x1 >= x2 or y1 >= y2:
        return
    part = np.s_[y1 - top : y2 - top, x1 - left : x2 - left]
    under = picture[y1:y2, x1:x2].astype(np.float32)
    picture[y1:y2, x1:x2] = np.clip(under + (sprite.colour[part] - under) * sprite.cover[part], 0, 255)


def _pairs(values: Sequence[_T]) -> list[tuple[_T, _T]]:
    return list(itertools.pairwise(values))
