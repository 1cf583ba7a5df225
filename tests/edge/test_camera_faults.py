"""A camera that cannot see: the incident that it becomes, and what happens to everything else on it meanwhile."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from detectors.base import Finding, Frame, Image
from edge.configuration.load import ConfigurationError, load_configuration
from edge.looking.camera_faults import CameraFaults, fault_watches
from edge.looking.evidence import EvidenceFolder
from edge.looking.looks import CameraLooks, CameraWatch
from edge.outbox.box import Outbox
from edge.outbox.keeper import Keeper
from edge.reading.camera import Look
from edge.staying.stays import WatchStays
from edge.staying.withdrawal import withdraw_unwatched
from ingest.configuration import Camera, ViewFault
from ingest.contract import ClearReason, Event, EvidenceRole, Phase
from ingest.edge_messages import CameraState, CameraStatus
from tests.edge.fakes import FakeClock, car, watch
from tests.edge.running import running_edge, standing_clip
from tests.edge.scenes import noisy, scene
from tests.edge.test_looks import ScriptedDetector

SCENE = scene()
BLACK = np.zeros_like(SCENE)
LIVE = "rtsp://192.0.2.7/stream"
PARKING = watch(dwell_s=20, grace_s=20, clear_s=12)


class Yard:
    """One camera with one watch for cars, a look every four seconds; ``restart`` is a kill and a new start."""

    def __init__(self, folder: Path, url: str = LIVE, **keys: object) -> None:
        self.folder = folder
        self.camera = Camera.model_validate({"id": "yard", "url": url, **keys})
        self.clock = FakeClock()
        self.detector = ScriptedDetector([])
        self._looks = 0
        self.start()

    def start(self) -> None:
        self.outbox = Outbox(self.folder / "outbox.sqlite")
        evidence, keeper = EvidenceFolder(self.folder / "evidence"), Keeper(self.outbox, edge_id="corner-7")
        kept = self.outbox.stays()
        self.faults = CameraFaults(
            self.camera, kept=kept, folder=self.folder / "views", evidence=evidence, keeper=keeper
        )
        stays = WatchStays(PARKING, [stay for stay in kept if stay.watch_id == PARKING.id])
        self.looks = CameraLooks(
            [CameraWatch(stays, self.detector, frozenset({"car"}))],
            privacy=self.detector,
            evidence=evidence,
            keeper=keeper,
            faults=self.faults,
        )

    def restart(self) -> None:
        self.outbox.close()
        self.clock.pass_s(20)
        self.start()

    def look(self, image: Image = SCENE, *findings: Finding, times: int = 1, fails: bool = False) -> str | None:
        """Returns why the last of these looks was not judged."""
        self.detector.findings = None if fails else list(findings)
        fault = None
        for _ in range(times):
            self._looks += 1
            moment = self.clock.pass_s(4)
            seen = noisy(image, self._looks) if image is not BLACK else image
            fault = self.looks.look(Look(Frame(seen, moment.utc), moment)).fault
        return fault

    def lost_for(self, seconds: int) -> None:
        for _ in range(seconds):
            self.faults.lost(self.clock.pass_s(1))

    @property
    def events(self) -> list[Event]:
        return [waiting.event for waiting in self.outbox.waiting_events(100)]

    @property
    def told(self) -> list[tuple[str, Phase]]:
        return [(event.kind, event.phase) for event in self.events]


@pytest.fixture
def yard(tmp_path: Path) -> Iterator[Yard]:
    yard = Yard(tmp_path)
    yield yard
    yard.outbox.close()


RAISED, CLEARED = ("camera-fault", Phase.RAISED), ("camera-fault", Phase.CLEARED)


def test_a_view_that_stays_black_is_an_incident_with_pictures_until_it_is_back(yard: Yard) -> None:
    yard.look(times=3)
    yard.look(BLACK, times=19)
    yard.look(times=19)

    raised, cleared = yard.events
    assert yard.told == [RAISED, CLEARED]
    assert (raised.source.type, raised.source.id, raised.watch_id) == ("camera", "yard", "view-fault.yard")
    assert [finding.label for finding in raised.findings] == ["black"]
    assert [item.role for item in raised.evidence] == [EvidenceRole.START, EvidenceRole.CONFIRM]
    assert cleared.incident_id == raised.incident_id
    assert cleared.clear_reason is ClearReason.GONE
    assert cleared.evidence[-1].role is EvidenceRole.AFTER
    assert yard.outbox.stays() == []


def test_blind_is_not_empty(yard: Yard) -> None:
    yard.look(SCENE, car(), times=8)
    assert yard.told == [("illegal-parking", Phase.RAISED)]

    yard.look(BLACK, times=60)

    assert yard.looks.watches[0].judged == 8
    assert yard.told == [("illegal-parking", Phase.RAISED), RAISED]


def test_nothing_is_raised_while_blind(yard: Yard) -> None:
    yard.look(BLACK, car(), times=60)

    assert yard.told == [RAISED]


def test_looks_are_judged_again_only_when_the_incident_has_ended(yard: Yard) -> None:
    yard.look(BLACK, times=25)

    assert yard.look(times=10) == "the view is black"
    assert yard.faults.blind == "black"
    assert yard.look(times=10) is None
    assert yard.faults.blind is None


def test_one_black_look_is_left_out_and_no_more(yard: Yard) -> None:
    yard.look(times=3)

    assert yard.look(BLACK) == "the view is black"
    assert yard.look() is None

    assert yard.faults.blind is None
    assert yard.told == []


def test_a_black_look_now_and_then_is_no_incident(yard: Yard) -> None:
    for _ in range(40):
        yard.look()
        yard.look(BLACK, times=2)

    assert yard.told == []


def test_a_kill_while_blind_goes_on_with_the_same_incident(yard: Yard) -> None:
    yard.look(BLACK, times=25)
    yard.restart()

    assert yard.faults.blind == "black"
    yard.look(BLACK, times=3)
    yard.look(times=20)

    raised, cleared = yard.events
    assert yard.told == [RAISED, CLEARED]
    assert cleared.incident_id == raised.incident_id


def test_a_blind_camera_is_told_as_that_whatever_its_detector_did_before(yard: Yard) -> None:
    yard.look(times=3)
    yard.look(times=3, fails=True)
    live = CameraStatus(id="yard", state=CameraState.LIVE)
    assert yard.looks.counted(live).state is CameraState.BLIND

    yard.look(BLACK, times=19)
    assert yard.faults.blind == "black"
    assert yard.looks.counted(live).fault is None


def test_short_losses_do_not_add_up_to_a_long_one(yard: Yard) -> None:
    yard.look(times=3)
    yard.lost_for(280)
    for _ in range(10):
        yard.look()
        yard.lost_for(20)
    assert yard.told == []
    assert yard.outbox.stays() == []

    yard.lost_for(270)
    assert yard.told == []
    yard.lost_for(15)
    assert yard.told == [RAISED]


def test_a_camera_that_is_lost_for_long_is_an_incident_without_pictures(yard: Yard) -> None:
    yard.look()
    yard.lost_for(299)
    assert yard.told == []
    yard.lost_for(3)

    [event] = yard.events
    assert yard.told == [RAISED]
    assert [finding.label for finding in event.findings] == ["no-signal"]
    assert event.evidence == []
    assert event.watch_id == "no-signal.yard"

    assert yard.look(SCENE, car()) == "the view is no-signal"
    yard.look(times=18)
    assert yard.told == [RAISED, CLEARED]
    assert yard.look() is None


def test_a_camera_that_comes_back_in_time_was_never_lost(yard: Yard) -> None:
    for _ in range(5):
        yard.lost_for(200)
        yard.look()

    assert yard.told == []


def test_a_restart_while_lost_goes_on_with_the_same_incident(yard: Yard) -> None:
    yard.lost_for(310)
    yard.restart()
    yard.lost_for(700)

    raised, *later = yard.events
    assert {event.incident_id for event in later} == {raised.incident_id}
    assert {event.phase for event in later} == {Phase.UPDATED}


def test_faults_that_are_not_wanted_are_neither_judged_nor_told(tmp_path: Path) -> None:
    yard = Yard(tmp_path, view_faults=[])

    assert yard.look(BLACK, times=30) is None
    yard.lost_for(400)

    assert yard.told == []
    assert fault_watches([yard.camera]) == []
    yard.outbox.close()


@pytest.mark.parametrize(("url", "blind"), [(LIVE, "frozen"), ("clip.mp4", None)])
def test_only_a_stream_freezes_a_file_may_be_drawn(tmp_path: Path, url: str, blind: str | None) -> None:
    yard = Yard(tmp_path, url)
    yard.look(times=22)
    still = noisy(SCENE)
    yard._looks = 1000
    moments = [yard.clock.pass_s(4) for _ in range(30)]
    for moment in moments:
        yard.looks.look(Look(Frame(still, moment.utc), moment))

    assert yard.faults.blind == blind
    yard.outbox.close()


def test_an_open_fault_ends_as_withdrawn_when_it_is_not_wanted_any_more(yard: Yard) -> None:
    yard.look(BLACK, times=25)
    withdraw_unwatched(yard.outbox, [PARKING, *fault_watches([yard.camera])])
    assert yard.told == [RAISED]

    spared = yard.camera.model_copy(update={"view_faults": [ViewFault.NO_SIGNAL]})
    withdraw_unwatched(yard.outbox, [PARKING, *fault_watches([spared])])

    assert yard.told == [RAISED, CLEARED]
    assert yard.events[-1].clear_reason is ClearReason.WITHDRAWN


def test_long_names_of_cameras_have_watches_of_their_own() -> None:
    cameras = [Camera(id="a" * 63 + last, url=LIVE) for last in "xy"]

    ids = [watch.id for watch in fault_watches(cameras)]

    assert len(set(ids)) == 4
    assert all(len(watch_id) <= 64 for watch_id in ids)


def test_no_watch_may_take_the_id_of_a_fault(tmp_path: Path) -> None:
    file = tmp_path / "edge.yaml"
    file.write_text(
        f"edge_id: corner-7\ncameras:\n  - {{id: yard, url: '{LIVE}'}}\nwatches:\n"
        "  - id: view-fault.yard\n    kind: illegal-parking\n    camera: yard\n"
        "    zone: [[0, 0], [1, 0], [1, 1]]\n    detector: {type: yolo, model: street}\n"
    )

    with pytest.raises(ConfigurationError, match=r"line 5: watches\[0\].id: .* camera faults"):
        load_configuration(file, {})


def test_a_running_edge_tells_a_blind_camera_from_a_lost_one(tmp_path: Path) -> None:
    dark = standing_clip(tmp_path / "dark.mp4", np.zeros((360, 640, 3), dtype=np.uint8), marked=False)
    cameras = [
        {"id": "dark", "url": str(dark), "look_every_s": 0.2},
        {"id": "gone", "url": str(tmp_path / "no-such-clip.mp4"), "lost_after_s": 1},
    ]

    with running_edge(tmp_path / "data", port=0, centre=None, cameras=cameras) as edge:
        statuses = eventually(
            lambda: {c.id: c for c in edge.status().cameras}, until=lambda s: bool(s) and s["dark"].state == "blind"
        )
        assert statuses["dark"].fault == "black"
        assert eventually(lambda: edge.status().open_incidents, until=bool)
        assert edge.status().cameras[1].state == "lost"

    outbox = Outbox(tmp_path / "data" / "outbox.sqlite")
    [event] = [waiting.event for waiting in outbox.waiting_events(10)]
    assert (event.kind, event.source.id, event.phase) == ("camera-fault", "gone", Phase.RAISED)
    outbox.close()


def eventually(ask: Callable[[], Any], *, until: Callable[[Any], bool], within_s: float = 60.0) -> Any:
    """Asks again and again; returns the first answer that will do."""
    deadline_s = time.monotonic() + within_s
    while not until(answer := ask()):
        assert time.monotonic() < deadline_s, answer
        time.sleep(0.1)
    return answer
