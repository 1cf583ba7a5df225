"""A group's process that also writes down when each look was taken and when it was done."""

from __future__ import annotations

import json
import os
import time
from multiprocessing.connection import Connection
from pathlib import Path

from edge.processes import group
from edge.reading.camera import Look
from ingest.configuration import EdgeConfiguration
from ingest.edge_messages import RequestResult


class MeasuredGroup(group.Group):
    """Notes camera, the moment on the boot clock when a look was done, and how long after its time that was."""

    noted: list[tuple[str, float, float]]

    def _look(self, camera_id: str, look: Look) -> list[RequestResult]:
        answers = super()._look(camera_id, look)
        done_s = time.clock_gettime(time.CLOCK_BOOTTIME)
        self.noted.append((camera_id, done_s, done_s - look.moment.boot_s + look.late_s))
        return answers

    def run(self, pipe: Connection) -> None:
        self.noted = []
        super().run(pipe)
        (self._folders.root / f"looks-{os.getpid()}.json").write_text(json.dumps(self.noted), encoding="utf-8")


def measured_main(configuration_json: str, pipe: Connection) -> None:
    """Stands in for ``edge.processes.group.group_main``."""
    group.Group = MeasuredGroup  # type: ignore[misc]
    group.group_main(configuration_json, pipe)


def noted_in(folder: Path) -> list[tuple[str, float, float]]:
    """Returns what all processes noted."""
    return [tuple(noted) for file in folder.glob("looks-*.json") for noted in json.loads(file.read_text("utf-8"))]


def configuration_of(folder: Path, files: list[Path], *, look_every_s: float, workers: int) -> EdgeConfiguration:
    """Returns a camera for each file, with a watch over the lower half of its picture."""
    return EdgeConfiguration.model_validate(
        {
            "edge_id": "bench",
            "data_dir": str(folder),
            "workers": workers,
            "cameras": [{"id": file.stem, "url": str(file), "look_every_s": look_every_s} for file in files],
            "watches": [
                {
                    "id": f"parking-{file.stem}",
                    "kind": "illegal-parking",
                    "camera": file.stem,
                    "zone": [[0, 0.5], [1, 0.5], [1, 1], [0, 1]],
                    "detector": {"type": "yolo", "model": "street"},
                    "labels": ["car", "truck", "bus"],
                    "dwell_s": 300,
                }
                for file in files
            ],
        }
    )
