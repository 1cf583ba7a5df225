"""Stands at the gateway's entrance: every request gets an id, and only edges with a known key come in."""

from __future__ import annotations

import re
import traceback
import uuid
from pathlib import Path

import anyio
import structlog
from fastapi import HTTPException, Request
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import JSONResponse
from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api.schemas import EdgeIdentity
from ingest.api_memory import EdgeKeys
from ingest.rates import EdgeRates

KEY_MAX_CHARS = 300
STRANGERS_AT_ONCE = 4
EVIDENCE_PATH = "/ingest/v1/evidence/"
REGISTRATION_PATH = "/ingest/v1/edges/register"
OPEN_PATHS = frozenset({"/health/live", "/health/ready", REGISTRATION_PATH})


class Authorisation:
    """Lets an edge in by its key, as often as it may come; every path is closed unless it is named in OPEN_PATHS."""

    def __init__(self, keys: EdgeKeys, rates: EdgeRates) -> None:
        self._keys = keys
        self._rates = rates
        # Threads of their own: however many strangers wait for the API, they keep no known edge waiting.
        self._strangers = anyio.CapacityLimiter(STRANGERS_AT_ONCE)

    async def check(self, request: Request) -> None:
        if request.scope["path"] in OPEN_PATHS:
            return
        scheme, _, key = request.headers.get("authorization", "").partition(" ")
        key = key.strip()
        if scheme.lower() != "bearer" or not 0 < len(key) <= KEY_MAX_CHARS:
            raise _unauthorised("send the edge's key as Authorization: Bearer KEY")
        identity = await self._identity_of(key)
        if identity is None:
            raise _unauthorised("no edge has this key")
        rate = self._rates.uploads if _is_upload(request) else self._rates.requests
        rate.take(identity.edge_id)
        request.state.edge_id = identity.edge_id

    async def _identity_of(self, key: str) -> EdgeIdentity | None:
        remembered = self._keys.remembered(key)
        if remembered.fresh:
            return remembered.identity
        if remembered.identity:
            return await run_in_threadpool(self._keys.identity_of, key)
        return await anyio.to_thread.run_sync(self._keys.identity_of, key, limiter=self._strangers)


def _is_upload(request: Request) -> bool:
    return request.method == "PUT" and request.scope["path"].startswith(EVIDENCE_PATH)


def _unauthorised(reason: str) -> HTTPException:
    return HTTPException(401, reason, headers={"WWW-Authenticate": "Bearer"})


class RequestIds:
    """Gives every request an id, the caller's own where it is well-formed, and tells it in the answer."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        given = Headers(scope=scope).get("x-request-id", "")
        request_id = given if re.fullmatch(r"[A-Za-z0-9._-]{1,64}", given) else uuid.uuid4().hex
        scope.setdefault("state", {})["request_id"] = request_id

        async def send_with_id(message: Message) -> None:
            if message["type"] == "http.response.start":
                MutableHeaders(scope=message)["X-Request-Id"] = request_id
            await send(message)

        await self._app(scope, receive, send_with_id)


class Faults:
    """Answers 500 where a request fails by our own mistake, and logs what failed and where, but never its text.

    A server left to itself would print the exception: its message, or a variable beside it, may hold a key or a body.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app
        self._log: structlog.stdlib.BoundLogger = structlog.get_logger()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        answering = False

        async def noting_send(message: Message) -> None:
            nonlocal answering
            answering = True
            await send(message)

        try:
            await self._app(scope, receive, noting_send)
        except Exception as error:  # noqa: BLE001 the top of a request
            request_id = scope.get("state", {}).get("request_id")
            self._log.error("request failed", error=type(error).__name__, at=_places(error), request_id=request_id)
            if not answering:
                answer = JSONResponse({"detail": f"a fault of the gateway; its log has it as {request_id}"}, 500)
                await answer(scope, receive, send)


def _places(error: Exception) -> str:
    """Returns the last lines of code that the exception went through, the innermost last."""
    frames = traceback.extract_tb(error.__traceback__)[-5:]
    return " > ".join(f"{Path(frame.filename).name}:{frame.lineno} {frame.name}" for frame in frames)
