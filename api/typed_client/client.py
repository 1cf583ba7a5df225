"""The typed client of the API. Written by ``python -m scripts.typed_client``; not to be edited."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from types import TracebackType
from typing import Self

from api.typed_client import models
from api.typed_client.acts_on_cases import ActsOnCases
from api.typed_client.audit import Audit
from api.typed_client.calendars import Calendars
from api.typed_client.cases import Cases
from api.typed_client.catalogue import Catalogue
from api.typed_client.connection import Connection
from api.typed_client.edges import Edges
from api.typed_client.events import Events
from api.typed_client.evidence import Evidence
from api.typed_client.following import follow
from api.typed_client.health import Health
from api.typed_client.indicators import Indicators
from api.typed_client.keys import Keys
from api.typed_client.people import People
from api.typed_client.places import Places
from api.typed_client.reports import Reports
from api.typed_client.sessions import Sessions
from api.typed_client.webhooks import Webhooks


class StreetcaseClient:
    """All operations by their subjects, such as ``client.cases.show(case_id)``; bearer: a session's token, or a key."""

    def __init__(self, url: str, bearer: str | None = None, *, timeout_s: float = 30.0) -> None:
        self._connection = Connection(url, bearer, timeout_s=timeout_s)
        self.acts_on_cases = ActsOnCases(self._connection)
        self.audit = Audit(self._connection)
        self.calendars = Calendars(self._connection)
        self.cases = Cases(self._connection)
        self.catalogue = Catalogue(self._connection)
        self.edges = Edges(self._connection)
        self.events = Events(self._connection)
        self.evidence = Evidence(self._connection)
        self.health = Health(self._connection)
        self.indicators = Indicators(self._connection)
        self.keys = Keys(self._connection)
        self.people = People(self._connection)
        self.places = Places(self._connection)
        self.reports = Reports(self._connection)
        self.sessions = Sessions(self._connection)
        self.webhooks = Webhooks(self._connection)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        self._connection.close()

    def follow(
        self, *, last_event_id: int | None = None, kind: Sequence[str] = (), department: str | None = None
    ) -> Iterator[models.CaseEvent]:
        """Yields what happens to cases, for ever: it comes back where the line breaks. Raises: ApiError: If refused."""
        return follow(self._connection, last_event_id=last_event_id, kind=kind, department=department)
