"""A full disk, on the edge and at each place of the centre: it is told, nothing accepted is lost, and it heals."""

from __future__ import annotations

import hashlib
import io
import os
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, closing
from datetime import UTC, datetime
from pathlib import Path

import pytest
from PIL import Image
from uuid_utils.compat import uuid7

from edge.looking.evidence import EvidenceError, EvidenceFolder, Picture
from edge.outbox.box import Commit, Outbox
from edge.outbox.budget import Budget
from edge.outbox.keeper import Keeper
from ingest.contract import Event, EvidenceItem, EvidenceRole, EvidenceState, Phase, Source, SourceType
from ingest.embedded_redis import server_command
from tests.ingest.centre import ROOT, Centre, Edge
from tests.services.ports import answers, free_port
from tests.services.processes import Process, missing, wait_until
from tests.services.redis import RedisServer, redis_binary
from tests.services.small_disk import SmallDisk, small_disk

NewDisk = Callable[[str, int], SmallDisk]
NewCentre = Callable[[str], Centre]
HEALS_S = 20.0
DATABASE_BYTES = 8_000_000


@pytest.fixture
def new_disk(tmp_path: Path) -> Iterator[NewDisk]:
    """Makes disks at places below the test's folder, and takes them away after all that ran on them."""
    with ExitStack() as disks:
        yield lambda place, size_bytes: disks.enter_context(small_disk(tmp_path / place, size_bytes=size_bytes))


@pytest.fixture
def new_centre(new_disk: NewDisk, tmp_path: Path) -> Iterator[NewCentre]:
    """Makes a centre in the folder ``centre``, of which nothing runs yet."""
    with ExitStack() as centres:

        def make(redis_url: str) -> Centre:
            centre = Centre(tmp_path / "centre", redis_url=redis_url)
            centres.callback(centre.close)
            return centre

        yield make


def a_jpeg() -> bytes:
    """A picture that no other is like, about 60 kB."""
    file = io.BytesIO()
    Image.frombytes("RGB", (200, 200), os.urandom(200 * 200 * 3)).save(file, "JPEG", quality=90)
    return file.getvalue()


def an_event(*evidence: EvidenceItem) -> Event:
    now = datetime.now(UTC)
    return Event(
        event_id=uuid7(),
        incident_id=uuid7(),
        phase=Phase.RAISED,
        edge_id="edge-1",
        source=Source(type=SourceType.CAMERA, id="yard"),
        kind="illegal-parking",
        watch_id="parking",
        first_seen_at=now,
        occurred_at=now,
        evidence=list(evidence),
    )


def a_picture() -> Picture:
    return Picture(EvidenceRole.START, datetime.now(UTC), a_jpeg())


def test_an_edge_without_room_keeps_what_it_raises_in_memory_and_writes_it_in_order_later(new_disk: NewDisk) -> None:
    disk = new_disk("edge", 4_000_000)
    with closing(Outbox(disk.folder / "outbox.sqlite")) as outbox:
        pictures, keeper = EvidenceFolder(disk.folder / "evidence"), Keeper(outbox, edge_id="edge-1")
        before, during = [an_event(), an_event()], list[Event]()
        assert all(keeper.keep(Commit(events=[event])) for event in before)
        disk.fill()
        with pytest.raises(EvidenceError, match="No space left"):
            pictures.keep(a_picture())
        while keeper.uncommitted < 5:
            during.append(an_event())
            keeper.keep(Commit(events=[during[-1]]))
            assert len(during) < 5000
        assert keeper.fault is not None
        assert "full" in keeper.fault
        assert outbox.fault is not None

        disk.free()

        assert keeper.keep(Commit())  # as the edge's house does each second
        assert keeper.uncommitted == 0
        assert [keeper.fault, outbox.fault] == [None, None]
        assert pictures.keep(a_picture()).role is EvidenceRole.START
    assert _waiting(disk) == [event.event_id for event in (*before, *during)]


def test_an_edge_whose_disk_is_full_gives_up_pictures_so_that_events_are_kept(new_disk: NewDisk) -> None:
    disk = new_disk("edge", 4_000_000)
    with closing(Outbox(disk.folder / "outbox.sqlite")) as outbox:
        pictures, keeper = EvidenceFolder(disk.folder / "evidence"), Keeper(outbox, edge_id="edge-1")
        items = [pictures.keep(a_picture()) for _ in range(10)]
        events = [an_event(item) for item in items]
        keeper.keep(Commit(events=events, evidence=items))
        budget = Budget(outbox, pictures, budget_bytes=1_000_000_000)
        disk.fill()

        for _ in range(3):  # as the edge's house does each second; a write that fails makes no room for itself
            events.append(an_event())
            keeper.keep(Commit(events=[events[-1]]))
            budget.tend()
            keeper.keep(Commit())

        assert keeper.uncommitted == 0
        states = outbox.evidence_states([item.sha256 for item in items])
        given_up = [sha256 for sha256, (state, _) in states.items() if state is EvidenceState.SACRIFICED]
        assert 0 < len(given_up) < len(items), "no more than what events need"
        assert {states[sha256][1] for sha256 in given_up} == {"disk full"}
        assert not any(pictures.path(sha256).exists() for sha256 in given_up)
        told = [waiting.event for waiting in outbox.waiting_events(100) if waiting.event.phase is Phase.UPDATED]
        lost = [item for event in told for item in event.evidence if item.state is EvidenceState.SACRIFICED]
        assert {item.sha256 for item in lost} == set(given_up)
    assert set(_waiting(disk)) >= {event.event_id for event in events}


def _waiting(disk: SmallDisk) -> list[object]:
    """What the next start of the edge finds."""
    with closing(Outbox(disk.folder / "outbox.sqlite")) as outbox:
        return [waiting.event.event_id for waiting in outbox.waiting_events(10_000)]


def test_a_gateway_without_room_for_evidence_says_later_and_goes_on_taking_events(
    redis_url: str, new_disk: NewDisk, new_centre: NewCentre
) -> None:
    disk = new_disk("centre/evidence", 1_000_000)
    centre = new_centre(redis_url)
    centre.start_api_and_gateway()
    with centre.edge("edge-1") as edge:
        early, late = a_jpeg(), a_jpeg()
        assert _put(edge, early) == (201, None)
        disk.fill()
        for _ in range(2):
            assert _put(edge, late) == (503, "30")
        assert edge.answers(edge.event()) == ["accepted"]
        assert (_has(edge, early), _has(edge, late)) == (True, False)
        assert {path.name for path in disk.folder.rglob("*") if path.is_file()} == {_sha256(early), "filler"}
        disk.free()
        assert _put(edge, late) == (201, None)
        assert _has(edge, late)


def _put(edge: Edge, content: bytes) -> tuple[int, str | None]:
    """Returns the status, and after how many seconds to come again."""
    headers = {"Content-Type": "image/jpeg"}
    answer = edge.http.put(f"/ingest/v1/evidence/{_sha256(content)}", content=content, headers=headers)
    return answer.status_code, answer.headers.get("Retry-After")


def _has(edge: Edge, content: bytes) -> bool:
    return edge.http.head(f"/ingest/v1/evidence/{_sha256(content)}").status_code == 200


def _sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


@pytest.fixture(params=["redis", "valkey"])
def redis_on_small_disk(request: pytest.FixtureRequest, new_disk: NewDisk, tmp_path: Path) -> Iterator[RedisServer]:
    """The machine's Redis and the bundled Valkey in turn, running."""
    bundled = server_command(tmp_path / "bundled", free_port())[0]
    binary = bundled if request.param == "valkey" else redis_binary() or missing("no redis-server")
    server = RedisServer(binary, new_disk("redis", 4_000_000).folder)
    server.start()
    yield server
    server.stop()


def test_a_redis_without_room_takes_nothing_and_has_all_that_it_took_when_it_is_back(
    redis_on_small_disk: RedisServer, new_centre: NewCentre
) -> None:
    server, disk = redis_on_small_disk, SmallDisk(redis_on_small_disk.folder)
    centre = new_centre(server.url)
    centre.start_api_and_gateway()
    with centre.edge("edge-1") as edge:
        taken, late = [edge.event()], edge.event()
        assert edge.answers(*taken) == ["accepted"]
        disk.fill()
        while (answer := edge.send(late)).status_code == 202:  # what is left of the file's last block
            taken.append(late)
            late = edge.event()
        assert (answer.status_code, answer.headers["Retry-After"]) == (503, "5")
        _start_again(server)  # It ends itself rather than forget; a supervisor starts it again, here in vain.
        assert edge.send(late).status_code == 503
        disk.free()
        _start_again(server)
        assert edge.answers(*taken, late) == [*["duplicate"] * len(taken), "accepted"]
        centre.start_worker()
        centre.wait_drained()
    assert centre.count("cases", "edge-1") == centre.count("incidents", "edge-1") == len(taken) + 1


def _start_again(server: RedisServer) -> None:
    def runs() -> bool:
        server.start()  # Leaves one alone that is not quite gone.
        return answers(server.port)

    wait_until(lambda: not answers(server.port), timeout_s=HEALS_S, what="Redis has ended")
    wait_until(runs, timeout_s=HEALS_S, what="Redis runs again")


def test_a_worker_without_room_for_its_archive_lets_go_of_nothing_until_there_is(
    redis_url: str, new_disk: NewDisk, new_centre: NewCentre
) -> None:
    disk = new_disk("centre/archive", 1_000_000)
    centre = new_centre(redis_url)
    centre.start_api_and_gateway()
    worker = centre.start_worker()
    with centre.edge("edge-1") as edge:
        assert edge.answers(edge.event()) == ["accepted"]
        centre.wait_drained()
        disk.fill()
        sent = 1
        while "service lost" not in worker.log_tail():  # what is left of the file's last block takes a few
            assert edge.answers(edge.event()) == ["accepted"]
            sent += 1
            assert sent < 500
        assert "No space left" in worker.log_tail()
        assert edge.answers(*[edge.event() for _ in range(20)]) == ["accepted"] * 20
        assert centre.stream.length() > 20
        disk.free()
        centre.wait_drained()
        assert "service back" in worker.log_tail()
    assert centre.count("cases", "edge-1") == centre.count("incidents", "edge-1") == sent + 20
    assert centre.letters.count() == 0


def test_a_database_without_room_is_waited_for(redis_url: str, new_disk: NewDisk, new_centre: NewCentre) -> None:
    disk = new_disk("centre", DATABASE_BYTES)
    for name in ("api.log", "gateway.log", "worker-1.log"):
        (disk.folder / name).symlink_to(disk.folder.parent / name)
    centre = new_centre(redis_url)
    parts = [*centre.start_api_and_gateway(), centre.start_worker()]
    _fill_while_events_come(disk, centre, parts)


def test_nothing_dies_of_a_line_for_which_its_log_has_no_room(
    redis_url: str, new_disk: NewDisk, new_centre: NewCentre
) -> None:
    """As in an all-in-one, whose logs lie on the disk of its data."""
    disk = new_disk("centre", DATABASE_BYTES)
    centre = new_centre(redis_url)
    api, gateway = ("api", "serve", "--port", centre.api_port), ("ingest", "gateway", "--port", centre.gateway_port)
    with ExitStack() as running:
        parts = [_streetcase(centre, disk, *map(str, command)) for command in (api, gateway, ("ingest", "worker"))]
        for part in parts:
            running.callback(part.stop)
        for port in (centre.api_port, centre.gateway_port):
            wait_until(lambda port=port: answers(port), timeout_s=HEALS_S, what="the parts run")  # type: ignore[misc]
        _fill_while_events_come(disk, centre, parts)


def _streetcase(centre: Centre, disk: SmallDisk, *arguments: str) -> Process:
    command = [sys.executable, "-m", "streetcase", *arguments]
    return Process(command, log=disk.folder / f"{arguments[1]}.log", environment=centre.environment, folder=ROOT)


def _fill_while_events_come(disk: SmallDisk, centre: Centre, parts: Sequence[Process]) -> None:
    with centre.edge("edge-1") as edge:
        assert edge.answers(edge.event()) == ["accepted"]
        centre.wait_drained()
        disk.fill()
        assert edge.answers(*[edge.event() for _ in range(200)]) == ["accepted"] * 200
        wait_until(lambda: _stands_still(centre), timeout_s=HEALS_S, what="the database takes no more")
        assert [part.running for part in parts] == [True] * 3
        disk.free()
        centre.wait_drained()
    assert centre.count("cases", "edge-1") == centre.count("incidents", "edge-1") == 201
    assert centre.letters.count() == 0
    assert [part.running for part in parts] == [True] * 3


def _stands_still(centre: Centre) -> bool:
    """Whether events wait, and none was done for a second."""
    waiting = centre.stream.length()
    time.sleep(1)
    return 0 < centre.stream.length() == waiting
