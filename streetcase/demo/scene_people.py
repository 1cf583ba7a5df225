"""Draws people who walk, seen from the side: a cycle of poses for each of some differently dressed figures."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from streetcase.demo.scene_brush import XY, Brush, Colour, Sprite, scaled

_Place = Callable[[float, float], XY]

POSES = 12
"""Pictures of one walking cycle, which is two steps."""


@dataclass(frozen=True, slots=True)
class Figure:
    """How somebody looks; colours are BGR. ``bulk`` widens the trunk, ``hair_long`` reaches the shoulders."""

    jacket: Colour
    trousers: Colour
    hair: Colour = (30, 34, 42)
    skin: Colour = (120, 150, 196)
    shoes: Colour = (30, 30, 34)
    bag: Colour | None = None
    bulk: float = 1.0
    hair_long: bool = False


FIGURES = (
    Figure(jacket=(70, 48, 36), trousers=(84, 66, 52), bag=(40, 60, 90)),
    Figure(jacket=(50, 52, 150), trousers=(58, 46, 42), hair=(40, 52, 72), hair_long=True),
    Figure(jacket=(58, 60, 62), trousers=(110, 86, 62), hair=(60, 66, 70), bulk=1.15),
    Figure(jacket=(150, 150, 146), trousers=(44, 40, 40), hair=(24, 26, 30), bag=(50, 44, 44)),
    Figure(jacket=(66, 92, 62), trousers=(66, 80, 96), hair=(36, 48, 80), hair_long=True, bulk=0.92),
    Figure(jacket=(34, 32, 34), trousers=(96, 74, 54), hair=(28, 30, 34), bulk=1.05),
)


def walking(figure: Figure, height_px: int) -> list[Sprite]:
    """Returns one walking cycle to the right; the feet stand on the sprite's lower edge, the body at its middle."""
    return [_pose(figure, height_px, turn) for turn in np.linspace(0, 2 * math.pi, POSES, endpoint=False)]


def stride_px(height_px: int) -> float:
    """Returns how far somebody of this height gets in one walking cycle."""
    return 0.82 * height_px


def _pose(figure: Figure, height: int, turn: float) -> Sprite:
    width = int(height * 0.8)
    brush = Brush((width, height))
    bob = 0.012 * math.cos(2 * turn)

    def at(x: float, y: float) -> XY:
        return width / 2 + x * height, (y + bob) * height

    near, far = _leg(turn), _leg(turn + math.pi)
    near_arm, far_arm = _arm(turn + math.pi), _arm(turn)
    dim = 0.72
    _draw_arm(brush, figure, [at(*p) for p in far_arm], height, dim)
    _draw_leg(brush, figure, [at(*p) for p in far], height, dim)
    _draw_leg(brush, figure, [at(*p) for p in near], height, 1.0)
    _draw_trunk(brush, figure, at, height)
    _draw_head(brush, figure, at, height)
    if figure.bag:
        bag = [at(-0.075, 0.23), at(-0.14, 0.25), at(-0.15, 0.38), at(-0.13, 0.44), at(-0.07, 0.43)]
        brush.smooth(bag, figure.bag, bottom=scaled(figure.bag, 0.6))
    _draw_arm(brush, figure, [at(*p) for p in near_arm], height, 1.0)
    return brush.sprite()


def _leg(turn: float) -> list[XY]:
    """Returns hip, knee, ankle and toe, in body heights from the body's middle line and its top."""
    thigh = 0.44 * math.sin(turn) + 0.05
    bend = 0.10 + 0.78 * max(0.0, math.sin(turn + 2.0)) ** 1.5 * (0.35 + 0.65 * max(0.0, math.cos(turn)))
    hip = (0.0, 0.50)
    knee = (hip[0] + 0.245 * math.sin(thigh), hip[1] + 0.245 * math.cos(thigh))
    shin = thigh - bend
    ankle = (knee[0] + 0.225 * math.sin(shin), knee[1] + 0.225 * math.cos(shin))
    pitch = shin * 0.7
    toe = (ankle[0] + 0.085 * math.cos(pitch), ankle[1] + 0.018 - 0.085 * math.sin(pitch))
    return [hip, knee, ankle, toe]


def _arm(turn: float) -> list[XY]:
    upper = 0.42 * math.sin(turn) - 0.05
    shoulder = (-0.005, 0.205)
    elbow = (shoulder[0] + 0.165 * math.sin(upper), shoulder[1] + 0.165 * math.cos(upper))
    fore = upper + 0.30 + 0.15 * max(0.0, math.sin(turn))
    hand = (elbow[0] + 0.15 * math.sin(fore), elbow[1] + 0.15 * math.cos(fore))
    return [shoulder, elbow, hand]


def _draw_leg(brush: Brush, figure: Figure, joints: list[XY], height: float, dim: float) -> None:
    hip, knee, ankle, toe = joints
    shoe = scaled(figure.shoes, dim)
    brush.limb([(ankle[0] - 0.012 * height, ankle[1] + 0.012 * height), toe], [0.05 * height, 0.034 * height], shoe)
    widths = [0.125 * height * figure.bulk, 0.088 * height, 0.062 * height]
    brush.limb([hip, knee, ankle], widths, scaled(figure.trousers, dim))


def _draw_arm(brush: Brush, figure: Figure, joints: list[XY], height: float, dim: float) -> None:
    brush.ellipse(joints[2], (0.024 * height, 0.027 * height), scaled(figure.skin, dim))
    brush.limb(joints, [0.075 * height, 0.062 * height, 0.046 * height], scaled(figure.jacket, dim * 0.9))


def _draw_trunk(brush: Brush, figure: Figure, at: _Place, height: float) -> None:
    b = figure.bulk
    outline = [
        at(0.035, 0.158), at(0.075 * b, 0.21), at(0.088 * b, 0.30), at(0.078 * b, 0.40), at(0.082 * b, 0.53),
        at(-0.08 * b, 0.535), at(-0.078 * b, 0.42), at(-0.088 * b, 0.30), at(-0.082 * b, 0.215), at(-0.04, 0.16),
    ]  # fmt: skip
    brush.smooth(outline, scaled(figure.jacket, 1.15), bottom=scaled(figure.jacket, 0.75))
    light = [at(-0.05 * b, 0.20), at(-0.01, 0.20), at(0.0, 0.50), at(-0.045 * b, 0.50)]
    brush.smooth(light, scaled(figure.jacket, 1.35), cover=0.35)
    brush.limb([at(0.0, 0.165), at(0.012, 0.13)], [0.06 * height, 0.05 * height], figure.skin)


def _draw_head(brush: Brush, figure: Figure, at: _Place, height: float) -> None:
    if figure.hair_long:
        brush.smooth([at(-0.01, 0.01), at(-0.055, 0.05), at(-0.06, 0.14), at(-0.05, 0.19), at(0.0, 0.17)], figure.hair)
    face = [at(0.01, 0.012), at(0.055, 0.035), at(0.062, 0.075), at(0.07, 0.088), at(0.058, 0.1), at(0.05, 0.13),
            at(0.02, 0.142), at(-0.025, 0.11), at(-0.035, 0.05)]  # fmt: skip
    brush.smooth(face, scaled(figure.skin, 1.08), bottom=scaled(figure.skin, 0.78))
    hair = [at(0.015, 0.0), at(0.055, 0.022), at(0.045, 0.045), at(0.012, 0.05), at(0.0, 0.085), at(-0.02, 0.12),
            at(-0.052, 0.1), at(-0.06, 0.05), at(-0.035, 0.01)]  # fmt: skip
    brush.smooth(hair, scaled(figure.hair, 1.5), bottom=figure.hair)
    brush.ellipse(at(0.0, 0.082), (0.009 * height, 0.014 * height), scaled(figure.skin, 0.85))
