"""Shows Prometheus how an edge is: looks, faults, processes, backlog. Nothing is measured for it alone."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable, Iterator

import structlog
from prometheus_client import start_http_server
from prometheus_client.core import CollectorRegistry, CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from edge.processes.ends import End
from edge.processes.tally import Tally
from edge.reading.faults import waits_s
from ingest.edge_messages import CameraState, EdgeStatus

log = structlog.get_logger(__name__)


class EdgeCollector(Collector):
    """Makes the metrics anew at each question, from the status and from what was counted since the edge started."""

    def __init__(self, status: Callable[[], EdgeStatus], tally: Tally, ends: Counter[End]) -> None:
        self._status = status
        self._tally = tally
        self._ends = ends

    def describe(self) -> list[Metric]:
        return []  # or the registry asks for everything once at the start

    def collect(self) -> Iterator[Metric]:
        """Yields the families (prometheus_client.registry.Collector)."""
        status = self._status()
        yield _counted("streetcase_edge_looks", "Looks at a camera", self._tally.looks)
        yield _counted("streetcase_edge_gated_looks", "Looks that needed no detector", self._tally.gated)
        yield _counted("streetcase_edge_dropped_looks", "Looks never judged: newer ones waited", self._tally.dropped)
        faults = CounterMetricFamily(
            "streetcase_edge_faults", "Times that a camera was lost or blind", labels=["camera", "type"]
        )
        for (camera, fault), number in list(self._tally.faults.items()):
            faults.add_metric([camera, fault], number)
        yield faults
        restarts = CounterMetricFamily("streetcase_edge_restarts", "Processes started again", labels=["cause"])
        for cause in End:
            restarts.add_metric([cause.value], self._ends[cause])
        yield restarts
        states = GaugeMetricFamily("streetcase_edge_cameras", "Cameras by state", labels=["state"])
        for state in CameraState:
            states.add_metric([state.value], sum(camera.state is state for camera in status.cameras))
        yield states
        memory = GaugeMetricFamily("streetcase_edge_memory_bytes", "What a process holds", labels=["process"])
        for number, group in enumerate(status.groups):
            # By its place: a process id would begin another series at each start.
            if group.memory_mb is not None and group.process_id is not None:
                memory.add_metric([str(number)], group.memory_mb * 2**20)
        yield memory
        shed = max((group.shed_share for group in status.groups), default=0.0)
        undecided = sum(watch.looks_apart_s is not None for watch in status.watches)
        backlog = status.backlog
        for name, help_text, value in (
            ("set_aside_cameras", "Cameras that nobody looks at, for they kill their process", len(status.set_aside)),
            ("shed_share", "Share of the configured looks left out, in the group that leaves out most", shed),
            ("undecided_watches", "Watches whose looks are too rare to raise or clear anything", undecided),
            ("backlog_events", "Events that wait to be sent", backlog.events),
            ("backlog_evidence_items", "Pictures that wait to be sent", backlog.evidence_items),
            ("backlog_evidence_bytes", "Bytes of pictures that wait to be sent", backlog.evidence_bytes),
            ("open_incidents", "Incidents that are open", len(status.open_incidents)),
        ):
            yield GaugeMetricFamily(f"streetcase_edge_{name}", help_text, value=value)


def _counted(name: str, help_text: str, counts: Counter[str]) -> CounterMetricFamily:
    family = CounterMetricFamily(name, help_text, labels=["camera"])
    for camera, number in list(counts.items()):
        family.add_metric([camera], number)
    return family


class MetricsServer:
    """Serves ``/metrics`` where there is a port. One that is taken is tried again: an edge looks on without it.

    :meth:`run` returns once ``stop`` is set; ``fault`` may be read by others.
    """

    def __init__(self, collector: EdgeCollector, *, host: str, port: int | None, stop: threading.Event) -> None:
        self.fault: str | None = None
        """Why it is not served; None where it is, or is not wanted."""

        self._host = host
        self._port = port
        self._stop = stop
        self._registry = CollectorRegistry()
        self._registry.register(collector)

    def run(self) -> None:
        waits = waits_s()
        while self._port is not None and not self._stop.is_set():
            try:
                server, thread = start_http_server(self._port, addr=self._host, registry=self._registry)
            except OSError as error:
                self._tell(f"metrics_port: {self._host}:{self._port} cannot be used: {error.strerror}")
                self._stop.wait(next(waits))
                continue
            self._tell(None)
            self._stop.wait()
            server.shutdown()
            server.server_close()
            thread.join()

    def _tell(self, fault: str | None) -> None:
        if fault is not None and self.fault is None:
            log.warning("metrics not served, tried again", reason=fault)
        if fault is None and self.fault is not None:
            log.info("metrics served", host=self._host, port=self._port)
        self.fault = fault
