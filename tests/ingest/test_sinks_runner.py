"""The runner: in order, again until it is taken, and one sink never waits for another."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator

import pytest
from structlog.testing import capture_logs

from ingest.contract import Event
from ingest.sinks.base import SinkConfiguration, SinkRefused, SinkUnavailable
from ingest.sinks.runner import RunningSink, SinkRunner, SinksDied, run_sinks
from ingest.sinks.stream import SinkCounts, SinkStream
from tests.ingest.receivers import an_event
from tests.ingest.sink_place import Place, ids
from tests.services.processes import wait_until
from tests.services.redis import RedisServer


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
