"""Reads request bodies within limits, however they arrive: declared, in chunks, packed or broken."""

from __future__ import annotations

import json
import zlib
from collections.abc import AsyncIterator
from typing import Any, NoReturn

import anyio
from fastapi import HTTPException, Request
from starlette.requests import ClientDisconnect

PIECE_TIMEOUT_S = 30.0
GZIP_WINDOW = 31  # zlib's code for a gzip header and trailer around 32 kB of window


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


async def read_body(request: Request, *, max_bytes: int) -> bytes:
    """Returns the body, unpacked. Raises: HTTPException: 413 over the limit, 415 for an encoding that is not gzip."""
    encoding = request.headers.get("content-encoding", "identity").strip().lower()
    if encoding not in {"identity", "gzip"}:
        raise HTTPException(415, "Content-Encoding needs to be gzip or absent")
    inflater = _Inflater(max_bytes) if encoding == "gzip" else None
    body = bytearray()
    async for piece in limited(request, max_bytes=max_bytes):
        body += inflater.feed(piece) if inflater else piece
    if inflater:
        inflater.finish()
    return bytes(body)


async def limited(request: Request, *, max_bytes: int) -> AsyncIterator[bytes]:
    """Yields the body as it comes.

    Raises: HTTPException: 413 as soon as more than ``max_bytes`` is declared or sent, 408 if nothing more comes.
    """
    declared = request.headers.get("content-length", "")
    if declared.isascii() and declared.isdigit() and int(declared) > max_bytes:
        raise HTTPException(413, f"the body is larger than {max_bytes} bytes")
    received = 0
    pieces = request.stream()
    while (piece := await _next_piece(pieces)) is not None:
        received += len(piece)
        if received > max_bytes:
            raise HTTPException(413, f"the body is larger than {max_bytes} bytes")
        yield piece


async def _next_piece(pieces: AsyncIterator[bytes]) -> bytes | None:
    try:
        with anyio.fail_after(PIECE_TIMEOUT_S):
            return await anext(pieces, None)
    except TimeoutError as error:
        raise HTTPException(408, f"nothing more of the body came for {PIECE_TIMEOUT_S:.0f} s") from error
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
