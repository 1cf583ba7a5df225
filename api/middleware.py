"""Gives each request an id and a limit on its body, before anything reads it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from uuid import uuid4

import structlog
from starlette.datastructures import Headers, MutableHeaders
from starlette.exceptions import HTTPException
from starlette.routing import compile_path
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api.problems import problem_response

_TOO_LARGE = 413
_REQUEST_ID = re.compile(r"[A-Za-z0-9._:-]{1,64}")


class RequestIds:
    """Takes X-Request-Id or makes one; it is in every log line, in histories and in the answer."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        given = Headers(scope=scope).get("X-Request-Id", "")
        request_id = given if _REQUEST_ID.fullmatch(given) else uuid4().hex
        scope.setdefault("state", {})["request_id"] = request_id

        async def send_with_id(message: Message) -> None:
            if message["type"] == "http.response.start":
                MutableHeaders(scope=message)["X-Request-Id"] = request_id
            await send(message)

        with structlog.contextvars.bound_contextvars(request_id=request_id):
            await self._app(scope, receive, send_with_id)


class BodyLimits:
    """Answers 413 to a body that is announced too large, or turns out so while it streams.

    ``by_path`` has limits of single routes, by their paths as they are declared: ``/edges/{edge_id}/configuration``.
    """

    def __init__(self, app: ASGIApp, *, default_bytes: int, by_path: Mapping[str, int]) -> None:
        self._app = app
        self._default_bytes = default_bytes
        self._by_path = [(compile_path(path)[0], limit) for path, limit in by_path.items()]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        limit = self._limit_of(scope["path"])
        announced = Headers(scope=scope).get("Content-Length", "")
        if announced.isdecimal() and (len(announced) > 18 or int(announced) > limit):
            request_id = scope.get("state", {}).get("request_id")
            response = problem_response(_TOO_LARGE, _reason(limit), request_id=request_id)
            await response(scope, receive, send)
            return
        received_bytes = 0

        async def counted() -> Message:
            nonlocal received_bytes
            message = await receive()
            received_bytes += len(message.get("body", b""))
            if received_bytes > limit:
                raise HTTPException(_TOO_LARGE, _reason(limit))
            return message

        await self._app(scope, counted, send)

    def _limit_of(self, path: str) -> int:
        limits = (limit for pattern, limit in self._by_path if pattern.match(path))
        return next(limits, self._default_bytes)


def _reason(limit: int) -> str:
    return f"expected a body of {limit} bytes at most, got more"
