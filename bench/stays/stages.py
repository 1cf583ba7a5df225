"""Where clips play: the demo's drawn street, or pictures of a folder that the product does not ship."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from streetcase.demo.scene import MASTER_HEIGHT, street
from streetcase.demo.scene_brush import Pixels, Sprite
from streetcase.demo.scene_people import FIGURES, walking
from streetcase.demo.scene_vehicles import box_truck, car


@dataclass(frozen=True, slots=True)
class Stage:
    """A background and what may stand on it. spots: Three places in pixels, a vehicle's length and more apart.

    vehicles: At least three, each other than the last. passing: A large one. zone: In shares of the picture.
    """

    name: str
    background: Pixels
    zone: Sequence[tuple[float, float]]
    spots: Sequence[tuple[float, float]]
    vehicles: Sequence[Sprite]
    passing: Sprite
    figures: Sequence[Sequence[Sprite]]
    person_px: float

    @property
    def size_wh(self) -> tuple[int, int]:
        return self.background.shape[1], self.background.shape[0]


def drawn_street() -> Stage:
    """The demo's own street. Its two parked vehicles at the top right stand outside the zone."""
    return Stage(
        name="drawn",
        background=street(np.random.default_rng(20)),
        zone=((0.0, 0.35), (1.0, 0.35), (1.0, 1.0), (0.0, 1.0)),
        spots=((190.0, 330.0), (520.0, 500.0), (500.0, 330.0)),
        vehicles=(car(200), box_truck(200), car(200, paint=(150, 60, 40))),
        passing=box_truck(260, cab=(60, 44, 150)),
        figures=[walking(figure, MASTER_HEIGHT) for figure in FIGURES],
        person_px=105.0,
    )


_PLATES = {
    "bgslib_video_median.png": (((0.30, 0.52), (0.62, 0.95), (0.72, 0.52)), 0.26),
    "intel_person-bicycle-car-detection_median.png": (((0.25, 0.55), (0.66, 0.92), (0.72, 0.50)), 0.26),
    "bgslib_video03_median.png": (((0.36, 0.72), (0.66, 0.95), (0.68, 0.60)), 0.26),
}
"""Empty streets: three places for vehicles, and their length, all in shares of the width and height."""


def stages_of(data: Path) -> list[Stage]:
    """Returns the streets of ``plates`` with the vehicles of ``cutouts/cars``; who passes in front is drawn.

    Raises: FileNotFoundError: If one of the pictures is not there.
    """
    cars = sorted((data / "cutouts" / "cars").glob("*.png"))
    if len(cars) < 3:
        raise FileNotFoundError(f"{data / 'cutouts' / 'cars'}: expected three pictures or more, got {len(cars)}")
    figures = [walking(figure, MASTER_HEIGHT) for figure in FIGURES]
    stages = []
    for name, (spots, length) in _PLATES.items():
        background = _background(data / "plates" / name)
        height, width = background.shape[:2]
        # The dark one of the three is hardly seen on a dark road: this bench asks about stays, not about the detector.
        light, bright = (_cutout(cars[index], round(length * width)) for index in (0, 2))
        vehicles = [light, bright, bright.mirrored()]
        stages.append(
            Stage(
                name=name.partition(".")[0].removesuffix("_median"),
                background=background,
                zone=((0.0, 0.0), (1.0, 0.0), (1.0, 1.0), (0.0, 1.0)),
                spots=[(x * width, y * height) for x, y in spots],
                vehicles=vehicles,
                passing=box_truck(round(1.3 * length * width), cab=(60, 44, 150)),
                figures=figures,
                person_px=0.42 * length * width,
            )
        )
    return stages


def _background(path: Path) -> Pixels:
    picture = cv2.imread(str(path))
    if picture is None:
        raise FileNotFoundError(f"{path}: no such picture")
    return np.asarray(cv2.resize(picture, (768, 2 * round(384 * picture.shape[0] / picture.shape[1]))), np.uint8)


def _cutout(path: Path, length_px: int) -> Sprite:
    """Reads a picture with transparency, trimmed to what is solid and ``length_px`` wide."""
    picture = cv2.imread(str(path), cv2.IMREAD_UNCHANGED)
    if picture is None or picture.shape[2] != 4:
        raise FileNotFoundError(f"{path}: no picture with transparency")
    rows, columns = np.nonzero(picture[..., 3] > 127)
    cut = picture[rows.min() : rows.max() + 1, columns.min() : columns.max() + 1]
    size = (length_px, round(length_px * cut.shape[0] / cut.shape[1]))
    small = np.asarray(cv2.resize(cut, size, interpolation=cv2.INTER_AREA), np.float32)
    return Sprite(small[..., :3].copy(), small[..., 3:] / np.float32(255))
