"""Builds an empty database again from the archive, through the API, as if the events came in anew."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from http import HTTPStatus
from itertools import islice
from typing import Protocol

from api.client import ApiRefused, ApiUnavailable
from api.schemas import Report, ReportAnswer, ReportOutcome
from ingest.archive import ArchivedEntry
from ingest.contract import EVENTS_PER_POST
from ingest.outage import Outage
from ingest.patience import Patience
from ingest.reporting import FAULTS_BEFORE_NARROWING, GUILTY_STATUSES
from ingest.reports import EntryUnreadable, report_of

REASONS_MAX = 50
OTHER_REASONS = "for other reasons"


class SpanError(ValueError):
    """A date or time that cannot be read, or an end before its beginning; the message says what was expected."""


class ReportTaker(Protocol):
    """What a replay needs of the API; ``api.client.ApiClient`` is one."""

    def report(self, reports: Sequence[Report]) -> list[ReportAnswer]: ...


@dataclass(slots=True)
class ReplaySummary:
    """How far a replay is. ``reached`` is when the last event in it was received; ``refused`` counts by reason."""

    events: int = 0
    outcomes: Counter[ReportOutcome] = field(default_factory=Counter)
    refused: Counter[str] = field(default_factory=Counter)
    reached: datetime | None = None
    stopped: bool = False

    def refuse(self, reason: str) -> None:
        self.outcomes[ReportOutcome.REFUSED] += 1
        known = reason in self.refused or len(self.refused) < REASONS_MAX
        self.refused[reason if known else OTHER_REASONS] += 1


def span(since: str, until: str) -> tuple[datetime, datetime]:
    """Returns the moments from which on and before which; a date as the end means the whole of that day, in UTC.

    Raises: SpanError.
    """
    first, last = _moment("--from", since), _moment("--to", until, end_of_day=True)
    if first >= last:
        raise SpanError(f"--from {since} must lie before --to {until}")
    return first, last


def _moment(option: str, text: str, *, end_of_day: bool = False) -> datetime:
    try:
        day = date.fromisoformat(text)
        return datetime(day.year, day.month, day.day, tzinfo=UTC) + timedelta(days=1 if end_of_day else 0)
    except (ValueError, OverflowError):
        pass
    try:
        moment = datetime.fromisoformat(text)
        return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).astimezone(UTC)
    except (ValueError, OverflowError):
        raise SpanError(
            f"{option} needs a date such as 2026-11-23 or a time such as 2026-11-23T08:30+08:00 (UTC where it "
            f"says no offset), got {text!r}"
        ) from None


class Replay:
    """Hands archived events to the API in order. Safe to repeat: what the API has is answered as a duplicate."""

    def __init__(self, api: ReportTaker, stop: threading.Event, *, batch: int = EVENTS_PER_POST) -> None:
        self._api = api
        self._stop = stop
        self._batch = batch
        self._patience = Patience(stop)
        self._outage = Outage("api")
        self.summary = ReplaySummary()

    def run(self, entries: Iterable[ArchivedEntry], *, tell: Callable[[ReplaySummary], None]) -> ReplaySummary:
        """Replays until the end, or until asked to stop; ``tell`` hears of the progress after each batch.

        An API that is away is waited for. Raises: ApiRefused: If it does not let this caller in.
        """
        source = iter(entries)
        while not self._stop.is_set() and (batch := list(islice(source, self._batch))):
            self._take(batch)
            if not self._stop.is_set():
                self.summary.reached = batch[-1].received_at
            tell(self.summary)
        self.summary.stopped = self._stop.is_set()
        return self.summary

    def _take(self, batch: Sequence[ArchivedEntry]) -> None:
        reports = []
        for archived in batch:
            try:
                reports.append(report_of(archived.entry))
            except EntryUnreadable as error:
                self.summary.events += 1
                self.summary.refuse(str(error))
        if reports:
            self._report(reports)

    def _report(self, reports: Sequence[Report], *, faults_max: int = FAULTS_BEFORE_NARROWING) -> None:
        """Reports; what fails by its own fault is halved until only the guilty report is left."""
        faults = 0
        while not self._stop.is_set():
            try:
                answers = self._api.report(reports)
            except ApiUnavailable as error:
                faults += error.status == HTTPStatus.INTERNAL_SERVER_ERROR
                if faults >= faults_max:
                    self._narrow_down(reports, f"the API fails at it: {error}", faults_max=1)
                    return
                self._outage.lost(error)
                self._patience.wait(at_least_s=error.retry_after_s or 0.0)
            except ApiRefused as error:
                if error.status not in GUILTY_STATUSES:
                    raise
                self._narrow_down(reports, f"the API refused it: {error.reason}", faults_max=faults_max)
                return
            else:
                self._outage.back()
                self._patience.reset()
                self._count(answers)
                return

    def _narrow_down(self, reports: Sequence[Report], reason: str, *, faults_max: int) -> None:
        if len(reports) == 1:
            self.summary.events += 1
            self.summary.refuse(reason)
            return
        half = len(reports) // 2
        self._report(reports[:half], faults_max=faults_max)
        self._report(reports[half:], faults_max=faults_max)

    def _count(self, answers: Sequence[ReportAnswer]) -> None:
        self.summary.events += len(answers)
        for answer in answers:
            if answer.outcome is ReportOutcome.REFUSED:
                self.summary.refuse(f"the API refused it: {answer.reason}")
            else:
                self.summary.outcomes[answer.outcome] += 1
