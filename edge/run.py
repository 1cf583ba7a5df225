"""Runs an edge: a process per group of cameras, and here the sensors, the uplink and the watch over the groups."""

from __future__ import annotations

import contextlib
import os
import threading
import time
from collections.abc import Mapping
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import cast

import httpx
import structlog
from uuid_utils.compat import uuid7

from detectors.base import ReadingRule
from detectors.registry import build
from edge.clock import SystemClock
from edge.evidence import EvidenceFolder
from edge.group import Folders
from edge.keeper import Keeper
from edge.link import CentreLink, LinkDown
from edge.outbox import Commit, Outbox, OutboxError
from edge.sensors import BrokerLink, SensorDesk, SensorWatch
from edge.stays import WatchStays
from edge.supervision import STOPPING_S, GroupProcess, spread
from edge.threads import tireless
from edge.uplink import PRUNE_EVERY_S, STATUS_EVERY_S, Uplink
from ingest.configuration import Broker, EdgeConfiguration
from ingest.contract import Answer, ClearReason, Phase
from ingest.edge_messages import Backlog, CameraStatus, EdgeStatus, WatchStatus

STATUS_FILE_EVERY_S = 1.0
STRAY_AFTER_S = 3600.0

log = structlog.get_logger(__name__)


class EdgeCannotStart(Exception):
    """Something that the configuration names is not there or cannot be used; the text says what and where."""


class Edge:
    """One edge box. :meth:`run` returns after ``stop`` is set and everything in hand is kept."""

    def __init__(
        self, configuration: EdgeConfiguration, *, environment: Mapping[str, str], stop: threading.Event
    ) -> None:
        self._configuration = configuration
        self._stop = stop
        self._started_at = datetime.now(UTC)
        self._folders = Folders(Path(configuration.data_dir))
        self._outbox = Outbox(self._folders.outbox)
        self._keeper = Keeper(self._outbox, edge_id=configuration.edge_id)
        self._groups = [GroupProcess(configuration, ids) for ids in spread([c.id for c in configuration.cameras])]
        self._desks = self._sensor_desks()
        self._links = [self._broker_link(broker, environment) for broker in configuration.brokers]
        self._link = self._make_link(environment)
        self._uplink = (
            Uplink(self._link, self._outbox, EvidenceFolder(self._folders.evidence), stop=stop) if self._link else None
        )

    def run(self) -> None:
        self._withdraw_unwatched()
        self._sweep()
        threads = [tireless(link.run, name="broker", stop=self._stop) for link in self._links]
        threads.append(tireless(self._keep_house, name="house", stop=self._stop))
        if self._uplink is not None:
            threads.append(tireless(self._uplink.run, name="uplink", stop=self._stop))
            threads.append(tireless(self._report_status, name="status", stop=self._stop))
        for thread in threads:
            thread.start()
        try:
            while not self._stop.is_set():
                for group in self._groups:
                    group.tend()
                self._stop.wait(0.2)
        finally:
            self._stop.set()
            for group in self._groups:
                group.stop()
            for thread in threads:
                thread.join(timeout=STOPPING_S)
            self._write_status()
            if self._link is not None:
                self._link.close()
            self._outbox.close()

    def _broker_link(self, broker: Broker, environment: Mapping[str, str]) -> BrokerLink:
        try:
            return BrokerLink(
                broker,
                [desk for desk in self._desks if desk.sensor.broker == broker.id],
                edge_id=self._configuration.edge_id,
                environment=environment,
                clock=SystemClock(),
                stop=self._stop,
            )
        except (OSError, ValueError) as error:  # ssl.SSLError is an OSError
            raise EdgeCannotStart(f"broker {broker.id}: ca_file {broker.ca_file} cannot be used: {error}") from None

    def _sensor_desks(self) -> list[SensorDesk]:
        kept = self._outbox.stays()
        desks = []
        for sensor in self._configuration.sensors:
            watches = [
                SensorWatch(
                    WatchStays(watch, [stay for stay in kept if stay.watch_id == watch.id]),
                    cast(ReadingRule, build(watch.detector.model_dump())),
                )
                for watch in self._configuration.watches
                if watch.sensor == sensor.id
            ]
            desks.append(SensorDesk(sensor, watches, self._keeper))
        return desks

    def _make_link(self, environment: Mapping[str, str]) -> CentreLink | None:
        centre = self._configuration.centre
        if centre is None:
            log.warning("no centre configured, events stay in the outbox")
            return None
        if centre.key_env is not None:
            key = environment.get(centre.key_env, "")
            where = f"environment variable {centre.key_env}"
        else:
            where = f"file {centre.key_file}"
            try:
                key = Path(str(centre.key_file)).read_text(encoding="utf-8").strip()
            except (OSError, UnicodeDecodeError):
                key = ""
        if not (key and key.isascii() and key.isprintable()):
            raise EdgeCannotStart(f"no key for the centre in {where}; `streetcase api add-edge` makes one")
        try:
            return CentreLink(centre, key)
        except (httpx.InvalidURL, OSError, ValueError):
            # Not chained: the URL may hold a password.
            raise EdgeCannotStart("centre: the url, the ca_file or the certificate_file cannot be used") from None

    def _withdraw_unwatched(self) -> None:
        """Clears, as withdrawn, the incidents of watches that the configuration no longer has."""
        watched = {watch.id for watch in self._configuration.watches}
        for stay in self._outbox.stays():
            if stay.watch_id in watched:
                continue
            last = self._outbox.last_event(stay.incident_id) if stay.raised else None
            events = []
            if last is not None and last.phase is not Phase.CLEARED:
                ending = {"phase": Phase.CLEARED, "clear_reason": ClearReason.WITHDRAWN}
                events.append(last.model_copy(update={**ending, "event_id": uuid7(), "occurred_at": datetime.now(UTC)}))
            self._outbox.commit(Commit(forget=[stay.incident_id], events=events))

    def status(self) -> EdgeStatus:
        """Returns how everything on this edge is, now."""
        cameras: list[CameraStatus] = []
        watches: list[WatchStatus] = [w.status() for desk in self._desks for w in desk.watches]
        for group in self._groups:
            if group.last_beat is not None:
                cameras += group.last_beat.cameras
                watches += group.last_beat.watches
        counts = self._outbox.counts()
        return EdgeStatus(
            edge_id=self._configuration.edge_id,
            version=version("streetcase"),
            sent_at=datetime.now(UTC),
            started_at=self._started_at,
            load=round(os.getloadavg()[0] / (os.cpu_count() or 1), 2),
            clock_offset_ms=self._link.clock_offset_ms if self._link else None,
            cameras=cameras,
            sensors=[desk.status() for desk in self._desks],
            watches=watches,
            backlog=Backlog(
                events=counts.events.get("waiting", 0),
                evidence_items=counts.evidence_items,
                evidence_bytes=counts.evidence_bytes,
                held=counts.events.get(Answer.HELD.value, 0),
                refused=counts.events.get(Answer.REFUSED.value, 0) + counts.events.get("unreadable", 0),
                sacrificed=counts.sacrificed,
                oldest_at=counts.oldest_waiting_at,
            ),
            open_incidents=[stay.incident_id for stay in self._outbox.stays() if stay.raised],
        )

    def _write_status(self) -> None:
        part = self._folders.status.with_suffix(".part")
        try:
            part.write_text(self.status().model_dump_json(indent=2), encoding="utf-8")
            part.replace(self._folders.status)
        except (OSError, OutboxError) as error:
            log.warning("status not written", reason=type(error).__name__)

    def _report_status(self) -> None:
        assert self._uplink is not None  # noqa: S101 - started only with one
        while not self._stop.is_set():
            # The uplink tells when the centre is lost; a status is worth nothing later.
            with contextlib.suppress(LinkDown, OutboxError):
                self._uplink.send_status(self.status())
            self._stop.wait(STATUS_EVERY_S)

    def _keep_house(self) -> None:
        """Writes the status file each second, and forgets now and then what a week has made old."""
        next_prune_s = time.monotonic() + PRUNE_EVERY_S
        while not self._stop.wait(STATUS_FILE_EVERY_S):
            self._write_status()
            if time.monotonic() >= next_prune_s:
                next_prune_s = time.monotonic() + PRUNE_EVERY_S
                evidence = EvidenceFolder(self._folders.evidence)
                for sha256 in self._outbox.prune():
                    evidence.remove(sha256)

    def _sweep(self) -> None:
        strays = EvidenceFolder(self._folders.evidence).sweep(
            keep=self._outbox.evidence_names(), older_than_s=STRAY_AFTER_S
        )
        if strays:
            log.info("stray pictures removed", files=strays)
