"""Says what a worker needs of the archive: what is done is kept there before the stream lets go of it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from ingest.entries import StreamEntry


class ArchiveUnavailable(Exception):
    """The archive cannot be written now (the disk is full, the folder is away); waiting may help."""


class Archive(Protocol):
    """Where entries go that the API has taken; ``ingest.archive.DailyArchive`` is one."""

    def write(self, entries: Sequence[StreamEntry]) -> None:
        """Writes entries; durable once it returns. Raises: ArchiveUnavailable: Nothing, or a part, was written."""
        ...
