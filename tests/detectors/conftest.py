"""Frames for the tests of the detectors, drawn here: no photograph lies in the repository."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime

import numpy as np
import pytest

from detectors.base import Frame, Image
from detectors.yolo import YoloConfiguration, YoloDetector, build

MakeFrame = Callable[..., Frame]

NOON = datetime(2026, 6, 1, 12, 0, tzinfo=UTC)


def _noise(width: int, height: int, *, seed: int = 0) -> Image:
    return np.random.default_rng(seed).integers(0, 256, (height, width, 3), dtype=np.uint8)


@pytest.fixture(scope="session")
def noise_frame() -> MakeFrame:
    """Makes a frame of random pixels of the given width and height."""

    def make(width: int, height: int, *, seed: int = 0) -> Frame:
        return Frame(image=_noise(width, height, seed=seed), captured_at=NOON)

    return make


@pytest.fixture(scope="session")
def street() -> YoloDetector:
    """The installed model ``street`` at its smallest useful size, with a low score, so that noise finds something."""
    return build(YoloConfiguration(model="street", input_size=320, min_score=0.001, threads=1))
