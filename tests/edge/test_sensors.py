"""Readings become incidents by the same stays as findings, and nothing cries wolf."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from detectors.threshold import ThresholdConfiguration, ThresholdRule
from edge.outbox.box import Outbox
from edge.outbox.keeper import Keeper
from edge.sensing.sensors import SensorDesk, SensorWatch
from edge.staying.stays import WatchStays
from ingest.configuration import DetectorChoice, Sensor, Watch
from ingest.contract import Event, Phase
from tests.edge.fakes import FakeClock

SENSOR = Sensor(id="gauge", broker="site", topic="gauges/+/level", value="level", unit="m", asset_id="G-1")


def a_watch(*, dwell_s: float = 3, grace_s: float = 5, clear_s: float = 4) -> Watch:
    return Watch(
        id="flood",
        kind="road-flooding",
        sensor="gauge",
        detector=DetectorChoice(type="threshold"),
        dwell_s=dwell_s,
        grace_s=grace_s,
        clear_s=clear_s,
    )


def a_desk(outbox: Outbox, watch: Watch | None = None) -> SensorDesk:
    stays = WatchStays(watch or a_watch(), outbox.stays())
    return SensorDesk(SENSOR, [SensorWatch(stays, _rule())], Keeper(outbox, edge_id="corner-7"))


def _rule() -> ThresholdRule:
    return ThresholdRule(ThresholdConfiguration(above=0.15, clear_below=0.10))


@pytest.fixture
def outbox(tmp_path: Path) -> Iterator[Outbox]:
    box = Outbox(tmp_path / "outbox.sqlite")
    yield box
    box.close()


def events_of(outbox: Outbox) -> list[Event]:
    return [waiting.event for waiting in outbox.waiting_events(100)]


def _say(desk: SensorDesk, clock: FakeClock, *levels: object, every_s: float = 1.0) -> None:
    for level in levels:
        desk.take(json.dumps({"level": level}).encode(), clock.pass_s(every_s), retained=False)


def test_a_level_over_the_threshold_is_raised_after_its_hold_and_cleared_below_the_second_one(outbox: Outbox) -> None:
    clock, desk = FakeClock(), a_desk(outbox)

    _say(desk, clock, 0.02, 0.2, 0.2, 0.2, 0.2)  # raised: over it for 3 s
    _say(desk, clock, *[0.12] * 10)  # between the two thresholds: still standing
    _say(desk, clock, *[0.05] * 6)  # below the second: gone after 4 s

    events = events_of(outbox)
    assert [event.phase for event in events] == [Phase.RAISED, Phase.CLEARED]
    assert events[0].incident_id == events[1].incident_id
    assert events[0].reading is not None
    assert (events[0].reading.value, events[0].reading.unit, events[0].reading.threshold) == (0.2, "m", 0.15)
    assert events[0].asset_id == "G-1"
    assert events[0].dwell_s == 3.0


def test_a_short_peak_raises_nothing(outbox: Outbox) -> None:
    clock, desk = FakeClock(), a_desk(outbox)

    _say(desk, clock, 0.02, 0.2, 0.2, 0.02, 0.2, 0.02, 0.02, 0.02, 0.02, 0.02, 0.02)

    assert events_of(outbox) == []


def test_a_sensor_that_speaks_only_on_change_holds_its_last_reading_for_the_grace(outbox: Outbox) -> None:
    clock, desk = FakeClock(), a_desk(outbox, a_watch(dwell_s=3, grace_s=5))

    _say(desk, clock, 0.2)
    for _ in range(8):
        desk.tick(clock.pass_s(0.5))

    assert [event.phase for event in events_of(outbox)] == [Phase.RAISED]


def test_silence_neither_raises_nor_clears(outbox: Outbox) -> None:
    clock, desk = FakeClock(), a_desk(outbox)
    _say(desk, clock, *[0.2] * 6)

    for _ in range(1000):
        desk.tick(clock.pass_s(1))

    assert [event.phase for event in events_of(outbox)] == [Phase.RAISED]
    assert desk.watches[0].stays.stays[0].dwell_s < 20


@pytest.mark.parametrize("payload", [b"hello", b'{"level": NaN}', b'{"level": "deep"}', b'{"other": 1}', b"\x00" * 9])
def test_garbage_is_counted_and_changes_nothing(outbox: Outbox, payload: bytes) -> None:
    clock, desk = FakeClock(), a_desk(outbox)
    _say(desk, clock, *[0.2] * 6)

    for _ in range(20):
        desk.take(payload, clock.pass_s(1), retained=False)

    assert [event.phase for event in events_of(outbox)] == [Phase.RAISED]
    assert sum(desk.refused.values()) == 20
    assert desk.status().fault is not None


def test_a_retained_message_is_never_news(outbox: Outbox) -> None:
    clock, desk = FakeClock(), a_desk(outbox)

    for _ in range(10):
        desk.take(b'{"level": 9}', clock.pass_s(1), retained=True)

    assert events_of(outbox) == []
    assert desk.refused["retained"] == 10


def test_a_restart_goes_on_with_the_same_incident_and_its_hysteresis(outbox: Outbox) -> None:
    clock, before = FakeClock(), a_desk(outbox)
    _say(before, clock, *[0.2] * 6)

    after = a_desk(outbox)
    _say(after, clock, 0.12, 0.12, *[0.05] * 6)

    events = events_of(outbox)
    assert [event.phase for event in events] == [Phase.RAISED, Phase.CLEARED]
    assert len({event.incident_id for event in events}) == 1


def test_a_sensor_that_spoke_once_is_raised_though_the_edge_restarts_in_between(outbox: Outbox) -> None:
    clock, its_watch = FakeClock(), a_watch(dwell_s=30, grace_s=120)
    _say(a_desk(outbox, its_watch), clock, 0.3)

    after = a_desk(outbox, its_watch)
    for _ in range(40):
        after.tick(clock.pass_s(1))

    assert [event.phase for event in events_of(outbox)] == [Phase.RAISED]


def test_an_all_clear_survives_a_restart(outbox: Outbox) -> None:
    clock = FakeClock()
    _say(a_desk(outbox), clock, *[0.3] * 6, 0.05)

    _say(a_desk(outbox), clock, *[0.12] * 6)  # between the thresholds: good, because it was good before

    assert [event.phase for event in events_of(outbox)] == [Phase.RAISED, Phase.CLEARED]


def test_readings_that_queued_count_no_second_twice(outbox: Outbox) -> None:
    clock, desk = FakeClock(), a_desk(outbox, a_watch(dwell_s=60, grace_s=120))
    arrived = [clock.pass_s(0.1) for _ in range(100)]

    for moment in arrived:
        desk.take(b'{"level": 0.3}', moment, retained=False)
        desk.tick(clock.now())

    assert desk.watches[0].stays.stays[0].dwell_s <= 10
    assert events_of(outbox) == []


def test_a_reading_of_hours_ago_is_no_news(outbox: Outbox) -> None:
    clock, its_watch = FakeClock(), a_watch()
    sensor = SENSOR.model_copy(update={"time": "at"})
    desk = SensorDesk(sensor, [SensorWatch(WatchStays(its_watch), _rule())], Keeper(outbox, edge_id="corner-7"))
    hours_ago = (clock.utc - timedelta(hours=3)).isoformat()

    for _ in range(10):
        desk.take(json.dumps({"level": 9, "at": hours_ago}).encode(), clock.pass_s(1), retained=False)

    assert events_of(outbox) == []
    assert desk.refused["late"] == 10
    assert desk.status().fault == "late"


def test_an_expression_that_breaks_on_a_value_is_refused_like_any_other(outbox: Outbox) -> None:
    sensor = SENSOR.model_copy(update={"value": "floor(level)"})
    desk = SensorDesk(sensor, [SensorWatch(WatchStays(a_watch()), _rule())], Keeper(outbox, edge_id="corner-7"))

    assert desk.take(b'{"level": NaN}', FakeClock().now(), retained=False)

    assert desk.refused.total() == 1


def test_what_is_not_on_the_disk_is_not_acknowledged(outbox: Outbox) -> None:
    clock, desk = FakeClock(), a_desk(outbox)
    outbox._db.execute("PRAGMA query_only = ON")

    assert not desk.take(b'{"level": 0.3}', clock.pass_s(1), retained=False)
    outbox._db.execute("PRAGMA query_only = OFF")
    assert desk.take(b'{"level": 0.3}', clock.pass_s(1), retained=False)


def test_of_a_sensor_at_rest_nothing_is_judged_between_its_readings(outbox: Outbox) -> None:
    clock, desk = FakeClock(), a_desk(outbox)
    _say(desk, clock, 0.01)
    judged_at = desk.watches[0].last_reading
    desk.watches[0].stays.judge = None  # type: ignore[method-assign, assignment]

    desk.tick(clock.pass_s(1))

    assert desk.watches[0].last_reading == judged_at
