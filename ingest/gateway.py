"""Takes events, evidence and statuses of edges in; an event is answered once it is durably in the stream."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from datetime import UTC, datetime

from fastapi import FastAPI, HTTPException, Request, Response
from fastapi.concurrency import run_in_threadpool
from fastapi.params import Depends
from fastapi.responses import JSONResponse
from pydantic import ValidationError

from api.client import ApiClient, ApiRefused, ApiUnavailable
from api.evidence_store import EvidenceRefused, EvidenceStore, EvidenceUnavailable
from ingest.api_line import ApiLine
from ingest.api_memory import EdgeKeys, Kinds
from ingest.bodies import PerEdge, parsed_json, read_body
from ingest.contract import Answer, EdgeStatus, EventAnswer, PostAnswer
from ingest.entrance import Authorisation, Faults, RequestIds
from ingest.evidence_door import EvidenceDoor
from ingest.outage import Outage
from ingest.redis_link import StreamError, StreamFull, StreamNotDurable, StreamUnavailable, connect
from ingest.settings import GatewaySettings
from ingest.sorting import Sound, UncarriableError, compact_json, messages_of, sort_message
from ingest.statuses import EdgeStatuses
from ingest.stream import Appended, EventStream, NewEntry, Outcome
from ingest.wording import sentence

BODY_MAX_BYTES = 5_000_000
STATUS_MAX_BYTES = 10_000_000
DURABLE_FOR_S = 30.0
BODIES_PER_EDGE = 16
API_TIMEOUT_S = 2.0  # an edge waits 10 s for its answer, and somebody's POST is the one that finds the API away

# How a failure behind the gateway reads to an edge: the status, and after how many seconds to come again.
_FAILURES: dict[type[Exception], tuple[int, int | None]] = {
    StreamUnavailable: (503, 5),
    StreamNotDurable: (503, 60),
    StreamFull: (429, 10),
    ApiUnavailable: (503, 5),
    ApiRefused: (503, 30),
    EvidenceUnavailable: (503, 30),
    EvidenceRefused: (422, None),
}


class EventsDoor:
    """``POST /ingest/v1/events``: checks, appends, answers each event."""

    def __init__(self, stream: EventStream, kinds: Kinds, *, lossy: bool) -> None:
        self._stream = stream
        self._kinds = kinds
        self._lossy = lossy
        self._bodies = PerEdge(BODIES_PER_EDGE)
        self._durable_until = 0.0
        self._redis = Outage("redis")

    def check_durable(self) -> None:
        """Checks Redis's settings unless it was done a moment ago: another Redis may answer at any time.

        Raises: StreamNotDurable, StreamUnavailable.
        """
        if time.monotonic() < self._durable_until:
            return
        try:
            self._stream.check_durable(lossy=self._lossy)
        except StreamError as error:
            self._redis.lost(error)
            raise
        self._durable_until = time.monotonic() + DURABLE_FOR_S

    async def post(self, request: Request) -> Response:
        with self._bodies.one(request.state.edge_id):
            body = await read_body(request, max_bytes=BODY_MAX_BYTES)
        answer = await run_in_threadpool(
            self._take, body, edge_id=request.state.edge_id, request_id=request.state.request_id
        )
        return Response(answer.model_dump_json(), status_code=202, media_type="application/json")

    def _take(self, body: bytes, *, edge_id: str, request_id: str) -> PostAnswer:
        messages = messages_of(parsed_json(body))
        self._kinds.current()  # Heard in good days, also by a POST without events, they serve while the API is away.
        sorted_messages = [
            sort_message(message, position=position, edge_id=edge_id, kinds=self._kinds)
            for position, message in enumerate(messages)
        ]
        sound = [message for message in sorted_messages if isinstance(message, Sound)]
        appended = self._append(sound, edge_id=edge_id, request_id=request_id)
        outcomes = iter(appended.outcomes)
        answers = [
            message if isinstance(message, EventAnswer) else _answer(message, next(outcomes))
            for message in sorted_messages
        ]
        return PostAnswer(answers=answers, stream_epoch=appended.epoch)

    def _append(self, sound: Sequence[Sound], *, edge_id: str, request_id: str) -> Appended:
        self.check_durable()
        received_at = datetime.now(UTC)
        entries = [
            NewEntry(
                event_id=str(message.event_id),
                event=message.event_json,
                edge_id=edge_id,
                received_at=received_at,
                request_id=request_id,
            )
            for message in sound
        ]
        try:
            appended = self._stream.append(entries) if entries else Appended(self._stream.epoch(), [])
        except StreamUnavailable as error:
            self._durable_until = 0.0
            self._redis.lost(error)
            raise
        self._redis.back()
        return appended


def _answer(message: Sound, outcome: Outcome) -> EventAnswer:
    answer = Answer.ACCEPTED if outcome is Outcome.APPENDED else Answer.DUPLICATE
    return EventAnswer(position=message.position, event_id=message.event_id, answer=answer)


class StatusDoor:
    """``PUT /ingest/v1/edges/me/status``."""

    def __init__(self, statuses: EdgeStatuses) -> None:
        self._statuses = statuses
        self._bodies = PerEdge(BODIES_PER_EDGE)

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


class HealthDoor:
    """``GET /health/live`` and ``/health/ready``; the API is noted, as events are taken without it."""

    def __init__(self, events: EventsDoor, stream: EventStream, kinds: Kinds) -> None:
        self._events = events
        self._stream = stream
        self._kinds = kinds

    async def live(self) -> dict[str, str]:
        return {"state": "live"}

    async def ready(self) -> JSONResponse:
        return await run_in_threadpool(self._ready)

    def _ready(self) -> JSONResponse:
        try:
            self._kinds.current()
        except (ApiUnavailable, ApiRefused):
            api, can_judge = "unavailable", False
        else:
            api, can_judge = ("ok" if self._kinds.api_answers else "unavailable"), True
        waiting: int | None = None
        dead_letters: int | None = None
        try:
            self._stream.ping()
            self._events.check_durable()
            waiting, dead_letters = self._stream.length(), self._stream.dead_letter_count()
            redis = "ok"
        except StreamError as error:
            redis = "not durable" if isinstance(error, StreamNotDurable) else "unavailable"
        ready = redis == "ok" and can_judge
        report = {
            "state": "ready" if ready else "not ready",
            "redis": redis,
            "api": api,
            "waiting": waiting,
            "dead_letters": dead_letters,
        }
        return JSONResponse(report, status_code=200 if ready else 503)


async def _tell_failure(_: Request, error: Exception) -> JSONResponse:
    status, retry_after_s = next(told for kind, told in _FAILURES.items() if isinstance(error, kind))
    headers = {"Retry-After": str(retry_after_s)} if retry_after_s else None
    return JSONResponse({"detail": str(error)}, status_code=status, headers=headers)


def create_gateway(settings: GatewaySettings) -> FastAPI:
    """Returns the gateway's app. A Redis that is away may come later: until then the answer is 503.

    Raises: StreamNotDurable: If Redis may lose what it confirmed and the settings do not accept that.
    """
    redis = connect(settings.redis_url)
    api = ApiClient(settings.api_url, settings.service_key, timeout_s=API_TIMEOUT_S)
    stream = EventStream(redis, prefix=settings.stream_prefix, limit=settings.stream_limit)
    line = ApiLine(api)
    kinds = Kinds(line, fresh_s=settings.api_fresh_s)
    keys = EdgeKeys(line, fresh_s=settings.api_fresh_s)
    events = EventsDoor(stream, kinds, lossy=settings.lossy)
    evidence = EvidenceDoor(EvidenceStore(settings.evidence_dir))
    health = HealthDoor(events, stream, kinds)

    with suppress(StreamUnavailable):
        events.check_durable()

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        yield
        api.close()
        redis.close()

    app = FastAPI(
        title="Streetcase ingestion",
        dependencies=[Depends(Authorisation(keys).check)],
        lifespan=lifespan,
        openapi_url=None,
    )
    app.add_middleware(Faults)
    app.add_middleware(RequestIds)
    for failure in _FAILURES:
        app.add_exception_handler(failure, _tell_failure)
    app.add_api_route("/ingest/v1/events", events.post, methods=["POST"])
    app.add_api_route("/ingest/v1/evidence/{sha256}", evidence.put, methods=["PUT"])
    app.add_api_route("/ingest/v1/evidence/{sha256}", evidence.head, methods=["HEAD"])
    status = StatusDoor(EdgeStatuses(redis, prefix=settings.stream_prefix))
    app.add_api_route("/ingest/v1/edges/me/status", status.put, methods=["PUT"])
    app.add_api_route("/health/live", health.live, methods=["GET"])
    app.add_api_route("/health/ready", health.ready, methods=["GET"])
    return app


def gateway_from_environment() -> FastAPI:
    """The factory for ``uvicorn --factory ingest.gateway:gateway_from_environment``."""
    return create_gateway(GatewaySettings.from_environment())
