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
SHORTEST_WAIT_S = 0.1
FLAPPING_WAIT_S = 4.0

HIDDEN = "..."
SCHEME = r"[A-Za-z][A-Za-z0-9+.-]*"
_PORT = r"(?::\d{1,5})?"
_ADDRESS = rf"(?:\d{{1,3}}(?:\.\d{{1,3}}){{3}}|\[[0-9A-Fa-f:.]+\]){_PORT}"
"""Nobody's name and no part of a password looks like it."""

_HOST = rf"(?:[A-Za-z0-9_][A-Za-z0-9_.-]*{_PORT}|{_ADDRESS})"
_ENDS = re.compile(r"[/?#]")

_chance = random.Random()  # noqa: S311 - it spreads load and keeps no secret
"""Of its own: a library that draws at random by a seed must not see others draw from the same source."""


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
    query), so nothing of these is kept; ``...`` stands for what might be a part of one.
    """
    scheme, found, rest = url.partition("://")
    if scheme == "file":
        return url
    if not found or re.fullmatch(SCHEME, scheme) is None:
        return _redacted_name(url)
    before, behind = _ENDS.split(rest)[0], rest.rpartition("@")[2]
    if "@" in rest[len(before) :]:  # one of both is the host, the other a part of a name or of a password
        host = next((end for end in (before, _ENDS.split(behind)[0]) if re.fullmatch(_ADDRESS, end)), HIDDEN)
    else:
        host = before.rpartition("@")[2]
    return f"{scheme}://{host if re.fullmatch(_HOST, host) else HIDDEN}"


def _redacted_name(name: str) -> str:
    """Returns the name of a file or, where it may be a URL whose scheme was forgotten, what holds no password."""
    if re.search(":.*@", name):
        behind = _ENDS.split(name.rpartition("@")[2])[0]
        return behind if re.fullmatch(_ADDRESS, behind) else HIDDEN
    kept = re.split(r"[?&=]", name)[0]
    return name if kept == name else kept + HIDDEN


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


class BackOff:
    """Says how long to wait before the next try: ever longer, and each time another part of that (full jitter).

    A hundred cameras behind one switch that comes back must not all knock in the same instant. A spell of playing as
    long as the wait before begins anew; a camera that plays for a moment each time is tried every few seconds.
    """

    def __init__(self, *, first_s: float = FIRST_WAIT_S, longest_s: float = LONGEST_WAIT_S) -> None:
        self._first_s = first_s
        self._longest_s = longest_s
        self._ceiling_s = first_s
        self._waited_s = 0.0

    def next_s(self, *, played_s: float) -> float:
        """Returns the seconds to wait now, after a try that played for ``played_s`` seconds."""
        if played_s > 0 and played_s >= self._waited_s:
            self._ceiling_s = self._first_s
        elif played_s > 0:
            self._ceiling_s = min(self._ceiling_s, FLAPPING_WAIT_S)
        self._waited_s = max(SHORTEST_WAIT_S, _chance.uniform(0.0, self._ceiling_s))
        self._ceiling_s = min(self._ceiling_s * 2, self._longest_s)
        return self._waited_s


def waits_s(*, first_s: float = FIRST_WAIT_S, longest_s: float = LONGEST_WAIT_S) -> Iterator[float]:
    """Yields ever longer waits, doubled each time and spread by jitter over the upper half."""
    wait_s = first_s
    while True:
        yield wait_s * _chance.uniform(0.5, 1.0)
        wait_s = min(wait_s * 2, longest_s)
