"""A camera that plays over HTTP: MJPEG as web cameras do, or a bare stream without any timestamps."""

from __future__ import annotations

import itertools
import threading
from collections.abc import Sequence
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from tests.services.ports import HOST


class HttpCamera:
    """Sends ``pieces`` in a loop, ``per_s`` of them a second, as ``content_type`` to whoever asks.

    Other ``pieces`` may be given at any time: whoever is connected sees them from the next one on. ``connections``
    counts who has asked so far.
    """

    def __init__(self, pieces: Sequence[bytes], *, per_s: float, content_type: str) -> None:
        self.pieces = pieces
        self.connections = 0
        camera, stop = self, threading.Event()
        self._stop = stop

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                camera.connections += 1
                self.send_response(200)
                self.send_header("Content-Type", content_type)
                self.end_headers()
                for number in itertools.count():
                    try:
                        self.wfile.write(camera.pieces[number % len(camera.pieces)])
                    except OSError:
                        return  # the reader has gone
                    if stop.wait(1 / per_s):
                        return

            def log_message(self, *_: object) -> None:
                """Says nothing."""

        self._server = ThreadingHTTPServer((HOST, 0), Handler)
        self.url = f"http://{HOST}:{self._server.server_port}/video"
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,), name="http-camera")
        self._thread.start()

    def close(self) -> None:
        self._stop.set()
        self._server.shutdown()
        self._thread.join(timeout=10)
        self._server.server_close()


def mjpeg(pictures: Sequence[bytes]) -> list[bytes]:
    """Returns JPEGs as the parts of a ``multipart/x-mixed-replace; boundary=picture``."""
    head = "--picture\r\nContent-Type: image/jpeg\r\nContent-Length: {}\r\n\r\n"
    return [head.format(len(picture)).encode() + picture + b"\r\n" for picture in pictures]
