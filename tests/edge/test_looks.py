"""One look after another at a camera: what is raised, with which pictures, and what a failing detector does."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from detectors.base import DetectionError, DetectorIdentity, Finding, Frame
from edge.looking.evidence import EvidenceFolder
from edge.looking.looks import CameraLooks, CameraWatch
from edge.outbox.box import Outbox
from edge.outbox.keeper import Keeper
from edge.processes.run import Edge
from edge.reading.camera import Look
from edge.staying.stays import WatchStays
from ingest.configuration import EdgeConfiguration, Policy, Watch
from ingest.contract import ClearReason, Event, EvidenceRole, Phase
from ingest.edge_messages import CameraState, CameraStatus
from tests.edge.fakes import CAR_BOX, FakeClock, car, watch
from tests.edge.test_pictures import noise


@dataclass
class ScriptedDetector:
    """Finds what it is told to find; None stands for a run that fails."""

    findings: list[Finding] | None = field(default_factory=list)
    identity: DetectorIdentity = field(default_factory=lambda: DetectorIdentity(name="scripted", version="1"))
    labels: frozenset[str] = frozenset({"car", "person"})

    def labels_of_kind(self, kind: str) -> frozenset[str]:
        return self.labels

    def detect(self, frames: Sequence[Frame]) -> list[list[Finding]]:
        if self.findings is None:
            raise DetectionError("the scripted run fails")
        return [list(self.findings) for _ in frames]


class Counted(ScriptedDetector):
    """Counts its runs."""

    runs = 0

    def detect(self, frames: Sequence[Frame]) -> list[list[Finding]]:
        self.runs += len(frames)
        return super().detect(frames)


class Yard:
    """One camera with one watch on a clock that moves by looks of two seconds."""

    def __init__(self, folder: Path, its_watch: Watch) -> None:
        self.clock = FakeClock()
        self.detector = ScriptedDetector()
        self.outbox = Outbox(folder / "outbox.sqlite")
        self.folder = folder / "evidence"
        self.looks = CameraLooks(
            [CameraWatch(WatchStays(its_watch), self.detector, frozenset({"car"}))],
            privacy=self.detector,
            evidence=EvidenceFolder(self.folder),
            keeper=Keeper(self.outbox, edge_id="corner-7"),
        )

    def look(self, *findings: Finding, times: int = 1, fails: bool = False) -> bool:
        self.detector.findings = None if fails else list(findings)
        good = True
        for _ in range(times):
            moment = self.clock.pass_s(2)
            good = self.looks.look(Look(Frame(noise(1 if findings else 2), moment.utc), moment)).fault is None
        return good

    @property
    def events(self) -> list[Event]:
        return [waiting.event for waiting in self.outbox.waiting_events(100)]

    @property
    def files(self) -> set[str]:
        return {path.name for path in self.folder.rglob("*") if path.is_file()}


@pytest.fixture
def yard(tmp_path: Path) -> Iterator[Yard]:
    yard = Yard(tmp_path, watch(dwell_s=6, grace_s=6, clear_s=8))
    yield yard
    yard.outbox.close()


def test_an_incident_has_its_start_confirm_and_crop_and_at_the_end_the_cleared_place(yard: Yard) -> None:
    yard.look(car(), times=5)
    yard.look(times=6)

    raised, cleared = yard.events
    assert [raised.phase, cleared.phase] == [Phase.RAISED, Phase.CLEARED]
    assert [item.role for item in raised.evidence] == [EvidenceRole.START, EvidenceRole.CONFIRM, EvidenceRole.CROP]
    assert cleared.evidence[-1].role is EvidenceRole.AFTER
    assert cleared.clear_reason is ClearReason.GONE
    assert raised.evidence[0].taken_at == raised.first_seen_at
    assert yard.files == {item.sha256 for item in cleared.evidence}
    assert not any(item.plate_kept for item in cleared.evidence)


def test_a_watch_whose_looks_come_later_than_its_grace_says_so_until_they_come_in_time(yard: Yard) -> None:
    def apart_s(*, seconds: float) -> float | None:
        yard.clock.pass_s(seconds - 2)
        yard.look(car())
        return yard.looks.watches[0].status().looks_apart_s

    assert apart_s(seconds=2) is None
    assert [apart_s(seconds=60), apart_s(seconds=6), apart_s(seconds=7)] == [None, None, None], (
        "an interruption is none"
    )
    assert [apart_s(seconds=9), apart_s(seconds=8)] == [None, 7.0]
    assert apart_s(seconds=6) is None


def test_a_camera_whose_detector_fails_at_each_look_is_blind_until_one_is_judged(yard: Yard) -> None:
    def status(state: CameraState = CameraState.LIVE) -> CameraStatus:
        return yard.looks.counted(CameraStatus(id="yard", state=state))

    yard.look(car(), times=2)
    yard.look(times=2, fails=True)
    assert (status().state, status().fault, status().failed_looks) == (CameraState.LIVE, None, 2)

    yard.look(fails=True)
    blind = CameraStatus.model_validate(status().model_dump())
    assert (blind.state, blind.fault) == (CameraState.BLIND, "detector fails: the scripted run fails")
    assert status(CameraState.LOST).state is CameraState.LOST

    yard.look(car())
    assert (status().state, status().fault, status().failed_looks) == (CameraState.LIVE, None, 3)


def test_only_the_crop_of_a_watch_that_keeps_plates_is_marked(tmp_path: Path) -> None:
    yard = Yard(tmp_path, watch(dwell_s=6).model_copy(update={"keep_plate": True}))

    yard.look(car(), times=5)

    assert [item.role for item in yard.events[0].evidence if item.plate_kept] == [EvidenceRole.CROP]
    yard.outbox.close()


def test_while_the_detector_fails_nothing_is_raised_and_nothing_cleared(yard: Yard) -> None:
    yard.look(car(), times=5)

    assert not yard.look(times=50, fails=True)

    assert [event.phase for event in yard.events] == [Phase.RAISED]
    assert yard.looks.watches[0].judged == 5
    assert yard.look(car())
    assert [event.phase for event in yard.events] == [Phase.RAISED]


def test_what_passes_leaves_no_picture_behind(yard: Yard) -> None:
    yard.look(car(), times=2)
    assert len(yard.files) == 1
    yard.look(times=4)

    assert yard.files == set()
    assert yard.events == []
    assert yard.outbox.stays() == []


def test_what_only_passes_costs_no_run_for_its_blur(tmp_path: Path) -> None:
    yard = Yard(tmp_path, watch(dwell_s=6, grace_s=6))
    privacy = Counted([])
    yard.looks._privacy = privacy

    yard.look(car())
    yard.look(car((0.1, 0.1, 0.2, 0.2)))
    assert privacy.runs == 0
    yard.look(car())

    assert privacy.runs == 1
    assert len(yard.files) == 1
    yard.outbox.close()


def test_a_picture_that_two_stays_share_is_kept_for_the_one_that_stays(yard: Yard) -> None:
    yard.look(car(), car((0.1, 0.1, 0.2, 0.2)), times=2)
    yard.look(car(), times=6)

    [event] = yard.events
    assert yard.files == {item.sha256 for item in event.evidence}


def test_an_event_goes_without_its_picture_when_that_cannot_be_kept(yard: Yard) -> None:
    for number in range(256):
        (yard.folder / f"{number:02x}").write_text("a file where a folder must be")

    yard.look(car(), times=5)

    assert [event.phase for event in yard.events] == [Phase.RAISED]
    assert yard.events[0].evidence == []


@pytest.mark.parametrize(
    ("finding", "counts"),
    [
        (car(score=0.34), False),
        (car(score=0.36), True),
        (car(label="person"), False),
    ],
    ids=["below its score", "above its score", "another label"],
)
def test_only_findings_of_the_watch_count(yard: Yard, finding: Finding, counts: bool) -> None:
    yard.look(finding)

    assert bool(yard.looks.watches[0].with_findings) is counts


def test_an_area_counts_from_its_share_on(tmp_path: Path) -> None:
    yard = Yard(tmp_path, watch(policy=Policy.AREA).model_copy(update={"area_share": 0.05}))

    yard.look(car(CAR_BOX))  # four percent of the zone
    assert yard.looks.watches[0].with_findings == 0
    yard.look(car(CAR_BOX), car((0.0, 0.0, 0.2, 0.2)))

    assert yard.looks.watches[0].with_findings == 1
    yard.outbox.close()


def test_an_incident_whose_watch_was_taken_out_of_the_configuration_is_withdrawn(tmp_path: Path) -> None:
    yard = Yard(tmp_path, watch(dwell_s=6))
    yard.look(car(), times=5)
    yard.outbox.close()
    stop = threading.Event()
    stop.set()

    Edge(EdgeConfiguration(edge_id="corner-7", data_dir=str(tmp_path)), environment={}, stop=stop).run()

    outbox = Outbox(tmp_path / "outbox.sqlite")
    raised, cleared = [waiting.event for waiting in outbox.waiting_events(10)]
    assert cleared.clear_reason is ClearReason.WITHDRAWN
    assert cleared.incident_id == raised.incident_id
    assert cleared.event_id != raised.event_id
    assert outbox.stays() == []
    outbox.close()


def test_out_of_hours_the_detector_rests_and_an_incident_ends_without_a_picture_of_a_cleared_scene(
    tmp_path: Path,
) -> None:
    hours = {"active": [{"from": "08:00", "to": "08:01"}]}
    yard = Yard(tmp_path, Watch.model_validate(watch(dwell_s=6).model_dump() | hours))
    yard.look(car(), times=29)

    yard.look(times=5, fails=True)  # who does not ask the detector does not notice that it fails

    raised, cleared = yard.events
    assert (raised.phase, cleared.clear_reason) == (Phase.RAISED, ClearReason.OUT_OF_HOURS)
    assert {item.role for item in cleared.evidence} == {EvidenceRole.START, EvidenceRole.CONFIRM, EvidenceRole.CROP}
    assert yard.looks.watches[0].judged == 34
    yard.outbox.close()


def test_while_the_outbox_cannot_be_read_looking_goes_on(yard: Yard) -> None:
    yard.look(car(), times=2)
    yard.outbox.close()

    yard.look(times=4)

    assert yard.looks.watches[0].judged == 6
    assert len(yard.files) == 1  # who needs it cannot be known now; the next start sweeps it
