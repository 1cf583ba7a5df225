"""Takes in how each edge is, and keeps the last word of it."""

from __future__ import annotations

from datetime import UTC, datetime

from fastapi import HTTPException, Request, Response
from fastapi.concurrency import run_in_threadpool

from ingest.bodies import PerEdge, read_body
from ingest.edge_messages import EdgeStatus
from ingest.messages import message_in
from ingest.rates import Rate
from ingest.status_relay import StatusRelay
from ingest.statuses import EdgeStatuses

STATUS_MAX_BYTES = 10_000_000
STATUSES_PER_EDGE = 16
BYTES_PER_REQUEST = 100_000  # a status counts as a request more for each of these, as reading it costs its time


class StatusDoor:
    """``PUT /ingest/v1/edges/me/status``."""

    def __init__(self, statuses: EdgeStatuses, relay: StatusRelay, *, rate: Rate) -> None:
        self._statuses = statuses
        self._relay = relay
        self._rate = rate
        self._bodies = PerEdge(STATUSES_PER_EDGE)

    async def put(self, request: Request) -> Response:
        with self._bodies.one(request.state.edge_id):
            body = await read_body(request, max_bytes=STATUS_MAX_BYTES)
            self._rate.take(request.state.edge_id, len(body) // BYTES_PER_REQUEST)
            await run_in_threadpool(self._keep, body, edge_id=request.state.edge_id)
        return Response(status_code=204)

    def _keep(self, body: bytes, *, edge_id: str) -> None:
        status = message_in(body, EdgeStatus)
        if status.edge_id != edge_id:
            raise HTTPException(403, f"edge_id is {status.edge_id}, but the key belongs to {edge_id}")
        received_at = datetime.now(UTC)
        self._relay.note(status, received_at=received_at)
        self._statuses.keep(status, received_at=received_at)
