"""Listens to MQTT sensors and judges their readings with the same stays and events as a camera's findings."""

from __future__ import annotations

import contextlib
import queue
import ssl
import threading
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

import paho.mqtt.client as mqtt
import structlog
from paho.mqtt.enums import CallbackAPIVersion
from paho.mqtt.reasoncodes import ReasonCode

from detectors.base import DetectorError, Finding, Reading, ReadingRule
from detectors.seam import judged
from edge.outbox.keeper import Keeper
from edge.reading.faults import waits_s
from edge.sensing.readings import JsonDecoder, PayloadRefused
from edge.staying.clock import Clock, Moment
from edge.staying.stays import WatchStays
from ingest.configuration import Broker, Sensor
from ingest.edge_messages import SensorStatus, WatchStatus

QUEUE_LENGTH = 10_000
TICK_S = 0.5

log = structlog.get_logger(__name__)


@dataclass(slots=True)
class SensorWatch:
    """A watch on a sensor: its rule, its stays, and what the last reading came to.

    The last reading is taken from a kept stay, so that a sensor that speaks only on change survives a restart.
    """

    stays: WatchStays
    rule: ReadingRule
    last_reading: Moment | None = None
    judged: int = 0
    with_findings: int = 0
    last_findings: list[Finding] = field(default_factory=list)

    def __post_init__(self) -> None:
        for stay in self.stays.stays:
            self.last_reading = stay.last_judged
            self.last_findings = [stay.finding] if stay.last_seen == stay.last_judged else []

    def status(self) -> WatchStatus:
        return WatchStatus(
            id=self.stays.watch.id,
            judged=self.judged,
            with_findings=self.with_findings,
            open_incidents=sum(stay.raised for stay in self.stays.stays),
        )


class SensorDesk:
    """Judges the readings of one sensor, in order. One caller at a time."""

    def __init__(self, sensor: Sensor, watches: Sequence[SensorWatch], keeper: Keeper) -> None:
        self.sensor = sensor
        self.watches = list(watches)
        self._keeper = keeper
        self._decoder = JsonDecoder(sensor)
        self.readings = 0
        self.refused: Counter[str] = Counter()
        self.last_reading_at: datetime | None = None
        self._fault: str | None = None
        self._now: Moment | None = None
        self.broker_fault: str | None = None

    def take(self, payload: bytes, moment: Moment, *, retained: bool) -> bool:
        """Takes one message; returns whether all that came of it is on the disk.

        What gives no reading is counted by cause and changes nothing.
        """
        if retained:
            # The broker's memory of some earlier time: never news, so never an alarm nor an all-clear.
            self.refused["retained"] += 1
            return True
        moment = self._onward(moment)
        try:
            reading = self._decoder.reading(payload, arrived_at=moment.utc)
            kept = [self._judge(watch, reading, moment) for watch in self.watches]
        except PayloadRefused as refusal:
            self._refuse(refusal)
            return True
        if self._fault is not None:
            log.info("readings accepted again", sensor=self.sensor.id)
            self._fault = None
        self.readings += 1
        self.last_reading_at = moment.utc
        return all(kept)

    def _refuse(self, refusal: PayloadRefused) -> None:
        self.refused[refusal.cause] += 1
        if self._fault != refusal.cause:
            log.warning("reading refused", sensor=self.sensor.id, cause=refusal.cause, detail=str(refusal))
        self._fault = refusal.cause

    def _onward(self, moment: Moment) -> Moment:
        """Readings queue and ticks do not: time must not run back, or the same seconds would count twice."""
        if self._now is None or moment.boot_s >= self._now.boot_s:
            self._now = moment
        return self._now

    def _judge(self, watch: SensorWatch, reading: Reading, moment: Moment) -> bool:
        age_s = (moment.utc - reading.measured_at).total_seconds()
        if age_s > watch.stays.watch.grace_s:
            raise PayloadRefused("late", f"measured {age_s:.0f} s ago, more than the watch's grace: it tells of then")
        try:
            findings = judged(watch.rule, reading, standing=watch.stays.standing)
        except DetectorError as error:
            raise PayloadRefused("rule_failed", str(error)) from error
        watch.judged += 1
        watch.with_findings += bool(findings)
        watch.last_reading, watch.last_findings = moment, findings
        return self._stay(watch, moment)

    def tick(self, moment: Moment) -> None:
        """Lets time pass between readings: the last one holds for the watch's grace, then nothing is known."""
        moment = self._onward(moment)
        for watch in self.watches:
            if not watch.stays.stays and not watch.last_findings:
                continue  # of thousands of sensors nearly all are at rest, and nothing comes of those
            if watch.last_reading is not None and moment.since(watch.last_reading) <= watch.stays.watch.grace_s:
                self._stay(watch, moment)

    def _stay(self, watch: SensorWatch, moment: Moment) -> bool:
        changes = watch.stays.judge(watch.last_findings, moment)
        return self._keeper.keep(
            self._keeper.commit_of(
                changes, moment=moment, watch=watch.stays.watch, sensor=self.sensor, detector=watch.rule.identity
            )
        )

    def status(self) -> SensorStatus:
        return SensorStatus(
            id=self.sensor.id,
            last_reading_at=self.last_reading_at,
            readings=self.readings,
            refused=sum(self.refused.values()),
            fault=self.broker_fault or self._fault,
        )


@dataclass(frozen=True, slots=True)
class _Arrived:
    desks: tuple[SensorDesk, ...]
    message: mqtt.MQTTMessage
    moment: Moment


class BrokerLink:
    """One MQTT connection: the callback only enqueues, one thread judges, and acknowledges what it has kept."""

    def __init__(
        self,
        broker: Broker,
        desks: Sequence[SensorDesk],
        *,
        edge_id: str,
        environment: Mapping[str, str],
        clock: Clock,
        stop: threading.Event,
    ) -> None:
        self._broker = broker
        self._desks = list(desks)
        self._clock = clock
        self._stop = stop
        self._arrived: queue.Queue[_Arrived] = queue.Queue(QUEUE_LENGTH)
        self._connected = False
        self._refusal: str | None = None
        # A session of our own name that the broker keeps: what comes with QoS 1 while we are down waits there.
        self._client = mqtt.Client(
            CallbackAPIVersion.VERSION2,
            client_id=f"streetcase-{edge_id}-{broker.id}",
            clean_session=False,
            manual_ack=True,
        )
        self._asked: dict[int | None, str] = {}
        self._client.on_connect = self._on_connect
        self._client.on_subscribe = self._on_subscribe
        self._client.on_disconnect = self._on_disconnect
        self._client.on_message = self._on_message
        if broker.username is not None:
            password = environment.get(broker.password_env) if broker.password_env else None
            self._client.username_pw_set(broker.username, password)
        if broker.tls:
            self._client.tls_set_context(ssl.create_default_context(cafile=broker.ca_file))

    def run(self) -> None:
        """Judges messages until told to stop; the connection comes back by itself."""
        self._set_fault("broker not reached")
        self._connect_first()
        self._client.loop_start()
        try:
            self._judge_on()
        finally:
            self._client.disconnect()
            self._client.loop_stop()

    def _judge_on(self) -> None:
        ticked = self._clock.now()
        while not self._stop.is_set():
            with contextlib.suppress(queue.Empty):
                self._take(self._arrived.get(timeout=TICK_S))
            # Only once all that has arrived is judged may time pass between readings.
            now = self._clock.now()
            if self._arrived.empty() and now.since(ticked) >= TICK_S:
                ticked = now
                for desk in self._desks:
                    desk.tick(now)

    def _connect_first(self) -> None:
        waits = waits_s()
        said = False
        while not self._stop.is_set():
            try:
                self._client.connect(self._broker.host, self._broker.port, keepalive=self._broker.keepalive_s)
            except (OSError, ValueError) as error:
                if not said:
                    log.warning("broker lost", broker=self._broker.id, reason=type(error).__name__)
                    said = True
                self._stop.wait(next(waits))
            else:
                return

    def _take(self, arrived: _Arrived) -> None:
        payload, retained = bytes(arrived.message.payload), arrived.message.retain
        kept = [desk.take(payload, arrived.moment, retained=retained) for desk in arrived.desks]
        if all(kept):
            # Acknowledged only when it is on the disk: a crash before this line makes the broker send it again.
            self._client.ack(arrived.message.mid, arrived.message.qos)

    def _on_connect(
        self, client: mqtt.Client, _data: object, _flags: object, reason: ReasonCode, _properties: object
    ) -> None:
        if reason.is_failure:
            if self._refusal != str(reason):
                log.warning("broker refused", broker=self._broker.id, reason=str(reason))
            self._refusal = str(reason)
            self._set_fault(f"broker refused: {reason}")
            return
        self._connected, self._refusal = True, None
        self._set_fault("not subscribed yet")
        log.info("broker reached", broker=self._broker.id)
        topics = sorted({desk.sensor.topic for desk in self._desks})
        self._asked = {client.subscribe(topic, qos=1)[1]: topic for topic in topics}

    def _on_subscribe(
        self, _client: mqtt.Client, _data: object, mid: int, reasons: Sequence[ReasonCode], _properties: object
    ) -> None:
        """Only from here on readings come, or never will: a broker may let somebody in and keep a topic from them."""
        topic = self._asked.pop(mid, None)
        refused = next((reason for reason in reasons if reason.is_failure), None)
        if refused is not None:
            log.warning("broker refused", broker=self._broker.id, topic=topic, reason=str(refused))
        for desk in self._desks:
            if desk.sensor.topic == topic:
                desk.broker_fault = f"broker refused the topic: {refused}" if refused is not None else None

    def _on_disconnect(
        self, _client: mqtt.Client, _data: object, _flags: object, reason: ReasonCode, _properties: object
    ) -> None:
        if self._connected and not self._stop.is_set():
            log.warning("broker lost", broker=self._broker.id, reason=str(reason))
            self._set_fault("broker lost")
        self._connected = False

    def _set_fault(self, fault: str | None) -> None:
        """Shows at each sensor that it is not the sensor that is silent."""
        for desk in self._desks:
            desk.broker_fault = fault

    def _on_message(self, _client: mqtt.Client, _data: object, message: mqtt.MQTTMessage) -> None:
        desks = tuple(d for d in self._desks if mqtt.topic_matches_sub(d.sensor.topic, message.topic))
        arrived = _Arrived(desks, message, self._clock.now())
        while not self._stop.is_set():
            try:
                # A full queue blocks the reading: the broker then holds back QoS 1 instead of us dropping it.
                self._arrived.put(arrived, timeout=0.5)
            except queue.Full:
                continue
            return
