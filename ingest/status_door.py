"""Takes in how each edge is, and keeps the last word of it."""

from __future__ import annotations

from datetime import UTC, datetime

from fastapi import HTTPException, Request, Response
from fastapi.concurrency import run_in_threadpool
from pydantic import ValidationError

from ingest.bodies import PerEdge, parsed_json, read_body
from ingest.edge_messages import EdgeStatus
from ingest.sorting import UncarriableError, compact_json
from ingest.statuses import EdgeStatuses
from ingest.wording import sentence

STATUS_MAX_BYTES = 10_000_000
STATUSES_PER_EDGE = 16


class StatusDoor:
    """``PUT /ingest/v1/edges/me/status``."""

    def __init__(self, statuses: EdgeStatuses) -> None:
        self._statuses = statuses
        self._bodies = PerEdge(STATUSES_PER_EDGE)

    async def put(self, request: Request) -> Response:
        with self._bodies.one(request.state.edge_id):
            body = await read_body(request, max_bytes=STATUS_MAX_BYTES)
        await run_in_threadpool(self._keep, body, edge_id=request.state.edge_id)
        return Response(status_code=204)

    def _keep(self, body: bytes, *, edge_id: str) -> None:
        try:
            status = EdgeStatus.model_validate_json(compact_json(parsed_json(body)))
        except ValidationError as error:
            raise HTTPException(422, sentence(error)) from error
        except UncarriableError as error:
            raise HTTPException(422, str(error)) from error
        if status.edge_id != edge_id:
            raise HTTPException(403, f"edge_id is {status.edge_id}, but the key belongs to {edge_id}")
        self._statuses.keep(status, received_at=datetime.now(UTC))
