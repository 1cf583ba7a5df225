"""Passes on to the API how each edge last was, in short and in the background: no edge waits for it."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from datetime import datetime

from api.client import ApiRefused, ApiUnavailable
from api.schemas import AILING_MAX, STATUSES_PER_PUT, Ailing, BacklogShort, EdgeStatusReport, EdgeStatusShort
from ingest.edge_messages import CameraState, CameraStatus, EdgeStatus
from ingest.outage import Outage

EVERY_S = 5.0
NUMBER_MAX = 2**53
_WELL = frozenset({CameraState.LIVE, CameraState.STARTING})
_COPIED = {"version", "sent_at", "started_at", "load", "memory_mb", "configuration_revision", "configuration_fault"}

Report = Callable[[Sequence[EdgeStatusReport]], None]


class StatusRelay:
    """Holds the last status of each edge until the API has it. Safe to share between threads."""

    def __init__(self, report: Report, *, every_s: float = EVERY_S) -> None:
        self._report = report
        self._every_s = every_s
        self._lock = threading.Lock()
        self._news: dict[str, EdgeStatusReport] = {}
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="status-relay", daemon=True)
        self._api = Outage("api for statuses")

    def start(self) -> None:
        self._thread.start()

    def close(self) -> None:
        """Returns once the thread has ended; what was not passed on comes again with the edges' next statuses."""
        self._stop.set()
        if self._thread.is_alive():
            self._thread.join()

    def note(self, status: EdgeStatus, *, received_at: datetime) -> None:
        report = EdgeStatusReport(edge_id=status.edge_id, received_at=received_at, status=in_short(status))
        with self._lock:
            self._news[status.edge_id] = report

    def pass_on(self) -> None:
        """Reports what is new; what the API does not take now waits for the next time."""
        with self._lock:
            news, self._news = self._news, {}
        reports = list(news.values())
        for start in range(0, len(reports), STATUSES_PER_PUT):
            try:
                self._report(reports[start : start + STATUSES_PER_PUT])
            except ApiUnavailable as error:
                self._api.lost(error)
                self._keep_for_later(reports[start:])
                return
            except ApiRefused as error:
                self._api.lost(error)
            else:
                self._api.back()

    def _keep_for_later(self, reports: Iterable[EdgeStatusReport]) -> None:
        with self._lock:
            self._news = {report.edge_id: report for report in reports} | self._news

    def _run(self) -> None:
        while not self._stop.wait(self._every_s):
            self.pass_on()


def in_short(status: EdgeStatus) -> EdgeStatusShort:
    """Returns a status without what is well: a few kilobytes, whatever the edge wrote."""
    ailing = [camera for camera in status.cameras if _ails(camera)][:AILING_MAX]
    faulty = [sensor for sensor in status.sensors if sensor.fault][:AILING_MAX]
    backlog = {name: _bounded(value) for name, value in status.backlog.model_dump().items()}
    return EdgeStatusShort.model_validate(
        {
            **status.model_dump(include=_COPIED),
            "clock_offset_ms": _bounded(status.clock_offset_ms),
            "cameras": Counter(camera.state.value for camera in status.cameras),
            "ailing_cameras": [Ailing(id=each.id, state=each.state.value, fault=each.fault) for each in ailing],
            "sensors": len(status.sensors),
            "ailing_sensors": [Ailing(id=each.id, fault=each.fault) for each in faulty],
            "watches": len(status.watches),
            "open_incidents": len(status.open_incidents),
            "backlog": BacklogShort.model_validate(backlog),
        }
    )


def _ails(camera: CameraStatus) -> bool:
    return camera.state not in _WELL or camera.fault is not None


def _bounded(value: object) -> object:
    """Returns a number that every reader of JSON can carry; anything else as it is."""
    return max(-NUMBER_MAX, min(NUMBER_MAX, value)) if isinstance(value, int) else value
