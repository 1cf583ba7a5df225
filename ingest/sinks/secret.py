"""Reads the secrets of sinks from where their file says; the file itself holds none."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from ingest.sinks.base import SinksError


def check_places(what: str, env: str | None, file: Path | None, *, needed: bool = True) -> None:
    """Checks that a secret has exactly one place, or at most one where it is not needed. Raises: ValueError."""
    if env is not None and file is not None:
        raise ValueError(f"expected one of {what}_env and {what}_file, got both")
    if needed and env is None and file is None:
        raise ValueError(f"expected {what}_env (a variable of the environment) or {what}_file; it does not belong here")


def read_secret(
    sink: str, what: str, *, env: str | None, file: Path | None, environment: Mapping[str, str]
) -> str | None:
    """Returns a secret, None where it has no place. Raises: SinksError: If it is not there, or may not be read."""
    if env is not None:
        found = environment.get(env, "").strip()
        place = f"the variable {env} of {what}_env"
    elif file is not None:
        place = f"the file {file} of {what}_file"
        try:
            found = file.read_text(encoding="utf-8").strip()
        except (OSError, UnicodeDecodeError) as error:
            raise SinksError(f"sink {sink}: {place} cannot be read: {type(error).__name__}") from None
    else:
        return None
    if not found:
        raise SinksError(f"sink {sink}: {place} is not set or empty")
    return found
