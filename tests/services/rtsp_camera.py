"""Serves one H.264 file over RTSP, again and again; runs under the system's Python, which has GStreamer's bindings.

Usage: rtsp_camera.py PORT FILE [USER PASSWORD [PATH]]. The stream is at /street, or at PATH.
"""

from __future__ import annotations

import sys
from typing import Any

import gi  # type: ignore[import-not-found,import-untyped,unused-ignore]

gi.require_version("Gst", "1.0")
gi.require_version("GstRtspServer", "1.0")
from gi.repository import GLib, Gst, GstRtspServer  # type: ignore[import-not-found,import-untyped,unused-ignore] # noqa: E402

_DEMUXERS = {"mp4": "qtdemux", "mov": "qtdemux", "mkv": "matroskademux", "avi": "avidemux"}


def _loop(media: Any) -> None:
    """Drops the end of the file and goes back to its start; nothing is encoded anew, so the timestamps jump back."""
    pipeline = media.get_element()
    flags = Gst.SeekFlags.FLUSH | Gst.SeekFlags.KEY_UNIT

    def at_event(_pad: Any, probe: Any) -> Any:
        if probe.get_event().type != Gst.EventType.EOS:
            return Gst.PadProbeReturn.OK
        # A flushing seek waits for this very thread, so another one has to ask for it.
        GLib.idle_add(lambda: pipeline.seek_simple(Gst.Format.TIME, flags, 0) and False)
        return Gst.PadProbeReturn.DROP

    payloader = pipeline.get_by_name("pay0")
    payloader.get_static_pad("sink").add_probe(Gst.PadProbeType.EVENT_DOWNSTREAM, at_event)


def _require_login(server: Any, factory: Any, user: str, password: str) -> None:
    token = GstRtspServer.RTSPToken()
    token.set_string("media.factory.role", "viewer")
    auth = GstRtspServer.RTSPAuth()
    auth.add_basic(GstRtspServer.RTSPAuth.make_basic(user, password), token)
    server.set_auth(auth)
    permissions = GstRtspServer.RTSPPermissions()
    permissions.add_permission_for_role("viewer", "media.factory.access", True)
    permissions.add_permission_for_role("viewer", "media.factory.construct", True)
    factory.set_permissions(permissions)


def main(port: str, file: str, user: str = "", password: str = "", path: str = "/street") -> None:
    """Serves ``file`` on 127.0.0.1 until the process is ended."""
    Gst.init(None)
    server = GstRtspServer.RTSPServer()
    server.set_address("127.0.0.1")
    server.set_service(port)
    factory = GstRtspServer.RTSPMediaFactory()
    demuxer = _DEMUXERS[file.rsplit(".", 1)[-1].lower()]
    factory.set_launch(
        f'( filesrc location="{file}" ! {demuxer} ! h264parse ! rtph264pay name=pay0 pt=96 config-interval=-1 )'
    )
    factory.set_shared(True)
    factory.connect("media-configure", lambda _factory, media: _loop(media))
    if user:
        _require_login(server, factory, user, password)
    server.get_mount_points().add_factory(path, factory)
    server.attach(None)
    GLib.MainLoop().run()


if __name__ == "__main__":
    main(*sys.argv[1:])
