"""The servers of the soak: a real RTSP server that can be made to fail in each way, and one that is always well."""

from __future__ import annotations

import contextlib
import signal
import socket
import subprocess
import threading
import time
from pathlib import Path

from bench.services import HOST, end_with_parent, free_port

SCRIPT = Path(__file__).parents[2] / "tests/services/rtsp_camera.py"
SYSTEM_PYTHON = "/usr/bin/python3"
READY_S = 30.0
USER, PASSWORD, OTHER_PASSWORD = "viewer", "s3cret-of-the-soak", "another"
STREAM, OTHER_STREAM = "/street", "/elsewhere"


class RtspServer:
    """GStreamer's RTSP server on a port that it keeps. It wants a login, which ``url`` holds. Use it from one thread.

    Raises: SystemExit: From :meth:`start`, if the server does not start; the message holds the end of its log.
    """

    def __init__(self, log: Path) -> None:
        self.port = free_port()
        self.url = f"rtsp://{USER}:{PASSWORD}@{HOST}:{self.port}{STREAM}"
        self._log = log
        self._process: subprocess.Popen[bytes] | None = None
        self._silent: SilentHost | None = None

    def start(self, clip: Path, *, password: str = PASSWORD, path: str = STREAM) -> None:
        """Plays ``clip`` from now on, in place of what was there before, and returns once it accepts connections."""
        self.kill()
        command = [SYSTEM_PYTHON, str(SCRIPT), str(self.port), str(clip), USER, password, path]
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,  # Ctrl-C is the bench's alone
                preexec_fn=end_with_parent,  # noqa: PLW1509 - called while no other thread holds a lock
            )
        deadline_s = time.monotonic() + READY_S
        while not _answers(self.port):
            if self._process.poll() is not None or time.monotonic() > deadline_s:
                tail = self._log.read_text(errors="replace")[-500:]
                raise SystemExit(f"the RTSP server does not start; scripts/install_services.sh installs it. {tail}")
            time.sleep(0.02)

    def kill(self) -> None:
        """Loses its power; whoever was silent in its place goes as well. Harmless to repeat."""
        if self._silent is not None:
            self._silent.close()
            self._silent = None
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None

    def pause(self) -> None:
        """Connections stay, and nothing more comes."""
        self._send(signal.SIGSTOP)

    def resume(self) -> None:
        self._send(signal.SIGCONT)

    def fall_silent(self) -> None:
        """In its place somebody accepts connections and says nothing."""
        self.kill()
        self._silent = SilentHost(self.port)

    def _send(self, number: signal.Signals) -> None:
        if self._process is not None:
            self._process.send_signal(number)


class SilentHost:
    """Accepts connections and never says a word."""

    def __init__(self, port: int) -> None:
        self._listening = socket.create_server((HOST, port))
        self._listening.settimeout(0.1)
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._accept, name="silent-host")
        self._thread.start()

    def close(self) -> None:
        self._stop.set()
        self._thread.join()

    def _accept(self) -> None:
        with contextlib.ExitStack() as connections:
            connections.enter_context(self._listening)
            while not self._stop.is_set():
                with contextlib.suppress(TimeoutError):
                    connections.enter_context(self._listening.accept()[0])


def _answers(port: int) -> bool:
    with socket.socket() as probe:
        probe.settimeout(0.5)
        return probe.connect_ex((HOST, port)) == 0
