"""Makes a short clip of how an incident came about, from the small blurred looks that are kept anyway."""

from __future__ import annotations

import io
from collections.abc import Sequence
from fractions import Fraction

import av
import cv2
import numpy as np

from detectors.base import Image
from edge.looking.evidence import EvidenceError, Picture
from edge.looking.recent_looks import RecentLook
from ingest.contract import EvidenceRole

MOST_PICTURES = 60
FEWEST_PICTURES = 4
"""Of fewer, start and confirm tell as much."""

PICTURES_PER_S = 4
MAX_BYTES = 1_000_000
_H264 = {"preset": "veryfast", "crf": "30"}


def timelapse(looks: Sequence[RecentLook]) -> Picture | None:
    """Returns an H.264 clip of these looks, the oldest first; None of too few.

    MOST_PICTURES of them at most, evenly spread, and so many fewer that it keeps to MAX_BYTES. One of 60 pictures takes
    a quarter of a second of one core. Raises: EvidenceError: It cannot be encoded.
    """
    chosen = _spread(looks, MOST_PICTURES)
    images = [image for look in chosen if (image := _image(look)) is not None]
    while len(images) >= FEWEST_PICTURES:
        clip = _encoded(images)
        if len(clip) <= MAX_BYTES:
            return Picture(EvidenceRole.TIMELAPSE, chosen[-1].captured_at, clip, media_type="video/mp4")
        images = images[::2]
    return None


def _spread(looks: Sequence[RecentLook], most: int) -> list[RecentLook]:
    """Returns ``most`` of the looks at most, evenly spread, the first and the last among them."""
    if len(looks) <= most:
        return list(looks)
    return [looks[index] for index in np.linspace(0, len(looks) - 1, most).round().astype(int)]


def _image(look: RecentLook) -> Image | None:
    """Returns the kept picture; None where it was pruned meanwhile or is damaged."""
    try:
        content = np.frombuffer(look.file.read_bytes(), dtype=np.uint8)
    except OSError:
        return None
    image = cv2.imdecode(content, cv2.IMREAD_COLOR) if content.size else None
    return None if image is None else np.asarray(image, dtype=np.uint8)


def _encoded(images: Sequence[Image]) -> bytes:
    height, width = (side // 2 * 2 for side in images[0].shape[:2])  # H.264 takes even sides alone
    file = io.BytesIO()
    try:
        with av.open(file, "w", format="mp4") as container:
            stream = container.add_stream("libx264", rate=PICTURES_PER_S, options=_H264)
            stream.width, stream.height, stream.pix_fmt = width, height, "yuv420p"
            stream.codec_context.thread_count = 1  # the other cores look at other cameras
            for index, image in enumerate(images):
                if image.shape[:2] != (height, width):
                    image = np.asarray(cv2.resize(image, (width, height)), dtype=np.uint8)  # noqa: PLW2901
                frame = av.VideoFrame.from_ndarray(image, format="bgr24")
                frame.pts, frame.time_base = index, Fraction(1, PICTURES_PER_S)
                container.mux(stream.encode(frame))
            container.mux(stream.encode(None))
    except (av.FFmpegError, OSError, ValueError) as error:
        raise EvidenceError(f"a time-lapse of {len(images)} pictures cannot be encoded: {error}") from error
    return file.getvalue()
