"""Runs an edge: a process per group of cameras, and here the sensors, the link to the centre and the house."""

from __future__ import annotations

import threading
import time
from collections.abc import Mapping
from pathlib import Path

import structlog

from edge.centre.answers import Answers
from edge.centre.configuration import FIRST_ANSWER_S, CentreConfiguration, CentreWatches
from edge.centre.document import OfferRefused
from edge.centre.kept_offer import KeptOffer
from edge.centre.requests import Requests
from edge.centre.statuses import Statuses
from edge.looking.camera_faults import fault_watches
from edge.looking.evidence import EvidenceFolder
from edge.outbox.box import Outbox, OutboxError
from edge.outbox.budget import Budget
from edge.outbox.house import House
from edge.outbox.keeper import Keeper
from edge.processes.cannot_start import EdgeCannotStart
from edge.processes.centre_link import make_link
from edge.processes.fleet import Fleet
from edge.processes.folders import Folders
from edge.processes.limits import STOPPING_S, Limits
from edge.processes.local_file import LocalFile, needs_restart
from edge.processes.metrics import EdgeCollector, MetricsServer
from edge.processes.threads import tireless
from edge.processes.unseen import UnseenCameras
from edge.sensing.side import SensorSide
from edge.staying.withdrawal import withdraw_unwatched
from edge.uplink.link import LinkDown
from edge.uplink.sending import STATUS_EVERY_S, Uplink
from ingest.configuration import EdgeConfiguration
from ingest.edge_messages import EdgeStatus

__all__ = ["Edge", "EdgeCannotStart"]

TEND_EVERY_S = 0.2
WITHDRAW_AGAIN_S = 10.0

log = structlog.get_logger(__name__)


class Edge:
    """One edge box. :meth:`run` returns after ``stop`` is set and everything in hand is kept.

    Raises: EdgeCannotStart, OutboxError: Also from :meth:`run`.
    """

    def __init__(
        self,
        configuration: EdgeConfiguration,
        *,
        environment: Mapping[str, str],
        stop: threading.Event,
        limits: Limits | None = None,
        own: LocalFile | None = None,
    ) -> None:
        self._local = configuration
        self._own = own
        self._before: EdgeConfiguration | None = None
        self._answers: Answers | None = None
        self._stop = stop
        self._folders = Folders(Path(configuration.data_dir))
        self._link = make_link(configuration, environment)
        self._outbox = Outbox(self._folders.outbox)
        self._evidence = EvidenceFolder(self._folders.evidence)
        self._keeper = Keeper(self._outbox, edge_id=configuration.edge_id)
        self._fleet = Fleet(limits)
        self._unseen = UnseenCameras(
            outbox=self._outbox, keeper=self._keeper, evidence=self._evidence, views=self._folders.views
        )
        self._sensors = SensorSide(outbox=self._outbox, keeper=self._keeper, environment=environment)
        self._centre = CentreConfiguration(
            configuration, KeptOffer(self._folders.centre_configuration), self._link, stop=stop
        )
        self._budget = Budget(self._outbox, self._evidence, budget_bytes=configuration.disk_budget_mb * 1_000_000)
        self._statuses = Statuses(
            configuration.edge_id,
            outbox=self._outbox,
            keeper=self._keeper,
            budget=self._budget,
            fleet=self._fleet,
            sensors=self._sensors,
            centre=self._centre,
            link=self._link,
            own=own,
            metrics_fault=lambda: self._metrics.fault,
        )
        self._metrics = MetricsServer(
            EdgeCollector(self.status, self._fleet.tally, self._fleet.ends),
            host=configuration.metrics_host,
            port=configuration.metrics_port,
            stop=stop,
        )
        self._house = House(
            outbox=self._outbox,
            keeper=self._keeper,
            evidence=self._evidence,
            budget=self._budget,
            looks=self._folders.looks,
            write_status=lambda: self._statuses.write(self._folders.status),
            stop=stop,
        )
        self._applied = CentreWatches()
        self._changing: CentreWatches | None = None
        self._proven = False
        self._withdraw_at_s: float | None = None

    def run(self) -> None:
        threads: list[threading.Thread] = []
        try:
            if self._link is not None:
                threads.append(tireless(self._centre.run, name="configuration", stop=self._stop))
                threads[0].start()
                self._centre.asked.wait(FIRST_ANSWER_S)
            self._start_watching()
            self._house.sweep()
            for thread in self._make_threads():
                thread.start()
                threads.append(thread)
            while not self._stop.wait(TEND_EVERY_S):
                self._tend()
        finally:
            self._stop.set()
            # All stop at once, and have so long together: whoever stops this process does not wait for ever.
            deadline_s = time.monotonic() + STOPPING_S
            self._fleet.stop(within_s=STOPPING_S)
            self._sensors.stop(within_s=max(1.0, deadline_s - time.monotonic()))
            for thread in threads:
                # The long poll may hang for as long as the centre likes; it has nothing to keep.
                left_s = max(1.0, deadline_s - time.monotonic())
                thread.join(timeout=TEND_EVERY_S if thread.daemon else left_s)
            try:
                self._statuses.write(self._folders.status)
            finally:
                if self._link is not None:
                    self._link.close()
                self._outbox.close()

    def _make_threads(self) -> list[threading.Thread]:
        threads = [
            tireless(self._house.run, name="house", stop=self._stop),
            tireless(self._metrics.run, name="metrics", stop=self._stop),
        ]
        centre = self._local.centre
        if self._link is None or centre is None:
            return threads
        uplink = Uplink(
            self._link,
            self._outbox,
            self._evidence,
            stop=self._stop,
            uploads_at_once=centre.uploads_at_once,
            upload_kbytes_per_s=centre.upload_kbytes_per_s,
        )
        threads.append(tireless(uplink.run, name="uplink", stop=self._stop))
        threads.append(tireless(lambda: self._report_status(uplink), name="status", stop=self._stop))
        answers = self._answers = Answers(
            self._local,
            ask=self._fleet.ask,
            outbox=self._outbox,
            keeper=self._keeper,
            root=self._folders.root,
            stop=self._stop,
        )
        requests = Requests(self._link, answers.answer, stop=self._stop)
        threads.append(tireless(requests.run, name="requests", stop=self._stop))
        threads[-1].daemon = True
        return threads

    def _start_watching(self) -> None:
        self._applied = self._centre.in_force
        configuration = self._centre.merged(self._applied)
        self._withdraw()
        self._sensors.take(configuration)
        self._sensors.start()
        of_centre = {watch.id for watch in self._applied.watches}
        for refusal in self._sensors.refused:
            if refusal.watch_id not in of_centre:
                raise EdgeCannotStart(str(refusal))
        self._fleet.take(configuration)

    def _tend(self) -> None:
        self._fleet.tend()
        self._unseen.note(self._fleet.unseen)
        self._sensors.tend()
        self._refuse_what_cannot_start()
        self._follow_file()
        self._follow_centre()
        if self._withdraw_at_s is not None and time.monotonic() >= self._withdraw_at_s:
            self._withdraw()

    def _refuse_what_cannot_start(self) -> None:
        """Goes back from what does not start: one watch must not keep the others of its group from being looked at.

        Once all look on with it, it is good: what fails later (a disk, a model that is damaged) is none of its faults.
        """
        if self._proven or self._changing is not None:
            return
        of_centre = {watch.id for watch in self._applied.watches}
        for watch_id, why in [*self._fleet.cannot_start, *self._sensors.cannot_start]:
            if watch_id in of_centre and self._applied.revision is not None:
                self._centre.refuse(self._applied.revision, why, watch_id=watch_id)
            elif watch_id is not None and self._before is not None:
                self._refuse_file(self._before, watch_id, why)
        if self._centre.in_force is self._applied and self._fleet.looks_on and self._sensors.looks_on:
            self._proven, self._before = True, None
            self._centre.prove()

    def _refuse_file(self, before: EdgeConfiguration, watch_id: str, why: str) -> None:
        if any(watch.id == watch_id and watch in before.watches for watch in self._local.watches):
            return  # it was the same before: going back mends nothing
        self._before = None
        try:
            self._take_local(before)
        except OfferRefused as error:
            why = f"{why}; the one before does not go with the centre's revision {self._applied.revision}: {error}"
        if self._own is not None:
            self._own.refuse(why)

    def _follow_file(self) -> None:
        """Takes the edge's own file where it has changed and is good beside what the centre wants watched."""
        if self._own is None or self._changing is not None:
            return
        new = self._own.changed()
        if new is None:
            return
        why = needs_restart(self._local, new)
        before = self._local
        try:
            if why is None and new != before:
                self._take_local(new)
                self._before = self._before or before
        except OfferRefused as error:
            why = f"it does not go with the centre's revision {self._applied.revision}: {error}"
        if why is None:
            self._own.taken(new)
        else:
            self._own.refuse(why)

    def _take_local(self, configuration: EdgeConfiguration) -> None:
        """Has it in force; what differs is then followed like a change of the centre's. Raises: OfferRefused."""
        self._centre.take_local(configuration)
        self._local = configuration
        self._budget.budget_bytes = configuration.disk_budget_mb * 1_000_000
        if self._answers is not None:
            self._answers.local = configuration

    def _follow_centre(self) -> None:
        """Takes what the centre wants watched now: what changes is stopped, then the rest ended, then all goes on."""
        if self._changing is None and self._centre.in_force is not self._applied:
            self._changing, self._proven = self._centre.in_force, False
            configuration = self._centre.merged(self._changing)
            self._fleet.retire(configuration)
            self._sensors.retire(configuration)
        if self._changing is not None and self._fleet.is_ready and self._sensors.is_ready:
            self._applied, self._changing = self._changing, None
            configuration = self._centre.merged(self._applied)
            # Only now does nobody follow the stays any more that end here.
            self._withdraw()
            self._fleet.take(configuration)
            self._sensors.take(configuration)

    def _withdraw(self) -> None:
        """Ends what nobody wants watched any more, unless only the centre could tell what that is."""
        told, self._withdraw_at_s = self._withdraw_at_s is not None, None
        if not self._applied.known:
            return
        try:
            wanted = self._centre.merged(self._applied)
            watches = [*wanted.watches, *fault_watches(wanted.cameras)]
            withdraw_unwatched(self._outbox, watches, wanted.cameras)
        except OutboxError as error:
            self._withdraw_at_s = time.monotonic() + WITHDRAW_AGAIN_S
            if not told:
                log.warning("not withdrawn yet", reason=str(error))

    def _report_status(self, uplink: Uplink) -> None:
        told = False
        while not self._stop.is_set():
            # A status is worth nothing later. That the centre is lost the uplink tells; what it refuses, only this.
            try:
                uplink.send_status(self.status())
                told = False
            except LinkDown as error:
                if error.status is not None and not told:
                    log.warning("status not taken", reason=str(error))
                told = error.status is not None
            self._stop.wait(STATUS_EVERY_S)

    def status(self) -> EdgeStatus:
        """Returns how everything on this edge is, now."""
        return self._statuses.now()
