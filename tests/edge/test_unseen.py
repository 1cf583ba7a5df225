"""A camera that is set aside is an incident, and the process that looks at it again ends that incident."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from edge.processes import run, supervision
from edge.processes.fleet import Fleet
from edge.processes.limits import Limits
from edge.processes.unseen import UnseenCameras
from ingest.configuration import Camera
from ingest.contract import ClearReason, EvidenceRole, Phase
from tests.edge.deadly_cameras import deadly_main
from tests.edge.running import running_edge
from tests.edge.small_centre import wait_until
from tests.edge.test_camera_faults import CLEARED, RAISED, Yard


def _unseen(yard: Yard) -> UnseenCameras:
    return UnseenCameras(
        outbox=yard.outbox,
        keeper=yard.faults._keeper,
        evidence=yard.faults._evidence,
        views=yard.folder / "views",
        clock=yard.clock,
    )


def _note(unseen: UnseenCameras, yard: Yard, *cameras: Camera, seconds: int) -> None:
    for _ in range(seconds):
        yard.clock.pass_s(1)
        unseen.note(cameras)


def test_a_camera_set_aside_is_one_incident_over_restarts_until_somebody_sees_with_it(tmp_path: Path) -> None:
    yard = Yard(tmp_path)
    unseen = _unseen(yard)
    _note(unseen, yard, yard.camera, seconds=295)
    assert yard.events == []
    _note(unseen, yard, yard.camera, seconds=15)
    assert yard.told == [RAISED]

    # The edge restarts; then it is tried, dies once more and is set aside again.
    yard.restart()
    unseen = _unseen(yard)
    _note(unseen, yard, yard.camera, seconds=60)
    _note(unseen, yard, seconds=40)
    _note(unseen, yard, yard.camera, seconds=400)
    assert yard.told == [RAISED]

    # Its process takes the incident over from the outbox.
    _note(unseen, yard, seconds=5)
    yard.restart()
    assert yard.faults.blind == "no-signal"
    yard.look(times=20)
    raised, cleared = yard.events
    assert (raised.phase, cleared.phase) == (Phase.RAISED, Phase.CLEARED)
    assert yard.told == [RAISED, CLEARED]
    assert raised.incident_id == cleared.incident_id
    assert (raised.watch_id, raised.findings[0].label) == ("no-signal.yard", "no-signal")
    assert cleared.clear_reason is ClearReason.GONE
    assert [item.role for item in cleared.evidence] == [EvidenceRole.AFTER]
    yard.outbox.close()


def test_a_camera_that_wants_no_such_incident_has_none(tmp_path: Path) -> None:
    yard = Yard(tmp_path, view_faults=["black"])
    _note(_unseen(yard), yard, yard.camera, seconds=1000)

    assert yard.events == []
    yard.outbox.close()


def test_a_running_edge_raises_it(tmp_path: Path, street_clip: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(supervision, "group_main", deadly_main)
    monkeypatch.setattr(run, "Fleet", lambda _: Fleet(_HASTY))
    cameras = [
        {"id": name, "url": str(street_clip), "look_every_s": 0.5, "lost_after_s": 1} for name in ("yard", "deadly")
    ]
    with running_edge(tmp_path, port=1, cameras=cameras, workers=2) as edge:
        wait_until(lambda: [aside.camera for aside in edge.status().set_aside] == ["deadly"])
        wait_until(lambda: len(edge.status().open_incidents) == 1)
        time.sleep(1.5)
        assert len(edge.status().open_incidents) == 1
        assert [stay.watch_id for stay in edge._outbox.stays() if stay.raised] == ["no-signal.deadly"]


_HASTY = Limits(deaths=1, suspected_deaths=1, calm_s=0.5)
