"""A decoded frame whose pixels are converted only when somebody asks for them: most looks end before that."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any, cast

import av
import cv2
import numpy as np
from av.video.frame import VideoFrame
from av.video.reformatter import ColorRange

from detectors.base import Frame, FrameError, Grey, Image

_BRIGHTNESS_FIRST = frozenset(
    {"yuv420p", "yuvj420p", "yuv422p", "yuvj422p", "yuv444p", "yuvj444p", "nv12", "nv16", "gray"}
)
"""Formats whose first plane is one byte of brightness for each pixel."""


class DecodedFrame(Frame):
    """A frame as the decoder gave it. One caller at a time.

    masks: Outlines, in shares of width and height, that are black in whatever is asked for.
    Raises: FrameError: If ``captured_at`` is naive; later, if the pixels cannot be converted.
    """

    __slots__ = ("_decoded", "_masks")

    def __init__(
        self, decoded: VideoFrame, captured_at: datetime, *, masks: Sequence[Sequence[tuple[float, float]]] = ()
    ) -> None:
        self._prepare(captured_at, None)
        self._decoded = decoded
        self._masks = masks

    @property
    def size_wh(self) -> tuple[int, int]:
        return self._decoded.width, self._decoded.height

    @property
    def luma_range(self) -> tuple[int, int]:
        """As :attr:`detectors.base.Frame.luma_range`: most cameras send black as 16 and white as 235."""
        name = self._decoded.format.name
        is_full = name not in _BRIGHTNESS_FIRST or name == "gray" or name.startswith("yuvj")
        return (0, 255) if is_full or self._decoded.color_range == ColorRange.JPEG else (16, 235)

    def _convert(self) -> Image:
        """As :meth:`detectors.base.Frame._convert`."""
        try:
            image = self._decoded.to_ndarray(format="bgr24").astype(np.uint8, copy=False)
        except (av.FFmpegError, ValueError) as error:
            raise FrameError(f"a frame of {self._decoded.format.name} cannot be converted: {error}") from None
        return self._masked(image)

    def _brightness(self) -> Grey:
        """As :meth:`detectors.base.Frame._brightness`: made of the decoder's own plane where it has one."""
        if self._decoded.format.name not in _BRIGHTNESS_FIRST:
            return np.asarray(cv2.cvtColor(self.image, cv2.COLOR_BGR2GRAY), dtype=np.uint8)
        plane = self._decoded.planes[0]
        rows = np.frombuffer(cast(Any, plane), dtype=np.uint8).reshape(-1, plane.line_size)
        brightness = rows[: self._decoded.height, : self._decoded.width]
        return self._masked(brightness.copy()) if self._masks else brightness

    def _masked(self, image: Image) -> Image:
        """Blackens the privacy masks, before anything else sees the picture."""
        width, height = self.size_wh
        for mask in self._masks:
            corners = np.array([(x * width, y * height) for x, y in mask]).round().astype(np.int32)
            cv2.fillPoly(image, [corners], (0, 0, 0))
        return image
