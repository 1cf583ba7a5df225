"""A change of one camera touches that camera alone: the others of its process keep their streams and their stays."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import cv2
import pytest
import yaml

from detectors.base import Image
from edge.processes import local_file
from edge.processes.local_file import LocalFile
from edge.processes.run import Edge
from tests.edge.running import PARKING, altered_model, running_edge
from tests.edge.small_centre import wait_until
from tests.services.http_camera import HttpCamera, mjpeg

WATCH = PARKING | {"dwell_s": 1}


@pytest.fixture
def cameras(street_picture: Image) -> Iterator[tuple[HttpCamera, HttpCamera]]:
    jpeg = cv2.imencode(".jpg", street_picture)[1].tobytes()
    both = [
        HttpCamera(mjpeg([jpeg]), per_s=4, content_type="multipart/x-mixed-replace; boundary=picture") for _ in range(2)
    ]
    yield both[0], both[1]
    for camera in both:
        camera.close()


class _File:
    """The edge's own file, and what it says."""

    def __init__(self, path: Path, **document: Any) -> None:
        self._path = path
        self.document = document
        self.write()
        self.own = LocalFile(path, {"KEY": "k"})
        self.own.load()

    def write(self, **changes: Any) -> None:
        self.document |= changes
        head = {"edge_id": "corner-7", "data_dir": str(self._path.parent / "edge")}
        centre = {"url": "http://127.0.0.1:1", "key_env": "KEY"}
        self._path.write_text(yaml.safe_dump(head | {"centre": centre} | self.document), encoding="utf-8")

    def taken(self, edge: Edge, **changes: Any) -> None:
        """Writes it and has it read at once, as SIGHUP does."""
        self.write(**changes)
        self.own.asked.set()
        wait_until(lambda: not self.own.asked.is_set() and edge._changing is None)


def _looks(edge: Edge, camera: str) -> int:
    return next(c.looks for c in edge.status().cameras if c.id == camera)


def test_the_other_cameras_of_the_process_keep_their_connection_and_their_looks(
    tmp_path: Path, cameras: tuple[HttpCamera, HttpCamera], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(local_file, "LOOK_EVERY_S", 0.2)
    served_yard, served_gate = cameras
    yard = {"id": "yard", "url": served_yard.url, "look_every_s": 1}
    gate = {"id": "gate", "url": served_gate.url, "look_every_s": 1}
    lane = {"id": "lane", "url": str(tmp_path / "none"), "look_every_s": 1}
    at_gate = WATCH | {"id": "at-gate", "camera": "gate"}
    file = _File(tmp_path / "edge.yaml", cameras=[yard, gate], watches=[WATCH, at_gate], workers=1)
    with running_edge(tmp_path / "edge", port=1, own=file.own, **file.document) as edge:
        wait_until(lambda: len({stay.watch_id for stay in edge._outbox.stays() if stay.raised}) == 2)
        incidents = set(edge.status().open_incidents)
        pid = edge.status().groups[0].process_id

        # One camera changes: by SIGHUP, then by the file alone.
        file.taken(edge, cameras=[yard, gate | {"look_every_s": 2}])
        wait_until(lambda: served_gate.connections == 2)
        file.write(cameras=[yard, gate])
        wait_until(lambda: served_gate.connections == 3)
        wait_until(lambda: _looks(edge, "gate") > 0)
        assert set(edge.status().open_incidents) >= incidents

        # One comes, and one whose watch cannot be built changes nothing.
        file.taken(edge, cameras=[yard, gate, lane])
        wait_until(lambda: [camera.id for camera in edge._fleet.beats[0].cameras] == ["yard", "gate", "lane"])
        broken = {
            "id": "b",
            "camera": "lane",
            "detector": {"type": "yolo", "model": str(altered_model(tmp_path / "m"))},
        }
        file.taken(edge, watches=[WATCH, at_gate, WATCH | broken])
        wait_until(lambda: "watch 'b': detector: " in str(edge.status().file_fault))
        wait_until(lambda: {c.id for beat in edge._fleet.beats for c in beat.cameras} == {"yard", "gate", "lane"})
        assert set(edge.status().open_incidents) >= incidents
        assert served_gate.connections == 3

        # One goes, and its incidents with it.
        file.taken(edge, cameras=[yard], watches=[WATCH])
        wait_until(lambda: [camera.id for camera in edge._fleet.beats[0].cameras] == ["yard"])
        of_yard = {stay.incident_id for stay in edge._outbox.stays() if stay.watch_id == "parking" and stay.raised}
        assert set(edge.status().open_incidents) >= of_yard
        gone = {stay.incident_id for stay in edge._outbox.stays() if stay.watch_id == "at-gate"}
        assert not gone
        assert of_yard & incidents < incidents

        # All this time nobody touched the other one.
        assert served_yard.connections == 1
        assert (edge.status().groups[0].process_id, edge.status().groups[0].restarts) == (pid, 0)
        before = _looks(edge, "yard")
        wait_until(lambda: _looks(edge, "yard") > before)

        # What concerns all of them restarts them, and the incident goes on.
        file.taken(edge, time_zone="Europe/Berlin")
        wait_until(lambda: served_yard.connections == 2)
        assert edge.status().groups[0].process_id != pid
        assert set(edge.status().open_incidents) >= of_yard
