"""``streetcase ingest sinks`` as people run it: nothing is lost by a kill, and what breaks is told once."""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from signal import SIGTERM

import pytest

from tests.ingest.receivers import Got, Receiver, Says, an_event
from tests.ingest.sink_place import Place, ids
from tests.services.processes import Process, wait_until

ROOT = Path(__file__).parents[2]
SECRET = "whsec_" + "A" * 32


class Command:
    """``streetcase ingest sinks`` as a process of its own, with webhooks to receivers."""

    def __init__(self, place: Place, folder: Path, **urls: str) -> None:
        lines = [
            f"  - {{name: {name}, type: webhook, url: '{url}', secret_env: HOOK, timeout_s: 5}}"
            for name, url in urls.items()
        ]
        (folder / "sinks.yaml").write_text("sinks:\n" + "\n".join(lines) + "\n")
        self._folder = folder
        self._environment = {
            "PATH": os.environ["PATH"],
            "HOOK": SECRET,
            "STREETCASE_REDIS_URL": place.redis_url,
            "STREETCASE_STREAM_PREFIX": place.prefix,
            "STREETCASE_SINKS_FILE": str(folder / "sinks.yaml"),
        }
        self.processes: list[Process] = []

    def start(self) -> Process:
        arguments = [sys.executable, "-m", "streetcase", "ingest", "sinks"]
        process = Process(arguments, log=self._folder / "sinks.log", environment=self._environment, folder=ROOT)
        self.processes.append(process)
        return process

    def stop(self) -> None:
        for process in self.processes:
            process.stop()

    def log(self) -> str:
        return (self._folder / "sinks.log").read_text()


@pytest.fixture
def new_command(place: Place, tmp_path: Path) -> Iterator[Callable[..., Command]]:
    with ExitStack() as commands:

        def make(**urls: str) -> Command:
            command = Command(place, tmp_path, **urls)
            commands.callback(command.stop)
            return command

        yield make


def test_a_kill_between_post_and_acknowledgement_loses_nothing(
    place: Place, receiver: Receiver, new_command: Callable[..., Command]
) -> None:
    events = [an_event() for _ in range(40)]
    place.add("ops", *events[:20])
    half_way, go_on = threading.Event(), threading.Event()

    def judge(_: Got) -> Says:
        if len(receiver.got) == 11:
            half_way.set()
            go_on.wait(10)
        return Says(204)

    receiver.judge = judge
    command = new_command(ops=f"{receiver.url}/hush-path")
    process = command.start()
    assert half_way.wait(20)
    process.kill()
    go_on.set()
    place.add("ops", *events[20:])
    command.start()
    wait_until(lambda: place.stream("ops").counts().waiting == 0, timeout_s=30, what="all is sent")
    # The one in hand comes twice, with the same id, and everything in its order.
    assert receiver.ids() == [*ids(events[:11]), *ids(events[10:])]
    assert place.letters("ops").count() == 0


def test_down_then_up_busy_and_refused_through_the_whole_command(
    place: Place, receiver: Receiver, new_command: Callable[..., Command]
) -> None:
    receiver.stop()
    events = [an_event() for _ in range(6)]
    place.add("ops", *events)
    other = Receiver()
    other.start()
    place.add("other", *events)
    command = new_command(ops=f"{receiver.url}/hush-path", other=other.url)
    process = command.start()
    place.wait_done("other")
    assert other.ids() == ids(events)
    other.stop()
    wait_until(lambda: "service lost" in command.log(), timeout_s=10, what="the outage is told")

    script = iter([Says(429, headers={"Retry-After": "1"}), Says(500), Says(204), Says(400, b"bad kind"), Says(503)])
    receiver.judge = lambda _: next(script, Says(200))
    receiver.start()
    place.wait_done("ops")
    process.send(SIGTERM)
    wait_until(lambda: not process.running, timeout_s=10, what="it stops")
    tries = [events[0]] * 3 + [events[1]] + [events[2]] * 2 + events[3:]
    assert receiver.ids() == ids(tries)
    [letter] = place.letters("ops").letters()
    assert letter.reason == f"{receiver.url} answered 400: bad kind"
    assert command.log().count("service lost") == 2
    assert command.log().count("service back") == 2
    for secret in (SECRET, "hush-path", place.redis_url + "/"):
        assert secret not in command.log()
    assert "Traceback" not in command.log()
