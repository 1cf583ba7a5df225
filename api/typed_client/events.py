"""The API's operations on events. Written by ``python -m scripts.typed_client``; not to be edited."""

from __future__ import annotations

from api.typed_client import models
from api.typed_client.connection import Operations


class Events(Operations):
    """Events."""

    def list_events(
        self,
        *,
        kind: list[str] | None = None,
        state: list[models.CaseState] | None = None,
        department: str | None = None,
        last_event_id: int | None = None,
        limit: int | None = None,
    ) -> models.CaseEventPage:
        """Tells what happens to the cases that the caller may see, at least once. A stream without ..."""
        return self._read(
            self._ask(
                "GET",
                "/api/v1/cases/events",
                query={
                    "kind": kind,
                    "state": state,
                    "department": department,
                    "last_event_id": last_event_id,
                    "limit": limit,
                },
            ),
            models.CaseEventPage,
        )
