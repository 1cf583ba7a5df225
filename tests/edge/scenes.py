"""A drawn street scene and what can befall its view: light, fog, a cover, a smeared lens, a turned camera."""

from __future__ import annotations

from functools import cache

import cv2
import numpy as np
from numpy.typing import NDArray

from detectors.base import Image

SIZE_WH = (640, 360)


def scene(seed: int = 1) -> Image:
    """Returns houses, windows and a road with texture, shape ``(360, 640, 3)``."""
    rng = np.random.default_rng(seed)
    width, height = SIZE_WH
    image = np.full((height, width, 3), 120, dtype=np.uint8)
    for _ in range(60):
        x, y = int(rng.integers(0, width)), int(rng.integers(0, height))
        w, h = (int(v) for v in rng.integers(20, 130, 2))
        cv2.rectangle(image, (x, y), (x + w, y + h), [int(c) for c in rng.integers(30, 230, 3)], -1)
    for _ in range(400):
        x, y = int(rng.integers(0, width)), int(rng.integers(0, height))
        w, h = (int(v) for v in rng.integers(2, 12, 2))
        cv2.rectangle(image, (x, y), (x + w, y + h), [int(c) for c in rng.integers(30, 230, 3)], -1)
    grain = rng.normal(0, 8, (height, width, 1))
    return np.clip(image + grain, 0, 255).astype(np.uint8)


def noisy(image: Image, seed: int = 1, sigma: float = 2.0) -> Image:
    """Adds the noise of a sensor; one seed and the next are two looks."""
    levels: NDArray[np.int16] = image + _noise(seed % 16, sigma, image.shape[:2])
    return np.clip(levels, 0, 255).astype(np.uint8)


@cache
def _noise(seed: int, sigma: float, shape: tuple[int, ...]) -> NDArray[np.int16]:
    noise = np.random.default_rng(seed).normal(0, sigma, (*shape, 1))
    return noise.round().astype(np.int16)


def dimmed(image: Image, share: float) -> Image:
    return (image * share).astype(np.uint8)


def foggy(image: Image, share: float) -> Image:
    """``share`` of the contrast is left, the rest is white air."""
    return (image * share + 200 * (1 - share)).astype(np.uint8)


def smeared(image: Image, sigma: float) -> Image:
    return np.asarray(cv2.GaussianBlur(image, (0, 0), sigma), dtype=np.uint8)


def covered(image: Image, share: float) -> Image:
    result = image.copy()
    result[:, : int(share * image.shape[1])] = 70
    return result


def moved(image: Image, *, by: float = 0.0, turned_deg: float = 0.0, zoom: float = 1.0) -> Image:
    """Shifts by a share of the width, turns and zooms about the middle; the borders mirror what is there."""
    height, width = image.shape[:2]
    matrix = cv2.getRotationMatrix2D((width / 2, height / 2), turned_deg, zoom)
    matrix[0, 2] += by * width
    return np.asarray(cv2.warpAffine(image, matrix, (width, height), borderMode=cv2.BORDER_REFLECT), dtype=np.uint8)
