"""Checks that Redis has on disk what it confirms."""

from __future__ import annotations

from typing import Any, cast

import redis

from ingest.entries import text_of
from ingest.redis_link import StreamNotDurable, translated

# The last one: with yes, Redis confirms without writing to disk for as long as it rewrites its file.
_DURABLE = (("appendonly", "yes"), ("appendfsync", "always"), ("no-appendfsync-on-rewrite", "no"))


def check_settings(client: redis.Redis) -> None:
    """Raises: StreamNotDurable: If Redis may lose what it confirmed; the message names expected and got."""
    got = _settings(client, *(name for name, _ in _DURABLE), "maxmemory", "maxmemory-policy")
    faults = [f"{name} is {got.get(name)!r}, expected {want!r}" for name, want in _DURABLE if got.get(name) != want]
    if got.get("maxmemory") != "0" and got.get("maxmemory-policy", "").startswith("allkeys"):
        faults.append(f"maxmemory-policy is {got['maxmemory-policy']!r}, expected 'noeviction'")
    if faults:
        raise StreamNotDurable(
            f"Redis may lose events that it confirmed: {'; '.join(faults)}. Set them with CONFIG SET and in "
            "redis.conf, or accept loss with STREETCASE_LOSSY=1"
        )


def _settings(client: redis.Redis, *names: str) -> dict[str, str]:
    with translated():
        try:
            answer = cast(dict[Any, Any], client.config_get(*names))
        except redis.ResponseError as error:
            raise StreamNotDurable(
                f"Redis does not tell its settings ({error}); allow CONFIG GET, or accept loss with STREETCASE_LOSSY=1"
            ) from error
    return {text_of(name): text_of(value) for name, value in answer.items()}
