"""Readings come through a real broker, which may be late, restart, or wait for us."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import paho.mqtt.client as mqtt
import pytest
from paho.mqtt.enums import CallbackAPIVersion

from edge.outbox.box import Outbox
from edge.sensing.sensors import BrokerLink, SensorDesk
from edge.staying.clock import SystemClock
from ingest.configuration import Broker
from ingest.contract import Phase
from tests.edge.test_sensors import a_desk, a_watch, events_of
from tests.services.mosquitto import Broker as RealBroker
from tests.services.mosquitto import new_broker
from tests.services.processes import missing


@pytest.fixture
def outbox(tmp_path: Path) -> Iterator[Outbox]:
    box = Outbox(tmp_path / "outbox.sqlite")
    yield box
    box.close()


@contextmanager
def _listening(broker: RealBroker, desk: SensorDesk) -> Iterator[None]:
    stop = threading.Event()
    link = BrokerLink(
        Broker(id="site", host=broker.host, port=broker.port, keepalive_s=5),
        [desk],
        edge_id="corner-7",
        environment={},
        clock=SystemClock(),
        stop=stop,
    )
    thread = threading.Thread(target=link.run)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join(timeout=10)
        assert not thread.is_alive()


def _until(true: Callable[[], bool], *, within_s: float = 15) -> bool:
    deadline = time.monotonic() + within_s
    while time.monotonic() < deadline:
        if true():
            return True
        time.sleep(0.05)
    return true()


@contextmanager
def _publisher(broker: RealBroker) -> Iterator[mqtt.Client]:
    client = mqtt.Client(CallbackAPIVersion.VERSION2)
    client.connect(broker.host, broker.port)
    client.loop_start()
    try:
        yield client
    finally:
        client.disconnect()
        client.loop_stop()


def _publish(client: mqtt.Client, payload: bytes, *, retain: bool = False) -> None:
    client.publish("gauges/east/level", payload, qos=1, retain=retain).wait_for_publish(5)


def test_readings_come_through_a_real_broker_and_what_was_retained_does_not_count(
    outbox: Outbox, mosquitto: RealBroker
) -> None:
    desk = a_desk(outbox, a_watch(dwell_s=0.5))
    with _publisher(mosquitto) as sensor:
        _publish(sensor, b'{"level": 5}', retain=True)
        with _listening(mosquitto, desk):
            assert _until(lambda: desk.refused["retained"] == 1)
            assert events_of(outbox) == []
            for _ in range(8):
                _publish(sensor, b'{"level": 0.3}')
                time.sleep(0.15)
            assert _until(lambda: [e.phase for e in events_of(outbox)] == [Phase.RAISED])


def test_what_was_sent_while_the_edge_was_down_waits_at_the_broker(outbox: Outbox, mosquitto: RealBroker) -> None:
    if not mosquitto.keeps_messages:
        missing("the wheel's broker keeps no messages for those who are away")
    first = a_desk(outbox)
    with _publisher(mosquitto) as sensor:
        with _listening(mosquitto, first):
            assert _until(lambda: _subscribed(sensor, first))
            time.sleep(0.5)  # what was said to find out is acknowledged, and does not come again
        for number in range(5):
            _publish(sensor, b'{"level": %d}' % number)
        second = a_desk(outbox)
        with _listening(mosquitto, second):
            assert _until(lambda: second.readings == 5)


def _subscribed(sensor: mqtt.Client, desk: SensorDesk) -> bool:
    _publish(sensor, b'{"level": 0}')
    time.sleep(0.1)
    return desk.readings > 0


def test_a_broker_that_comes_late_or_restarts_is_found_again(outbox: Outbox, mosquitto: RealBroker) -> None:
    mosquitto.stop()
    desk = a_desk(outbox)
    with _listening(mosquitto, desk):
        assert _until(lambda: desk.status().fault == "broker not reached")
        mosquitto.start()
        with _publisher(mosquitto) as sensor:
            assert _until(lambda: _subscribed(sensor, desk))
        assert desk.status().fault is None
        mosquitto.stop()
        assert _until(lambda: desk.status().fault == "broker lost")
        mosquitto.start()
        seen = desk.readings
        with _publisher(mosquitto) as sensor:
            assert _until(lambda: _subscribed(sensor, desk) and desk.readings > seen)


def test_a_sensor_is_well_once_it_is_subscribed(outbox: Outbox, mosquitto: RealBroker) -> None:
    desk = a_desk(outbox)
    with _listening(mosquitto, desk), _publisher(mosquitto) as sensor:
        assert _until(lambda: desk.status().fault is None)
        _publish(sensor, b'{"level": 1}')
        assert _until(lambda: desk.readings == 1), "what is said from then on comes"


def test_a_broker_that_keeps_a_topic_from_us_is_a_fault_of_its_sensors(outbox: Outbox, tmp_path: Path) -> None:
    plugin = next(Path("/usr/lib").rglob("mosquitto_dynamic_security.so"), None)
    broker = new_broker(tmp_path)
    if broker is None or plugin is None:
        missing("Mosquitto with its plug-in for access")
    access = {"publishClientSend": True, "publishClientReceive": True, "subscribe": False, "unsubscribe": True}
    rules = tmp_path / "access.json"
    rules.write_text(json.dumps({"defaultACLAccess": access, "clients": [], "groups": [], "roles": []}))
    with (tmp_path / "mosquitto.conf").open("a") as settings:
        settings.write(f"plugin {plugin}\nplugin_opt_config_file {rules}\n")
    desk = a_desk(outbox)
    broker.start()
    try:
        with _listening(broker, desk):
            assert _until(lambda: str(desk.status().fault).startswith("broker refused the topic"))
    finally:
        broker.stop()
