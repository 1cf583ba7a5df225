"""Reports entries to the API, and lets go of each only when the API has it or it can never be taken."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import structlog

from api.client import ApiRefused, ApiUnavailable
from api.schemas import ReportAnswer, ReportOutcome
from ingest.entries import StreamEntry
from ingest.outage import Outage
from ingest.patience import Patience
from ingest.raw_reports import raw_report_of
from ingest.reports import EntryUnreadable
from ingest.set_aside import SetAside
from ingest.settled import Archive, ArchiveUnavailable
from ingest.stream import EventStream

# Refusals that lie in what was sent. Any other (a key withdrawn, a wrong address) lies between us and the API:
# somebody must mend that, and until then nothing may be buried.
GUILTY_STATUSES = frozenset({400, 413, 422})

# An answer of 500 may lie in one report, other than 502 to 504 or no answer. So often in a row the same reports may
# meet it before the worker looks for the guilty one.
_FAULT = 500
FAULTS_BEFORE_NARROWING = 3


class ReportTaker(Protocol):
    """What a worker needs of the API; ``api.client.ApiClient`` is one."""

    def report_raw(self, reports: Sequence[bytes]) -> list[ReportAnswer]: ...


@dataclass(frozen=True, slots=True)
class _Pair:
    entry: StreamEntry
    report: bytes


class Reporter:
    """Takes entries to their end: reported, archived and handed to the ``sinks``, or a dead letter.

    What it leaves when asked to ``stop`` stays pending in the stream; nothing is lost.
    """

    def __init__(
        self,
        stream: EventStream,
        api: ReportTaker,
        archive: Archive,
        *,
        sinks: Sequence[str],
        set_aside: SetAside,
        attempts: int,
        stop: threading.Event,
        log: structlog.stdlib.BoundLogger,
    ) -> None:
        self._stream = stream
        self._api = api
        self._archive = archive
        self._sinks = sinks
        self._set_aside = set_aside
        self._attempts = attempts
        self._stop = stop
        self._log = log
        self._patience = Patience(stop)
        self._api_outage = Outage("api")
        self._archive_outage = Outage("archive")

    def handle(self, batch: Sequence[StreamEntry]) -> None:
        """Reports up to 500 entries in their order. Raises: StreamUnavailable."""
        pairs = []
        for entry in batch:
            try:
                pairs.append(_Pair(entry, raw_report_of(entry)))
            except EntryUnreadable as error:
                self._bury(entry, str(error))
        if pairs:
            self._report(pairs)

    def _report(self, pairs: Sequence[_Pair], *, faults_max: int = FAULTS_BEFORE_NARROWING) -> None:
        """Reports and settles; what fails as a whole by its own fault is halved until only the guilty entry is left.

        After ``faults_max`` faults in a row the fault counts as the reports' own.
        """
        faults = 0
        while True:
            try:
                answers = self._api.report_raw([pair.report for pair in pairs])
            except ApiUnavailable as error:
                if error.status == _FAULT and not self._set_aside.full:
                    faults += 1
                    if faults >= faults_max:
                        self._narrow_down(pairs, error, faults_max=1)
                        return
                else:
                    faults = 0
                    self._api_outage.lost(error)
            except ApiRefused as error:
                if error.status in GUILTY_STATUSES:
                    self._narrow_down(pairs, error, faults_max=faults_max)
                    return
                self._api_outage.lost(error)
            else:
                self._api_outage.back()
                self._patience.reset()
                self._settle(pairs, answers)
                return
            self._patience.wait()
            if self._stop.is_set():
                return

    def _narrow_down(self, pairs: Sequence[_Pair], error: ApiUnavailable | ApiRefused, *, faults_max: int) -> None:
        if len(pairs) == 1:
            self._give_up(pairs[0].entry, error)
            return
        half = len(pairs) // 2
        self._report(pairs[:half], faults_max=faults_max)
        if not self._stop.is_set():
            self._report(pairs[half:], faults_max=faults_max)

    def _give_up(self, entry: StreamEntry, error: ApiUnavailable | ApiRefused) -> None:
        """Buries what the API refuses. What it fails at stays pending, and is taken up again as left alone."""
        if isinstance(error, ApiRefused):
            self._bury(entry, f"the API refused it: {error.reason}")
        else:
            self._patience.reset()
            self._set_aside.put(entry, str(error))

    def _settle(self, pairs: Sequence[_Pair], answers: Sequence[ReportAnswer]) -> None:
        done = []
        for pair, answer in zip(pairs, answers, strict=True):
            if answer.outcome is ReportOutcome.REFUSED:
                self._bury(pair.entry, f"the API refused it: {answer.reason}")
            else:
                done.append(pair.entry)
        if self._archived(done):
            self._stream.settle(done, self._sinks)
        self._count_failures([pair.entry for pair in pairs])

    def _archived(self, entries: Sequence[StreamEntry]) -> bool:
        """Archives entries, however long that takes; False where asked to stop before."""
        while entries:
            try:
                self._archive.write(entries)
            except ArchiveUnavailable as error:
                self._archive_outage.lost(error)
                self._patience.wait()
                if self._stop.is_set():
                    return False
            else:
                self._archive_outage.back()
                self._patience.reset()
                return True
        return False

    def _count_failures(self, taken: Sequence[StreamEntry]) -> None:
        """The API works: what it failed at just now counts, and so often only may it."""
        for failure in self._set_aside.settled(taken):
            attempts = self._stream.count_attempt(failure.entry)
            if attempts >= self._attempts:
                self._bury(failure.entry, f"the API failed at it {attempts} times: {failure.reason}")
                self._set_aside.forget(failure.entry)

    def _bury(self, entry: StreamEntry, reason: str) -> None:
        self._log.warning(
            "event became a dead letter",
            partition=entry.partition,
            entry_id=entry.entry_id,
            edge_id=entry.edge_id,
            reason=reason,
        )
        self._stream.bury(entry, reason)
