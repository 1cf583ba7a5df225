"""A frame's pixels are converted when somebody asks, and privacy masks are black in all of them."""

from __future__ import annotations

import av
import numpy as np
import pytest
from numpy.typing import NDArray

from detectors.base import Frame, FrameError
from edge.reading.pixels import DecodedFrame
from tests.edge.fakes import START
from tests.edge.test_pictures import noise

MASK = [(0.0, 0.0), (0.5, 0.0), (0.5, 0.5), (0.0, 0.5)]


def _decoded(format_name: str, size_wh: tuple[int, int] = (650, 360)) -> av.VideoFrame:
    smooth: NDArray[np.uint8] = noise(size_wh=(size_wh[0] // 10, size_wh[1] // 10)).repeat(10, 0).repeat(10, 1)
    return av.VideoFrame.from_ndarray(smooth, format="bgr24").reformat(format=format_name)


@pytest.mark.parametrize("format_name", ["yuv420p", "yuvj420p", "nv12", "gray", "yuv420p10le", "rgb24"])
def test_brightness_is_that_of_the_picture(format_name: str) -> None:
    frame = DecodedFrame(_decoded(format_name), START)
    black, white = frame.luma_range
    luma = (frame.luma.astype(np.float64) - black) * 255 / (white - black)
    same = Frame(frame.image, START).luma

    assert frame.size_wh == (650, 360)
    assert luma.shape == (360, 650)
    assert np.corrcoef(luma.ravel(), same.ravel())[0, 1] > 0.99
    assert np.abs(luma - same).mean() < 3


@pytest.mark.parametrize("format_name", ["yuv420p", "yuv420p10le"])
def test_masks_are_black_in_colour_and_in_brightness(format_name: str) -> None:
    frame = DecodedFrame(_decoded(format_name), START, masks=[MASK])

    for pixels in (frame.luma, frame.image):
        assert pixels[:180, :325].max() == 0
        assert pixels[185:, 330:].max() > 100


def test_a_frame_without_a_time_zone_is_refused() -> None:
    with pytest.raises(FrameError, match="time zone"):
        DecodedFrame(_decoded("yuv420p"), START.replace(tzinfo=None))
