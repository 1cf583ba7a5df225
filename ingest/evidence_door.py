"""Takes evidence in as it streams, into the store and never whole into memory."""

from __future__ import annotations

import re
from collections.abc import Iterator

import anyio
from fastapi import HTTPException, Request, Response
from fastapi.concurrency import run_in_threadpool

from api.evidence_store import EvidenceStore, Kept
from ingest.bodies import limited
from ingest.contract import EVIDENCE_MAX_BYTES

MEDIA_TYPE = re.compile(r"[a-z]+/[a-z0-9.+-]{1,60}")
UPLOADS_AT_ONCE = 24


class EvidenceDoor:
    """``PUT`` and ``HEAD /ingest/v1/evidence/{sha256}``."""

    def __init__(self, store: EvidenceStore) -> None:
        self._store = store
        # Threads of their own, so that slow uploads never keep events waiting.
        self._threads = anyio.CapacityLimiter(UPLOADS_AT_ONCE)

    async def put(self, sha256: str, request: Request) -> Response:
        """Answers 201 for stored, 200 for present, 422 for bytes that are not what their name or type says."""
        media_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
        if not MEDIA_TYPE.fullmatch(media_type):
            raise HTTPException(400, "Content-Type needs to name the evidence's media type, like image/jpeg")
        body = limited(request, max_bytes=EVIDENCE_MAX_BYTES)
        if await run_in_threadpool(self._store.exists, sha256):
            async for _ in body:  # An answer before the end would look like a broken upload to the edge.
                pass
            return Response(status_code=200)

        async def next_piece() -> bytes | None:
            return await anext(body, None)

        def pieces() -> Iterator[bytes]:
            while (piece := anyio.from_thread.run(next_piece)) is not None:
                yield piece

        kept = await anyio.to_thread.run_sync(
            self._store.put_stream, sha256, pieces(), EVIDENCE_MAX_BYTES, media_type, limiter=self._threads
        )
        return Response(status_code=201 if kept is Kept.STORED else 200)

    async def head(self, sha256: str) -> Response:
        """Answers 200 if the evidence is present, else 404."""
        present = await run_in_threadpool(self._store.exists, sha256)
        return Response(status_code=200 if present else 404)
