"""A group's process in which the reader of any camera called ``deadly`` ends it, as a bug in a native library does."""

from __future__ import annotations

import os
import resource
from collections.abc import Iterator, Sequence
from multiprocessing.connection import Connection

import pytest

from detectors.base import DetectorIdentity, Finding, Frame, FrameDetector
from edge.processes import building, group
from edge.reading.camera import CameraReader, Look


class Blind:
    """Sees nothing, and is there at once."""

    identity = DetectorIdentity(name="blind", version="1")
    labels: frozenset[str] = frozenset()

    def labels_of_kind(self, kind: str) -> frozenset[str]:
        return self.labels

    def detect(self, frames: Sequence[Frame]) -> list[list[Finding]]:
        return [[] for _ in frames]


def deadly_main(configuration_json: str, pipe: Connection) -> None:
    """Stands in for ``group_main``."""
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    looks = CameraReader.looks

    def dies(reader: CameraReader) -> Iterator[Look]:
        if reader._camera.id == "deadly":
            os.abort()
        return looks(reader)

    blind: FrameDetector = Blind()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(CameraReader, "looks", dies)
        patch.setattr(building.Detectors, "get", lambda *_: blind)
        group.group_main(configuration_json, pipe)
