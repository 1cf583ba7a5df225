"""A drawn street and an all-in-one that plays it."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from edge.outbox.box import Outbox
from edge.staying.stays import Stay
from streetcase.all_in_one import AllInOne, Ports, free_port
from streetcase.demo.operator import DemoCase, Operator
from streetcase.demo.scene import render_scene

EDGE_YAML = """\
edge_id: corner-7
data_dir: {data_dir}
centre: {{url: "http://127.0.0.1:{gateway_port}", key_env: STREETCASE_EDGE_KEY}}
cameras:
  - {{id: yard, url: {clip}, look_every_s: 0.5}}
watches:
  - id: parking
    kind: illegal-parking
    camera: yard
    zone: [[0.7, 0.10], [1.0, 0.10], [1.0, 0.24], [0.7, 0.24]]
    detector: {{type: yolo, model: street}}
    dwell_s: 12
    grace_s: 15
    clear_s: 60
"""


@pytest.fixture(scope="session")
def street(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Half a minute of a drawn street with a truck and a car that stay, and people who cross."""
    path = tmp_path_factory.mktemp("street") / "street.mp4"
    render_scene(path, seconds=30)
    return path


@dataclass
class Whole:
    """The all-in-one with one edge, as its supervisor sees it."""

    parts: AllInOne
    edge_data: Path
    operator: Operator

    def stays(self) -> list[Stay]:
        outbox = Outbox(self.edge_data / "outbox.sqlite")
        try:
            return outbox.stays()
        finally:
            outbox.close()

    def cases(self) -> list[DemoCase]:
        return self.operator.cases()

    def kill(self, part: str) -> None:
        pid = self.parts.pid(part)
        assert pid is not None
        os.kill(pid, signal.SIGKILL)

    def until(self, true: Callable[[], bool], *, within_s: float = 60) -> bool:
        """Tends the parts until ``true``, for a bounded time."""

        def tended() -> bool:
            self.parts.tend()
            return true()

        return until(tended, logs=self.parts.logs, within_s=within_s)


def until(true: Callable[[], bool], *, logs: Path, within_s: float = 60) -> bool:
    """Returns whether ``true`` came within the time; shows the ends of the logs where it did not."""
    deadline = time.monotonic() + within_s
    while time.monotonic() < deadline:
        if true():
            return True
        time.sleep(0.1)
    for log in sorted(logs.glob("*.log")):
        print(f"--- {log.name}\n{log.read_text(encoding='utf-8', errors='replace')[-3000:]}")  # noqa: T201
    return False


@pytest.fixture
def whole(tmp_path: Path, street: Path) -> Iterator[Whole]:
    ports = Ports(api=free_port(), gateway=free_port())
    edge_file = tmp_path / "edge.yaml"
    edge_data = tmp_path / "edge"
    edge_file.write_text(
        EDGE_YAML.format(data_dir=edge_data, gateway_port=ports.gateway, clip=street), encoding="utf-8"
    )
    parts = AllInOne(tmp_path / "centre", host="127.0.0.1", ports=ports, edge_file=edge_file)
    parts.start(say=lambda _: None)
    try:
        operator = Operator(parts.api_url, administrator_password=str(parts.first_start.administrator_password))
        try:
            yield Whole(parts, edge_data, operator)
        finally:
            operator.close()
    finally:
        parts.stop()
