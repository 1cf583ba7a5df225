"""Things drawn so plainly that the street model names them: a chair and an umbrella on a grey street."""

from __future__ import annotations

import cv2
import numpy as np

from detectors.base import BoxXyxy, Image

WIDTH, HEIGHT = 640, 480

CHAIR_BOX: BoxXyxy = (255 / WIDTH, 150 / HEIGHT, 410 / WIDTH, 440 / HEIGHT)
UMBRELLA_BOX: BoxXyxy = (170 / WIDTH, 120 / HEIGHT, 470 / WIDTH, 418 / HEIGHT)
CANOPY_BOX: BoxXyxy = (170 / WIDTH, 120 / HEIGHT, 470 / WIDTH, 222 / HEIGHT)

_WOOD = (30, 70, 140)
_RED = (30, 30, 200)
_GREY = (40, 40, 40)


def empty_street() -> Image:
    """Returns sky, house fronts and asphalt with the noise of a camera, ``(480, 640, 3)``."""
    picture = np.zeros((HEIGHT, WIDTH, 3), np.uint8)
    picture[:200], picture[200:280], picture[280:] = (230, 200, 160), (120, 140, 150), (95, 95, 95)
    noise = np.random.default_rng(0).normal(0, 6, picture.shape)
    return np.clip(picture + noise, 0, 255).astype(np.uint8)


def street_with_chair() -> Image:
    """Returns the street with a wooden chair at ``CHAIR_BOX``."""
    picture = empty_street()
    for left, top, right, bottom in [(260, 150, 275, 420), (360, 150, 375, 300), (398, 335, 410, 440)]:
        cv2.rectangle(picture, (left, top), (right, bottom), _WOOD, -1)
    for left, bottom in [(265, 440), (363, 415)]:
        cv2.rectangle(picture, (left, 335), (left + 12, bottom), _WOOD, -1)
    for top in (160, 195, 230):
        cv2.rectangle(picture, (260, top), (375, top + 16), _WOOD, -1)
    seat = np.array([(255, 300), (380, 300), (410, 335), (265, 335)], dtype=np.int32)
    cv2.fillPoly(picture, [seat], (40, 90, 170))
    return _soft(picture)


def street_with_umbrella() -> Image:
    """Returns the street with a red umbrella at ``UMBRELLA_BOX``."""
    picture = empty_street()
    cv2.ellipse(picture, (320, 220), (150, 100), 0, 180, 360, _RED, -1)
    for left in (170, 245, 320, 395):
        cv2.ellipse(picture, (left + 37, 220), (37, 14), 0, 180, 360, (95, 95, 95), -1)
    for foot in (245, 320, 395):
        cv2.line(picture, (320, 120), (foot, 215), (10, 10, 120), 2)
    cv2.line(picture, (320, 120), (320, 400), _GREY, 6)
    cv2.ellipse(picture, (335, 400), (15, 15), 0, 0, 180, _GREY, 6)
    return _soft(picture)


def _soft(picture: Image) -> Image:
    return np.asarray(cv2.GaussianBlur(picture, (3, 3), 0), dtype=np.uint8)
