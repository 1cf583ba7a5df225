"""The edge under test, in processes of its own: what its cameras noted, what it holds in memory, what it logs."""

from __future__ import annotations

import json
import subprocess
import sys
from collections import defaultdict
from pathlib import Path
from typing import Any

import yaml

from bench.services import end_with_parent
from bench.soak.measured import Wait
from bench.soak.noting import FOLDER
from edge.processes.memory import resident_mb

LOOK_EVERY_S = 1.0
TIMEOUT_S = 1.5
FAULTY = "faulty"
STOPPING_S = 30.0


class EdgeBox:
    """One edge of two camera processes; ``urls`` are those of its cameras. Use it from one thread.

    Raises: SystemExit: From :meth:`read`, if the edge has ended.
    """

    def __init__(self, folder: Path, urls: dict[str, str]) -> None:
        self._file = folder / "edge.yaml"
        self._urls = urls
        self._process: subprocess.Popen[bytes] | None = None
        self._data_dir = folder / "edge"
        self._log = folder / "edge.log"
        self._read: dict[Path, int] = {}
        self.looks: dict[str, list[tuple[float, float]]] = defaultdict(list)
        """For each camera when its looks were taken and when they were done, seconds of the boot clock."""
        self.waits: list[Wait] = []
        """The waits of the faulty camera before it is tried again."""

    def start(self) -> None:
        self._file.write_text(yaml.safe_dump(_configuration(self._data_dir, self._urls)), encoding="utf-8")
        with self._log.open("wb") as log:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "bench.soak.edge", str(self._file)],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,  # Ctrl-C is the bench's alone
                preexec_fn=end_with_parent,  # noqa: PLW1509 - called while no other thread holds a lock
            )

    def read(self) -> None:
        """Takes in what was noted since the last time."""
        if self._process is None or self._process.poll() is not None:
            raise SystemExit(f"the edge has ended: {self.log_text()[-2000:]}")
        for file in (self._data_dir / FOLDER).glob("*.jsonl"):
            with file.open("rb") as lines:
                lines.seek(self._read.get(file, 0))
                whole = lines.read().rpartition(b"\n")[0]
            self._read[file] = self._read.get(file, 0) + (len(whole) + 1 if whole else 0)
            for line in whole.splitlines():
                self._take(json.loads(line))

    def _take(self, note: dict[str, Any]) -> None:
        if "done_s" in note:
            self.looks[note["camera"]].append((note["taken_s"], note["done_s"]))
        elif note["camera"] == FAULTY:
            self.waits.append(Wait(note["began_s"], note["wait_s"]))

    def memory_mb(self) -> float:
        """Returns what all processes of the edge hold, in MiB."""
        pids = _with_children(self._process.pid) if self._process is not None else []
        return sum(resident_mb(pid) or 0.0 for pid in pids)

    def status(self) -> dict[str, Any]:
        """Returns the last status; empty before the first."""
        try:
            return dict(json.loads((self._data_dir / "status.json").read_text(encoding="utf-8")))
        except OSError:
            return {}

    def log_text(self) -> str:
        return self._log.read_text(encoding="utf-8", errors="replace") if self._log.exists() else ""

    def stop(self) -> None:
        """Ends it in order; harmless to repeat."""
        if self._process is None:
            return
        self._process.terminate()
        try:
            self._process.wait(STOPPING_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()


def _with_children(pid: int) -> list[int]:
    try:
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text(encoding="ascii").split()
    except OSError:
        return []
    return [pid, *(process for child in children for process in _with_children(int(child)))]


def _configuration(data_dir: Path, urls: dict[str, str]) -> dict[str, Any]:
    return {
        "edge_id": "soak",
        "data_dir": str(data_dir),
        "workers": 2,
        "cameras": [
            {"id": camera, "url": url, "look_every_s": LOOK_EVERY_S, "timeout_s": TIMEOUT_S}
            for camera, url in urls.items()
        ],
        "watches": [
            {
                "id": f"parking-{camera}",
                "kind": "illegal-parking",
                "camera": camera,
                "zone": [[0.6, 0.05], [1.0, 0.05], [1.0, 0.3], [0.6, 0.3]],
                "detector": {"type": "yolo", "model": "street"},
                "dwell_s": 5,
            }
            for camera in urls
        ],
    }
