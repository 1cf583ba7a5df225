"""Draws what the cameras of the soak show: the demo's street with its truck and its car, and the noise of a sensor."""

from __future__ import annotations

from pathlib import Path

import av
import cv2
import numpy as np

from streetcase.demo.scene import street

FPS = 10
GOP_S = 1
SIZE_WH = (768, 576)
LARGE_WH = (1024, 768)
LOOP_S = 12
SHORT_LOOP_S = 2


class Clips:
    """What a server plays in a loop: the usual clip, one that begins again every two seconds, one of another size."""

    def __init__(self, folder: Path) -> None:
        self.usual, self.short, self.large = folder / "usual.mp4", folder / "short.mp4", folder / "large.mp4"

    def draw(self) -> None:
        """Draws them into the folder."""
        _draw(self.usual, SIZE_WH, seconds=LOOP_S)
        _draw(self.short, SIZE_WH, seconds=SHORT_LOOP_S)
        _draw(self.large, LARGE_WH, seconds=LOOP_S)


def _draw(path: Path, size_wh: tuple[int, int], *, seconds: int) -> None:
    dice = np.random.default_rng(20)
    empty = cv2.resize(street(dice), size_wh)
    noise = dice.normal(0, 2.5, (8, size_wh[1], size_wh[0], 1)).round().astype(np.int8).repeat(3, 3)
    gop = str(GOP_S * FPS)
    with av.open(path, "w", format="mp4") as container:
        stream = container.add_stream("libx264", rate=FPS)
        stream.width, stream.height = size_wh
        stream.pix_fmt = "yuv420p"
        stream.options = {"g": gop, "keyint_min": gop, "sc_threshold": "0", "bf": "0", "preset": "veryfast"}
        for index in range(seconds * FPS):
            grainy = np.asarray(cv2.add(empty, noise[index % len(noise)], dtype=cv2.CV_8U), np.uint8)
            frame = av.VideoFrame.from_ndarray(grainy, format="bgr24")
            frame.pts = index
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
