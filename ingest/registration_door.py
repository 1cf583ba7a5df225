"""Lets a box without a key exchange its one-time token for one; whoever has no good token learns nothing."""

from __future__ import annotations

from collections.abc import Callable

import anyio
from fastapi import HTTPException, Request, Response

from api.schemas import RegisteredEdge as KnownEdge
from ingest.bodies import Pace, PerEdge, read_body
from ingest.edge_messages import EdgeToken, RegisteredEdge
from ingest.messages import message_in
from ingest.rates import Rate

BODY_MAX_BYTES = 2000
PACE = Pace(gap_s=5.0, grace_s=5.0)
PER_S = 0.2
AT_ONCE = 10
SENDING_AT_ONCE = 4
THREADS = 2
Exchange = Callable[[str], KnownEdge | None]


class RegistrationDoor:
    """``POST /ingest/v1/edges/register``, the one door that needs no key.

    Each address is kept to a rate. A token has 256 random bits, so that is against load; nobody guesses one.
    """

    def __init__(self, exchange: Exchange) -> None:
        self._exchange = exchange
        self._rate = Rate("registrations", per_s=PER_S, at_once=AT_ONCE)
        self._sending = PerEdge(SENDING_AT_ONCE)
        # Threads of their own: however many strangers come, they keep no edge waiting.
        self._threads = anyio.CapacityLimiter(THREADS)

    async def post(self, request: Request) -> Response:
        """Answers 201 with the edge's id and key; 403 where the token is not in force, whatever the reason."""
        address = request.client.host if request.client else "unknown"
        self._rate.take(address)
        with self._sending.one(address):
            body = await read_body(request, max_bytes=BODY_MAX_BYTES, pace=PACE)
            shown = message_in(body, EdgeToken)
            known = await anyio.to_thread.run_sync(self._exchange, shown.token, limiter=self._threads)
        if known is None:
            raise HTTPException(403, "this token is unknown, used, replaced or expired")
        answer = RegisteredEdge(edge_id=known.edge_id, key=known.key)
        # It holds a key: no proxy on the way may keep it.
        headers = {"Cache-Control": "no-store"}
        return Response(answer.model_dump_json(), 201, media_type="application/json", headers=headers)
