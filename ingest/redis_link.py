"""Opens the link to Redis and gives its failures one name.

StreamError
├── StreamUnavailable   Redis cannot be reached or does not serve; waiting may help
├── StreamNotDurable    Redis could lose what it confirmed; somebody must change its settings
└── StreamFull          more events wait than the limit allows; the workers are behind
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import redis
from redis.backoff import ConstantBackoff
from redis.retry import Retry


class StreamError(Exception):
    """Anything that keeps the stream from taking or giving entries."""


class StreamUnavailable(StreamError):
    """Redis cannot be reached or does not serve; waiting may help."""


class StreamNotDurable(StreamError):
    """Redis could lose what it confirmed; the message says what to set."""


class StreamFull(StreamError):
    """More events wait than the limit allows."""


def connect(url: str, *, timeout_s: float = 5.0) -> redis.Redis:
    """Returns a client for ``url`` (which may hold a password); nothing is sent before its first command.

    One repetition covers the pooled connections that a restart of Redis leaves behind; longer waits are the caller's.
    """
    return redis.Redis.from_url(
        url,
        protocol=2,
        socket_timeout=timeout_s,
        socket_connect_timeout=timeout_s,
        retry=Retry(ConstantBackoff(0.05), 1),
    )


@contextmanager
def translated() -> Iterator[None]:
    """Turns the client library's errors into StreamUnavailable. Redis names no password in its errors."""
    try:
        yield
    except redis.RedisError as error:
        raise StreamUnavailable(f"Redis does not serve: {type(error).__name__}: {error}") from error
