"""Keeps finished items of evidence as objects of an S3 bucket, whoever runs it; s3fs speaks to it.

Each call goes to the server, so that what other processes have written is seen. Credentials, endpoint and region come
from the usual AWS_* variables and files.
"""

from __future__ import annotations

import asyncio
import base64
import hashlib
import io
import os
import re
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from datetime import UTC
from pathlib import Path
from typing import Any, BinaryIO

import aiohttp
import fsspec.asyn
import s3fs
from botocore.exceptions import BotoCoreError, ClientError, NoCredentialsError  # type: ignore[import-untyped]
from botocore.parsers import ResponseParserError  # type: ignore[import-untyped]

from api.evidence.errors import EvidenceMisconfigured, EvidenceMissing, EvidenceUnavailable
from api.evidence.folder import SHA256, StoredItem, path_of

CALL_TIMEOUT_S = 20.0
UPLOAD_TIMEOUT_S = 60.0
READ_BYTES = 1_048_576
"""So much is fetched at once while an item is read."""

PAGE_ITEMS = 1000
"""So many are asked for at once when all are listed: the most that S3 gives."""

WRITABLE_FOR_S = 60.0
_AT_ONCE = 32
_PIECE_BYTES = 65_536
_URL = re.compile(r"s3a?://(?P<bucket>[a-z0-9][a-z0-9.-]{1,61}[a-z0-9])(?:/(?P<prefix>[A-Za-z0-9._/-]*))?")
_CONNECTION = {
    "connect_timeout": 4,
    "read_timeout": 8,
    "max_pool_connections": _AT_ONCE,
    "retries": {"mode": "standard", "total_max_attempts": 2},
}


class BucketShelf:
    """A shelf in a bucket, below a prefix; an object is visible only once all of it has come."""

    def __init__(self, bucket: str, prefix: str = "", *, call_timeout_s: float = CALL_TIMEOUT_S) -> None:
        self._bucket = bucket
        self._prefix = f"{prefix.strip('/')}/" if prefix.strip("/") else ""
        self._files = s3fs.S3FileSystem(
            config_kwargs=_CONNECTION, use_listings_cache=False, skip_instance_cache=True, max_concurrency=1
        )
        # A retry of s3fs would send the rest of a half sent file; botocore's own winds it back.
        self._files.retries = 1
        self._call_timeout_s = call_timeout_s
        self._writable_until = 0.0

    @classmethod
    def at(cls, url: str) -> BucketShelf:
        """Raises: EvidenceMisconfigured: If it is not ``s3://bucket/prefix``; not shown, as it may hold a password."""
        found = _URL.fullmatch(url)
        if found is None:
            raise EvidenceMisconfigured(
                "STREETCASE_EVIDENCE_URL: expected s3://bucket/prefix, with credentials and endpoint in AWS_* variables"
            )
        return cls(found["bucket"], found["prefix"] or "")

    def prepare(self) -> None:
        if not self._exists("head_bucket"):
            raise EvidenceUnavailable(f"there is no bucket {self._bucket} for evidence; make it first")

    def check_writable(self) -> None:
        """Writes an empty object, once a minute at most: where versions are kept, each one stays."""
        if time.monotonic() < self._writable_until:
            self.prepare()
            return
        self._call("put_object", Key=f"{self._prefix}.writable", Body=b"")
        self._writable_until = time.monotonic() + WRITABLE_FOR_S

    def keep(self, finished: Path, sha256: str) -> None:
        """The server compares the bytes that came with their MD5, and stores all of them or none."""
        with _open_local(finished) as body:
            size_bytes, md5 = _size_and_md5(body)
            self._call(
                "put_object",
                Key=self._key(sha256),
                Body=body,
                ContentLength=size_bytes,
                ContentMD5=md5,
                timeout_s=UPLOAD_TIMEOUT_S,
            )
        kept = self.find(sha256)
        if kept is None or kept.size_bytes != size_bytes:
            raise EvidenceUnavailable(f"the bucket {self._bucket} took an item and does not show it")

    def open(self, sha256: str) -> BinaryIO:
        kept = self.find(sha256)
        if kept is None:
            raise EvidenceMissing(f"no evidence is kept under {sha256}")
        return io.BufferedReader(_Object(self, sha256, size_bytes=kept.size_bytes), READ_BYTES)

    def find(self, sha256: str) -> StoredItem | None:
        with self._failures():
            found: StoredItem | None = self._sync(self._find, sha256)
        return found

    def missing(self, names: Iterable[str]) -> list[str]:
        with self._failures():
            missing: list[str] = self._sync(self._missing, list(names))
        return missing

    def remove(self, sha256: str) -> bool:
        if self.find(sha256) is None:
            return False
        self._call("delete_object", Key=self._key(sha256))
        return True

    def items(self) -> Iterator[StoredItem]:
        after: dict[str, Any] = {}
        while True:
            page = self._call("list_objects_v2", Prefix=self._prefix, MaxKeys=PAGE_ITEMS, **after)
            with self._failures():
                found = [self._listed(entry) for entry in page.get("Contents", [])]
                after = {"ContinuationToken": page["NextContinuationToken"]} if page.get("IsTruncated") else {}
            yield from (item for item in found if item is not None)
            if not after:
                return

    def read(self, sha256: str, start: int, stop: int) -> bytes:
        """Returns the stored bytes from ``start`` up to ``stop``. Raises: EvidenceMissing, EvidenceUnavailable."""
        try:
            with self._failures():
                piece = bytes(self._sync(self._read, sha256, start, stop))
        except FileNotFoundError:
            raise EvidenceMissing(f"no evidence is kept under {sha256}") from None
        if len(piece) != stop - start:
            raise EvidenceUnavailable(f"the bucket {self._bucket} sent other bytes than were asked for")
        return piece

    def _listed(self, entry: dict[str, Any]) -> StoredItem | None:
        """Returns None for an object that is no item of ours."""
        name = entry["Key"].rpartition("/")[2]
        if not SHA256.fullmatch(name) or entry["Key"] != self._key(name):
            return None
        return StoredItem(name, entry["Size"], entry["LastModified"].astimezone(UTC))

    async def _find(self, sha256: str) -> StoredItem | None:
        try:
            head = await self._files._call_s3("head_object", Bucket=self._bucket, Key=self._key(sha256))
        except FileNotFoundError:
            return None
        return StoredItem(sha256, head["ContentLength"], head["LastModified"].astimezone(UTC))

    async def _missing(self, names: list[str]) -> list[str]:
        at_once = asyncio.Semaphore(_AT_ONCE)

        async def found(sha256: str) -> bool:
            async with at_once:
                return await self._find(sha256) is not None

        there = await asyncio.gather(*(found(sha256) for sha256 in names))
        return [sha256 for sha256, is_there in zip(names, there, strict=True) if not is_there]

    async def _read(self, sha256: str, start: int, stop: int) -> bytes:
        answer = await self._files._call_s3(
            "get_object", Bucket=self._bucket, Key=self._key(sha256), Range=f"bytes={start}-{stop - 1}"
        )
        async with answer["Body"] as body:
            return bytes(await body.read())

    def _exists(self, method: str) -> bool:
        try:
            with self._failures():
                self._sync(self._files._call_s3, method, Bucket=self._bucket)
        except FileNotFoundError:
            return False
        return True

    def _call(self, method: str, *, timeout_s: float | None = None, **arguments: Any) -> Any:
        try:
            with self._failures():
                call = self._files._call_s3
                return self._sync(call, method, Bucket=self._bucket, timeout_s=timeout_s, **arguments)
        except FileNotFoundError:
            raise EvidenceUnavailable(f"there is no bucket {self._bucket} for evidence") from None

    def _sync(self, call: Any, *arguments: Any, timeout_s: float | None = None, **named: Any) -> Any:
        timeout = timeout_s or self._call_timeout_s
        return fsspec.asyn.sync(self._files.loop, call, *arguments, timeout=timeout, **named)

    def _key(self, sha256: str) -> str:
        return f"{self._prefix}{path_of(sha256)}"

    @contextmanager
    def _failures(self) -> Iterator[None]:
        """The server's own words are left out, and not chained: they may quote the request with the name of its key."""
        try:
            yield
        except FileNotFoundError:
            raise
        except NoCredentialsError:
            raise EvidenceUnavailable(
                f"no credentials for the bucket {self._bucket}: set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY"
            ) from None
        except PermissionError:
            raise EvidenceUnavailable(
                f"the bucket {self._bucket} refuses: wrong credentials or a right missing"
            ) from None
        except (OSError, BotoCoreError, ClientError, aiohttp.ClientError) as error:
            raise EvidenceUnavailable(f"the bucket {self._bucket} does not answer: {type(error).__name__}") from None
        except (ResponseParserError, KeyError, ValueError) as error:
            # Headers that are left out or no numbers, or a page for people: from a proxy, or a server of another kind.
            raise EvidenceUnavailable(
                f"the bucket {self._bucket} answers as no S3 does: {type(error).__name__}"
            ) from None


class _Object(io.RawIOBase):
    """Reads one object from any position."""

    def __init__(self, shelf: BucketShelf, sha256: str, *, size_bytes: int) -> None:
        self._shelf = shelf
        self._sha256 = sha256
        self._size_bytes = size_bytes
        self._position = 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._position

    def seek(self, offset: int, whence: int = os.SEEK_SET, /) -> int:
        start = {os.SEEK_SET: 0, os.SEEK_CUR: self._position, os.SEEK_END: self._size_bytes}[whence]
        self._position = max(start + offset, 0)
        return self._position

    def readall(self) -> bytes:
        """In one request: the base class would ask for 8 KiB at a time."""
        start, self._position = self._position, max(self._position, self._size_bytes)
        return self._shelf.read(self._sha256, start, self._size_bytes) if start < self._size_bytes else b""

    def readinto(self, buffer: memoryview, /) -> int:  # type: ignore[override]
        stop = min(self._position + len(buffer), self._size_bytes)
        if stop <= self._position:
            return 0
        piece = self._shelf.read(self._sha256, self._position, stop)
        buffer[: len(piece)] = piece
        self._position += len(piece)
        return len(piece)


def _size_and_md5(file: BinaryIO) -> tuple[int, str]:
    """Returns size in bytes and MD5 in base 64, as S3 wants it, and winds the file back."""
    digest, size_bytes = hashlib.md5(usedforsecurity=False), 0
    while piece := file.read(_PIECE_BYTES):
        digest.update(piece)
        size_bytes += len(piece)
    file.seek(0)
    return size_bytes, base64.b64encode(digest.digest()).decode()


@contextmanager
def _open_local(path: Path) -> Iterator[BinaryIO]:
    try:
        file = path.open("rb")
    except OSError as error:
        raise EvidenceUnavailable(f"the evidence folder fails: {error.strerror}") from error
    with file:
        yield file
