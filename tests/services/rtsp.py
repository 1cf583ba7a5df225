"""A virtual camera: a real RTSP server that plays one H.264 file in a loop."""

from __future__ import annotations

import functools
import signal
import subprocess
from pathlib import Path
from typing import Protocol

from tests.services.ports import HOST, answers, free_port
from tests.services.processes import Process

SYSTEM_PYTHON = Path("/usr/bin/python3")
_PROBE = """
import gi
gi.require_version("GstRtspServer", "1.0")
from gi.repository import Gst, GstRtspServer
Gst.init(None)
raise SystemExit(not all(map(Gst.ElementFactory.find, ["qtdemux", "h264parse", "rtph264pay"])))
"""


@functools.cache
def rtsp_is_installed() -> bool:
    """Says whether the system's Python has GStreamer's RTSP server with the parts that play H.264."""
    if not SYSTEM_PYTHON.exists():
        return False
    return subprocess.run([SYSTEM_PYTHON, "-c", _PROBE], check=False, capture_output=True).returncode == 0


class RtspCamera:
    """A running camera. ``url`` holds the login where one is asked for; ``open_url`` never does."""

    def __init__(self, path: Path, *, log: Path, user: str | None, password: str | None) -> None:
        self.port = free_port()
        self.open_url = f"rtsp://{HOST}:{self.port}/street"
        self.url = f"rtsp://{user}:{password}@{HOST}:{self.port}/street" if user else self.open_url
        self._log = log
        self._login = [user, password or ""] if user else []
        self.start_again(path)

    def start_again(self, path: Path) -> None:
        """Starts, on the same port, with this file."""
        script = Path(__file__).with_name("rtsp_camera.py")
        command = [str(SYSTEM_PYTHON), str(script), str(self.port), str(path), *self._login]
        self._process = Process(command, log=self._log)
        self._process.wait_ready(lambda: answers(self.port))

    def kill(self) -> None:
        """Loses its power: the connections break, and nobody listens any more."""
        self._process.kill()

    def pause(self) -> None:
        """Stalls: connections stay open, and nothing more comes."""
        self._process.send(signal.SIGSTOP)

    def resume(self) -> None:
        """Goes on after a pause."""
        self._process.send(signal.SIGCONT)

    def stop(self) -> None:
        """Ends: connections are refused from now on."""
        self._process.stop()


class RtspServerFactory(Protocol):
    """Starts a camera that plays ``path``; with ``user``, only for who logs in."""

    def __call__(self, path: Path, user: str | None = None, password: str | None = None) -> RtspCamera: ...
