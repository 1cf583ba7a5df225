"""Exports the chain's head once a day, into the database and onto a file that is copied off the machine.

Whoever can write to the database can also chain it anew; a head that lies elsewhere tells.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError
from sqlalchemy.orm import Session

from api.audit.chain import Head, head_of
from api.schemas import Sha256, Utc
from api.tables import AuditHead


class HeadsFileError(Exception):
    """The file of heads cannot be read, or one of its lines is not a head; the message says which."""


class HeadLine(BaseModel):
    """A line of the file: the head of the chain when ``day`` (UTC) was over."""

    model_config = ConfigDict(extra="ignore", frozen=True)

    day: Annotated[str, StringConstraints(pattern=r"^\d{4}-\d\d-\d\d$")]
    place: Annotated[int, Field(ge=1, le=2**62)]
    hash: Sha256
    exported_at: Utc


def export_head(session: Session, file: Path, *, now: datetime) -> bool:
    """Writes down the head of yesterday where that is not done yet; returns whether it did. Use it in a transaction.

    The file comes first: after a crash between the two the same day stands there twice, and both lines are true.
    Raises: OSError: If the file cannot be written; the day is tried again.
    """
    day = (now.astimezone(UTC) - timedelta(days=1)).date().isoformat()
    place, digest = head_of(session)
    if place == 0 or session.get(AuditHead, day) is not None:
        return False
    head = HeadLine(day=day, place=place, hash=digest, exported_at=now)
    _append(file, head.model_dump_json())
    session.add(AuditHead(day=day, place=place, hash=digest, exported_at=now))
    return True


def read_heads(file: Path) -> list[Head]:
    """Raises: HeadsFileError: Naming the line. A last line without an end was torn by a crash, and is left out."""
    try:
        return list(_heads(file))
    except (OSError, UnicodeDecodeError) as error:
        raise HeadsFileError(f"{file} cannot be read: {error}") from error


def _heads(file: Path) -> Iterator[Head]:
    with file.open(encoding="utf-8") as lines:
        for number, line in enumerate(lines, start=1):
            if not line.endswith("\n"):
                return
            try:
                head = HeadLine.model_validate(json.loads(line))
            except (ValidationError, ValueError, RecursionError):
                raise HeadsFileError(f"{file}, line {number}: expected the head of a day, got something else") from None
            yield Head(place=head.place, hash=head.hash, said_by=f"{head.day} in {file.name}")


def _append(file: Path, line: str) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    is_new = not file.exists()
    with file.open("a+b") as lines:
        _cut_torn_line(lines.fileno(), file)
        lines.write(line.encode() + b"\n")
        lines.flush()
        os.fsync(lines.fileno())
    if is_new:
        folder = os.open(file.parent, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)


def _cut_torn_line(opened: int, file: Path) -> None:
    whole = file.read_bytes()
    if whole and not whole.endswith(b"\n"):
        os.ftruncate(opened, whole.rfind(b"\n") + 1)
