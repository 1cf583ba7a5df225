"""A real Redis cluster: three masters that share the slots, and a replica of one of them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import redis

from tests.services.ports import HOST, free_port
from tests.services.processes import wait_until
from tests.services.redis import RedisServer

SLOTS = 16_384
MASTERS = 3
NODE_TIMEOUT_MS = 1000


class RedisCluster:
    """``url`` names all nodes."""

    def __init__(self, masters: list[RedisServer], replica: RedisServer, *, bus_ports: list[int]) -> None:
        self._bus_ports = bus_ports
        self.masters = masters
        self.replica = replica
        self.url = "redis+cluster://" + ",".join(f"{HOST}:{server.port}" for server in [*masters, replica])

    def form(self) -> None:
        """Shares out the slots and makes the nodes known to each other."""
        for number, server in enumerate(self.masters):
            first, behind = SLOTS * number // MASTERS, SLOTS * (number + 1) // MASTERS
            _ask(server, "CLUSTER", "ADDSLOTSRANGE", first, behind - 1)
            _ask(server, "CLUSTER", "SET-CONFIG-EPOCH", number + 1)
        for server in [*self.masters[1:], self.replica]:
            _ask(server, "CLUSTER", "MEET", HOST, self.masters[0].port, self._bus_ports[0])
        for server in [*self.masters, self.replica]:
            wait_until(lambda server=server: _is_whole(server), timeout_s=20, what="the cluster is whole")  # type: ignore[misc]

    def owner_of(self, key: str) -> RedisServer:
        slot = int(_ask(self.masters[0], "CLUSTER", "KEYSLOT", key))
        return next(s for number, s in enumerate(self.masters) if slot < SLOTS * (number + 1) // MASTERS)

    def follow(self, master: RedisServer) -> None:
        """Makes the replica one of ``master`` that has all that it has."""
        _ask(self.replica, "CLUSTER", "REPLICATE", _ask(master, "CLUSTER", "MYID"))
        with redis.Redis(host=HOST, port=self.replica.port, decode_responses=True) as client:
            wait_until(
                lambda: client.info("replication").get("master_link_status") == "up",
                timeout_s=20,
                what="the replica has everything",
            )

    def wait_failed_over(self) -> None:
        """Returns once the replica is a master."""
        with redis.Redis(host=HOST, port=self.replica.port, decode_responses=True) as client:
            wait_until(
                lambda: client.info("replication")["role"] == "master", timeout_s=30, what="the replica is a master"
            )


def _ask(server: RedisServer, *words: str | int) -> str:
    with redis.Redis(host=HOST, port=server.port, socket_timeout=5.0, decode_responses=True) as client:
        return str(client.execute_command(*words))


def _is_whole(server: RedisServer) -> bool:
    with redis.Redis(host=HOST, port=server.port, socket_timeout=5.0, decode_responses=True) as client:
        told = client.execute_command("CLUSTER INFO")
        return told["cluster_state"] == "ok" and int(told["cluster_known_nodes"]) == MASTERS + 1


@contextmanager
def running_cluster(binary: str, folder: Path) -> Iterator[RedisCluster]:
    """Yields a cluster that serves, and ends it."""
    with ExitStack() as running:
        servers, bus_ports = [], []
        for number in range(MASTERS + 1):
            (folder / str(number)).mkdir(parents=True)
            bus_ports.append(free_port())  # Left to itself it would be 10,000 above the other, where there may be none.
            options = ["--cluster-enabled", "yes", "--cluster-node-timeout", str(NODE_TIMEOUT_MS)]
            options += ["--cluster-port", str(bus_ports[-1])]
            options += ["--repl-diskless-sync-delay", "0"]
            servers.append(RedisServer(binary, folder / str(number), *options))
            running.callback(servers[-1].stop)
            servers[-1].start()
        cluster = RedisCluster(servers[:MASTERS], servers[MASTERS], bus_ports=bus_ports)
        cluster.form()
        yield cluster
