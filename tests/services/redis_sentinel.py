"""A real Redis master with a replica, and Sentinels that make the replica the master when the master dies."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import redis

from tests.services.ports import HOST, answers, free_port
from tests.services.processes import Process, wait_until
from tests.services.redis import RedisServer

SERVICE = "main"
PASSWORD = "p/w#1"
DOWN_AFTER_MS = 1000
FAILOVER_TIMEOUT_MS = 2000


class SentinelGroup:
    """``master`` and ``replica`` are the first ones; ``url`` leads to whichever is the master now."""

    def __init__(self, master: RedisServer, replica: RedisServer, sentinel_ports: list[int]) -> None:
        self.master = master
        self.replica = replica
        self._sentinel_ports = sentinel_ports
        hosts = ",".join(f"{HOST}:{port}" for port in sentinel_ports)
        self.url = f"redis+sentinel://:{PASSWORD.replace('/', '%2F').replace('#', '%23')}@{hosts}/{SERVICE}/0"

    def wait_replicated(self) -> None:
        """Returns once the replica has all that the master has."""
        with _client(self.master.port) as master, _client(self.replica.port) as replica:
            wait_until(
                lambda: (
                    replica.info("replication").get("master_link_status") == "up"
                    and replica.info("replication")["slave_repl_offset"]
                    >= master.info("replication")["master_repl_offset"]
                ),
                timeout_s=20,
                what="the replica has everything",
            )

    def wait_failed_over(self) -> None:
        """Returns once the replica is the master, and all Sentinels say so."""
        with _client(self.replica.port) as replica:
            wait_until(
                lambda: replica.info("replication")["role"] == "master", timeout_s=30, what="the replica is the master"
            )
        for port in self._sentinel_ports:
            wait_until(lambda port=port: _master_port(port) == self.replica.port, timeout_s=20, what="a Sentinel knows")  # type: ignore[misc]


def _client(port: int) -> redis.Redis:
    return redis.Redis(host=HOST, port=port, password=PASSWORD, socket_timeout=5.0, decode_responses=True)


@contextmanager
def running_sentinels(binary: str, folder: Path, *, sentinels: int = 3) -> Iterator[SentinelGroup]:
    """Yields a master, a replica and Sentinels that all know each other, and ends them."""
    with ExitStack() as running:
        servers: list[RedisServer] = []
        for name in ("master", "replica"):
            (folder / name).mkdir(parents=True)
            options = ["--requirepass", PASSWORD, "--masterauth", PASSWORD, "--repl-diskless-sync-delay", "0"]
            if servers:
                options += ["--replicaof", HOST, str(servers[0].port)]
            server = RedisServer(binary, folder / name, *options)
            running.callback(server.stop)
            server.start()
            servers.append(server)
        ports = [free_port() for _ in range(sentinels)]
        group = SentinelGroup(servers[0], servers[1], ports)
        group.wait_replicated()
        for port in ports:
            running.callback(_start_sentinel(binary, folder, port, group.master.port, quorum=sentinels // 2 + 1).stop)
        for port in ports:
            wait_until(lambda port=port: _knows(port, sentinels), timeout_s=20, what="Sentinels know each other")  # type: ignore[misc]
        yield group


def _start_sentinel(binary: str, folder: Path, port: int, master_port: int, *, quorum: int) -> Process:
    settings = folder / f"sentinel-{port}.conf"
    settings.write_text(
        f"port {port}\nbind {HOST}\ndir {folder}\n"
        f"sentinel monitor {SERVICE} {HOST} {master_port} {quorum}\n"
        f'sentinel auth-pass {SERVICE} "{PASSWORD}"\n'
        f"sentinel down-after-milliseconds {SERVICE} {DOWN_AFTER_MS}\n"
        f"sentinel failover-timeout {SERVICE} {FAILOVER_TIMEOUT_MS}\n"
    )
    process = Process([binary, str(settings), "--sentinel"], log=folder / f"sentinel-{port}.log")
    process.wait_ready(lambda: answers(port))
    with redis.Redis(host=HOST, port=port) as sentinel:  # Otherwise they take ten seconds to know each other.
        sentinel.execute_command(
            "SENTINEL", "DEBUG", "info-period", 300, "publish-period", 200, "ping-period", 200, "ask-period", 200
        )
    return process


def _master_port(port: int) -> int:
    with redis.Redis(host=HOST, port=port, socket_timeout=5.0, decode_responses=True) as sentinel:
        state = sentinel.sentinel_master(SERVICE)
        return int(state["port"]) if state["flags"] == "master" else 0


def _knows(port: int, sentinels: int) -> bool:
    with redis.Redis(host=HOST, port=port, socket_timeout=5.0, decode_responses=True) as sentinel:
        state = sentinel.sentinel_master(SERVICE)
        return int(state["num-other-sentinels"]) == sentinels - 1 and int(state["num-slaves"]) == 1
