"""Takes evidence in as it streams, into the store and never whole into memory."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractContextManager, asynccontextmanager
from functools import partial
from typing import TypeVar, TypeVarTuple

import anyio
from fastapi import HTTPException, Request, Response

from api.evidence_store import EvidenceStore, EvidenceWriter
from ingest.bodies import PerEdge, limited, read_body
from ingest.contract import EVIDENCE_MAX_BYTES, EvidenceMissing, EvidenceQuestion
from ingest.messages import message_in

MEDIA_TYPE = re.compile(r"[a-z]+/[a-z0-9.+-]{1,60}")
UPLOADS_PER_EDGE = 4
QUESTIONS_PER_EDGE = 2
QUESTION_MAX_BYTES = 100_000
THREADS = 4
_Result = TypeVar("_Result")
_Arguments = TypeVarTuple("_Arguments")


class EvidenceDoor:
    """``PUT`` and ``HEAD /ingest/v1/evidence/{sha256}``, and ``POST /ingest/v1/evidence/missing``."""

    def __init__(self, store: EvidenceStore) -> None:
        self._store = store
        self._uploads = PerEdge(UPLOADS_PER_EDGE)
        # Threads of their own, so that a slow disk keeps no events waiting; taken for each write, never for an upload.
        self._threads = anyio.CapacityLimiter(THREADS)
        # And others for questions: a store far away takes its time over hundreds of names.
        self._questions = PerEdge(QUESTIONS_PER_EDGE)
        self._looking = anyio.CapacityLimiter(THREADS)

    async def put(self, sha256: str, request: Request) -> Response:
        """Answers 201 for stored, 200 for present, 422 for bytes that are not what their name or type says."""
        media_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
        if not MEDIA_TYPE.fullmatch(media_type):
            raise HTTPException(400, "Content-Type needs to name the evidence's media type, like image/jpeg")
        with self._uploads.one(request.state.edge_id):
            body = limited(request, max_bytes=EVIDENCE_MAX_BYTES)
            if await self._in_thread(self._store.exists, sha256):
                async for _ in body:  # An answer before the end would look like a broken upload to the edge.
                    pass
                return Response(status_code=200)
            item = self._store.writer(sha256, max_bytes=EVIDENCE_MAX_BYTES, media_type=media_type)
            async with self._opened(item) as writer:
                async for piece in body:
                    await self._in_thread(writer.write, piece)
            return Response(status_code=201)

    async def head(self, sha256: str) -> Response:
        """Answers 200 if the evidence is present, else 404."""
        present = await self._in_thread(self._store.exists, sha256)
        return Response(status_code=200 if present else 404)

    async def missing(self, request: Request) -> Response:
        """Answers which of the named pieces still have to be sent, in the order of the question."""
        with self._questions.one(request.state.edge_id):
            body = await read_body(request, max_bytes=QUESTION_MAX_BYTES)
            asked = message_in(body, EvidenceQuestion).sha256s
            look = partial(self._store.missing, list(dict.fromkeys(asked)))
            lacking = frozenset(await anyio.to_thread.run_sync(look, limiter=self._looking))
        answer = EvidenceMissing(missing=[name for name in asked if name in lacking])
        return Response(answer.model_dump_json(), media_type="application/json")

    @asynccontextmanager
    async def _opened(self, item: AbstractContextManager[EvidenceWriter]) -> AsyncIterator[EvidenceWriter]:
        """Opens and leaves ``item`` in a thread: leaving it checks the whole and waits for the disk."""
        writer = await self._in_thread(item.__enter__)
        try:
            yield writer
        except BaseException as error:
            with anyio.CancelScope(shield=True):
                await self._in_thread(item.__exit__, type(error), error, error.__traceback__)
            raise
        await self._in_thread(item.__exit__, None, None, None)

    async def _in_thread(self, call: Callable[[*_Arguments], _Result], *arguments: *_Arguments) -> _Result:
        return await anyio.to_thread.run_sync(call, *arguments, limiter=self._threads)
