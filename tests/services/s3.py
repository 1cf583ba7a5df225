"""A real S3 server (moto's) in a process of its own; it forgets everything when it ends."""

from __future__ import annotations

import importlib.util
import sys
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.services.ports import HOST, answers, free_port
from tests.services.processes import Process

CREDENTIALS = {"AWS_ACCESS_KEY_ID": "edge-test-id", "AWS_SECRET_ACCESS_KEY": "edge-test-secret-of-nobody"}


def s3_is_installed() -> bool:
    return all(importlib.util.find_spec(name) for name in ("moto", "flask", "s3fs"))


class S3Server:
    """An S3 server on a port of its own; ``start`` after ``kill`` begins empty, on the same port."""

    def __init__(self, folder: Path) -> None:
        self._log = folder / "s3.log"
        self.port = free_port()
        self.url = f"http://{HOST}:{self.port}"
        self._process: Process | None = None

    @property
    def environment(self) -> dict[str, str]:
        """What a client needs in its environment, and nothing of the machine's own."""
        nowhere = "/nonexistent"
        return {
            **CREDENTIALS,
            "AWS_ENDPOINT_URL": self.url,
            "AWS_DEFAULT_REGION": "us-east-1",
            "AWS_CONFIG_FILE": nowhere,
            "AWS_SHARED_CREDENTIALS_FILE": nowhere,
            "AWS_EC2_METADATA_DISABLED": "true",
        }

    @property
    def process(self) -> Process:
        assert self._process is not None
        return self._process

    def start(self) -> None:
        command = [sys.executable, "-m", "moto.server", "-H", HOST, "-p", str(self.port)]
        self._process = Process(command, log=self._log)
        self._process.wait_ready(lambda: answers(self.port))

    def make_bucket(self, name: str) -> None:
        request = urllib.request.Request(f"{self.url}/{name}", method="PUT")
        urllib.request.urlopen(request, timeout=10).close()

    def keys(self, bucket: str, prefix: str) -> list[str]:
        """Returns the names of up to 1000 objects, by a plain request of our own."""
        text = urllib.request.urlopen(f"{self.url}/{bucket}?list-type=2&prefix={prefix}/", timeout=10).read().decode()
        return [part.partition("</Key>")[0] for part in text.split("<Key>")[1:]]

    def replace(self, bucket: str, key: str, content: bytes) -> None:
        request = urllib.request.Request(f"{self.url}/{bucket}/{key}", data=content, method="PUT")
        urllib.request.urlopen(request, timeout=10).close()

    def stop(self) -> None:
        if self._process:
            self._process.stop()

    def kill(self) -> None:
        """Ends the server as a power cut would."""
        if self._process:
            self._process.kill()


@contextmanager
def running_s3(folder: Path) -> Iterator[S3Server]:
    """Yields a running S3 server, and ends it."""
    server = S3Server(folder)
    server.start()
    try:
        yield server
    finally:
        server.stop()
