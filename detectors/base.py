"""The seam of every detector: what it is given, what it returns, and how it fails.

DetectorError
├── DetectorConfigurationError   the configuration names something that is not there or does not fit
├── ModelError                   weights missing, altered, or not of the shape that the card says
└── DetectionError               the run itself failed; never reported as "nothing found"
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

Image = NDArray[np.uint8]
BoxXyxy = tuple[float, float, float, float]


class DetectorError(Exception):
    """Anything that keeps a detector from answering."""


class DetectorConfigurationError(DetectorError):
    """The configuration names something that is not there or does not fit."""


class ModelError(DetectorError):
    """The weights are missing, altered, or not what their card says."""


class DetectionError(DetectorError):
    """One run failed; the look that asked counts as not looked."""


class FrameError(DetectorError):
    """A frame's shape, dtype or time is not what the seam asks."""


@dataclass(frozen=True, slots=True, eq=False)
class Frame:
    """One decoded picture.

    image: Pixels, shape ``(H, W, 3)``, ``uint8``, BGR.
    captured_at: When it was taken, aware UTC.
    Raises: FrameError: If the shape or dtype differs, or ``captured_at`` is naive.
    """

    image: Image
    captured_at: datetime

    def __post_init__(self) -> None:
        if self.image.ndim != 3 or self.image.shape[2] != 3 or self.image.dtype != np.uint8:
            raise FrameError(f"frame needs (H, W, 3) uint8, got {self.image.shape} {self.image.dtype}")
        if 0 in self.image.shape:
            raise FrameError(f"frame is empty: {self.image.shape}")
        if self.captured_at.tzinfo is None:
            raise FrameError("captured_at needs a time zone")

    @property
    def size_wh(self) -> tuple[int, int]:
        return self.image.shape[1], self.image.shape[0]


@dataclass(frozen=True, slots=True)
class Reading:
    """One measurement of a sensor: finite ``value`` in ``unit``, taken at ``measured_at`` (aware UTC)."""

    value: float
    measured_at: datetime
    unit: str | None = None


@dataclass(frozen=True, slots=True)
class Finding:
    """What a detector returns.

    box_xyxy and polygon: shares of width and height, 0..1. value and threshold: of a reading, in its unit.
    """

    label: str
    score: float | None = None
    box_xyxy: BoxXyxy | None = None
    polygon: tuple[tuple[float, float], ...] | None = None
    value: float | None = None
    threshold: float | None = None


@dataclass(frozen=True, slots=True)
class DetectorIdentity:
    """Which detector, at which version and with which weights, is behind a finding."""

    name: str
    version: str | None = None
    weights_sha256: str | None = None


@dataclass(frozen=True, slots=True)
class Vocabulary:
    """What a detector can say: all its labels, and which of them stand for a kind."""

    labels: frozenset[str]
    of_kind: Mapping[str, frozenset[str]]


@runtime_checkable
class FrameDetector(Protocol):
    """Finds things in frames."""

    @property
    def identity(self) -> DetectorIdentity: ...

    @property
    def labels(self) -> frozenset[str]:
        """All labels that a finding of this detector can carry."""
        ...

    def labels_of_kind(self, kind: str) -> frozenset[str]:
        """The labels that stand for ``kind``; empty where the detector does not know the kind."""
        ...

    def detect(self, frames: Sequence[Frame]) -> list[list[Finding]]:
        """Returns the findings of each frame, in order. Raises: DetectorError: never an empty result instead."""
        ...


@runtime_checkable
class ReadingRule(Protocol):
    """Judges readings of one sensor."""

    @property
    def identity(self) -> DetectorIdentity: ...

    def judge(self, readings: Sequence[Reading], *, standing: bool) -> list[list[Finding]]:
        """Returns for each reading, in order, what is wrong with it (an empty list where nothing is).

        standing: Whether the stay of this watch already stood before the first reading, for hysteresis.
        Raises: DetectorError: never an empty result instead.
        """
        ...
