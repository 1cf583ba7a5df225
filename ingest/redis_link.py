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
from urllib.parse import urlsplit

import redis
from redis.backoff import ConstantBackoff
from redis.retry import Retry


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


def connect(url: str, *, timeout_s: float = 5.0) -> redis.Redis:
    """Returns a client for ``url`` (which may hold a password); nothing is sent before its first command.

    One repetition covers the pooled connections that a restart of Redis leaves behind; longer waits are the caller's.
    Raises: StreamUrlWrong.
    """
    try:
        _check_url(url)
        return redis.Redis.from_url(
            url,
            protocol=2,
            socket_timeout=timeout_s,
            socket_connect_timeout=timeout_s,
            retry=Retry(ConstantBackoff(0.05), 1),
        )
    except ValueError:
        # Not chained: the parsers quote what they could not read, which may be a piece of the password.
        raise StreamUrlWrong(
            "the Redis URL (STREETCASE_REDIS_URL) cannot be read: expected redis://:PASSWORD@HOST:PORT/NUMBER, where "
            "/, #, ?, @ and % in the password are written %2F, %23, %3F, %40 and %25"
        ) from None


def _check_url(url: str) -> None:
    """Finds what redis-py lets pass: 12#x@host is read as port 12 of this machine. Raises: ValueError."""
    parts = urlsplit(url)
    if parts.scheme != "unix" and not (parts.hostname and re.fullmatch(r"(/\d*)?", parts.path) and not parts.fragment):
        raise ValueError


@contextmanager
def translated() -> Iterator[None]:
    """Turns the client library's errors into StreamUnavailable. Redis names no password in its errors."""
    try:
        yield
    except redis.RedisError as error:
        raise StreamUnavailable(f"Redis does not serve: {type(error).__name__}: {error}") from error
