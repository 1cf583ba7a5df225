"""Asks for keyframes by ONVIF, for the cameras whose configuration says where that is."""

from __future__ import annotations

from edge.reading.asked_keyframes import KeyframeAsker, KeyframeRefused
from ingest.configuration import Camera


def onvif_asker(camera: Camera) -> KeyframeAsker | None:
    """Returns who asks for keyframes of ``camera.url``, with the login that this URL holds; None without ``onvif``."""
    return None if camera.onvif is None else _OnvifAsker(onvif_url=camera.onvif, stream_url=camera.url)


class _OnvifAsker:
    def __init__(self, *, onvif_url: str, stream_url: str) -> None:
        self._onvif_url = onvif_url
        self._stream_url = stream_url
        self._asker: KeyframeAsker | None = None

    def ask(self) -> None:
        """As :meth:`edge.reading.asked_keyframes.KeyframeAsker.ask`."""
        # Most edges have no such camera, and then none of their processes needs its 4 MB.
        from edge.onvif import keyframes  # noqa: PLC0415
        from edge.onvif.faults import OnvifFault  # noqa: PLC0415

        if self._asker is None:
            self._asker = keyframes.KeyframeAsker(onvif_url=self._onvif_url, stream_url=self._stream_url)
        try:
            self._asker.ask()
        except OnvifFault as fault:
            raise KeyframeRefused(str(fault)) from None
