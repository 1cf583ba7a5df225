"""Puts the gateway together: its doors for edges, who may come in, and how a failure behind it reads."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from functools import partial
from typing import Any

from fastapi import FastAPI, Request
from fastapi.concurrency import run_in_threadpool
from fastapi.exceptions import RequestValidationError
from fastapi.params import Depends
from fastapi.responses import JSONResponse

from api.client import ApiClient, ApiRefused, ApiUnavailable
from api.evidence_store import EvidenceRefused, EvidenceUnavailable, open_evidence_store
from ingest.api_line import ApiLine
from ingest.api_memory import EdgeKeys, Kinds
from ingest.configuration_door import ConfigurationDoor
from ingest.entrance import REGISTRATION_PATH, Authorisation, Faults, RequestIds
from ingest.events_door import EventsDoor
from ingest.evidence_door import EvidenceDoor
from ingest.open_requests import OpenRequests
from ingest.rates import EdgeRates
from ingest.redis_link import StreamError, StreamFull, StreamNotDurable, StreamUnavailable, connect
from ingest.registration_door import RegistrationDoor
from ingest.requests_door import RequestsDoor
from ingest.settings import GatewaySettings
from ingest.status_door import StatusDoor
from ingest.status_relay import StatusRelay
from ingest.statuses import EdgeStatuses
from ingest.stopping import when_asked_to_stop
from ingest.stream import EventStream

API_TIMEOUT_S = 2.0  # an edge waits 10 s for its answer, and somebody's POST is the one that finds the API away
STATUSES_TIMEOUT_S = 5.0  # nobody waits for these; a registration is better waited for than lost

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


async def _tell_invalid(_: Request, error: Exception) -> JSONResponse:
    """Says where and why, and nothing of what was sent."""
    faults = error.errors() if isinstance(error, RequestValidationError) else []
    return JSONResponse({"detail": "; ".join(f"{fault['loc'][-1]}: {fault['msg']}" for fault in faults)}, 422)


def create_gateway(settings: GatewaySettings) -> FastAPI:
    """Returns the gateway's app. A Redis that is away may come later: until then the answer is 503.

    Raises: StreamNotDurable: If Redis may lose what it confirmed and the settings do not accept that.
        EvidenceMisconfigured: If the evidence store's settings cannot be used.
    """
    redis = connect(settings.redis_url)
    api = ApiClient(settings.api_url, settings.service_key, timeout_s=API_TIMEOUT_S)
    patient_api = ApiClient(settings.api_url, settings.service_key, timeout_s=STATUSES_TIMEOUT_S)
    stream = EventStream(
        redis, prefix=settings.stream_prefix, limit=settings.stream_limit, partitions=settings.partitions
    )
    line = ApiLine(api)
    kinds = Kinds(line, fresh_s=settings.api_fresh_s)
    keys = EdgeKeys(line, fresh_s=settings.api_fresh_s)
    rates = EdgeRates.for_events(settings.edge_events_per_s)
    events = EventsDoor(stream, kinds, lossy=settings.lossy, rate=rates.events)
    evidence = EvidenceDoor(open_evidence_store(settings.evidence))
    health = HealthDoor(events, stream, kinds)
    relay = StatusRelay(patient_api.report_edge_statuses)
    status = StatusDoor(EdgeStatuses(redis, prefix=settings.stream_prefix), relay, rate=rates.requests)
    configuration = ConfigurationDoor(lambda edge_id: line.ask(partial(api.edge_configuration, edge_id)))
    open_requests = OpenRequests(lambda: line.ask(api.open_edge_requests))
    registration = RegistrationDoor(patient_api.register_edge)
    requests = RequestsDoor(open_requests, lambda *given: line.ask(partial(api.answer_edge_request, *given)))

    with suppress(StreamUnavailable):
        events.check_durable()

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        relay.start()
        when_asked_to_stop(open_requests.close)
        yield
        await run_in_threadpool(relay.close)
        for link in (api, patient_api, redis):
            link.close()

    app = FastAPI(
        title="Streetcase ingestion",
        dependencies=[Depends(Authorisation(keys, rates).check)],
        lifespan=lifespan,
        openapi_url=None,
    )
    app.add_middleware(Faults)
    app.add_middleware(RequestIds)
    app.add_exception_handler(RequestValidationError, _tell_invalid)
    for failure in _FAILURES:
        app.add_exception_handler(failure, _tell_failure)
    doors: list[tuple[str, str, Callable[..., Any]]] = [
        ("POST", "/ingest/v1/events", events.post),
        ("POST", "/ingest/v1/evidence/missing", evidence.missing),
        ("PUT", "/ingest/v1/evidence/{sha256}", evidence.put),
        ("HEAD", "/ingest/v1/evidence/{sha256}", evidence.head),
        ("POST", REGISTRATION_PATH, registration.post),
        ("PUT", "/ingest/v1/edges/me/status", status.put),
        ("GET", "/ingest/v1/edges/me/config", configuration.get),
        ("GET", "/ingest/v1/edges/me/requests", requests.get),
        ("PUT", "/ingest/v1/edges/me/requests/{request_id}/result", requests.put_result),
        ("GET", "/health/live", health.live),
        ("GET", "/health/ready", health.ready),
    ]
    for method, path, door in doors:
        app.add_api_route(path, door, methods=[method])
    return app


def gateway_from_environment() -> FastAPI:
    """The factory for ``uvicorn --factory ingest.gateway:gateway_from_environment``."""
    return create_gateway(GatewaySettings.from_environment())
