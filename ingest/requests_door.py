"""Hands edges what is asked of them, by long poll, and takes their answers."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Annotated, Any
from uuid import UUID

import anyio
from fastapi import HTTPException, Query, Request, Response

from api.schemas import EdgeRequestResult, OpenEdgeRequest, ResultOutcome
from ingest.bodies import PerEdge, read_body
from ingest.edge_messages import EdgeRequest, EdgeRequests, RequestResult
from ingest.messages import message_in
from ingest.open_requests import OpenRequests

LONGEST_WAIT_S = 25
RESULT_MAX_BYTES = 1_000_000
WAITING_PER_EDGE = 4
THREADS = 4
Answer = Callable[[str, UUID, EdgeRequestResult], ResultOutcome]


class RequestsDoor:
    """``GET /ingest/v1/edges/me/requests`` and ``PUT .../requests/{id}/result``."""

    def __init__(self, requests: OpenRequests, answer: Answer) -> None:
        self._requests = requests
        self._answer = answer
        self._waiting = PerEdge(WAITING_PER_EDGE)
        self._results = PerEdge(WAITING_PER_EDGE)
        self._threads = anyio.CapacityLimiter(THREADS)

    async def get(
        self, request: Request, wait_s: Annotated[float, Query(ge=0, le=LONGEST_WAIT_S, allow_inf_nan=False)] = 0.0
    ) -> Response:
        """Answers at once where something is open for this edge, else as soon as it is, or with none after wait_s."""
        edge_id = request.state.edge_id
        with self._waiting.one(edge_id):
            found = await _unless_gone(request, self._requests.wait_for(edge_id, wait_s=wait_s))
        answer = EdgeRequests(requests=[_as_told(each) for each in found])
        return Response(answer.model_dump_json(), media_type="application/json")

    async def put_result(self, request_id: UUID, request: Request) -> Response:
        """Answers 204, also to a repetition; 404 for what this edge was never asked, 410 once it is too late."""
        edge_id = request.state.edge_id
        with self._results.one(edge_id):
            body = await read_body(request, max_bytes=RESULT_MAX_BYTES)
            outcome = await anyio.to_thread.run_sync(self._keep, edge_id, request_id, body, limiter=self._threads)
        self._requests.forget(edge_id, request_id)
        if outcome is ResultOutcome.UNKNOWN:
            raise HTTPException(404, f"this edge was not asked anything under {request_id}")
        if outcome is ResultOutcome.EXPIRED:
            raise HTTPException(410, "the request has expired: nobody waits for this result any more")
        return Response(status_code=204)

    def _keep(self, edge_id: str, request_id: UUID, body: bytes) -> ResultOutcome:
        result = message_in(body, RequestResult)
        if result.request_id != request_id:
            raise HTTPException(422, f"request_id: expected {request_id}, as in the address")
        return self._answer(edge_id, request_id, EdgeRequestResult.model_validate(result.model_dump(mode="json")))


def _as_told(request: OpenEdgeRequest) -> EdgeRequest:
    return EdgeRequest.model_validate(request.model_dump())


async def _unless_gone(request: Request, waiting: Coroutine[Any, Any, list[OpenEdgeRequest]]) -> list[OpenEdgeRequest]:
    """Awaits ``waiting`` no longer than the edge does: one that hangs up and comes back is not refused its place."""
    answer, gone = asyncio.create_task(waiting), asyncio.create_task(_hung_up(request))
    try:
        await asyncio.wait({answer, gone}, return_when=asyncio.FIRST_COMPLETED)
        return answer.result() if answer.done() else []
    finally:
        answer.cancel()
        gone.cancel()


async def _hung_up(request: Request) -> None:
    while (await request.receive())["type"] != "http.disconnect":
        pass
