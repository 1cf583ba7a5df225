"""Draws small H.264 clips for tests."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Literal, cast

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
    codec: str = "libx264",
    slices: int = 1,
) -> Path:
    """Encodes an MP4, H.264 unless ``codec`` is libx265, and returns its path.

    ``draw(frame_index)`` gives a picture of shape ``(H, W, 3)``, uint8, BGR, H and W even; every ``gop`` frames, and
    nowhere else, lies a keyframe. There are no B-frames, as in a surveillance camera. slices: In how many parts each
    picture is encoded, of H.264.
    """
    width, height = size_wh
    with av.open(path, "w", format="mp4") as container:
        stream = container.add_stream(cast(Literal["libx264"], codec), rate=fps)  # PyAV types each name apart
        stream.width, stream.height, stream.pix_fmt = width, height, "yuv420p"
        stream.codec_context.thread_count = 1  # each thread would make a slice of its own
        stream.options = {"g": str(gop), "keyint_min": str(gop), "sc_threshold": "0", "bf": "0", "preset": "veryfast"}
        stream.options |= {"slices": str(slices)}
        if codec == "libx265":
            keys = f"keyint={gop}:min-keyint={gop}:scenecut=0:open-gop=0:bframes=0:log-level=error"
            stream.options = {"preset": "ultrafast", "x265-params": keys}
        for index in range(round(seconds * fps)):
            frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(draw(index)), format="bgr24")
            frame.pts = index
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return path
