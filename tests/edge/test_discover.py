"""``streetcase edge discover``: cameras are found and told of, whatever other devices answer."""

from __future__ import annotations

import json
import socket
import time
from collections.abc import Iterator, Sequence
from datetime import timedelta
from pathlib import Path

import numpy as np
import pytest
import yaml
from typer.testing import CliRunner, Result

from edge.configuration.checks import VARIABLE
from edge.onvif.probe import Answers, ProbeFailed, probe
from edge.reading.opening import open_stream
from ingest.configuration import Camera
from streetcase.cli import app
from tests.services.clips import Pixels, write_clip
from tests.services.onvif_camera import ENTITY_BOMB, PASSWORD, USER, OnvifCamera, Stream, answer_with
from tests.services.ports import HOST, free_port
from tests.services.rtsp import RtspServerFactory

MAIN = Stream("main", "rtsp://127.0.0.1:8554/street", codec="H264", gop=300)
SUB = Stream("sub", "rtsp://127.0.0.1:8554/small?a=1&b=2", size_wh=(704, 576), frames_per_s=10, gop=20)
TINY = Stream("tiny", "rtsp://127.0.0.1:8554/tiny", size_wh=(352, 288))


@pytest.fixture
def camera() -> Iterator[OnvifCamera]:
    running = OnvifCamera([TINY, SUB, MAIN])
    yield running
    running.close()


def _discover(*options: str, user: str | None = USER, password: str = PASSWORD) -> Result:
    environment = {"CAMERA_USER": user, "CAMERA_PASSWORD": password, "COLUMNS": "250"}
    result = CliRunner().invoke(app, ["edge", "discover", *options], env=environment)
    assert PASSWORD not in result.output
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
    return result


def _described(camera: OnvifCamera, *options: str, password: str = PASSWORD) -> dict[str, object]:
    result = _discover("--host", camera.url, "--json", *options, password=password)
    [told] = json.loads(result.stdout)
    assert isinstance(told, dict)
    return told


def _roles(told: dict[str, object]) -> dict[str, str]:
    streams = told["streams"]
    assert isinstance(streams, list)
    return {stream["profile"]: stream["role"] for stream in streams}


def test_a_probe_finds_the_camera_and_what_it_sends(camera: OnvifCamera) -> None:
    result = _discover("--probe", f"{HOST}:{camera.probe_port}", "--seconds", "1.2", "--json")
    assert result.exit_code == 0, result.output
    [told] = json.loads(result.stdout)
    assert (told["onvif"], told["name"], told["model"]) == (camera.url, "North Gate", "Virtual Street 7")
    assert told["fault"] is None
    assert told["notes"] == []
    assert _roles(told) == {"main": "main", "sub": "sub", "tiny": None}
    sub = next(stream for stream in told["streams"] if stream["profile"] == "sub")
    assert sub == {
        "role": "sub",
        "profile": "sub",
        "codec": "H264",
        "size_wh": [704, 576],
        "frames_per_s": 10,
        "gop_frames": 20,
        "url": SUB.uri,
    }


def test_media2_tells_of_h265(camera: OnvifCamera) -> None:
    camera.has_media2 = True
    camera.streams = [Stream("main", MAIN.uri, codec="H265"), SUB]
    told = _described(camera)
    assert _roles(told) == {"main": "main", "sub": "sub"}
    assert '"codec": "H265"' in json.dumps(told)


def test_the_table_names_all(camera: OnvifCamera) -> None:
    camera.model = "[red]Street[/red]"
    result = _discover("--host", f"{HOST}:{camera.port}")
    assert result.exit_code == 0
    for said in ("[red]Street[/red]", "1920x1080", "300 (12.0 s)", "main", "sub", SUB.uri):
        assert said in result.stdout


def test_the_yaml_is_cameras_of_an_edge(camera: OnvifCamera) -> None:
    result = _discover("--probe", f"{HOST}:{camera.probe_port}", "--seconds", "1.2", "--yaml")
    [entry] = yaml.safe_load(result.stdout)["cameras"]
    read = Camera.model_validate(entry)
    assert (read.id, read.onvif) == ("north-gate", camera.url)
    assert read.url == "rtsp://${CAMERA_USER}:${CAMERA_PASSWORD}@127.0.0.1:8554/street"
    assert read.substream == "rtsp://${CAMERA_USER}:${CAMERA_PASSWORD}@127.0.0.1:8554/small?a=1&b=2"


def test_what_the_yaml_names_can_be_read(camera: OnvifCamera, rtsp_server: RtspServerFactory, tmp_path: Path) -> None:
    clip = write_clip(tmp_path / "street.mp4", seconds=2, fps=10, size_wh=(160, 120), gop=10, draw=_grey)
    streaming = rtsp_server(clip, user=USER, password=PASSWORD)
    camera.streams = [Stream("main", streaming.open_url)]
    [entry] = yaml.safe_load(_discover("--host", camera.url, "--yaml").stdout)["cameras"]
    values = {"CAMERA_USER": USER, "CAMERA_PASSWORD": PASSWORD}
    url = VARIABLE.sub(lambda name: values[name.group(1)], entry["url"])
    with open_stream(Camera(id="street", url=url)) as container:
        assert container.streams.video[0].width == 160


def _grey(_: int) -> Pixels:
    return np.full((120, 160, 3), 90, dtype=np.uint8)


def test_a_wrong_password_is_told(camera: OnvifCamera) -> None:
    result = _discover("--host", camera.url, password="hunter2")
    assert result.exit_code == 1
    assert "wrong user or password" in result.stdout
    assert "hunter2" not in result.output


def test_no_user_is_told(camera: OnvifCamera) -> None:
    assert "wants a user and a password" in _discover("--host", camera.url, user=None).stdout


def test_a_user_without_a_password_is_told(camera: OnvifCamera) -> None:
    result = _discover("--host", camera.url, "--user", "viewer", "--password-env", "NOT_THERE")
    assert result.exit_code == 2
    assert "set the environment variable NOT_THERE" in result.stderr


@pytest.mark.parametrize(("ahead", "said"), [(timedelta(hours=2), "ahead"), (timedelta(days=-9000), "behind")])
def test_a_clock_that_is_off_is_told_and_the_camera_asked_all_the_same(
    camera: OnvifCamera, ahead: timedelta, said: str
) -> None:
    camera.clock_ahead = ahead
    told = _described(camera)
    assert f"s {said}: asked in its own time" in str(told["notes"])
    assert len(_roles(told)) == 3


def test_a_camera_that_names_other_hosts_is_told_and_not_followed(camera: OnvifCamera) -> None:
    camera.says_host = "192.0.2.66"
    camera.streams = [Stream("main", "rtsp://192.0.2.67:8554/street")]
    told = _described(camera)
    assert "services are at 192.0.2.66; asked at its own address" in str(told["notes"])
    assert "streams are at 192.0.2.67; written here with its own" in str(told["notes"])
    assert "rtsp://127.0.0.1:8554/street" in str(told["streams"])


@pytest.mark.parametrize(
    "uri", ["http://127.0.0.1/x", "rtsp://127.0.0.1/a b", "rtsp://[::1/", "rtsp://127.0.0.1:99999/x", "", "rtsp:///x"]
)
def test_a_stream_that_is_no_rtsp_is_left_out(camera: OnvifCamera, uri: str) -> None:
    camera.streams = [MAIN, Stream("odd", uri)]
    told = _described(camera)
    assert _roles(told) == {"main": "main"}
    assert "profile odd: no stream" in str(told["notes"])


def test_a_camera_cannot_have_the_edge_send_its_environment(camera: OnvifCamera) -> None:
    camera.streams = [Stream("main", "rtsp://127.0.0.1/${SECRET}")]
    [entry] = yaml.safe_load(_discover("--host", camera.url + "/${SECRET}", "--yaml").stdout)["cameras"]
    assert VARIABLE.findall(str(entry)) == ["CAMERA_USER", "CAMERA_PASSWORD"]


def test_what_a_camera_says_moves_no_terminal(camera: OnvifCamera) -> None:
    camera.model = "evil\u009b2J\u202e" + "x" * 5000
    told = _described(camera)
    assert str(told["model"]).isprintable()
    assert len(str(told["model"])) <= 120


def test_a_camera_that_hangs_costs_its_time_alone(camera: OnvifCamera) -> None:
    other = OnvifCamera([MAIN])
    other.misbehave = lambda _: time.sleep(4)
    try:
        began_s = time.monotonic()
        result = _discover("--host", other.url, "--host", camera.url, "--camera-seconds", "3", "--json")
        assert time.monotonic() - began_s < 10
    finally:
        other.close()
    hanging, good = json.loads(result.stdout)
    assert "no answer within 3 s" in hanging["fault"]
    assert len(good["streams"]) == 3


@pytest.mark.parametrize(
    ("body", "said"), [(ENTITY_BOMB, "document type"), (b"<html>log in", "no XML"), (b"<html/>", "no SOAP")]
)
def test_a_camera_that_answers_rubbish_is_told(camera: OnvifCamera, body: bytes, said: str) -> None:
    camera.misbehave = lambda handler: answer_with(handler, 200, body)
    assert said in str(_described(camera)["fault"])


def test_nobody_there_is_told() -> None:
    result = _discover("--host", f"{HOST}:{free_port()}")
    assert result.exit_code == 1
    assert "nobody answers there" in result.stdout


def test_no_answer_is_told(camera: OnvifCamera) -> None:
    camera.close()
    result = _discover("--probe", f"{HOST}:{camera.probe_port}", "--seconds", "0.3")
    assert result.exit_code == 1
    assert "no camera answered within 0.3 s" in result.stderr


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--probe", "nonsense"], "needs an IPv4 address and a port"),
        (["--probe", "camera.example:3702"], "needs an IPv4 address and a port"),
        (["--host", "http://a:b@127.0.0.1/"], "do not belong in the address"),
        (["--host", "a b"], "gives an address"),
        (["--interface", "no-such-0"], "no interface 'no-such-0'"),
        (["--interface", "192.0.2.250"], "cannot be asked from"),
        (["--json", "--yaml"], "not both"),
    ],
)
def test_a_mistake_of_the_user_is_one_clear_line(options: Sequence[str], said: str) -> None:
    result = _discover("--seconds", "0.2", *options)
    assert result.exit_code == 2
    assert said in result.stderr


def _probe(camera: OnvifCamera) -> Answers:
    return probe(seconds=1.2, to=(HOST, camera.probe_port))


def test_a_device_that_names_another_host_is_left_alone(camera: OnvifCamera) -> None:
    camera.says_host = "192.0.2.66"
    answers = _probe(camera)
    assert answers.found == []
    assert "127.0.0.1: left alone: it names another host: http://192.0.2.66" in answers.notes[0]


@pytest.mark.parametrize("rubbish", [b"\xff\0", ENTITY_BOMB, b"<a/>"])
def test_rubbish_answers_hide_no_camera(camera: OnvifCamera, rubbish: bytes) -> None:
    camera.before_probe_match = rubbish
    answers = _probe(camera)
    assert [found.name for found in answers.found] == ["North Gate"]


def test_a_multicast_question_reaches_the_camera_through_the_loopback(camera: OnvifCamera) -> None:
    answers = probe(seconds=1.2, interfaces=[HOST], to=camera.join_multicast())
    assert [found.url for found in answers.found] == [camera.url]


def test_a_machine_without_a_network_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(socket, "if_nameindex", lambda: [(1, "lo")])
    with pytest.raises(ProbeFailed, match="no network"):
        probe(seconds=0.2)
