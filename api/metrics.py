"""What an operator watches: requests, cases by state, what waits, when each chore last worked; for Prometheus."""

from __future__ import annotations

import os
import time
from collections.abc import Iterable, Iterator

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.multiprocess import MultiProcessCollector
from prometheus_client.registry import Collector
from sqlalchemy import func, select
from sqlalchemy.orm import Session
from sqlalchemy.pool import QueuePool

from api.cases.counts import CountBy, count_cases
from api.database import Database
from api.tables import AuditRow, WebhookDelivery

_DURATIONS_S = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0)
FOLDER_VARIABLE = "PROMETHEUS_MULTIPROC_DIR"
"""Where prometheus_client keeps what several processes count; it looks at it when it is imported."""

_UNSEALED_COUNTED = 10_000
_WAITING = "waiting"


class Metrics:
    """One registry for each application, so that two in one process do not count each other's requests.

    Where several processes serve together, any of them tells what all have counted: each counts in files of its own, in
    the folder that ``api.processes`` names in the environment before it starts them.
    """

    def __init__(self, database: Database) -> None:
        self.registry = CollectorRegistry()
        self._database = database
        labels = ("method", "route", "status")
        self._requests = Counter("streetcase_requests", "Answers given.", labels, registry=self.registry)
        self._durations = Histogram(
            "streetcase_request_seconds",
            "From a request's head to the end of its answer.",
            ("method", "route"),
            buckets=_DURATIONS_S,
            registry=self.registry,
        )
        self._chores = Gauge(
            "streetcase_chore_success_timestamp_seconds",
            "When a chore last worked; one process of all does them.",
            ("chore",),
            multiprocess_mode="max",
            registry=self.registry,
        )

    def answered(self, *, method: str, route: str, status: int, seconds: float) -> None:
        """route: as it is declared, with its parameters' names, so that there are few."""
        self._requests.labels(method, route, str(status)).inc()
        self._durations.labels(method, route).observe(seconds)

    def chore_worked(self, name: str) -> None:
        self._chores.labels(name).set(time.time())

    def text(self) -> bytes:
        """Raises: SQLAlchemyError: If the database does not answer."""
        registry = CollectorRegistry()
        registry.register(_InDatabase(self._database))
        if FOLDER_VARIABLE in os.environ:
            MultiProcessCollector(registry)  # type: ignore[no-untyped-call]
            return generate_latest(registry)
        return generate_latest(self.registry) + generate_latest(registry)


class _InDatabase(Collector):
    """Asks the database each time; each question is bounded, so that a million cases cost no more than a few."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def describe(self) -> Iterable[Metric]:
        return ()

    def collect(self) -> Iterator[Metric]:
        with self._database.glance() as session:
            cases = GaugeMetricFamily("streetcase_cases", "Cases by state, 10,000 at most.", labels=["state"])
            for counted in count_cases(session, [], by=CountBy.STATE):
                cases.add_metric([counted.key], counted.count)
            yield cases
            yield GaugeMetricFamily(
                "streetcase_audit_unsealed", "Audit rows not chained yet, 10,000 at most.", value=_unsealed(session)
            )
            yield GaugeMetricFamily("streetcase_webhooks_waiting", "Deliveries to be made.", value=_waiting(session))
        pools = [pool for pool in self._database.pools if isinstance(pool, QueuePool)]
        in_use, idle = sum(pool.checkedout() for pool in pools), sum(pool.checkedin() for pool in pools)
        yield GaugeMetricFamily("streetcase_database_connections_in_use", "Of the process that answers.", value=in_use)
        yield GaugeMetricFamily("streetcase_database_connections_idle", "Of the process that answers.", value=idle)


def _unsealed(session: Session) -> int:
    some = select(AuditRow.id).where(AuditRow.place.is_(None)).limit(_UNSEALED_COUNTED).subquery()
    return session.scalar(select(func.count()).select_from(some)) or 0


def _waiting(session: Session) -> int:
    waiting = select(func.count()).select_from(WebhookDelivery).where(WebhookDelivery.state == _WAITING)
    return session.scalar(waiting) or 0
