"""Makes the clips of the bench: a drawn street at 1080p25, empty and with people crossing it.

H.264, 4 Mb/s, a keyframe each two seconds, no B-frames, sensor noise in every frame: as a surveillance camera sends it.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import av
import cv2
import numpy as np
from numpy.typing import NDArray

from streetcase.demo.scene import render_scene

SIZE_WH = (1920, 1080)
FPS = 25
GOP = 2 * FPS
BITS_PER_S = 4_000_000
NOISE_LEVELS = 4.0
NOISE_FIELDS = 5
MEDIAN_OF = 25

Pixels = NDArray[np.uint8]


def make_clips(folder: Path, *, seconds: int, footage: Path | None = None) -> tuple[Path, Path]:
    """Returns the idle and the busy clip, made where the folder does not hold them yet.

    footage: A clip of a fixed camera to take the pictures from, in place of the drawn street.
    """
    name = footage.stem if footage else "drawn"
    idle, busy = folder / f"{name}-idle-{seconds}s.mp4", folder / f"{name}-busy-{seconds}s.mp4"
    if idle.exists() and busy.exists():
        return idle, busy
    folder.mkdir(parents=True, exist_ok=True)
    source = footage or folder / "drawn.mp4"
    if not source.exists():
        render_scene(source, seconds=seconds, fps=10)
    pictures = [picture for _, picture in zip(range(10 * seconds), _pictures(source), strict=False)]
    empty = np.median(np.stack(pictures[:: max(1, len(pictures) // MEDIAN_OF)]), axis=0).astype(np.uint8)
    _encode(idle, [empty], seconds=seconds)
    _encode(busy, pictures, seconds=seconds)
    return idle, busy


def _pictures(source: Path) -> Iterator[Pixels]:
    with av.open(source) as container:
        for frame in container.decode(video=0):
            yield frame.to_ndarray(format="bgr24").astype(np.uint8, copy=False)


def _encode(path: Path, pictures: list[Pixels], *, seconds: int) -> None:
    """Encodes the pictures, ten for each second, at 25 frames a second; short clips are gone through again."""
    dice = np.random.default_rng(4)
    noise = [
        dice.normal(0, NOISE_LEVELS, (SIZE_WH[1], SIZE_WH[0])).round().astype(np.int16) for _ in range(NOISE_FIELDS)
    ]
    part = path.with_suffix(".part.mp4")
    with av.open(part, "w", format="mp4") as container:
        stream = container.add_stream("libx264", rate=FPS)
        stream.width, stream.height, stream.pix_fmt = *SIZE_WH, "yuv420p"
        stream.bit_rate = BITS_PER_S
        stream.options = {
            "g": str(GOP),
            "keyint_min": str(GOP),
            "sc_threshold": "0",
            "bf": "0",
            "preset": "superfast",
            "maxrate": str(BITS_PER_S),
            "bufsize": str(2 * BITS_PER_S),
        }
        large: Pixels | None = None
        last = -1
        for index in range(seconds * FPS):
            number = index * 10 // FPS % len(pictures)
            if large is None or number != last:
                large, last = _large(pictures[number]), number
            planes = large.copy()
            luma = planes[: SIZE_WH[1]]
            luma[:] = cv2.add(luma, noise[dice.integers(NOISE_FIELDS)], dtype=cv2.CV_8U)
            frame = av.VideoFrame.from_ndarray(planes, format="yuv420p")
            frame.pts = index
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    part.replace(path)


def _large(picture: Pixels) -> Pixels:
    """Returns the picture 1920 wide, cut at the lower edge, as planes of yuv420p, shape ``(1620, 1920)``."""
    height = round(picture.shape[0] * SIZE_WH[0] / picture.shape[1])
    scaled = cv2.resize(picture, (SIZE_WH[0], max(height, SIZE_WH[1])), interpolation=cv2.INTER_LINEAR)
    return np.asarray(cv2.cvtColor(scaled[: SIZE_WH[1]], cv2.COLOR_BGR2YUV_I420), dtype=np.uint8)
