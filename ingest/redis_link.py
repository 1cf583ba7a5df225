"""Opens the link to Redis and gives its failures one name.

StreamError
├── StreamUnavailable   Redis cannot be reached or does not serve; waiting may help
├── StreamNotDurable    Redis could lose what it confirmed; somebody must change its settings
├── StreamUrlWrong      the URL names no Redis; somebody must change it
└── StreamFull          more events wait than the limit allows; the workers are behind
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import SplitResult, parse_qs, unquote, urlsplit

import redis
from redis.backoff import ConstantBackoff
from redis.retry import Retry
from redis.sentinel import Sentinel

from ingest.redis_cluster import Address, cluster_client

REDIS_PORT = 6379
SENTINEL_PORT = 26379

_PLAIN = frozenset({"redis", "rediss", "unix"})
_SENTINEL = frozenset({"redis+sentinel", "rediss+sentinel"})
_CLUSTER = frozenset({"redis+cluster", "rediss+cluster"})


class StreamError(Exception):
    """Anything that keeps the stream from taking or giving entries."""


class StreamUnavailable(StreamError):
    """Redis cannot be reached or does not serve; waiting may help."""


class StreamNotDurable(StreamError):
    """Redis could lose what it confirmed; the message says what to set."""


class StreamUrlWrong(StreamError):
    """The URL names no Redis; the message shows nothing of it, for it may hold a password."""


class StreamFull(StreamError):
    """More events wait than the limit allows."""


def connect(url: str, *, timeout_s: float = 5.0, retries: int = 1) -> redis.Redis:
    """Returns a client for ``url`` (which may hold a password); nothing is sent before its first command.

    One repetition covers the pooled connections that a restart of Redis leaves behind; longer waits are the caller's.
    Behind a Sentinel the client finds the master anew with each connection; of a cluster it speaks to the one node that
    owns the keys.
    Raises: StreamUrlWrong.
    """
    options: dict[str, Any] = {
        "protocol": 2,
        "socket_timeout": timeout_s,
        "socket_connect_timeout": timeout_s,
        "retry": Retry(ConstantBackoff(0.05), retries),
    }
    try:
        parts = urlsplit(url)
        if parts.scheme in _SENTINEL:
            return _behind_sentinel(parts, options)
        if parts.scheme in _CLUSTER:
            return _in_cluster(parts, options)
        _check_url(parts)
        return redis.Redis.from_url(url, **options)
    except ValueError:
        # Not chained: the parsers quote what they could not read, which may be a piece of the password.
        raise StreamUrlWrong(
            "the Redis URL (STREETCASE_REDIS_URL) cannot be read: expected redis://:PASSWORD@HOST:PORT/NUMBER, "
            "redis+sentinel://:PASSWORD@HOST:PORT,HOST:PORT/SERVICE/NUMBER or "
            "redis+cluster://:PASSWORD@HOST:PORT,HOST:PORT, where "
            "/, #, ?, @ and % in the password are written %2F, %23, %3F, %40 and %25"
        ) from None


def _check_url(parts: SplitResult) -> None:
    """Finds what redis-py lets pass: 12#x@host is read as port 12 of this machine. Raises: ValueError."""
    if parts.scheme not in _PLAIN:
        raise ValueError
    if parts.scheme != "unix" and not (parts.hostname and re.fullmatch(r"(/\d*)?", parts.path) and not parts.fragment):
        raise ValueError


def _behind_sentinel(parts: SplitResult, options: dict[str, Any]) -> redis.Redis:
    """``redis+sentinel://[:password@]host:port,.../SERVICE[/db][?sentinel_password=...]``. Raises: ValueError."""
    path = re.fullmatch(r"/([^/]+)(?:/(\d*))?", parts.path)
    query = parse_qs(parts.query, keep_blank_values=True, strict_parsing=bool(parts.query))
    if path is None or set(query) - {"sentinel_password"}:
        raise ValueError
    secured = _secured(parts, options)
    asking = {name: secured[name] for name in secured if name not in ("username", "password")}
    if "sentinel_password" in query:
        asking["password"] = query["sentinel_password"][0]
    sentinel: Any = Sentinel(_addresses(parts, SENTINEL_PORT), sentinel_kwargs=asking, **secured)  # type: ignore[no-untyped-call]
    client: redis.Redis = sentinel.master_for(unquote(path[1]), db=int(path[2] or 0))
    return client


def _in_cluster(parts: SplitResult, options: dict[str, Any]) -> redis.Redis:
    """``redis+cluster://[user:password@]host:port,...``; a cluster has no numbered databases. Raises: ValueError."""
    if parts.path not in ("", "/", "/0") or parts.query:
        raise ValueError
    return cluster_client(_addresses(parts, REDIS_PORT), **_secured(parts, options))


def _secured(parts: SplitResult, options: dict[str, Any]) -> dict[str, Any]:
    user, has_credentials, _ = parts.netloc.rpartition("@")
    name, _, password = user.partition(":")
    secured = options | ({"ssl": True} if parts.scheme.startswith("rediss") else {})
    if has_credentials:
        secured |= {"username": unquote(name) or None, "password": unquote(password)}
    return secured


def _addresses(parts: SplitResult, port: int) -> list[Address]:
    """Returns the hosts and ports of a list; an IPv6 address stands in brackets. Raises: ValueError."""
    if parts.fragment:
        raise ValueError
    found = []
    for text in parts.netloc.rpartition("@")[2].split(","):
        match = re.fullmatch(r"(\[[0-9a-fA-F:.]+\]|[^\s:@\[\]]+)(?::(\d{1,5}))?", text)
        if match is None or int(match[2] or port) > 65_535:
            raise ValueError
        found.append((match[1].strip("[]"), int(match[2] or port)))
    return found


@contextmanager
def translated() -> Iterator[None]:
    """Turns the client library's errors into StreamUnavailable. Redis names no password in its errors."""
    try:
        yield
    except redis.ReadOnlyError as error:
        raise StreamUnavailable("this Redis is a replica, and takes nothing in: expected the master") from error
    except redis.RedisError as error:
        raise StreamUnavailable(f"Redis does not serve: {type(error).__name__}: {error}") from error
