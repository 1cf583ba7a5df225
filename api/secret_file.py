"""Keeps one secret in a file that only its owner reads, made once however many processes start at once."""

from __future__ import annotations

import contextlib
import os
import tempfile
from collections.abc import Callable
from pathlib import Path


class SecretFileError(Exception):
    """The file cannot be read or made, or holds no secret; the message names the path, never the secret."""


def read_or_create(path: Path, make: Callable[[], str]) -> str:
    """Returns the secret in ``path``; where there is no file, makes it (mode 0600) with a new secret.

    Raises: SecretFileError: If the file cannot be read or made, or is empty.
    """
    try:
        if not path.exists():
            path.parent.mkdir(parents=True, exist_ok=True)
            _create(path, make())
        secret = path.read_text(encoding="ascii").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise SecretFileError(f"cannot use the key file {path}: {type(error).__name__}") from error
    if not secret:
        raise SecretFileError(f"the key file {path} is empty; remove it to have a new key made")
    return secret


def _create(path: Path, secret: str) -> None:
    descriptor, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")  # mkstemp makes it 0600
    try:
        with os.fdopen(descriptor, "w", encoding="ascii") as file:
            file.write(secret + "\n")
            file.flush()
            os.fsync(file.fileno())
        # A link, not a rename: the process that comes second must not replace the first one's secret.
        with contextlib.suppress(FileExistsError):
            os.link(name, path)
    finally:
        Path(name).unlink(missing_ok=True)
