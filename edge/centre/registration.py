"""Gets this box its key for a one-time token of the centre, and puts it where only its owner reads it.

RegistrationError
├── KeyFileTaken      there is a file already: it is never overwritten
├── KeyFileUnusable   the file cannot be made or written
└── NotRegistered     the centre does not answer, or does not accept the token
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
from pydantic import ValidationError

from edge.uplink.link import CentreLink, LinkDown
from ingest.configuration import Centre
from ingest.edge_messages import EdgeToken, RegisteredEdge

PATH = "/ingest/v1/edges/register"
PATIENCE_S = 20.0


class RegistrationError(Exception):
    """The box has no key; the text says why, and what to do."""


class KeyFileTaken(RegistrationError):
    """Somebody may need the key that is in it."""


class KeyFileUnusable(RegistrationError):
    """The folder is not there, the disk is full, or the like."""


class NotRegistered(RegistrationError):
    """No key came."""


def register(centre: Centre, token: str, key_file: Path) -> str:
    """Exchanges the token and keeps the key (mode 0600); returns what this edge is called. Raises: RegistrationError.

    The file is made first: a token must not be used up for a key that there is no place for.
    """
    with _new_file(key_file) as descriptor:
        registered = _exchange(centre, token)
        try:
            os.write(descriptor, registered.key.encode("ascii") + b"\n")
            os.fsync(descriptor)
        except (OSError, UnicodeEncodeError) as error:
            raise KeyFileUnusable(f"{key_file}: {_why(error)}; the token is used up, ask for a new one") from None
    return registered.edge_id


@contextmanager
def _new_file(path: Path) -> Iterator[int]:
    """Yields a new file; it is gone again where anything fails."""
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        raise KeyFileTaken(f"{path} exists; name another file, or remove it if its key is of no use") from None
    except OSError as error:
        raise KeyFileUnusable(f"{path}: {_why(error)}") from None
    try:
        yield descriptor
    except BaseException:
        path.unlink(missing_ok=True)
        raise
    finally:
        os.close(descriptor)


def _exchange(centre: Centre, token: str) -> RegisteredEdge:
    try:
        link = CentreLink(centre, None)
    except (OSError, ValueError, httpx.InvalidURL) as error:
        raise NotRegistered(f"the address or a certificate file cannot be used: {_why(error)}") from None
    try:
        body = EdgeToken(token=token).model_dump_json().encode()
        answer = link.request("POST", PATH, content=body, timeout_s=PATIENCE_S)
        if answer.status_code == 201:
            return RegisteredEdge.model_validate_json(answer.content)
    except LinkDown as error:
        raise NotRegistered(_told(error)) from None
    except ValidationError:
        # Not chained: it may quote the token, or the key.
        raise NotRegistered("the token is no token, or what answers is no gateway") from None
    finally:
        link.close()
    raise NotRegistered(f"what answers is no gateway of this release: {answer.status_code}")


def _told(error: LinkDown) -> str:
    if error.status == 403:
        return "the centre does not accept this token: it is unknown, used, replaced or expired; ask for a new one"
    return f"{error}; if it goes on so with the same token, ask for a new one"


def _why(error: Exception) -> str:
    return (error.strerror if isinstance(error, OSError) else None) or type(error).__name__
