"""Stands at the gateway's entrance: every request gets an id, and only edges with a known key come in."""

from __future__ import annotations

import re
import uuid

from fastapi import HTTPException, Request
from fastapi.concurrency import run_in_threadpool
from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from ingest.api_memory import EdgeKeys

KEY_MAX_CHARS = 300
OPEN_PATHS = frozenset({"/health/live", "/health/ready"})


class Authorisation:
    """Lets an edge in by its key; every path is closed unless it is named in OPEN_PATHS."""

    def __init__(self, keys: EdgeKeys) -> None:
        self._keys = keys

    async def check(self, request: Request) -> None:
        if request.scope["path"] in OPEN_PATHS:
            return
        scheme, _, key = request.headers.get("authorization", "").partition(" ")
        key = key.strip()
        if scheme.lower() != "bearer" or not 0 < len(key) <= KEY_MAX_CHARS:
            raise _unauthorised("send the edge's key as Authorization: Bearer KEY")
        identity = await run_in_threadpool(self._keys.identity_of, key)
        if identity is None:
            raise _unauthorised("no edge has this key")
        request.state.edge_id = identity.edge_id


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
