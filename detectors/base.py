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
Grey = NDArray[np.uint8]
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


class Frame:
    """One decoded picture; a subclass may convert its pixels only when somebody asks for them.

    image: Pixels, shape ``(H, W, 3)``, ``uint8``, BGR.
    captured_at: When it was taken, aware UTC.
    small: A small grey copy, kept here by who made it, because several compare it with others.
    Raises: FrameError: If the shape or dtype differs, or ``captured_at`` is naive.
    """

    __slots__ = ("_image", "_luma", "captured_at", "small")

    def __init__(self, image: Image, captured_at: datetime) -> None:
        self._prepare(captured_at, _checked(image))

    def _prepare(self, captured_at: datetime, image: Image | None) -> None:
        if captured_at.tzinfo is None:
            raise FrameError("captured_at needs a time zone")
        self.captured_at = captured_at
        self._image = image
        self._luma: Grey | None = None
        self.small: Grey | None = None

    @property
    def image(self) -> Image:
        if self._image is None:
            self._image = _checked(self._convert())
        return self._image

    @property
    def luma(self) -> Grey:
        """How bright each pixel is, shape ``(H, W)``, ``uint8``, from black to white as ``luma_range`` says."""
        if self._luma is None:
            self._luma = self._brightness()
        return self._luma

    @property
    def luma_range(self) -> tuple[int, int]:
        """The values of black and of white in ``luma``."""
        return 0, 255

    @property
    def size_wh(self) -> tuple[int, int]:
        return self.image.shape[1], self.image.shape[0]

    def _convert(self) -> Image:
        """Makes the pixels of a subclass that was given none. Raises: FrameError: They cannot be made."""
        raise FrameError("this frame holds no pixels")

    def _brightness(self) -> Grey:
        blue, green, red = (self.image[..., channel].astype(np.uint16) for channel in range(3))
        return ((29 * blue + 150 * green + 77 * red) >> 8).astype(np.uint8)


def _checked(image: Image) -> Image:
    if image.ndim != 3 or image.shape[2] != 3 or image.dtype != np.uint8:
        raise FrameError(f"frame needs (H, W, 3) uint8, got {image.shape} {image.dtype}")
    if 0 in image.shape:
        raise FrameError(f"frame is empty: {image.shape}")
    return image


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
class PartDetector(FrameDetector, Protocol):
    """Finds things in a part of a frame too, for less than in the whole."""

    def detect_part(self, frame: Frame, part_xyxy: BoxXyxy) -> list[Finding]:
        """Returns the findings of a part, in shares of the whole frame; what the part's border cuts is cut.

        part_xyxy: Shares of width and height. Things are seen at least as large as in a run of the whole frame.
        Raises: DetectorError: never an empty result instead.
        """
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
