"""Opens a stream: over which transport, with which time-outs, and which of its parts is the picture."""

from __future__ import annotations

import re
import stat
from pathlib import Path

import av
from av.container import InputContainer
from av.video.stream import VideoStream

from edge.reading.faults import SCHEME, Corrupt, NotFound, fault_of, redacted
from ingest.configuration import Camera

MAX_PIXELS = 7680 * 4320

SCHEMES = ("rtsp", "rtsps", "http", "https", "rtmp", "udp", "tcp", "file")
_DEVICES = ("/dev/video", "/dev/v4l/")


def is_live(url: str) -> bool:
    """True for a stream that goes on by itself; a file is paced, and ends.

    Whatever has a scheme counts, known or not: only what is live has time-outs, and a file needs none.
    """
    scheme, found, _ = url.partition("://")
    return url.startswith(_DEVICES) or bool(found and scheme != "file" and re.fullmatch(SCHEME, scheme))


def why_no_stream(url: str) -> str | None:
    """Returns why an address cannot be a camera's, without saying it back; None where it may be."""
    scheme, found, _ = url.partition("://")
    expected = f"expected {', '.join(f'{known}://' for known in SCHEMES)}, a file or a device"
    if not found:
        # FFmpeg takes what stands before a colon for a protocol of its own.
        return f"begins with no scheme; {expected}" if re.match(r"[\w+.-]+:", url) else None
    if scheme in SCHEMES or "$" in scheme:
        return None
    if re.fullmatch(SCHEME, scheme):
        return f"{scheme}:// cannot be read; {expected}"
    return f"begins with no scheme; {expected}"


def open_stream(camera: Camera) -> InputContainer:
    """Returns the open stream of ``camera``. Raises: CameraFault: It cannot be opened."""
    if not is_live(camera.url) and _is_pipe(Path(camera.url.removeprefix("file://"))):
        raise NotFound(f"{redacted(camera.url)}: is a pipe, and no file")
    try:
        return av.open(
            camera.url.removeprefix("file://"),
            format=format_of(camera),
            options=options_of(camera),
            timeout=(camera.timeout_s, camera.timeout_s) if is_live(camera.url) else None,
        )
    except (av.FFmpegError, OSError, ValueError) as error:
        raise fault_of(error, url=camera.url, playing=False) from None


def _is_pipe(path: Path) -> bool:
    """A pipe to which nobody writes lets nobody go who opens it."""
    try:
        return stat.S_ISFIFO(path.stat().st_mode)
    except (OSError, ValueError):
        return False


def format_of(camera: Camera) -> str | None:
    """Returns what a device is read as; what a file or a stream is, FFmpeg finds out."""
    return "v4l2" if camera.url.startswith(_DEVICES) else None


def options_of(camera: Camera) -> dict[str, str]:
    """Returns FFmpeg's options for the stream of ``camera``."""
    if not is_live(camera.url) or format_of(camera) is not None:
        return {}
    # The frame rate of a live stream interests nobody, and finding it out takes FFmpeg 20 pictures: 2 s at 10 a second.
    options = {"fpsprobesize": "0"}
    if camera.url.startswith(("rtsp://", "rtsps://")):
        options["rtsp_transport"] = camera.transport.value
        # Sound is not even asked for: it costs the link, and would hide a picture that has stopped.
        options["allowed_media_types"] = "video"
        options["timeout"] = str(int(camera.timeout_s * 1e6))
    return options


def video_stream(container: InputContainer, url: str) -> VideoStream:
    """Returns the picture of a container. Raises: Corrupt: It holds none, or none that can be decoded here."""
    if not container.streams.video:
        raise Corrupt(f"{redacted(url)}: holds no video")
    stream = container.streams.video[0]
    if stream.codec_context is None:
        raise Corrupt(f"{redacted(url)}: its video codec is not known here")
    stream.thread_type = "NONE"  # one picture now and then gains nothing from threads, and each one holds frames back
    return stream
