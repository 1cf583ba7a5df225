"""What an edge is told to watch: the schema of its YAML file and of what it pulls from the centre.

Unlike messages on the wire, configuration forbids unknown keys: a misspelt key must not pass in silence.
The detector of a watch is checked by the edge, which knows the detectors; here it is only named.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Self
from zoneinfo import ZoneInfo, available_timezones

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, field_validator, model_validator

from ingest.contract import Name, Point, Position, Short
from ingest.watch_times import Permit, Season, WeeklyHours

Seconds = Annotated[float, Field(gt=0, le=7 * 86400, allow_inf_nan=False)]
Zone = Annotated[list[Point], Field(min_length=3, max_length=100)]

VIEW_PREFIX = "view-fault."
SIGNAL_PREFIX = "no-signal."
"""So begin the ids of the watches behind ``camera-fault``, which nobody configures."""


class Section(BaseModel):
    """Base of all configuration: unknown keys are errors."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class DetectorChoice(BaseModel):
    """``type`` names a detector plug-in; the other keys are that plug-in's own configuration."""

    model_config = ConfigDict(extra="allow", frozen=True)

    type: Name


class GateMode(StrEnum):
    """Whether looks at unchanged zones go without the detector: yes, no, or no but counted as if."""

    ON = "on"
    OFF = "off"
    SHADOW = "shadow"


class Gate(Section):
    """When a camera's detector need not run (edge.looking.gate); every ``always_every_s`` it runs in any case."""

    mode: GateMode = GateMode.ON
    always_every_s: Annotated[float, Field(ge=1, le=3600)] = 60.0

    @field_validator("mode", mode="before")
    @classmethod
    def _yaml_reads_on_as_true(cls, mode: object) -> object:
        return {True: "on", False: "off"}[mode] if isinstance(mode, bool) else mode


class ViewFault(StrEnum):
    """Why the view of a camera cannot be judged."""

    NO_SIGNAL = "no-signal"
    BLACK = "black"
    WHITE = "white"
    BLURRED = "blurred"
    COVERED = "covered"
    FROZEN = "frozen"
    MOVED = "moved"


class Transport(StrEnum):
    """What RTSP sends its pictures over."""

    TCP = "tcp"
    UDP = "udp"


class Camera(Section):
    """A stream to look at. ``url``, ``substream`` and ``onvif`` may hold ``${NAME}`` for a value from the environment.

    ``substream`` is a second, smaller stream of the same view: it is looked at, and ``url`` gives the evidence.
    ``onvif`` is the address of its ONVIF device service, which is asked for keyframes where they are rare.
    ``transport`` is for RTSP; over UDP a lost packet damages a picture, over TCP it only comes later.
    ``max_people``: where more persons are seen, stored pictures show the surroundings of the incident alone.
    ``view_faults`` are those that become an incident; ``lost_after_s`` is for ``no-signal``.
    """

    id: Name
    url: Annotated[str, StringConstraints(min_length=1, max_length=2000), Field(repr=False)]
    substream: Annotated[str | None, Field(min_length=1, max_length=2000, repr=False)] = None
    onvif: Annotated[str | None, Field(pattern=r"^(https?://|\$\{)\S+$", max_length=2000, repr=False)] = None
    look_every_s: Annotated[float, Field(ge=0.2, le=3600)] = 4.0
    masks: list[Zone] = []
    max_people: Annotated[int | None, Field(ge=0, le=1000)] = None
    timeout_s: Annotated[float, Field(ge=0.5, le=60)] = 5.0
    gate: Gate = Gate()
    view_faults: list[ViewFault] = list(ViewFault)
    lost_after_s: Seconds = 300.0
    transport: Transport = Transport.TCP


class Broker(Section):
    """An MQTT broker. The password comes from the environment variable that ``password_env`` names."""

    id: Name
    host: Annotated[str, StringConstraints(min_length=1, max_length=255)]
    port: Annotated[int, Field(ge=1, le=65535)] = 1883
    username: str | None = None
    password_env: str | None = None
    tls: bool = False
    ca_file: str | None = None
    keepalive_s: Annotated[int, Field(ge=5, le=3600)] = 30


class Sensor(Section):
    """A device behind a broker. ``value`` and ``time`` are JMESPath expressions on its JSON payload."""

    id: Name
    broker: Name
    topic: Annotated[str, StringConstraints(min_length=1, max_length=500)]
    value: Annotated[str, StringConstraints(min_length=1, max_length=500)]
    time: Annotated[str, StringConstraints(min_length=1, max_length=500)] | None = None
    unit: Short | None = None
    asset_id: Short | None = None


class Policy(StrEnum):
    """How findings become stays: the same thing stays, anything of these labels, or a share of the zone is covered."""

    SAME = "same"
    ANY = "any"
    AREA = "area"


class Watch(Section):
    """A question: this kind, in this zone of this camera or on this sensor, by this detector, with this dwell.

    ``dwell_s`` is how long a thing stays before it is an incident, ``grace_s`` the longest gap between two
    sightings that still counts, ``clear_s`` how long it must be seen to be absent before it is gone.
    ``preset`` names the view of a camera that turns; only looks at that view are judged.
    ``labels`` default to those that the model's card maps to ``kind``; ``area_share`` is for policy ``area``.
    ``active`` and ``seasons`` say when it watches at all (None: always), ``permits`` when nothing is raised. For
    ``cool_down_s`` after an incident is gone no new one is raised at its place. What returns to its place within
    ``recurrence_s`` is the same incident.
    """

    id: Name
    kind: Name
    camera: Name | None = None
    preset: Name | None = None
    sensor: Name | None = None
    zone: Zone | None = None
    detector: DetectorChoice
    labels: Annotated[list[Short], Field(min_length=1, max_length=100)] | None = None
    min_score: Annotated[float, Field(ge=0, le=1)] = 0.35
    policy: Policy = Policy.SAME
    area_share: Annotated[float, Field(gt=0, le=1)] = 0.02
    dwell_s: Seconds = 300.0
    grace_s: Seconds = 30.0
    clear_s: Seconds = 120.0
    active: Annotated[list[WeeklyHours], Field(min_length=1, max_length=50)] | None = None
    seasons: Annotated[list[Season], Field(min_length=1, max_length=50)] | None = None
    permits: Annotated[list[Permit], Field(max_length=100)] = []
    cool_down_s: Annotated[float, Field(ge=0, le=7 * 86400, allow_inf_nan=False)] = 0.0
    recurrence_s: Annotated[float, Field(ge=0, le=7 * 86400, allow_inf_nan=False)] = 0.0
    keep_plate: bool = False
    position: Position | None = None

    @model_validator(mode="after")
    def _watches_one_source(self) -> Self:
        if (self.camera is None) == (self.sensor is None):
            raise ValueError("a watch needs either camera or sensor, and not both")
        if self.camera is not None and self.zone is None:
            raise ValueError("a watch of a camera needs a zone")
        if self.sensor is not None and self.zone is not None:
            raise ValueError("a watch of a sensor has no zone")
        if self.sensor is not None and self.preset is not None:
            raise ValueError("a watch of a sensor has no preset")
        return self

    @model_validator(mode="after")
    def _permits_an_area_where_there_are_places(self) -> Self:
        if any(permit.zone is not None for permit in self.permits):
            if self.sensor is not None:
                raise ValueError("a permit on a sensor's watch has no zone")
            if self.policy is Policy.AREA:
                raise ValueError("policy area follows no single thing: its permits have no zone")
        return self


class Centre(Section):
    """Where events go. The key is read from the environment (``key_env``) or from a file (``key_file``).

    ``ca_file`` names a private authority, ``certificate_file`` the one certificate that the centre must show.
    ``upload_kbytes_per_s`` bounds what evidence may take of the link; events and statuses are small and go beside it.
    """

    url: Annotated[str, StringConstraints(pattern=r"^https?://[^\s]+$", max_length=2000)]
    key_env: str | None = None
    key_file: str | None = None
    ca_file: str | None = None
    certificate_file: str | None = None
    uploads_at_once: Annotated[int, Field(ge=1, le=4)] = 3
    upload_kbytes_per_s: Annotated[float, Field(gt=0, le=1_000_000)] | None = None

    @model_validator(mode="after")
    def _one_key(self) -> Self:
        if (self.key_env is None) == (self.key_file is None):
            raise ValueError("the centre needs either key_env or key_file")
        return self

    @model_validator(mode="after")
    def _one_trust(self) -> Self:
        if self.ca_file is not None and self.certificate_file is not None:
            raise ValueError("the centre needs either ca_file or certificate_file, and not both")
        return self


class EdgeConfiguration(Section):
    """The whole of one edge: the YAML file, and with the local parts left out what the centre sends.

    ``disk_budget_mb`` bounds outbox and evidence together, in millions of bytes. ``workers`` processes share the
    cameras, one for each core where it is 0; ``worker_memory_mb`` bounds each of them, in MiB.
    Prometheus is answered at ``metrics_port``, where there is one.
    """

    edge_id: Name
    time_zone: str = "Asia/Shanghai"
    data_dir: str = "edge-data"
    disk_budget_mb: Annotated[int, Field(ge=50, le=10_000_000)] = 4000
    workers: Annotated[int, Field(ge=0, le=256)] = 0
    worker_memory_mb: Annotated[int, Field(ge=400, le=10_000_000)] | None = None
    metrics_host: Annotated[str, StringConstraints(min_length=1, max_length=255)] = "127.0.0.1"
    metrics_port: Annotated[int, Field(ge=1, le=65535)] | None = None
    centre: Centre | None = None
    cameras: list[Camera] = []
    brokers: list[Broker] = []
    sensors: list[Sensor] = []
    watches: list[Watch] = []

    @field_validator("time_zone")
    @classmethod
    def _known_time_zone(cls, name: str) -> str:
        if name not in available_timezones():
            raise ValueError(f"unknown time zone {name!r}; expected a name like Asia/Shanghai")
        return name

    @property
    def zone_info(self) -> ZoneInfo:
        return ZoneInfo(self.time_zone)
