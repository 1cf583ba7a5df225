"""Writes one line for each answered request, and counts it; never what was asked in it, which may hold a credential."""

from __future__ import annotations

import time

import structlog
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api.metrics import Metrics

_log = structlog.get_logger()
_QUIET = frozenset({"/health/live", "/health/ready", "/metrics"})
"""Asked every few seconds by machines: counted, and logged only where they fail."""

NO_ROUTE = "(none)"
_FAILED = 500


class AccessLog:
    """Inside ``RequestIds``, whose id is in each line."""

    def __init__(self, app: ASGIApp, *, metrics: Metrics) -> None:
        self._app = app
        self._metrics = metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        began_s = time.perf_counter()
        status = _FAILED

        async def noting(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        try:
            await self._app(scope, receive, noting)
        finally:
            self._tell(scope, status, time.perf_counter() - began_s)

    def _tell(self, scope: Scope, status: int, seconds: float) -> None:
        # The route as it is declared: a path may hold a one-time token, and there are too many of them to count by.
        route = getattr(scope.get("route"), "path_format", NO_ROUTE)
        self._metrics.answered(method=scope["method"], route=route, status=status, seconds=seconds)
        if route in _QUIET and status < _FAILED:
            return
        actor = scope.get("state", {}).get("actor")
        _log.info(
            "request", method=scope["method"], route=route, status=status, ms=round(seconds * 1000, 1), actor=actor
        )
