"""Names what is wrong with a stream, and takes credentials out of whatever is said about it.

CameraFault
├── Refused         nobody listens there
├── Unauthorised    user or password is missing or wrong
├── NotFound        the host, the path or the file does not exist
├── TimedOut        connected or connecting, and no answer
├── Stalled         it played, and no packet came any more
└── Corrupt         what came cannot be read as video
"""

from __future__ import annotations

import random
import re
from collections.abc import Iterator
from typing import ClassVar

import av

FIRST_WAIT_S = 1.0
LONGEST_WAIT_S = 60.0


class CameraFault(Exception):
    """A stream that cannot be read. The text never holds a URL with credentials, nor the library's own message."""

    name: ClassVar[str] = "fault"


class Refused(CameraFault):
    name = "refused"


class Unauthorised(CameraFault):
    name = "unauthorised"


class NotFound(CameraFault):
    name = "not found"


class TimedOut(CameraFault):
    name = "timeout"


class Stalled(CameraFault):
    name = "stalled"


class Corrupt(CameraFault):
    name = "corrupt"


def redacted(url: str) -> str:
    """Returns only where a stream comes from: scheme, host and port, or the file.

    Passwords stand in many places of camera URLs (before the host, with a slash or an @ in them, in the path, in the
    query), so nothing of these is kept.
    """
    scheme, found, rest = url.partition("://")
    if not found or scheme == "file":
        return url
    host = rest.rpartition("@")[2]
    return f"{scheme}://{re.split(r'[/?#]', host)[0]}"


def fault_of(error: Exception, *, url: str, playing: bool) -> CameraFault:
    """Returns the typed fault behind an error of PyAV or the system; raise it ``from None``.

    The original is dropped on purpose: FFmpeg puts the whole URL, with its password, into the message.
    """
    place = redacted(url)
    if isinstance(error, (av.HTTPUnauthorizedError, av.HTTPForbiddenError, PermissionError)):
        fault: CameraFault = Unauthorised(f"{place}: not let in; check user and password")
    elif isinstance(error, (av.HTTPNotFoundError, FileNotFoundError, IsADirectoryError)):
        fault = NotFound(f"{place}: no such stream or file")
    elif isinstance(error, ConnectionRefusedError):
        fault = Refused(f"{place}: connection refused")
    elif isinstance(error, (TimeoutError, av.ExitError)) or _said_nothing(error, url=url, playing=playing):
        fault = Stalled(f"{place}: no packet any more") if playing else TimedOut(f"{place}: no answer in time")
    elif isinstance(error, OSError) and not isinstance(error, av.InvalidDataError) and not playing:
        fault = NotFound(f"{place}: cannot be opened ({type(error).__name__})")
    else:
        fault = Corrupt(f"{place}: cannot be read as video ({type(error).__name__})")
    return fault


def _said_nothing(error: Exception, *, url: str, playing: bool) -> bool:
    """A host that accepts the connection and stays silent comes back from FFmpeg as invalid data."""
    return isinstance(error, av.InvalidDataError) and url.startswith(("rtsp://", "rtsps://")) and not playing


def waits_s(*, first_s: float = FIRST_WAIT_S, longest_s: float = LONGEST_WAIT_S) -> Iterator[float]:
    """Yields ever longer waits, doubled each time and spread by jitter over the upper half."""
    wait_s = first_s
    while True:
        yield wait_s * random.uniform(0.5, 1.0)  # noqa: S311 - spreads load, keeps no secret
        wait_s = min(wait_s * 2, longest_s)
