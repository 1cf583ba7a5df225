"""The runner: in order, again until it is taken, one sink never waits for another, and nothing is lost by a kill."""

from __future__ import annotations

import os
import sys
import threading
import time
import uuid
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path
from signal import SIGTERM

import pytest
from structlog.testing import capture_logs

from ingest.contract import Event
from ingest.dead_letters import SinkDeadLetters
from ingest.redis_link import connect
from ingest.sinks.base import SinkConfiguration, SinkRefused, SinkUnavailable
from ingest.sinks.runner import RunningSink, SinkRunner, SinksDied, run_sinks
from ingest.sinks.stream import SinkCounts, SinkStream
from ingest.stream_keys import StreamKeys
from tests.ingest.receivers import Got, Receiver, Says, an_event
from tests.services.processes import Process, wait_until
from tests.services.redis import RedisServer

ROOT = Path(__file__).parents[2]
SECRET = "whsec_" + "A" * 32


class Place:
    """The streams of sinks under a prefix of their own."""

    def __init__(self, redis_url: str) -> None:
        self.redis_url = redis_url
        self.client = connect(redis_url, retries=0)
        self.prefix = f"test-{uuid.uuid4().hex[:12]}"

    def stream(self, name: str) -> SinkStream:
        return SinkStream(self.client, name, prefix=self.prefix)

    def letters(self, name: str) -> SinkDeadLetters:
        return SinkDeadLetters(self.client, name, prefix=self.prefix)

    def add(self, name: str, *events: Event | bytes) -> None:
        """Appends as the worker does."""
        for number, event in enumerate(events):
            body = event if isinstance(event, bytes) else event.model_dump_json(exclude_none=True).encode()
            fields = {"entry_id": f"{number}-1", "partition": "0", "event": body, "edge_id": "edge-1"}
            self.client.xadd(StreamKeys(self.prefix).sink(name), fields)  # type: ignore[arg-type]

    def wait_done(self, name: str, *, left: int = 0) -> None:
        wait_until(lambda: self.stream(name).counts().waiting == left, timeout_s=15, what=f"{left} wait for {name}")


@pytest.fixture
def place(redis_url: str) -> Iterator[Place]:
    place = Place(redis_url)
    yield place
    place.client.close()


class Listener:
    """A sink that takes what its judge lets it take."""

    def __init__(self) -> None:
        self.taken: list[str] = []
        self.tries = 0
        self.judge: Callable[[Event], None] = lambda _: None
        self.closed = False

    def send(self, event: Event) -> None:
        self.tries += 1
        self.judge(event)
        self.taken.append(str(event.event_id))

    def close(self) -> None:
        self.closed = True


Start = Callable[..., Listener]


@pytest.fixture
def start(place: Place) -> Iterator[Start]:
    """Starts a runner in a thread for a sink of a name; all are stopped afterwards."""
    stop = threading.Event()
    threads: list[threading.Thread] = []

    def begin(name: str, sink: Listener | None = None, *, attempts: int = 5, **wanted: object) -> Listener:
        listener = sink or Listener()
        configuration = SinkConfiguration.model_validate({"name": name, "type": "test"} | wanted)
        running = RunningSink(configuration, listener, place.stream(name))
        runner = SinkRunner(running, stop, attempts=attempts, longest_wait_s=0.05, block_ms=50)
        threads.append(threading.Thread(target=runner.run))
        threads[-1].start()
        return listener

    yield begin
    stop.set()
    for thread in threads:
        thread.join(10)
        assert not thread.is_alive()


def ids(events: Sequence[Event]) -> list[str]:
    return [str(event.event_id) for event in events]


def raising(failure: Exception, *, times: int, only: Event | None = None) -> Callable[[Event], None]:
    left = times

    def judge(event: Event) -> None:
        nonlocal left
        if left and (only is None or event.event_id == only.event_id):
            left -= 1
            raise failure

    return judge


def test_events_are_sent_in_order_and_let_go(place: Place, start: Start) -> None:
    events = [an_event() for _ in range(120)]
    place.add("a", *events)
    listener = start("a")
    place.wait_done("a")
    assert listener.taken == ids(events)


def test_only_what_it_wants_is_sent_and_the_rest_let_go(place: Place, start: Start) -> None:
    wanted = an_event(kind="burning", phase="cleared", clear_reason="gone")
    place.add("a", an_event(kind="burning"), an_event(phase="cleared", clear_reason="gone"), wanted)
    listener = start("a", kinds=["burning"], phases=["cleared"])
    place.wait_done("a")
    assert listener.taken == ids([wanted])


def test_a_sink_that_is_away_is_waited_for_told_once_and_keeps_the_order(place: Place, start: Start) -> None:
    events = [an_event() for _ in range(5)]
    place.add("a", *events)
    listener = Listener()
    listener.judge = raising(SinkUnavailable("away"), times=12)
    with capture_logs() as logs:
        start("a", listener)
        place.wait_done("a")
    assert listener.taken == ids(events)
    assert [line["event"] for line in logs] == ["service lost", "service back"]
    assert place.letters("a").count() == 0


def test_what_is_refused_is_a_dead_letter_with_its_reason(place: Place, start: Start) -> None:
    events = [an_event() for _ in range(3)]
    place.add("a", *events, b"no event")
    listener = Listener()
    listener.judge = raising(SinkRefused("answered 400"), times=1, only=events[1])
    start("a", listener)
    place.wait_done("a")
    assert listener.taken == ids([events[0], events[2]])
    first, second = place.letters("a").letters()
    assert (first.reason, first.attempts) == ("answered 400", 1)
    assert str(events[1].event_id) in first.entry.event.decode()
    assert second.entry.event == b"no event"
    assert place.letters("a").replay(first.letter_id)
    place.wait_done("a")
    assert listener.taken == ids([events[0], events[2], events[1]])


def test_it_waits_as_long_as_it_is_asked_to(place: Place, start: Start) -> None:
    place.add("a", an_event())
    listener = Listener()
    listener.judge = raising(SinkUnavailable("busy", wait_s=1.0), times=1)
    started = time.monotonic()
    start("a", listener)
    place.wait_done("a")
    assert time.monotonic() - started >= 1.0
    assert listener.tries == 2


def test_an_event_at_which_it_fails_for_good_holds_up_no_other(place: Place, start: Start) -> None:
    events = [an_event() for _ in range(3)]
    place.add("a", *events)
    listener = Listener()
    listener.judge = raising(SinkUnavailable("answered 500", fault=True), times=1000, only=events[1])
    start("a", listener, attempts=4)
    place.wait_done("a")
    assert listener.taken == ids([events[0], events[2]])
    [letter] = place.letters("a").letters()
    assert (letter.reason, letter.attempts) == ("it failed 4 times: answered 500", 4)


def test_a_sink_that_fails_at_everything_buries_one_and_is_waited_for(place: Place, start: Start) -> None:
    events = [an_event() for _ in range(4)]
    place.add("a", *events)
    listener = Listener()
    listener.judge = raising(SinkUnavailable("answered 500", fault=True), times=40)
    start("a", listener, attempts=4)
    place.wait_done("a")
    assert listener.taken == ids(events[1:])
    assert place.letters("a").count() == 1


def test_a_plug_in_with_a_fault_of_its_own_is_told_without_its_words(place: Place, start: Start) -> None:
    events = [an_event(), an_event()]
    place.add("a", *events)
    listener = Listener()
    listener.judge = raising(KeyError("hush"), times=1)
    with capture_logs() as logs:
        start("a", listener)
        place.wait_done("a")
    assert listener.taken == ids(events)
    assert "hush" not in repr(logs)
    assert logs[0]["event"] == "sink failed by itself"


def test_a_slow_sink_holds_up_no_other(place: Place, start: Start) -> None:
    go_on = threading.Event()
    slow = Listener()

    def wait_first(_: Event) -> None:
        go_on.wait(10)

    slow.judge = wait_first
    events = [an_event() for _ in range(30)]
    for name in ("slow", "quick"):
        place.add(name, *events)
    start("slow", slow)
    quick = start("quick")
    place.wait_done("quick")
    assert quick.taken == ids(events)
    assert slow.taken == []
    go_on.set()
    place.wait_done("slow")


def test_of_two_runners_one_sends_and_the_other_takes_over(place: Place) -> None:
    stops = [threading.Event(), threading.Event()]
    listeners = [Listener(), Listener()]
    threads = []
    for stop, listener in zip(stops, listeners, strict=True):
        configuration = SinkConfiguration(name="a", type="test")
        runner = SinkRunner(RunningSink(configuration, listener, place.stream("a")), stop, block_ms=50)
        threads.append(threading.Thread(target=runner.run))
        threads[-1].start()
        if len(threads) == 1:
            place.add("a", an_event())
            place.wait_done("a")
    first, second = [an_event() for _ in range(20)], [an_event() for _ in range(20)]
    place.add("a", *first)
    place.wait_done("a")
    assert (listeners[0].taken[1:], listeners[1].taken) == (ids(first), [])
    stops[0].set()
    threads[0].join(10)
    place.add("a", *second)
    place.wait_done("a")
    stops[1].set()
    threads[1].join(10)
    assert listeners[1].taken == ids(second)
    assert all(listener.closed for listener in listeners)


def test_an_outage_of_redis_is_waited_out_and_told_once(own_redis: RedisServer) -> None:
    place = Place(own_redis.url)
    before, after = an_event(), an_event()
    place.add("a", before)
    listener, stop = Listener(), threading.Event()
    runner = SinkRunner(
        RunningSink(SinkConfiguration(name="a", type="t"), listener, place.stream("a")), stop, block_ms=50
    )
    thread = threading.Thread(target=runner.run)
    with capture_logs() as logs:
        thread.start()
        place.wait_done("a")
        own_redis.kill()
        wait_until(lambda: bool(logs), timeout_s=10, what="the outage is told")
        own_redis.start()
        place.add("a", after)
        place.wait_done("a")
        stop.set()
        thread.join(10)
    place.client.close()
    assert listener.taken == ids([before, after])
    assert [line["event"] for line in logs] == ["service lost", "service back"]


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_a_sink_whose_thread_dies_ends_the_command(place: Place) -> None:
    class Dying(SinkStream):
        def counts(self) -> SinkCounts:
            raise ZeroDivisionError

    good = RunningSink(SinkConfiguration(name="good", type="t"), Listener(), place.stream("good"))
    stream = Dying(place.client, "bad", prefix=place.prefix)
    bad = RunningSink(SinkConfiguration(name="bad", type="t"), Listener(), stream)
    stop = threading.Event()
    with pytest.raises(SinksDied, match="the sink bad ended"):
        run_sinks([good, bad], stop)
    assert stop.is_set()


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


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    receiver = Receiver()
    receiver.start()
    yield receiver
    receiver.stop()


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
