"""Draws small H.264 clips for tests."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import av
import numpy as np
import numpy.typing as npt

Pixels = npt.NDArray[np.uint8]


def write_clip(
    path: Path,
    *,
    seconds: float,
    fps: int,
    size_wh: tuple[int, int],
    gop: int,
    draw: Callable[[int], Pixels],
) -> Path:
    """Encodes an H.264 MP4 and returns its path.

    ``draw(frame_index)`` gives a picture of shape ``(H, W, 3)``, uint8, BGR, H and W even; every ``gop`` frames, and
    nowhere else, lies a keyframe. There are no B-frames, as in a surveillance camera.
    """
    width, height = size_wh
    with av.open(path, "w", format="mp4") as container:
        stream = container.add_stream("libx264", rate=fps)
        stream.width, stream.height, stream.pix_fmt = width, height, "yuv420p"
        stream.options = {"g": str(gop), "keyint_min": str(gop), "sc_threshold": "0", "bf": "0", "preset": "veryfast"}
        for index in range(round(seconds * fps)):
            frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(draw(index)), format="bgr24")
            frame.pts = index
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return path
