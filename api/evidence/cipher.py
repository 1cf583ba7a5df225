"""Encrypts an item of evidence as it flows, and reads it back from any position.

A stored item is a header and chunks. Each chunk is 64 KiB of the item (the last one less) under AES-256-GCM, by the
STREAM construction (Hoang, Reyhanitabar, Rogaway and Vizár, 2015): its nonce holds a random prefix, the chunk's number
and whether it is the last. So chunks can be neither altered, moved, left out nor cut off unnoticed. Header and name of
the item are authenticated with each chunk: an item under another's name is found out too. Each item has a key of its
own, derived from the ring's key and a random salt, so that no nonce is ever used twice with one key.
"""

from __future__ import annotations

import io
import os
import struct
from typing import BinaryIO, Protocol

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from api.evidence.errors import EvidenceDamaged, EvidenceLocked
from api.evidence.keys import KEY_BYTES, KeyRing, id_of

# No picture, clip or text in UTF-8 begins so; see evidence_content.
MAGIC = b"\x93SCEVID\x00"
CHUNK_BYTES = 65_536
TAG_BYTES = 16
_VERSION = 1
_SALT_BYTES = 16
_PREFIX_BYTES = 7
_HEADER = struct.Struct(f">{len(MAGIC)}sB8s{_SALT_BYTES}s{_PREFIX_BYTES}s")
HEADER_BYTES = _HEADER.size
_PREFIX_AT = HEADER_BYTES - _PREFIX_BYTES
_SALT_AT = _PREFIX_AT - _SALT_BYTES
_STORED_CHUNK_BYTES = CHUNK_BYTES + TAG_BYTES


class Sink(Protocol):
    """What an item's bytes are written to."""

    def write(self, chunk: bytes, /) -> object: ...


class _Chunks:
    """The chunks of one item: ``sealed`` encrypts one, ``opened`` decrypts one."""

    def __init__(self, header: bytes, key: bytes, sha256: str) -> None:
        salt, self._prefix = header[_SALT_AT:_PREFIX_AT], header[_PREFIX_AT:]
        derived = HKDF(algorithm=SHA256(), length=KEY_BYTES, salt=salt, info=MAGIC).derive(key)
        self._cipher = AESGCM(derived)
        self._context = header + bytes.fromhex(sha256)

    def sealed(self, number: int, plain: bytes, *, last: bool) -> bytes:
        return self._cipher.encrypt(self._nonce(number, last=last), plain, self._context)

    def opened(self, number: int, stored: bytes, *, last: bool) -> bytes:
        try:
            return self._cipher.decrypt(self._nonce(number, last=last), stored, self._context)
        except InvalidTag:
            raise EvidenceDamaged("the evidence is not what was written: it is altered or cut off") from None

    def _nonce(self, number: int, *, last: bool) -> bytes:
        return self._prefix + number.to_bytes(4, "big") + bytes([last])


class Encrypting:
    """Encrypts what is written to it into ``file``; without ``finish`` the item stays unreadable."""

    def __init__(self, file: Sink, sha256: str, ring: KeyRing) -> None:
        key = ring.keys[0]
        header = _HEADER.pack(MAGIC, _VERSION, id_of(key), os.urandom(_SALT_BYTES), os.urandom(_PREFIX_BYTES))
        self._file = file
        self._chunks = _Chunks(header, key, sha256)
        self._number = 0
        self._waiting = bytearray()
        file.write(header)

    def write(self, chunk: bytes) -> None:
        self._waiting += chunk
        # A full chunk waits until more comes: only then it is known not to be the last.
        while len(self._waiting) > CHUNK_BYTES:
            self._write_first(CHUNK_BYTES, last=False)

    def finish(self) -> None:
        self._write_first(len(self._waiting), last=True)

    def _write_first(self, size_bytes: int, *, last: bool) -> None:
        self._file.write(self._chunks.sealed(self._number, bytes(self._waiting[:size_bytes]), last=last))
        del self._waiting[:size_bytes]
        self._number += 1


class _Decrypting(io.RawIOBase):
    """Reads an item out of what ``Encrypting`` wrote, decrypting the chunks that are asked for."""

    def __init__(self, stored: BinaryIO, chunks: _Chunks, *, size_bytes: int) -> None:
        self._stored = stored
        self._chunks = chunks
        self._size_bytes = size_bytes
        self._last = max(size_bytes - 1, 0) // CHUNK_BYTES
        self._position = 0
        self._number = -1
        self._plain = b""

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._position

    def seek(self, offset: int, whence: int = os.SEEK_SET, /) -> int:
        start = {os.SEEK_SET: 0, os.SEEK_CUR: self._position, os.SEEK_END: self._size_bytes}[whence]
        if start + offset < 0:
            raise ValueError(f"expected a position of 0 or more, got {start + offset}")
        self._position = start + offset
        return self._position

    def readinto(self, buffer: memoryview, /) -> int:  # type: ignore[override]
        if self._position >= self._size_bytes:
            return 0
        number, skipped = divmod(self._position, CHUNK_BYTES)
        piece = self.chunk(number)[skipped : skipped + len(buffer)]
        buffer[: len(piece)] = piece
        self._position += len(piece)
        return len(piece)

    def chunk(self, number: int) -> bytes:
        """Raises: EvidenceDamaged."""
        if number != self._number:
            self._stored.seek(HEADER_BYTES + number * _STORED_CHUNK_BYTES)
            stored = self._stored.read(_STORED_CHUNK_BYTES)
            self._plain = self._chunks.opened(number, stored, last=number == self._last)
            self._number = number
        return self._plain

    def check_end(self) -> None:
        """Decrypts the last chunk, so that the size is known to be right. Raises: EvidenceDamaged."""
        self.chunk(self._last)

    def close(self) -> None:
        self._stored.close()
        super().close()


def decrypting(stored: BinaryIO, sha256: str, ring: KeyRing | None) -> BinaryIO:
    """Returns the item inside ``stored``, seekable; closing it closes ``stored``.

    Raises: EvidenceLocked: Its key is not in ``ring``. EvidenceDamaged: Now, or at the read that meets the damage.
    """
    stored_bytes = stored.seek(0, os.SEEK_END)
    stored.seek(0)
    header = stored.read(HEADER_BYTES)
    if len(header) < HEADER_BYTES:
        raise EvidenceDamaged("the evidence is cut off in its header")
    _, version, key_id, _, _ = _HEADER.unpack(header)
    if version != _VERSION:
        raise EvidenceLocked(f"the evidence is encrypted in version {version}, which this release does not know")
    key = ring.key(key_id) if ring else None
    if key is None:
        raise EvidenceLocked(f"the evidence is encrypted with key {key_id.hex()}, and no key file at hand holds it")
    opened = _Decrypting(stored, _Chunks(header, key, sha256), size_bytes=_plain_bytes(stored_bytes))
    opened.check_end()
    return io.BufferedReader(opened, CHUNK_BYTES)


def _plain_bytes(stored_bytes: int) -> int:
    body = stored_bytes - HEADER_BYTES
    chunks = max(-(-body // _STORED_CHUNK_BYTES), 1)
    plain = body - chunks * TAG_BYTES
    if plain < 0 or (plain <= (chunks - 1) * CHUNK_BYTES and chunks > 1):
        raise EvidenceDamaged("the evidence is cut off")
    return plain
