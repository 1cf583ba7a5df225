"""The sink ``mqtt``: publishes each event with QoS 1; it counts as sent once the broker has acknowledged it."""

from __future__ import annotations

import json
import queue
import ssl
import time
from pathlib import Path
from typing import Annotated, Literal, Self

import paho.mqtt.client as mqtt
from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode
from pydantic import AfterValidator, Field, StringConstraints, model_validator

from ingest.contract import Event
from ingest.sinks.base import (
    Seconds,
    SinkConfiguration,
    SinkPlugin,
    SinkRefused,
    SinksError,
    SinkUnavailable,
    Surroundings,
)
from ingest.sinks.secret import check_places, read_secret
from ingest.sinks.template import Template, filled

KEEPALIVE_S = 30
_WRONG_TOPIC, _WRONG_PAYLOAD = 0x90, 0x99
_PROTOCOLS = {"3.1.1": MQTTProtocolVersion.MQTTv311, "5": MQTTProtocolVersion.MQTTv5}


def _publishable(topic: str) -> str:
    if set(topic) & set("+#\0") or topic.startswith(("/", "$")):
        raise ValueError("expected a topic to publish to, without + and # and not beginning with / or $")
    return topic


class MqttConfiguration(SinkConfiguration):
    """``topic`` is filled with the event's words; ``tls`` with the public authorities, or those of ``ca_file``."""

    type: Literal["mqtt"]
    host: Annotated[str, StringConstraints(min_length=1, max_length=253, pattern=r"^[^\s/@]+$")]
    port: Annotated[int, Field(ge=1, le=65535)] | None = None
    topic: Annotated[Template, AfterValidator(_publishable)] = "streetcase/{edge_id}/{source_id}/{kind}/{phase}"
    protocol: Literal["3.1.1", "5"] = "3.1.1"
    username: str | None = None
    password_env: str | None = None
    password_file: Path | None = None
    tls: bool = False
    ca_file: Path | None = None
    timeout_s: Seconds = 10.0

    @model_validator(mode="after")
    def _goes_together(self) -> Self:
        check_places("password", self.password_env, self.password_file, needed=False)
        if (self.password_env or self.password_file) and self.username is None:
            raise ValueError("expected a username beside the password")
        if self.ca_file is not None and not self.tls:
            raise ValueError("ca_file goes with tls: true")
        return self

    @property
    def port_used(self) -> int:
        return self.port or (8883 if self.tls else 1883)

    @property
    def target(self) -> str:
        return f"{self.host}:{self.port_used} {self.topic}"


class MqttSink:
    """Publishes to one broker, one event at a time.

    Each failure ends the connection: what the client had in hand must not go out behind the same event's next try.
    """

    def __init__(self, configuration: MqttConfiguration, surroundings: Surroundings) -> None:
        self._configuration = configuration
        self._password = read_secret(
            configuration.name,
            "password",
            env=configuration.password_env,
            file=configuration.password_file,
            environment=surroundings.environment,
        )
        self._tls = _tls_context(configuration)
        self._connection: _Connection | None = None

    def send(self, event: Event) -> None:
        payload = json.dumps(event.as_cloudevent(), ensure_ascii=False, separators=(",", ":")).encode()
        try:
            if self._connection is None:
                self._connection = _Connection(self._configuration, self._password, self._tls)
                self._connection.open()
            self._connection.publish(filled(self._configuration.topic, event), payload)
        except SinkUnavailable:
            self.close()
            raise

    def close(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None


class _Connection:
    """One connection to the broker; it is never repaired, only replaced."""

    def __init__(self, configuration: MqttConfiguration, password: str | None, tls: ssl.SSLContext | None) -> None:
        self._broker = f"{configuration.host}:{configuration.port_used}"
        self._configuration = configuration
        self._fresh = True
        self._answers: queue.Queue[tuple[int | None, ReasonCode]] = queue.Queue()
        self._client = mqtt.Client(
            CallbackAPIVersion.VERSION2,
            client_id=f"streetcase-sink-{configuration.name}",
            protocol=_PROTOCOLS[configuration.protocol],
            reconnect_on_failure=False,
        )
        self._client.connect_timeout = configuration.timeout_s
        self._client.on_connect = lambda _client, _data, _flags, reason, _properties: self._answers.put((None, reason))
        self._client.on_disconnect = lambda _client, _data, _flags, reason, _properties: self._answers.put((-1, reason))
        self._client.on_publish = lambda _client, _data, mid, reason, _properties: self._answers.put((mid, reason))
        if configuration.username is not None:
            self._client.username_pw_set(configuration.username, password)
        if tls is not None:
            self._client.tls_set_context(tls)

    def open(self) -> None:
        """Returns once the broker let us in. Raises: SinkUnavailable."""
        try:
            self._client.connect(self._configuration.host, self._configuration.port_used, keepalive=KEEPALIVE_S)
        except (OSError, ValueError) as error:
            raise SinkUnavailable(f"no connection to {self._broker}: {type(error).__name__}") from error
        self._client.loop_start()
        reason = self._answer(None)
        if reason.is_failure:
            raise SinkUnavailable(f"{self._broker} refused the connection: {reason}")

    def publish(self, topic: str, payload: bytes) -> None:
        """Returns once the broker has acknowledged. Raises: SinkRefused, SinkUnavailable."""
        properties = None
        if self._configuration.protocol == "5":
            properties = Properties(PacketTypes.PUBLISH)  # type: ignore[no-untyped-call]
            properties.ContentType = "application/cloudevents+json; charset=utf-8"
        try:
            sent = self._client.publish(topic, payload, qos=1, properties=properties)
        except ValueError as error:
            raise SinkRefused(f"cannot be published: {error}") from error
        if sent.rc != mqtt.MQTT_ERR_SUCCESS:
            # On a connection that was let in a moment ago, the broker hung up while we were still writing.
            raise SinkUnavailable(f"{self._broker} took nothing: {mqtt.error_string(sent.rc)}", fault=self._fresh)
        reason = self._answer(sent.mid)
        self._fresh = False
        if reason.is_failure and reason.value in (_WRONG_TOPIC, _WRONG_PAYLOAD):
            raise SinkRefused(f"{self._broker} refused it: {reason}")
        if reason.is_failure:
            raise SinkUnavailable(f"{self._broker} refused it: {reason}")

    def close(self) -> None:
        self._client.disconnect()
        self._client.loop_stop()

    def _answer(self, mid: int | None) -> ReasonCode:
        """Returns the broker's word on ``mid``, or on the connection where None. Raises: SinkUnavailable."""
        deadline = time.monotonic() + self._configuration.timeout_s
        while True:
            try:
                about, reason = self._answers.get(timeout=max(0.0, deadline - time.monotonic()))
            except queue.Empty:
                raise SinkUnavailable(f"no answer from {self._broker}") from None
            if about == mid:
                return reason
            if about == -1:
                # A broker that hangs up on one message, such as one too large for it, does so each time.
                raise SinkUnavailable(f"{self._broker} ended the connection: {reason}", fault=mid is not None)


def _tls_context(configuration: MqttConfiguration) -> ssl.SSLContext | None:
    if not configuration.tls:
        return None
    try:
        return ssl.create_default_context(cafile=configuration.ca_file)
    except OSError as error:
        raise SinksError(
            f"sink {configuration.name}: ca_file {configuration.ca_file} cannot be read: {type(error).__name__}"
        ) from error


PLUGIN = SinkPlugin(key="mqtt", configuration=MqttConfiguration, build=MqttSink)
