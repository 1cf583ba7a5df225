"""A group's process that also writes down each look and each wait before a camera is tried again."""

from __future__ import annotations

import json
import os
import threading
import time
from collections.abc import Mapping
from multiprocessing.connection import Connection
from pathlib import Path

import pydantic_core

from edge.processes import group
from edge.reading.camera import Look
from edge.reading.faults import BackOff
from ingest.edge_messages import RequestResult

FOLDER = "soak-notes"


def now_s() -> float:
    """Returns the boot clock, which all processes share, in seconds."""
    return time.clock_gettime(time.CLOCK_BOOTTIME)


class NoteBook:
    """One file of this process, a line for each note; several threads write."""

    def __init__(self, data_dir: Path) -> None:
        folder = data_dir / FOLDER
        folder.mkdir(parents=True, exist_ok=True)
        self._descriptor = os.open(folder / f"{os.getpid()}.jsonl", os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)

    def note(self, what: Mapping[str, str | float]) -> None:
        os.write(self._descriptor, json.dumps(what).encode() + b"\n")


def noting_main(configuration_json: str, pipe: Connection) -> None:
    """Stands in for ``edge.processes.group.group_main``."""
    book = NoteBook(Path(pydantic_core.from_json(configuration_json)["data_dir"]))
    next_s = BackOff.next_s

    class NotingGroup(group.Group):
        def _look(self, camera_id: str, look: Look) -> list[RequestResult]:
            answers = super()._look(camera_id, look)
            book.note({"camera": camera_id, "taken_s": look.moment.boot_s, "done_s": now_s()})
            return answers

    def noting_next_s(back_off: BackOff, *, played_s: float) -> float:
        wait_s = next_s(back_off, played_s=played_s)
        camera_id = threading.current_thread().name.removeprefix("camera-")
        book.note({"camera": camera_id, "began_s": now_s(), "wait_s": wait_s})
        return wait_s

    group.Group = NotingGroup  # type: ignore[misc]
    BackOff.next_s = noting_next_s  # type: ignore[assignment,method-assign]
    group.group_main(configuration_json, pipe)
