"""The sink ``mqtt``: an event counts as sent once a real broker has acknowledged it."""

from __future__ import annotations

import json
import queue
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import paho.mqtt.client as mqtt
import pytest
from paho.mqtt.enums import CallbackAPIVersion

from ingest.sinks.base import SinksError, SinkUnavailable
from ingest.sinks.mqtt import MqttConfiguration, MqttSink
from tests.ingest.receivers import an_event, surroundings
from tests.services.mosquitto import Broker
from tests.services.ports import HOST, free_port
from tests.services.processes import missing


@contextmanager
def listening(broker: Broker) -> Iterator[queue.Queue[mqtt.MQTTMessage]]:
    """Yields what a subscriber of everything gets."""
    arrived: queue.Queue[mqtt.MQTTMessage] = queue.Queue()
    subscribed = queue.Queue[bool]()
    client = mqtt.Client(CallbackAPIVersion.VERSION2)
    client.on_message = lambda _client, _data, message: arrived.put(message)
    client.on_subscribe = lambda *_: subscribed.put(True)
    client.connect(broker.host, broker.port)
    client.loop_start()
    client.subscribe("#", qos=1)
    assert subscribed.get(timeout=10)
    try:
        yield arrived
    finally:
        client.disconnect()
        client.loop_stop()


def sink(port: int, **changes: Any) -> MqttSink:
    fields = {"name": "plant", "type": "mqtt", "host": HOST, "port": port, "timeout_s": 3} | changes
    return MqttSink(MqttConfiguration.model_validate(fields), surroundings(PASSWORD="hush"))


@pytest.mark.parametrize("protocol", ["3.1.1", "5"])
def test_each_event_is_published_as_a_cloudevent(mosquitto: Broker, protocol: str) -> None:
    if protocol == "5" and not mosquitto.keeps_messages:
        missing("no Mosquitto, which speaks MQTT 5")
    events = [an_event(), an_event(phase="cleared", clear_reason="gone")]
    publisher = sink(mosquitto.port, protocol=protocol)
    with listening(mosquitto) as arrived:
        for event in events:
            publisher.send(event)
        messages = [arrived.get(timeout=10) for _ in events]
    publisher.close()
    assert [message.topic for message in messages] == [
        "streetcase/edge-1/east-gate/street-encroachment/raised",
        "streetcase/edge-1/east-gate/street-encroachment/cleared",
    ]
    assert [json.loads(message.payload) for message in messages] == [event.as_cloudevent() for event in events]
    assert {(message.qos, message.retain) for message in messages} == {(1, False)}


def test_a_broker_that_was_away_gets_the_event_once(mosquitto: Broker) -> None:
    publisher = sink(mosquitto.port, topic="alarms/{kind}/{phase}", timeout_s=1)
    publisher.send(an_event())
    mosquitto.stop()
    event = an_event()
    for _ in range(3):
        with pytest.raises(SinkUnavailable):
            publisher.send(event)
    mosquitto.start()
    with listening(mosquitto) as arrived:
        publisher.send(event)
        message = arrived.get(timeout=10)
        publisher.send(an_event(kind="burning"))
        assert arrived.get(timeout=10).topic == "alarms/burning/raised"
    publisher.close()
    assert json.loads(message.payload)["id"] == str(event.event_id)


def test_nobody_there_is_later() -> None:
    publisher = sink(free_port(), username="li", password_env="PASSWORD")
    with pytest.raises(SinkUnavailable, match=r"no connection to 127\.0\.0\.1:") as caught:
        publisher.send(an_event())
    publisher.close()
    assert "hush" not in str(caught.value)


def test_what_a_broker_does_not_let_in_waits(mosquitto: Broker, tmp_path: Path) -> None:
    if not mosquitto.keeps_messages:
        missing("no Mosquitto, whose settings can refuse")
    settings = tmp_path / "mosquitto" / "mosquitto.conf"
    settings.write_text(settings.read_text().replace("allow_anonymous true", "allow_anonymous false"))
    mosquitto.stop()
    mosquitto.start()
    publisher = sink(mosquitto.port, username="li", password_env="PASSWORD")
    with pytest.raises(SinkUnavailable, match="refused the connection") as caught:
        publisher.send(an_event())
    publisher.close()
    assert not caught.value.fault


def test_a_broker_that_hangs_up_on_one_message_is_told_from_one_that_is_away(mosquitto: Broker, tmp_path: Path) -> None:
    if not mosquitto.keeps_messages:
        missing("no Mosquitto, whose settings can limit a message")
    settings = tmp_path / "mosquitto" / "mosquitto.conf"
    settings.write_text(settings.read_text() + "max_packet_size 2000\n")
    mosquitto.stop()
    mosquitto.start()
    publisher = sink(mosquitto.port)
    findings = [{"label": f"label-{number}", "score": 0.5} for number in range(100)]
    with pytest.raises(SinkUnavailable, match=r"ended the connection|took nothing") as caught:
        publisher.send(an_event(findings=findings))
    assert caught.value.fault
    publisher.send(an_event())
    publisher.close()


# paho leaves the socket of a failed handshake to the garbage collector.
@pytest.mark.filterwarnings("ignore:unclosed <ssl.SSLSocket:ResourceWarning")
def test_tls_towards_a_broker_without_it_is_later(mosquitto: Broker) -> None:
    publisher = sink(mosquitto.port, tls=True, timeout_s=2)
    with pytest.raises(SinkUnavailable):
        publisher.send(an_event())
    publisher.close()


def test_an_authority_that_cannot_be_read_is_told(tmp_path: Path) -> None:
    with pytest.raises(SinksError, match=r"sink plant: ca_file .*nothing\.pem cannot be read"):
        sink(1, tls=True, ca_file=str(tmp_path / "nothing.pem"))
