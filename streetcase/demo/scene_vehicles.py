"""Draws parked vehicles seen from the side: a car and a box truck, both looking to the right."""

from __future__ import annotations

import math
from collections.abc import Sequence

from streetcase.demo.scene_brush import XY, Brush, Colour, Sprite, scaled

GLASS: Colour = (74, 66, 58)
GLASS_LOW: Colour = (44, 38, 34)
GLINT: Colour = (180, 172, 165)
RUBBER: Colour = (34, 32, 32)
TYRE: Colour = (28, 27, 27)
CHASSIS: Colour = (48, 46, 46)

MARGIN = 0.03


class _Side:
    """One side of a vehicle; coordinates are shares of its length, from its rear and its highest point."""

    def __init__(self, length_px: int, *, height: float) -> None:
        self._length = length_px
        self._brush = Brush((int(length_px * (1 + 2 * MARGIN)), int(length_px * height)))

    def patch(self, points: Sequence[XY], top: Colour, *, bottom: Colour | None = None, cover: float = 1.0) -> None:
        """Fills straight edges."""
        self._brush.polygon([self._at(*point) for point in points], top, bottom=bottom, cover=cover)

    def bar(self, box: tuple[float, float, float, float], top: Colour, *, bottom: Colour | None = None) -> None:
        """Fills an upright rectangle: x1, y1, x2, y2."""
        x1, y1, x2, y2 = box
        self.patch([(x1, y1), (x2, y1), (x2, y2), (x1, y2)], top, bottom=bottom)

    def curve(self, points: Sequence[XY], top: Colour, *, bottom: Colour | None = None, cover: float = 1.0) -> None:
        """Fills a rounded outline."""
        self._brush.smooth([self._at(*point) for point in points], top, bottom=bottom, cover=cover)

    def disc(self, centre: XY, radius: float, top: Colour, *, bottom: Colour | None = None) -> None:
        """Fills a circle."""
        self._brush.ellipse(self._at(*centre), (radius * self._length, radius * self._length), top, bottom=bottom)

    def shadow(self, ground: float) -> None:
        """Darkens the ground under the whole vehicle."""
        for grow, cover in ((1.04, 0.25), (1.0, 0.35), (0.95, 0.5)):
            radii = (0.5 * grow * self._length, 0.03 * grow * self._length)
            self._brush.ellipse(self._at(0.5, ground), radii, (34, 34, 34), cover=cover)

    def wheel(self, centre: XY, radius: float) -> None:
        """Draws a wheel with its arch, rim and five holes."""
        self.disc((centre[0], centre[1] - 0.05 * radius), radius * 1.16, (24, 22, 22))
        self.disc(centre, radius, (46, 44, 44), bottom=TYRE)
        self.disc(centre, radius * 0.66, (196, 194, 190), bottom=(120, 118, 116))
        for hole in range(5):
            turn = 2 * math.pi * hole / 5 + 0.3
            place = (centre[0] + 0.42 * radius * math.cos(turn), centre[1] + 0.42 * radius * math.sin(turn))
            self.disc(place, radius * 0.13, (50, 48, 48))
        self.disc(centre, radius * 0.14, (90, 88, 86))

    def sprite(self) -> Sprite:
        return self._brush.sprite(blur_px=0.6)

    def _at(self, x: float, y: float) -> XY:
        return (x + MARGIN) * self._length, (y + MARGIN) * self._length


def car(length_px: int, *, paint: Colour = (60, 44, 150)) -> Sprite:
    """Returns a hatchback that stands near the sprite's lower edge."""
    side = _Side(length_px, height=0.46)
    side.shadow(0.385)
    _car_body(side, paint)
    _car_windows(side)
    for x in (0.355, 0.605):  # the gaps of the doors
        side.patch([(x, 0.165), (x + 0.006, 0.165), (x + 0.01, 0.32), (x + 0.004, 0.32)], scaled(paint, 0.4))
    for x in (0.375, 0.55):  # their handles
        side.bar((x, 0.195, x + 0.045, 0.207), scaled(paint, 1.9))
    side.curve([(0.64, 0.135), (0.675, 0.125), (0.685, 0.16), (0.65, 0.165)], scaled(paint, 0.8))
    head_lamp = [(0.905, 0.19), (0.96, 0.208), (0.982, 0.24), (0.93, 0.232)]
    side.curve(head_lamp, (235, 240, 240), bottom=(170, 175, 180))
    tail_lamp = [(0.008, 0.19), (0.045, 0.175), (0.05, 0.235), (0.008, 0.24)]
    side.curve(tail_lamp, (50, 40, 200), bottom=(30, 24, 110))
    for x in (0.19, 0.80):
        side.wheel((x, 0.315), 0.082)
    return side.sprite()


def _car_body(side: _Side, paint: Colour) -> None:
    outline = [
        (0.0, 0.30), (0.005, 0.20), (0.03, 0.165), (0.10, 0.15), (0.20, 0.045), (0.30, 0.012), (0.45, 0.004),
        (0.56, 0.02), (0.72, 0.138), (0.90, 0.17), (0.975, 0.205), (0.995, 0.26), (0.995, 0.32), (0.97, 0.345),
        (0.5, 0.355), (0.03, 0.345),
    ]  # fmt: skip
    side.curve(outline, scaled(paint, 1.45), bottom=scaled(paint, 0.55))
    lit = [(0.02, 0.20), (0.30, 0.178), (0.70, 0.18), (0.97, 0.225), (0.975, 0.26), (0.5, 0.245), (0.015, 0.25)]
    side.curve(lit, scaled(paint, 1.25), bottom=scaled(paint, 0.95), cover=0.8)
    side.patch([(0.02, 0.31), (0.98, 0.31), (0.97, 0.348), (0.03, 0.348)], CHASSIS, cover=0.85)


def _car_windows(side: _Side) -> None:
    side.patch([(0.145, 0.145), (0.225, 0.052), (0.345, 0.035), (0.345, 0.15)], GLASS, bottom=GLASS_LOW)
    front = [(0.365, 0.034), (0.46, 0.028), (0.535, 0.042), (0.655, 0.14), (0.63, 0.15), (0.365, 0.15)]
    side.patch(front, GLASS, bottom=GLASS_LOW)
    side.patch([(0.25, 0.055), (0.29, 0.05), (0.22, 0.14), (0.18, 0.14)], GLINT, cover=0.3)
    side.patch([(0.42, 0.04), (0.47, 0.038), (0.41, 0.14), (0.37, 0.14)], GLINT, cover=0.3)
    side.patch([(0.555, 0.035), (0.575, 0.04), (0.70, 0.138), (0.672, 0.14)], scaled(GLASS, 1.3), bottom=GLASS)


def box_truck(length_px: int, *, paint: Colour = (190, 188, 184), cab: Colour = (150, 96, 40)) -> Sprite:
    """Returns a truck with a closed box that stands near the sprite's lower edge."""
    side = _Side(length_px, height=0.62)
    side.shadow(0.545)
    side.bar((0.03, 0.42, 0.95, 0.47), CHASSIS)
    side.bar((0.0, 0.43, 0.02, 0.46), (40, 34, 190))
    side.bar((0.36, 0.44, 0.56, 0.50), (70, 68, 66), bottom=CHASSIS)
    _truck_box(side, paint, stripe=cab)
    _truck_cab(side, cab)
    for x in (0.17, 0.285, 0.84):
        side.wheel((x, 0.475), 0.068)
    return side.sprite()


def _truck_box(side: _Side, paint: Colour, *, stripe: Colour) -> None:
    side.bar((0.0, 0.0, 0.70, 0.425), scaled(paint, 1.2), bottom=scaled(paint, 0.85))
    for number in range(1, 12):
        x = 0.70 * number / 12
        side.bar((x, 0.02, x + 0.004, 0.41), scaled(paint, 0.87))
    for y in (0.0, 0.408):
        side.bar((0.0, y, 0.70, y + 0.017), scaled(paint, 0.6))
    side.patch([(0.0, 0.25), (0.70, 0.25), (0.70, 0.31), (0.0, 0.31)], stripe, bottom=scaled(stripe, 0.8), cover=0.85)


def _truck_cab(side: _Side, paint: Colour) -> None:
    outline = [
        (0.72, 0.13), (0.74, 0.115), (0.88, 0.115), (0.91, 0.14), (0.955, 0.285), (0.99, 0.315), (0.997, 0.37),
        (0.997, 0.46), (0.98, 0.475), (0.72, 0.475),
    ]  # fmt: skip
    side.patch(outline, scaled(paint, 1.35), bottom=scaled(paint, 0.7))
    side.patch([(0.775, 0.15), (0.875, 0.15), (0.918, 0.285), (0.775, 0.285)], GLASS, bottom=GLASS_LOW)
    side.patch([(0.892, 0.145), (0.905, 0.145), (0.95, 0.285), (0.935, 0.285)], scaled(GLASS, 1.5))
    side.patch([(0.79, 0.155), (0.82, 0.155), (0.80, 0.28), (0.78, 0.28)], GLINT, cover=0.35)
    side.bar((0.765, 0.14, 0.769, 0.45), scaled(paint, 0.5))
    side.bar((0.785, 0.32, 0.82, 0.332), RUBBER)
    side.curve([(0.925, 0.21), (0.945, 0.205), (0.95, 0.27), (0.93, 0.272)], RUBBER)
    side.curve([(0.965, 0.37), (0.995, 0.365), (0.995, 0.41), (0.965, 0.405)], (225, 235, 240))
    side.bar((0.90, 0.435, 1.0, 0.478), (60, 58, 58))
