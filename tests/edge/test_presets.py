"""A camera that turns: each look is judged by the watches of the preset that it shows, and by no others."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

import edge.looking.learn_preset
from detectors.base import Finding, Frame, Image
from edge.configuration.load import ConfigurationError, load_configuration
from edge.looking.camera_faults import CameraFaults
from edge.looking.evidence import EvidenceFolder
from edge.looking.learn_preset import PresetNotLearnt, learn_preset
from edge.looking.looks import CameraLooks, CameraWatch
from edge.looking.presets import UNKNOWN, PresetLooks, Presets, preset_references
from edge.looking.views import small_view
from edge.outbox.box import Outbox
from edge.outbox.keeper import Keeper
from edge.processes.cannot_start import WatchCannotStart
from edge.processes.group import Group
from edge.reading.camera import Look
from edge.staying.clock import SystemClock
from edge.staying.stays import WatchStays
from ingest.configuration import Camera, DetectorChoice, EdgeConfiguration
from ingest.contract import Event, Phase
from ingest.edge_messages import CameraState, CameraStatus
from streetcase.cli import app
from tests.edge.fakes import FakeClock, car, watch
from tests.edge.running import standing_clip
from tests.edge.scenes import noisy, scene
from tests.edge.test_looks import ScriptedDetector

GATE, MARKET, ELSEWHERE = scene(1), scene(2), scene(3)


class Turning:
    """A camera with the presets gate and market, a watch for each, a look every four seconds."""

    def __init__(self, folder: Path, **keys: object) -> None:
        self.folder = folder
        self.clock = FakeClock()
        self.detector = ScriptedDetector([])
        self.outbox = Outbox(folder / "outbox.sqlite")
        evidence, keeper = EvidenceFolder(folder / "evidence"), Keeper(self.outbox, edge_id="corner-7")
        camera = Camera.model_validate({"id": "dome", "url": "rtsp://192.0.2.7/stream", **keys})
        self.faults = CameraFaults(
            camera, kept=[], folder=folder / "views", evidence=evidence, keeper=keeper, turns=True
        )
        self.watches = {
            name: CameraWatch(
                WatchStays(
                    watch(dwell_s=20, grace_s=60, clear_s=20, name=f"cars-{name}").model_copy(update={"preset": name})
                ),
                self.detector,
                frozenset({"car"}),
            )
            for name in ("gate", "market")
        }
        self.looks = PresetLooks(
            {
                name: CameraLooks([its], privacy=self.detector, evidence=evidence, keeper=keeper)
                for name, its in self.watches.items()
            },
            Presets(folder / "views", "dome", list(self.watches)),
            privacy=self.detector,
            faults=self.faults,
        )
        self._looks = 0

    def learn(self, preset: str, image: Image) -> None:
        """As the command does, from outside."""
        views = [small_view(Frame(noisy(image, seed), self.clock.utc).luma) for seed in range(5)]
        assert preset_references(self.folder / "views", "dome", preset).learn_at_once(views, self.clock.now())

    def look(self, image: Image, *findings: Finding, times: int = 1) -> str | None:
        self.detector.findings = list(findings)
        fault = None
        for _ in range(times):
            self._looks += 1
            moment = self.clock.pass_s(4)
            fault = self.looks.look(Look(Frame(noisy(image, self._looks), moment.utc), moment)).fault
        return fault

    @property
    def events(self) -> list[Event]:
        return [waiting.event for waiting in self.outbox.waiting_events(100)]


@pytest.fixture
def dome(tmp_path: Path) -> Iterator[Turning]:
    dome = Turning(tmp_path)
    dome.learn("gate", GATE)
    dome.learn("market", MARKET)
    yield dome
    dome.outbox.close()


def test_a_watch_sees_only_the_looks_of_its_preset(dome: Turning) -> None:
    for _ in range(5):
        assert dome.look(GATE, car(), times=3) is None
        assert dome.look(MARKET, times=3) is None

    [event] = dome.events
    assert (event.watch_id, event.source.preset) == ("cars-gate", "gate")
    assert event.phase is Phase.RAISED  # three looks at the market, where no car stands, cleared nothing
    assert [its.judged for its in dome.watches.values()] == [15, 15]


def test_while_it_turns_nothing_is_judged(dome: Turning) -> None:
    dome.look(GATE, car(), times=6)

    assert dome.look(ELSEWHERE, times=20) == "it shows none of its presets"

    assert len(dome.events) == 1
    assert dome.faults.blind is None


def test_one_that_comes_back_to_no_preset_has_moved(dome: Turning) -> None:
    dome.look(GATE, times=3)
    dome.look(ELSEWHERE)
    dome.clock.pass_s(590)
    dome.look(ELSEWHERE, times=22)

    [event] = dome.events
    assert (event.kind, event.findings[0].label) == ("camera-fault", "moved")
    dome.look(GATE, times=20)
    assert [event.phase for event in dome.events] == [Phase.RAISED, Phase.CLEARED]


def test_a_black_picture_is_no_preset_and_a_fault(dome: Turning) -> None:
    assert dome.look(np.zeros_like(GATE), times=3) == "the view is black"


def test_a_dark_night_is_no_sign_that_it_looks_elsewhere(tmp_path: Path) -> None:
    dome = Turning(tmp_path, view_faults=["no-signal", "moved"])
    dome.learn("gate", GATE)
    night = np.full_like(GATE, 6)

    assert dome.look(night, times=200) == "it shows none of its presets"
    assert dome.events == []

    dome.look(ELSEWHERE)
    dome.clock.pass_s(590)
    dome.look(ELSEWHERE, times=22)
    dome.look(night, times=60)
    assert [event.phase for event in dome.events] == [Phase.RAISED]  # that it came back the dark does not tell either
    dome.outbox.close()


def test_night_changes_the_light_and_not_the_preset(dome: Turning) -> None:
    dome.look(GATE, times=3)
    dome.clock.pass_s(12 * 3600)

    assert dome.look((GATE * 0.3).astype(np.uint8)) is None
    assert dome.watches["gate"].judged == 4


def test_its_references_follow_the_light_and_are_kept(dome: Turning) -> None:
    def of_the_gate() -> float:
        [view] = preset_references(dome.folder / "views", "dome", "gate").of(dome.clock.utc)
        return float(view.grey.mean())

    before = of_the_gate()
    dome.look((GATE * 0.7).astype(np.uint8), times=240)

    # A grey level each ten seconds, written every ten minutes: an evening of a quarter of an hour shows.
    assert dome.events == []
    assert of_the_gate() < before - 20


def test_what_is_not_learnt_yet_is_told_and_taken_up_when_it_is(tmp_path: Path) -> None:
    dome = Turning(tmp_path)
    live = CameraStatus(id="dome", state=CameraState.LIVE)

    assert dome.look(GATE, times=5) == UNKNOWN
    assert dome.looks.counted(live).state is CameraState.BLIND
    assert dome.events == []

    dome.learn("gate", GATE)
    assert dome.look(GATE, times=4) is None
    assert dome.looks.counted(live).state is CameraState.LIVE
    dome.outbox.close()


def test_a_preset_that_shows_nothing_is_not_learnt(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(edge.looking.learn_preset, "LOOKS", 1)
    clip = standing_clip(tmp_path / "dark.mp4", np.zeros_like(GATE), seconds=8, marked=False)

    with pytest.raises(PresetNotLearnt, match="its picture is black"):
        learn_preset(Camera(id="dome", url=str(clip)), "gate", tmp_path / "views", clock=SystemClock())


YAML = """edge_id: corner-7
data_dir: {data}
cameras:
  - {{id: dome, url: {clip}}}
watches:
  - id: cars
    kind: illegal-parking
    camera: dome
    zone: [[0, 0], [1, 0], [1, 1]]
    detector: {{type: yolo, model: street}}
    preset: gate
"""


def test_the_command_learns_names_the_mistake_and_says_what_nobody_watches(tmp_path: Path) -> None:
    clip = standing_clip(tmp_path / "gate.mp4", GATE, seconds=8)
    file = tmp_path / "edge.yaml"
    file.write_text(YAML.format(data=tmp_path / "data", clip=clip))

    def run(*arguments: str) -> tuple[int, str]:
        result = CliRunner().invoke(app, ["edge", "learn-preset", str(file), *arguments])
        return result.exit_code, result.output

    code, said = run("dome", "market")
    assert (code, said.splitlines()) == (
        0,
        ["learnt preset market of camera dome", "No watch of the file names it; the centre's may."],
    )
    assert run("yard", "gate")[0] != 0
    assert run("dome", "../gate")[0] != 0
    view = small_view(Frame(noisy(GATE), FakeClock().utc).luma)
    presets = Presets(tmp_path / "data" / "views", "dome", ["gate", "market"])
    assert presets.recognise(view, FakeClock().now()) == "market"


def test_a_camera_with_presets_needs_one_for_each_watch(tmp_path: Path) -> None:
    file = tmp_path / "edge.yaml"
    second = YAML[YAML.index("  - id: cars") :].replace("cars", "carts").replace("    preset: gate\n", "")
    file.write_text(YAML.format(data=tmp_path, clip="clip.mp4") + second.format())

    with pytest.raises(ConfigurationError, match=r"line 12: watches\[1\]: names no preset"):
        load_configuration(file, {})


def test_the_group_gives_a_camera_with_presets_its_own_looks(tmp_path: Path) -> None:
    street = DetectorChoice.model_validate({"type": "yolo", "model": "street"})
    parking = watch(name="parking").model_copy(update={"detector": street})
    its = parking.model_copy(update={"id": "cars", "preset": "gate", "camera": "dome"})
    cameras = [Camera(id="dome", url="clip.mp4"), Camera(id="yard", url="clip.mp4")]
    configuration = EdgeConfiguration(
        edge_id="corner-7", data_dir=str(tmp_path), cameras=cameras, watches=[its, parking]
    )

    group = Group(configuration, stop=threading.Event())

    assert isinstance(group._looks["dome"], PresetLooks)
    assert isinstance(group._looks["yard"], CameraLooks)
    assert [status.id for status in group.beat().watches] == ["cars", "parking"]
    group._outbox.close()


def test_a_watch_that_nobody_would_look_for_keeps_its_group_from_starting(tmp_path: Path) -> None:
    watches = [watch(name="still"), watch(name="turning").model_copy(update={"preset": "gate"})]
    yolo = DetectorChoice.model_validate({"type": "yolo", "model": "street"})
    configuration = EdgeConfiguration(
        edge_id="corner-7",
        data_dir=str(tmp_path),
        cameras=[Camera(id="yard", url="rtsp://192.0.2.7/stream")],
        watches=[each.model_copy(update={"detector": yolo}) for each in watches],
    )

    with pytest.raises(WatchCannotStart, match="watch 'still': preset: names none, and others of camera 'yard' do"):
        Group(configuration, stop=threading.Event())


def test_a_turning_camera_whose_detector_fails_is_blind(dome: Turning) -> None:
    live = CameraStatus(id="dome", state=CameraState.LIVE)
    dome.look(GATE)
    dome.detector.findings = None
    for _ in range(3):
        moment = dome.clock.pass_s(4)
        dome.looks.look(Look(Frame(noisy(GATE, 50), moment.utc), moment))

    status = dome.looks.counted(live)
    assert (status.state, status.failed_looks) == (CameraState.BLIND, 3)
    assert status.fault == "detector fails: the scripted run fails"
    dome.look(GATE)
    assert dome.looks.counted(live).state is CameraState.LIVE
