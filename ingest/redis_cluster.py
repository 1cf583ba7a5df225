"""Speaks to the one node of a Redis cluster that owns the keys.

All keys of a stream lie in one slot, so one node has them all. A client that follows it serves everything that a single
Redis serves (pipelines, transactions, blocking reads, CONFIG GET), which a client for any key of a cluster does not.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import redis
from redis.connection import ConnectionPool
from redis.exceptions import MovedError

Address = tuple[str, int]


class ClusterNodes:
    """The nodes that somebody named, and the one that owns the keys, once a node told."""

    def __init__(self, seeds: Sequence[Address]) -> None:
        self._seeds = list(seeds)
        self.owner: Address | None = None

    def candidates(self) -> list[Address]:
        """Returns whom to ask, in order: who answers without owning the keys tells who does."""
        owner = [self.owner] if self.owner else []
        return owner + [seed for seed in self._seeds if seed != self.owner]


class _FollowingOwner(redis.Connection):
    """A connection that goes where MOVED points, and sends what it had sent there again."""

    def __init__(self, *, nodes: ClusterNodes, **options: Any) -> None:
        super().__init__(**options)  # type: ignore[no-untyped-call]
        self._nodes = nodes
        self._unanswered: Any = None

    def _connect(self) -> Any:
        failure: OSError | None = None
        for host, port in self._nodes.candidates():
            self.host, self.port = host, port
            try:
                return super()._connect()  # type: ignore[no-untyped-call]
            except OSError as error:
                failure = error
        raise failure or OSError("no node of the cluster is named")

    def send_packed_command(self, command: Any, check_health: bool = True) -> None:
        if not isinstance(command, (str, list, tuple)):
            command = list(command)
        super().send_packed_command(command, check_health=check_health)  # type: ignore[no-untyped-call]
        # Only now: to connect, which this may have done first, sends commands of its own.
        self._unanswered = command

    def read_response(self, *arguments: Any, **options: Any) -> Any:
        sent, self._unanswered = self._unanswered, None
        try:
            return super().read_response(*arguments, **options)
        except MovedError as moved:
            # The node executed nothing. An empty host means the one that answered.
            self._nodes.owner = (moved.host or str(self.host), moved.port)
        self.disconnect()  # type: ignore[no-untyped-call]
        if sent is None:  # in the midst of a pipeline: whoever sent it must send all of it again
            raise redis.ConnectionError("the keys moved to another node of the cluster")
        super().send_packed_command(sent, check_health=False)  # type: ignore[no-untyped-call]
        try:
            return super().read_response(*arguments, **options)
        except MovedError:
            self.disconnect()  # type: ignore[no-untyped-call]
            raise redis.ConnectionError("the keys are moving between nodes of the cluster") from None


class _SecureFollowingOwner(_FollowingOwner, redis.SSLConnection):
    """The same over TLS."""


def cluster_client(seeds: Iterable[Address], *, ssl: bool = False, **options: Any) -> redis.Redis:
    """Returns a client that needs at least one of ``seeds`` to live, and finds the owner of its keys from there."""
    kind = _SecureFollowingOwner if ssl else _FollowingOwner
    pool = ConnectionPool(connection_class=kind, nodes=ClusterNodes(list(seeds)), **options)
    return redis.Redis.from_pool(pool)
