"""Lets only one edge work on a data folder; two would raise everything twice."""

from __future__ import annotations

import fcntl
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


class EdgeIsRunning(Exception):
    """Another process holds the folder."""


class DataFolderUnusable(Exception):
    """The folder cannot be made or written."""


@contextmanager
def only_one(folder: Path) -> Iterator[None]:
    """Holds the folder for this process. The kernel lets go when the process ends, however it ends.

    Raises: EdgeIsRunning, DataFolderUnusable.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        file = (folder / "edge.lock").open("w")
    except OSError as error:
        raise DataFolderUnusable(f"data_dir {folder} cannot be used: {error.strerror}") from None
    with file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise EdgeIsRunning(f"another edge works on {folder} already") from None
        yield
