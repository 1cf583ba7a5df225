"""Follows the events of cases over broken lines."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import httpx

from api.typed_client import models
from api.typed_client.connection import Connection, error_of

_PATH = "/api/v1/cases/events"
_SILENT_S = 45.0
"""The API says every 15 seconds that it lives: whoever hears nothing for three times as long asks again."""

_AGAIN_S = 2.0


@dataclass(slots=True)
class _Reader:
    """Puts lines together into events; ``last_id`` is from where to go on."""

    last_id: int | None
    _fields: dict[str, str] = field(default_factory=dict)

    def take(self, line: str) -> models.CaseEvent | None:
        if line and not line.startswith(":"):
            name, _, value = line.partition(": ")
            self._fields[name] = value
            return None
        if line:
            return None
        said, self._fields = self._fields, {}
        self.last_id = int(said.get("id", self.last_id or 0)) or self.last_id
        return models.CaseEvent.model_validate_json(said["data"]) if "data" in said else None


def follow(
    connection: Connection, *, last_event_id: int | None, kind: Sequence[str], department: str | None
) -> Iterator[models.CaseEvent]:
    """Yields events, each at least once. Raises: ApiError: If the API refuses."""
    reader = _Reader(last_event_id)
    query: dict[str, str | list[str]] = {"kind": list(kind)}
    if department is not None:
        query["department"] = department
    while True:
        headers = {"Accept": "text/event-stream"}
        if reader.last_id is not None:
            headers["Last-Event-ID"] = str(reader.last_id)
        try:
            with connection.http.stream("GET", _PATH, params=query, headers=headers, timeout=_SILENT_S) as answer:
                if answer.status_code < 500 and not answer.is_success:
                    answer.read()
                    raise error_of(answer)
                for line in answer.iter_lines() if answer.is_success else ():
                    if (event := reader.take(line)) is not None:
                        yield event
        except httpx.TransportError:
            pass
        time.sleep(_AGAIN_S)
