"""Hands each edge what the centre tells it to watch, with an ETag, so that nothing travels while nothing changes."""

from __future__ import annotations

import json
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass

import anyio
from fastapi import Request, Response

from api.schemas import EdgeConfigurationKept
from ingest.api_line import Clock

FRESH_S = 5.0
KEPT_MAX_BYTES = 32_000_000
ENTRY_BYTES = 500  # what an entry takes beside its content
THREADS = 4
Ask = Callable[[str], EdgeConfigurationKept | None]


@dataclass(frozen=True, slots=True)
class _Answer:
    """``etag`` is None where the centre has no configuration for the edge."""

    etag: str | None
    content: bytes


@dataclass(frozen=True, slots=True)
class _Kept:
    answer: _Answer
    until: float

    @property
    def size_bytes(self) -> int:
        return len(self.answer.content) + ENTRY_BYTES


class ConfigurationDoor:
    """``GET /ingest/v1/edges/me/config``."""

    def __init__(self, ask: Ask, *, clock: Clock = time.monotonic) -> None:
        self._ask = ask
        self._clock = clock
        # In the order in which they grow stale; touched by the event loop alone.
        self._kept: OrderedDict[str, _Kept] = OrderedDict()
        self._kept_bytes = 0
        # Threads of their own: a slow API keeps no events waiting.
        self._threads = anyio.CapacityLimiter(THREADS)

    async def get(self, request: Request) -> Response:
        """Answers 200 with an ETag, 304 where the edge has it, 204 where the centre has none for this edge."""
        edge_id = request.state.edge_id
        answer = self._fresh(edge_id)
        if answer is None:
            answer = await anyio.to_thread.run_sync(self._asked, edge_id, limiter=self._threads)
            self._keep(edge_id, answer)
        if answer.etag is None:
            return Response(status_code=204)
        headers = {"ETag": answer.etag, "Cache-Control": "no-cache"}
        if answer.etag in _tags(request.headers.get("if-none-match", "")):
            return Response(status_code=304, headers=headers)
        return Response(answer.content, media_type="application/json", headers=headers)

    def _asked(self, edge_id: str) -> _Answer:
        found = self._ask(edge_id)
        if found is None:
            return _Answer(None, b"")
        content = json.dumps({**found.body, "edge_id": edge_id}, ensure_ascii=False, separators=(",", ":"))
        return _Answer(f'"{found.revision}"', content.encode())

    def _fresh(self, edge_id: str) -> _Answer | None:
        kept = self._kept.get(edge_id)
        return kept.answer if kept is not None and self._clock() < kept.until else None

    def _keep(self, edge_id: str, answer: _Answer) -> None:
        self._drop(edge_id)
        self._kept[edge_id] = kept = _Kept(answer, until=self._clock() + FRESH_S)
        self._kept_bytes += kept.size_bytes
        while self._kept_bytes > KEPT_MAX_BYTES or next(iter(self._kept.values())).until <= self._clock():
            self._drop(next(iter(self._kept)))

    def _drop(self, edge_id: str) -> None:
        if edge_id in self._kept:
            self._kept_bytes -= self._kept.pop(edge_id).size_bytes


def _tags(if_none_match: str) -> frozenset[str]:
    """Returns the tags that an edge knows; weak ones too, as a proxy on the way may have weakened them."""
    return frozenset(tag.strip().removeprefix("W/") for tag in if_none_match.split(","))
