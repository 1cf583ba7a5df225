"""Runs an edge: a process per group of cameras, and here the sensors, the uplink and the watch over the groups."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Mapping
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import cast

import structlog
from uuid_utils.compat import uuid7

from detectors.base import ReadingRule
from detectors.registry import build
from edge.clock import SystemClock
from edge.evidence import EvidenceFolder
from edge.group import Folders
from edge.keeper import Keeper
from edge.outbox import Commit, Outbox, OutboxError
from edge.sensors import BrokerLink, SensorDesk, SensorWatch
from edge.stays import WatchStays
from edge.supervision import STOPPING_S, GroupProcess, spread
from edge.uplink import PRUNE_EVERY_S, STATUS_EVERY_S, LinkDown, Uplink
from ingest.configuration import EdgeConfiguration
from ingest.contract import Answer, Backlog, CameraStatus, ClearReason, EdgeStatus, Phase, WatchStatus

STATUS_FILE_EVERY_S = 1.0

log = structlog.get_logger(__name__)


class EdgeKeyMissing(Exception):
    """The centre is configured, and its key is not where the configuration says."""


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
        self._links = [
            BrokerLink(
                broker,
                [desk for desk in self._desks if desk.sensor.broker == broker.id],
                edge_id=configuration.edge_id,
                environment=environment,
                clock=SystemClock(),
                stop=stop,
            )
            for broker in configuration.brokers
        ]
        self._uplink = self._make_uplink(environment)

    def run(self) -> None:
        self._withdraw_unwatched()
        threads = [threading.Thread(target=link.run, name="broker") for link in self._links]
        if self._uplink is not None:
            threads.append(threading.Thread(target=self._uplink.run, name="uplink"))
            threads.append(threading.Thread(target=self._report_status, name="status"))
        for thread in threads:
            thread.start()
        next_status_s = 0.0
        while not self._stop.is_set():
            for group in self._groups:
                group.tend()
            if time.monotonic() >= next_status_s:
                next_status_s = time.monotonic() + STATUS_FILE_EVERY_S
                self._write_status()
            self._stop.wait(0.2)
        for group in self._groups:
            group.stop()
        for thread in threads:
            thread.join(timeout=STOPPING_S)
        self._write_status()
        if self._uplink is not None:
            self._uplink.close()
        self._outbox.close()

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

    def _make_uplink(self, environment: Mapping[str, str]) -> Uplink | None:
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
            except OSError:
                key = ""
        if not key:
            raise EdgeKeyMissing(f"no key for the centre in {where}; `streetcase api add-edge` makes one")
        return Uplink(centre, key, self._outbox, EvidenceFolder(self._folders.evidence), stop=self._stop)

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
            clock_offset_ms=self._uplink.clock_offset_ms if self._uplink else None,
            cameras=cameras,
            sensors=[desk.status() for desk in self._desks],
            watches=watches,
            backlog=Backlog(
                events=counts.events.get("waiting", 0),
                evidence_items=counts.evidence_items,
                evidence_bytes=counts.evidence_bytes,
                held=counts.events.get(Answer.HELD.value, 0),
                refused=counts.events.get(Answer.REFUSED.value, 0),
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
        next_prune_s = 0.0
        while not self._stop.is_set():
            try:
                self._uplink.send_status(self.status())
                if time.monotonic() >= next_prune_s:
                    next_prune_s = time.monotonic() + PRUNE_EVERY_S
                    evidence = EvidenceFolder(self._folders.evidence)
                    for sha256 in self._outbox.prune():
                        evidence.remove(sha256)
            except (LinkDown, OutboxError):
                pass  # the uplink tells when the centre is lost; a status is worth nothing later
            self._stop.wait(STATUS_EVERY_S)
