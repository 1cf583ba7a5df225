"""Publishes what a tilting manhole cover and a water gauge would say: normal, alarming, normal again."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime

import paho.mqtt.client as mqtt
from paho.mqtt.enums import CallbackAPIVersion

EVERY_S = 1.0
ALARM_FROM_S = 8.0
ALARM_UNTIL_S = 30.0


def manhole_payload(elapsed_s: float) -> dict[str, object]:
    tilt_deg = 41.0 if ALARM_FROM_S <= elapsed_s < ALARM_UNTIL_S else 1.5
    return {"tilt_deg": tilt_deg, "battery": 0.93}


def gauge_payload(elapsed_s: float) -> dict[str, object]:
    """The water rises over ten seconds, stands, and falls again."""
    rise = min(1.0, max(0.0, (elapsed_s - ALARM_FROM_S) / 10))
    fall = min(1.0, max(0.0, (elapsed_s - ALARM_UNTIL_S) / 5))
    return {"level": {"m": round(0.02 + 0.25 * max(0.0, rise - fall), 3)}}


TOPICS: dict[str, Callable[[float], dict[str, object]]] = {
    "demo/manhole/0107": manhole_payload,
    "demo/gauge/east-bridge": gauge_payload,
}


def publish_until(stop: threading.Event, port: int) -> None:
    """Publishes with QoS 1, a reading a second from each sensor, until ``stop`` is set."""
    client = mqtt.Client(CallbackAPIVersion.VERSION2, client_id="streetcase-demo-sensors")
    client.connect("127.0.0.1", port)
    client.loop_start()
    begun_s = time.monotonic()
    while not stop.wait(EVERY_S):
        now = datetime.now(UTC).isoformat()
        for topic, payload in TOPICS.items():
            message = {**payload(time.monotonic() - begun_s), "at": now}
            client.publish(topic, json.dumps(message), qos=1)
    client.disconnect()
    client.loop_stop()
