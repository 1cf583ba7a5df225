"""Keeps the last status of each edge in Redis, until it is too old to mean anything."""

from __future__ import annotations

from datetime import datetime
from typing import cast

import redis
from pydantic import AwareDatetime

from ingest.contract import Wire
from ingest.edge_messages import EdgeStatus
from ingest.redis_link import translated

KEPT_S = 7 * 86_400


class ReceivedStatus(Wire):
    """A status and when the centre took it, by the centre's clock."""

    received_at: AwareDatetime
    status: EdgeStatus


class EdgeStatuses:
    """One key per edge; every method raises StreamUnavailable when Redis does not serve."""

    def __init__(self, client: redis.Redis, *, prefix: str = "streetcase") -> None:
        self._redis = client
        self._prefix = f"{{{prefix}}}:status:"

    def keep(self, status: EdgeStatus, *, received_at: datetime) -> None:
        received = ReceivedStatus(received_at=received_at, status=status)
        with translated():
            self._redis.set(self._prefix + status.edge_id, received.model_dump_json(), ex=KEPT_S)

    def last(self, edge_id: str) -> ReceivedStatus | None:
        """Returns the last status of an edge, None where none was heard for a week."""
        with translated():
            raw = cast(bytes | None, self._redis.get(self._prefix + edge_id))
        return None if raw is None else ReceivedStatus.model_validate_json(raw)
