"""A keyframe asked of a camera by ONVIF: for the right stream, in bounded time, whatever the camera does."""

from __future__ import annotations

import hashlib
import re
import time
from collections.abc import Iterator
from datetime import timedelta
from http.server import BaseHTTPRequestHandler

import pytest

from edge.onvif.faults import NoAnswer, NotLetIn, OnvifFault, Refusal, Rubbish
from edge.onvif.keyframes import KeyframeAsker
from tests.services.onvif_camera import ENTITY_BOMB, PASSWORD, USER, OnvifCamera, Stream, answer_with
from tests.services.ports import free_port

MAIN = Stream("main", "rtsp://10.9.9.9:554/Streaming/Channels/101?transportmode=unicast&profile=main")
SUB = Stream("sub", "rtsp://10.9.9.9:554/Streaming/Channels/102?transportmode=unicast&profile=sub", size_wh=(704, 576))


@pytest.fixture
def camera() -> Iterator[OnvifCamera]:
    running = OnvifCamera([MAIN, SUB])
    yield running
    running.close()


def _asker(camera: OnvifCamera, *, channel: int = 102, password: str = PASSWORD, within_s: float = 10) -> KeyframeAsker:
    url = f"rtsp://viewer:{password}@127.0.0.1:8554/Streaming/Channels/{channel}"
    return KeyframeAsker(onvif_url=camera.url, stream_url=url, within_s=within_s)


@pytest.mark.parametrize("has_media2", [False, True])
@pytest.mark.parametrize(("channel", "token"), [(101, "main"), (102, "sub")])
def test_the_profile_of_the_stream_is_asked(camera: OnvifCamera, has_media2: bool, channel: int, token: str) -> None:
    camera.has_media2 = has_media2
    asker = _asker(camera, channel=channel)
    asker.ask()
    assert camera.asked == [token]
    camera.calls.clear()
    asker.ask()
    assert camera.asked == [token, token]
    assert camera.calls == ["GetSystemDateAndTime", "SetSynchronizationPoint"]


def test_a_camera_that_knows_only_capabilities_is_asked(camera: OnvifCamera) -> None:
    camera.has_get_services = False
    _asker(camera).ask()
    assert camera.asked == ["sub"]


def test_a_camera_whose_clock_is_off_is_asked_in_its_own_time(camera: OnvifCamera) -> None:
    camera.clock_ahead = timedelta(days=-3000)
    _asker(camera).ask()
    assert camera.asked == ["sub"]


def test_services_said_to_be_elsewhere_are_asked_at_the_camera(camera: OnvifCamera) -> None:
    camera.says_host = "192.0.2.77"
    _asker(camera).ask()
    assert camera.asked == ["sub"]


def test_a_wrong_password_is_told_and_not_shown(camera: OnvifCamera) -> None:
    with pytest.raises(NotLetIn, match="wrong user or password") as told:
        _asker(camera, password="hunter2").ask()
    assert "hunter2" not in str(told.value)


def test_a_stream_that_the_camera_does_not_have_is_told(camera: OnvifCamera) -> None:
    with pytest.raises(Refusal, match="none of its 2 profiles"):
        _asker(camera, channel=999).ask()


def test_profiles_that_changed_are_found_anew(camera: OnvifCamera) -> None:
    asker = _asker(camera)
    asker.ask()
    camera.streams = [MAIN, Stream("other", SUB.uri)]
    with pytest.raises(Refusal, match="No such profile"):
        asker.ask()
    asker.ask()
    assert camera.asked == ["sub", "other"]


def test_nobody_there_is_told() -> None:
    asker = KeyframeAsker(onvif_url=f"http://127.0.0.1:{free_port()}/onvif", stream_url="rtsp://127.0.0.1/x")
    with pytest.raises(NoAnswer, match="nobody answers"):
        asker.ask()


def _http_digest(handler: BaseHTTPRequestHandler) -> bool:
    """Lets in who knows the password by HTTP digest (RFC 7616, MD5, as cameras do it)."""
    said = dict(re.findall(r'(\w+)="?([^",]+)', handler.headers.get("Authorization", "")))
    if not said:
        handler.send_response(401)
        handler.send_header("WWW-Authenticate", 'Digest realm="camera", qop="auth", nonce="abc", algorithm=MD5')
        handler.send_header("Content-Length", "0")
        handler.end_headers()
        return False
    parts = (f"{USER}:camera:{PASSWORD}", f"POST:{handler.path}")
    of_login, of_call = (hashlib.md5(part.encode()).hexdigest() for part in parts)  # noqa: S324 - as RFC 7616 says
    whole = f"{of_login}:abc:{said['nc']}:{said['cnonce']}:auth:{of_call}"
    if said["response"] == hashlib.md5(whole.encode()).hexdigest():  # noqa: S324
        return True
    answer_with(handler, 401, b"")
    return False


def test_a_camera_that_wants_http_digest_is_asked(camera: OnvifCamera) -> None:
    camera.misbehave = _http_digest
    _asker(camera).ask()
    assert camera.asked == ["sub"]
    with pytest.raises(NotLetIn, match="wrong user or password"):
        _asker(camera, password="hunter2").ask()


def _hang(_: BaseHTTPRequestHandler) -> None:
    time.sleep(3)


def _drip(handler: BaseHTTPRequestHandler) -> None:
    """Sends a header that never ends."""
    handler.wfile.write(b"HTTP/1.1 200 OK\r\nX: ")
    for _ in range(30):
        handler.wfile.write(b"x")
        time.sleep(0.1)


def _flood(handler: BaseHTTPRequestHandler) -> None:
    handler.send_response(200)
    handler.end_headers()
    for _ in range(200):
        handler.wfile.write(b"<a>" * 10_000)


def _elsewhere(handler: BaseHTTPRequestHandler) -> None:
    handler.send_response(307)
    handler.send_header("Location", "http://192.0.2.66/onvif")
    handler.send_header("Content-Length", "0")
    handler.end_headers()


@pytest.mark.parametrize(
    ("misbehave", "fault", "said"),
    [
        (_hang, NoAnswer, "no answer within"),
        (_drip, NoAnswer, "no answer within"),
        (_flood, Rubbish, "longer than"),
        (_elsewhere, Rubbish, "another address"),
        (lambda handler: answer_with(handler, 200, b"<html>log in"), Rubbish, "no XML"),
        (lambda handler: answer_with(handler, 200, b"<html/>"), Rubbish, "no SOAP"),
        (lambda handler: answer_with(handler, 200, ENTITY_BOMB), Rubbish, "document type"),
        (lambda handler: answer_with(handler, 200, b"<a>" * 1000), Rubbish, "levels deep"),
        (lambda handler: handler.wfile.write(b"\x1b[2J\0\xff\r\n\r\n"), Rubbish, "no HTTP"),
    ],
)
def test_what_is_no_onvif_ends_in_bounded_time(
    camera: OnvifCamera, misbehave: object, fault: type[OnvifFault], said: str
) -> None:
    camera.misbehave = misbehave  # type: ignore[assignment]
    began_s = time.monotonic()
    with pytest.raises(fault, match=said) as told:
        _asker(camera, within_s=1.5 if fault is NoAnswer else 10).ask()
    assert time.monotonic() - began_s < 8
    assert str(told.value).isprintable()
