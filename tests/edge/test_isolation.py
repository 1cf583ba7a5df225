"""A camera that ends its process is found and set aside; the others look on, and incidents go on over a kill -9."""

from __future__ import annotations

import os
import signal
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from edge.processes import camera_group, supervision
from edge.processes.camera_group import CameraGroup
from edge.processes.ends import End
from edge.processes.fleet import Fleet
from edge.processes.limits import Limits
from edge.status_table import print_status
from ingest.configuration import EdgeConfiguration
from ingest.edge_messages import CameraState
from tests.edge.deadly_cameras import deadly_main
from tests.edge.running import PARKING, running_edge
from tests.edge.small_centre import SmallCentre, small_centre, wait_until


def _configuration(folder: Path, *cameras: str, url: str = "none", **keys: Any) -> EdgeConfiguration:
    return EdgeConfiguration.model_validate(
        {
            "edge_id": "corner-7",
            "data_dir": str(folder),
            "cameras": [{"id": name, "url": url, "look_every_s": 0.5} for name in cameras],
            **keys,
        }
    )


def test_a_camera_that_kills_its_process_is_set_aside_and_the_others_look_on(
    tmp_path: Path, street_clip: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(supervision, "group_main", deadly_main)
    fleet = Fleet(Limits(deaths=1, suspected_deaths=1, calm_s=0.5))
    fleet.take(_configuration(tmp_path, "yard", "gate", "deadly", url=str(street_clip), workers=1))
    try:
        deadline_s = time.monotonic() + 90
        while not fleet.set_aside or len(fleet.groups) > 1 or min(c.looks for c in fleet.cameras[:2]) < 1:
            assert time.monotonic() < deadline_s, fleet.groups
            fleet.tend()
            time.sleep(0.05)

        assert [(a.camera, a.reason) for a in fleet.set_aside] == [("deadly", "its process was ended by Aborted")]
        assert fleet.groups[0].cameras == ["yard", "gate"]
        assert [camera.state for camera in fleet.cameras] == [CameraState.LIVE, CameraState.LIVE, CameraState.LOST]
        assert fleet.ends == {End.CRASH: 2}
    finally:
        fleet.stop(within_s=10)


@pytest.fixture
def centre() -> Iterator[SmallCentre]:
    with small_centre() as centre:
        yield centre


def test_the_incident_goes_on_when_the_process_is_killed_during_a_stay(
    tmp_path: Path, centre: SmallCentre, street_clip: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    cameras = [{"id": "yard", "url": str(street_clip), "look_every_s": 1}]
    with running_edge(tmp_path, port=centre.port, cameras=cameras, watches=[PARKING | {"dwell_s": 3}]) as edge:
        wait_until(lambda: len(edge._outbox.stays()) > 0)
        born = {stay.incident_id for stay in edge._outbox.stays()}
        _kill(edge.status().groups[0].process_id)
        wait_until(lambda: len(edge.status().open_incidents) == len(born))
        _kill(edge.status().groups[0].process_id)
        wait_until(lambda: edge.status().groups[0].restarts == 2 and edge.status().cameras[0].looks > 2)

        assert set(edge.status().open_incidents) == born
        wait_until(lambda: len(centre.events) >= len(born))
        assert sorted(event["incident_id"] for event in centre.events) == sorted(map(str, born))

        print_status(edge.status().model_dump_json())
        assert "last death of yard: its process was ended by Killed" in " ".join(
            capsys.readouterr().out.replace("│", " ").split()
        )


def _kill(pid: int | None) -> None:
    assert pid is not None
    os.kill(pid, signal.SIGKILL)


class FakeProcess:
    """Dies whenever it is tended and has one of the deadly cameras; no time passes."""

    deadly: frozenset[str] = frozenset()

    def __init__(self, configuration: EdgeConfiguration, **_: object) -> None:
        self.last_beat = self.pid = None
        self.last_death = "its process was ended by Aborted"
        self.retired = False
        self.take(configuration)

    def take(self, configuration: EdgeConfiguration, **_: object) -> None:
        self.cameras = [camera.id for camera in configuration.cameras]
        self.deaths, self.retired = 0, False

    def tend(self) -> None:
        self.deaths += bool(self.deadly & set(self.cameras))

    @property
    def runs_for_s(self) -> float:
        return 0.0 if self.deadly & set(self.cameras) else 1000.0

    def retire(self, to: object = None) -> None:
        self.retired = True

    @property
    def is_retired(self) -> bool:
        return self.retired

    def stop(self, **_: object) -> None:
        self.retired = True


@pytest.fixture
def group(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> CameraGroup:
    monkeypatch.setattr(camera_group, "GroupProcess", FakeProcess)
    configuration = _configuration(tmp_path, *"abcdefgh")
    return CameraGroup(configuration, limits=Limits(aside_s=0.5, calm_s=30), ends=Counter())


def _tend(group: CameraGroup, times: int = 40, *, others_are_well: bool = True) -> list[list[str]]:
    for _ in range(times):
        group.tend(others_are_well=others_are_well)
    return [process.cameras for process in group.processes]


def test_two_deadly_cameras_are_found_among_eight_and_tried_again(
    group: CameraGroup, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(FakeProcess, "deadly", frozenset("cf"))

    assert _tend(group) == [list("abdegh")]
    assert [aside.camera for aside in group.set_aside] == ["c", "f"]

    monkeypatch.setattr(FakeProcess, "deadly", frozenset("f"))
    time.sleep(0.6)
    assert _tend(group) == [list("abcdegh")]
    assert [aside.camera for aside in group.set_aside] == ["f"]


def test_where_nobody_is_well_the_fault_is_the_boxs_and_no_camera_is_set_aside(
    group: CameraGroup, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(FakeProcess, "deadly", frozenset("abcdefgh"))

    assert _tend(group, others_are_well=False) == [list("ab"), list("cd"), list("ef"), list("gh")]
    assert group.set_aside == []


def test_a_camera_set_aside_is_tried_at_once_when_it_was_changed(
    group: CameraGroup, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(FakeProcess, "deadly", frozenset("c"))
    group._limits = Limits()
    _tend(group)
    unchanged = group.configuration
    group.retire()
    group.take(unchanged, Limits())
    assert [aside.camera for aside in group.set_aside] == ["c"]

    cameras = [c.model_copy(update={"url": "other"}) if c.id == "c" else c for c in unchanged.cameras]
    group.retire()
    group.take(unchanged.model_copy(update={"cameras": cameras}), Limits())
    assert group.set_aside == []
    assert [process.cameras for process in group.processes] == [list("abcdefgh")]
