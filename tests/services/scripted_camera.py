"""A camera whose every packet the test decides: RTSP over TCP, spoken just well enough for a reader."""

from __future__ import annotations

import contextlib
import io
import itertools
import socket
import struct
import threading
from collections.abc import Callable, Sequence
from pathlib import Path

import av

from tests.services.ports import HOST

_SDP = (
    "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=street\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\n"
    "m=video 0 RTP/AVP 96\r\na=rtpmap:96 H264/90000\r\na=fmtp:96 packetization-mode=1\r\na=control:video\r\n"
)
_CLOCK_HZ = 90_000


def access_units(clip: Path) -> list[list[bytes]]:
    """Returns the NAL units of each picture of an H.264 clip; parameter sets come before each keyframe."""
    units: list[list[bytes]] = []
    with av.open(clip) as source, av.open(io.BytesIO(), "w", format="h264") as sink:
        stream = source.streams.video[0]
        to_annex_b = av.BitStreamFilterContext("h264_mp4toannexb", stream, sink.add_stream_from_template(stream))
        for packet in source.demux(stream):
            units += [_nal_units(bytes(out)) for out in to_annex_b.filter(packet) if out.size]
    return units


def _nal_units(annex_b: bytes) -> list[bytes]:
    return [unit.rstrip(b"\0") for unit in annex_b.split(b"\0\0\1") if unit.strip(b"\0")]


def steady(index: int, fps: int) -> int:
    """The time of a picture as a camera tells it that does nothing odd, in ticks of 1/90000 s."""
    return index * _CLOCK_HZ // fps


class ScriptedCamera:
    """Plays ``units`` in a loop to whoever connects, a NAL unit a packet, with the times that ``ticks`` gives."""

    def __init__(
        self, units: Sequence[Sequence[bytes]], *, fps: int, ticks: Callable[[int, int], int] = steady
    ) -> None:
        self._units, self._fps, self._ticks = units, fps, ticks
        self._stop = threading.Event()
        self._keyframe_wanted = threading.Event()
        self._listening = socket.create_server((HOST, 0))
        self.url = f"rtsp://{HOST}:{self._listening.getsockname()[1]}/street"
        self._thread = threading.Thread(target=self._serve, name="scripted-camera")
        self._thread.start()

    def keyframe(self) -> None:
        """Goes back to the first picture of ``units`` at once, as a camera that is asked for a keyframe."""
        self._keyframe_wanted.set()

    def close(self) -> None:
        self._stop.set()
        self._thread.join(timeout=10)

    def _serve(self) -> None:
        with self._listening:
            self._listening.settimeout(0.1)
            while not self._stop.is_set():
                try:
                    connection, _ = self._listening.accept()
                except TimeoutError:
                    continue
                with connection, contextlib.suppress(OSError):  # the reader may go at any time
                    self._talk(connection)

    def _talk(self, connection: socket.socket) -> None:
        connection.settimeout(2.0)
        with connection.makefile("rb") as lines:
            while line := lines.readline():
                verb = line.split()[0].decode()
                headers = dict(
                    header.decode().strip().split(": ", 1)
                    for header in iter(lines.readline, b"\r\n")
                    if b": " in header
                )
                connection.sendall(_answer(verb, headers))
                if verb == "PLAY":
                    self._play(connection)
                    return

    def _play(self, connection: socket.socket) -> None:
        sequence = first = 0
        for index in itertools.count():
            if self._keyframe_wanted.is_set():
                self._keyframe_wanted.clear()
                first = index
            unit = self._units[(index - first) % len(self._units)]
            for position, nal in enumerate(unit):
                marker = 0x80 if position == len(unit) - 1 else 0
                ticks = self._ticks(index, self._fps) & 0xFFFFFFFF
                rtp = struct.pack("!BBHII", 0x80, marker | 96, sequence & 0xFFFF, ticks, 7) + nal
                connection.sendall(struct.pack("!cBH", b"$", 0, len(rtp)) + rtp)
                sequence += 1
            if self._stop.wait(1 / self._fps):
                return


def _answer(verb: str, headers: dict[str, str]) -> bytes:
    more, body = "", ""
    if verb == "OPTIONS":
        more = "Public: OPTIONS, DESCRIBE, SETUP, PLAY, TEARDOWN\r\n"
    elif verb == "DESCRIBE":
        body = _SDP
        more = f"Content-Type: application/sdp\r\nContent-Length: {len(body)}\r\n"
    elif verb == "SETUP":
        more = "Transport: RTP/AVP/TCP;unicast;interleaved=0-1\r\nSession: 1\r\n"
    return f"RTSP/1.0 200 OK\r\nCSeq: {headers.get('CSeq', '0')}\r\n{more}\r\n{body}".encode()
