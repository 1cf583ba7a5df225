"""Composes the pictures of a fixed camera: ground, things, noise, compression, a shaking mast, changing light."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import cv2
import numpy as np
from numpy.typing import NDArray

from detectors.base import BoxXyxy, DetectorIdentity, Finding, Frame, Image

SIZE_WH = (640, 360)
BLUE = (190, 50, 40)


@dataclass(frozen=True)
class Thing:
    """A blue thing that stands at ``box_xyxy``; ``opacity`` 0..1 lets it fade in."""

    box_xyxy: BoxXyxy
    opacity: float = 1.0


@dataclass
class Street:
    """Draws one look after another; each has noise and JPEG compression of its own."""

    dice: np.random.Generator = field(default_factory=lambda: np.random.default_rng(7))
    ground: Image = field(init=False)
    grains: list[NDArray[np.float32]] = field(init=False)

    def __post_init__(self) -> None:
        width, height = SIZE_WH
        coarse = self.dice.integers(60, 150, (height // 20, width // 20, 1)).astype(np.uint8).repeat(3, 2)
        smooth = cv2.resize(coarse, SIZE_WH, interpolation=cv2.INTER_CUBIC)
        grain = self.dice.normal(0, 6, (height, width, 1))
        self.grains = [self.dice.standard_normal((height, width, 3), np.float32) for _ in range(8)]
        self.ground = np.clip(smooth + grain, 0, 255).astype(np.uint8)

    def picture(
        self,
        things: Sequence[Thing] = (),
        *,
        gain: float = 1.0,
        offset: float = 0.0,
        shake_px: tuple[float, float] = (0.0, 0.0),
        noise: float = 3.0,
    ) -> Image:
        image = self.ground.astype(np.float32)
        width, height = SIZE_WH
        for thing in things:
            x1, y1, x2, y2 = (round(v * s) for v, s in zip(thing.box_xyxy, (width, height, width, height), strict=True))
            part = image[y1:y2, x1:x2]
            part += thing.opacity * (np.array(BLUE, np.float32) - part)
        move = np.array([[1, 0, shake_px[0]], [0, 1, shake_px[1]]], np.float32)
        moved = cv2.warpAffine(image, move, SIZE_WH, borderMode=cv2.BORDER_REFLECT)
        noisy = gain * moved + offset + noise * self.grains[self.dice.integers(len(self.grains))]
        _, jpeg = cv2.imencode(".jpg", np.clip(noisy, 0, 255).astype(np.uint8), [cv2.IMWRITE_JPEG_QUALITY, 70])
        return np.asarray(cv2.imdecode(jpeg, cv2.IMREAD_COLOR), dtype=np.uint8)


@dataclass
class BlueDetector:
    """Finds what is blue, as a car; misses it in ``misses`` of the looks, always in the same ones."""

    misses: float = 0.0
    runs: int = 0
    identity: DetectorIdentity = field(default_factory=lambda: DetectorIdentity(name="blue"))
    labels: frozenset[str] = frozenset({"car"})

    def labels_of_kind(self, kind: str) -> frozenset[str]:
        return self.labels

    def detect(self, frames: Sequence[Frame]) -> list[list[Finding]]:
        self.runs += len(frames)
        return [self._found(frame) for frame in frames]

    def _found(self, frame: Frame) -> list[Finding]:
        if np.random.default_rng(int(frame.captured_at.timestamp())).random() < self.misses:
            return []
        blue, green, red = (frame.image[..., channel].astype(np.float32) for channel in range(3))
        solid = (blue > 1.6 * np.maximum(green, red)).astype(np.uint8)
        whole = cv2.morphologyEx(solid, cv2.MORPH_OPEN, np.ones((5, 5), np.uint8))
        _, _, stats, _ = cv2.connectedComponentsWithStats(whole)
        height, width = solid.shape
        return [
            Finding("car", 0.9, (x / width, y / height, (x + w) / width, (y + h) / height))
            for x, y, w, h, area in stats[1:].tolist()
            if area > 60
        ]
