"""Pictures and other bytes for the tests of evidence."""

from __future__ import annotations

import hashlib
import io
import os
import struct
import zlib
from collections.abc import Iterator
from typing import Any

from PIL import Image

from api.evidence_store import EvidenceStore, Kept

LIMIT = 1_000_000


def a_picture(kind: str = "JPEG") -> bytes:
    """A picture like no other."""
    file = io.BytesIO()
    Image.frombytes("RGB", (8, 6), os.urandom(8 * 6 * 3)).resize((64, 48)).save(file, kind)
    return file.getvalue()


def a_table(size_bytes: int) -> bytes:
    """A text like no other, of this size."""
    return os.urandom(size_bytes // 2 + 1).hex().encode()[:size_bytes]


def png_of_claimed_size(width: int, height: int) -> bytes:
    """A PNG of a hundred bytes that says it is huge."""

    def chunk(name: bytes, content: bytes) -> bytes:
        return struct.pack(">I", len(content)) + name + content + struct.pack(">I", zlib.crc32(name + content))

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    lines = zlib.compress(b"\0" * 1000)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", lines) + chunk(b"IEND", b"")


def sha256_of(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def pieces(content: bytes, size_bytes: int = 1000) -> Iterator[bytes]:
    for at in range(0, len(content), size_bytes):
        yield content[at : at + size_bytes]


def put(store: EvidenceStore, content: bytes, media_type: str = "image/jpeg", **claimed: Any) -> Kept:
    sha256, limit = claimed.get("sha256", sha256_of(content)), claimed.get("limit", LIMIT)
    return store.put_stream(sha256, pieces(content), limit, media_type)
