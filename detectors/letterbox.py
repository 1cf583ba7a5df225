"""Fits a picture into a model's input without changing its proportions, and maps boxes back."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from detectors.base import Image


@dataclass(frozen=True, slots=True)
class Letterbox:
    """Where a picture lies in the model's input, all in pixels.

    size_wh: Of the picture. input_wh: Of the model's input. inner_wh: Of the resized picture inside the input.
    """

    size_wh: tuple[int, int]
    input_wh: tuple[int, int]
    inner_wh: tuple[int, int]
    left: int
    top: int

    @classmethod
    def of(cls, size_wh: tuple[int, int], input_wh: tuple[int, int]) -> Letterbox:
        """Returns the place of a picture of ``size_wh``, centred, as ultralytics lays it for a fixed input."""
        scale = min(input_wh[0] / size_wh[0], input_wh[1] / size_wh[1])
        # A very long picture would round to no pixels at all on its short side.
        inner_wh = max(round(size_wh[0] * scale), 1), max(round(size_wh[1] * scale), 1)
        # 0.1: an odd border puts its spare pixel to the right and the bottom.
        left = round((input_wh[0] - inner_wh[0]) / 2 - 0.1)
        top = round((input_wh[1] - inner_wh[1]) / 2 - 0.1)
        return cls(size_wh=size_wh, input_wh=input_wh, inner_wh=inner_wh, left=left, top=top)

    def apply(self, image: Image, *, border: int) -> Image:
        """Returns the input picture, shape ``(height, width, 3)``, in the colours of ``image``.

        border: Grey level around the picture, 0..255.
        """
        inner = image
        if self.inner_wh != self.size_wh:
            inner = np.asarray(cv2.resize(image, self.inner_wh, interpolation=cv2.INTER_LINEAR), dtype=np.uint8)
        if self.inner_wh == self.input_wh:
            return np.ascontiguousarray(inner)
        canvas = np.full((self.input_wh[1], self.input_wh[0], 3), border, dtype=np.uint8)
        canvas[self.top : self.top + self.inner_wh[1], self.left : self.left + self.inner_wh[0]] = inner
        return canvas

    def to_shares(self, boxes_xyxy: NDArray[np.float32]) -> NDArray[np.float64]:
        """Returns boxes ``(n, 4)`` of input pixels as shares of the picture's width and height, clipped to 0..1."""
        border = np.array([self.left, self.top, self.left, self.top], dtype=np.float64)
        # By the inner picture, not by the scale: rounding to whole pixels stretches the short side a little.
        side = np.array([*self.inner_wh, *self.inner_wh], dtype=np.float64)
        shares: NDArray[np.float64] = np.clip((boxes_xyxy - border) / side, 0.0, 1.0)
        return shares
