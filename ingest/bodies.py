"""Reads request bodies within limits, however they arrive: declared, in chunks, packed or broken."""

from __future__ import annotations

import json
import time
import zlib
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, NoReturn

import anyio
from fastapi import HTTPException, Request
from starlette.requests import ClientDisconnect

GZIP_WINDOW = 31  # zlib's code for a gzip header and trailer around 32 kB of window
AGAIN_S = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class Pace:
    """The slowest that a body may come: no gap beyond ``gap_s``, and after ``grace_s`` ``bytes_per_s`` on average."""

    gap_s: float = 30.0
    grace_s: float = 30.0
    bytes_per_s: float = 2000.0

    def patience_s(self, *, waited_s: float, received_bytes: int) -> float:
        """Returns how long the next piece may still take."""
        return min(self.gap_s, max(self.grace_s, received_bytes / self.bytes_per_s) - waited_s)


SLOWEST = Pace()


class PerEdge:
    """Lets each edge send so many bodies at once. For the event loop, where nothing interrupts it."""

    def __init__(self, at_once: int) -> None:
        self._at_once = at_once
        self._sending: Counter[str] = Counter()

    @contextmanager
    def one(self, edge_id: str) -> Iterator[None]:
        """Holds one of the edge's places. Raises: HTTPException: 429 if all are taken."""
        if self._sending[edge_id] >= self._at_once:
            reason = f"an edge sends {self._at_once} of these at once at most"
            raise HTTPException(429, reason, headers={"Retry-After": str(AGAIN_S)})
        self._sending[edge_id] += 1
        try:
            yield
        finally:
            self._sending[edge_id] -= 1
            if not self._sending[edge_id]:
                del self._sending[edge_id]


class _Inflater:
    """Unpacks gzip piece by piece and never yields more than ``max_bytes`` in all."""

    def __init__(self, max_bytes: int) -> None:
        self._left = max_bytes
        self._zlib = zlib.decompressobj(wbits=GZIP_WINDOW)

    def feed(self, piece: bytes) -> bytes:
        try:
            plain = self._zlib.decompress(piece, self._left + 1)
        except zlib.error as error:
            raise HTTPException(400, f"the body is not gzip: {error}") from error
        self._left -= len(plain)
        if self._left < 0:
            raise HTTPException(413, "the body is too large once unpacked")
        if self._zlib.unused_data:
            raise HTTPException(400, "the gzip body has bytes after its end")
        return plain

    def finish(self) -> None:
        if not self._zlib.eof:
            raise HTTPException(400, "the gzip body ends too early")


async def read_body(request: Request, *, max_bytes: int, pace: Pace = SLOWEST) -> bytes:
    """Returns the body, unpacked. Raises: HTTPException: 413 over the limit, 415 for an encoding that is not gzip."""
    encoding = request.headers.get("content-encoding", "identity").strip().lower()
    if encoding not in {"identity", "gzip"}:
        raise HTTPException(415, "Content-Encoding needs to be gzip or absent")
    inflater = _Inflater(max_bytes) if encoding == "gzip" else None
    body = bytearray()
    async for piece in limited(request, max_bytes=max_bytes, pace=pace):
        body += inflater.feed(piece) if inflater else piece
    if inflater:
        inflater.finish()
    return bytes(body)


async def limited(request: Request, *, max_bytes: int, pace: Pace = SLOWEST) -> AsyncIterator[bytes]:
    """Yields the body as it comes.

    Raises: HTTPException: 413 as soon as more than ``max_bytes`` is declared or sent, 408 if it comes too slowly.
    """
    declared = request.headers.get("content-length", "")
    if declared.isascii() and declared.isdigit() and int(declared) > max_bytes:
        raise HTTPException(413, f"the body is larger than {max_bytes} bytes")
    received, waited_s = 0, 0.0
    pieces = request.stream()
    while True:
        # Only the waiting counts: how long this side takes over a piece is not the sender's fault.
        asked_at = time.monotonic()
        piece = await _next_piece(pieces, timeout_s=pace.patience_s(waited_s=waited_s, received_bytes=received))
        waited_s += time.monotonic() - asked_at
        if piece is None:
            return
        received += len(piece)
        if received > max_bytes:
            raise HTTPException(413, f"the body is larger than {max_bytes} bytes")
        yield piece


async def _next_piece(pieces: AsyncIterator[bytes], *, timeout_s: float) -> bytes | None:
    try:
        with anyio.fail_after(timeout_s):
            return await anext(pieces, None)
    except TimeoutError as error:
        raise HTTPException(408, "the body came too slowly, or nothing more of it came") from error
    except ClientDisconnect as error:
        raise HTTPException(400, "the body broke off") from error


def parsed_json(body: bytes) -> Any:
    """Returns what the JSON in ``body`` says; of a repeated key the last counts. Raises: HTTPException: 400."""
    try:
        return json.loads(body.decode("utf-8"), parse_constant=_refuse_constant)
    except UnicodeDecodeError as error:
        raise HTTPException(400, "the body is not UTF-8") from error
    except RecursionError as error:
        raise HTTPException(400, "the body is nested too deeply") from error
    except ValueError as error:
        raise HTTPException(400, f"the body is not JSON: {str(error)[:200]}") from error


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not a JSON value")
