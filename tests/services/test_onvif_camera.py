"""The virtual ONVIF camera is one to a client that is not ours, which reads it by ONVIF's own WSDL."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from tests.services.onvif_camera import PASSWORD, USER, OnvifCamera, Stream
from tests.services.ports import HOST

pytest.importorskip("onvif")


async def _told(camera: OnvifCamera, password: str) -> tuple[Any, Any, Any]:
    from onvif import ONVIFCamera

    client = ONVIFCamera(HOST, camera.port, USER, password, no_cache=True)
    try:
        await client.update_xaddrs()
        device = await (await client.create_devicemgmt_service()).GetDeviceInformation()
        media = await client.create_media_service()
        profiles = await media.GetProfiles()
        setup = {"Stream": "RTP-Unicast", "Transport": {"Protocol": "RTSP"}}
        uri = await media.GetStreamUri({"StreamSetup": setup, "ProfileToken": profiles[0].token})
        await media.SetSynchronizationPoint({"ProfileToken": profiles[0].token})
        return device, profiles, uri
    finally:
        await client.close()


def test_another_client_reads_the_virtual_camera() -> None:
    camera = OnvifCamera([Stream("main", "rtsp://127.0.0.1:8554/street", gop=300)])
    try:
        device, [profile], uri = asyncio.run(_told(camera, PASSWORD))
        with pytest.raises(Exception, match="not Authorized"):
            asyncio.run(_told(camera, "wrong"))
    finally:
        camera.close()
    assert (device.Manufacturer, device.Model) == ("Virtual", "Street 7")
    encoder = profile.VideoEncoderConfiguration
    assert (encoder.Encoding, encoder.Resolution.Width, encoder.H264.GovLength) == ("H264", 1920, 300)
    assert encoder.RateControl.FrameRateLimit == 25
    assert profile.VideoSourceConfiguration.SourceToken == "lens"
    assert uri.Uri == "rtsp://127.0.0.1:8554/street"
    assert camera.asked == ["main"]
