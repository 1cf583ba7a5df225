"""The time-lapse of an incident at one preset shows this preset alone."""

from __future__ import annotations

from pathlib import Path
from zoneinfo import ZoneInfo

import numpy as np

from detectors.base import Frame, Image
from edge.looking.evidence import EvidenceFolder
from edge.looking.presets import preset_references
from edge.looking.recent_looks import RecentLooks
from edge.looking.views import small_view
from edge.outbox.box import Outbox
from edge.outbox.keeper import Keeper
from edge.processes.building import Detectors, camera_looks
from edge.processes.folders import Folders
from edge.reading.camera import Look
from ingest.configuration import Camera
from ingest.contract import EvidenceRole
from tests.edge.fakes import FakeClock, car, watch
from tests.edge.scenes import noisy, scene
from tests.edge.test_looks import ScriptedDetector
from tests.edge.test_timelapse import decoded

GATE, MARKET = scene(1), scene(2)


class OneDetector(Detectors):
    """The same detector for whoever asks."""

    def __init__(self, detector: ScriptedDetector) -> None:
        self._detector = detector

    def get(self, choice: dict[str, object]) -> ScriptedDetector:
        return self._detector


def _difference(picture: Image, image: Image) -> float:
    return float(np.abs(picture.astype(int) - image).mean())


def test_the_time_lapse_of_one_preset_shows_no_other(tmp_path: Path) -> None:
    clock, detector, folders = FakeClock(), ScriptedDetector([]), Folders(tmp_path)
    for name, image in (("gate", GATE), ("market", MARKET)):
        views = [small_view(Frame(noisy(image, seed), clock.utc).luma) for seed in range(5)]
        assert preset_references(folders.views, "dome", name).learn_at_once(views, clock.now())
    watches = [
        watch(dwell_s=70, grace_s=60, name=f"cars-{name}").model_copy(update={"preset": name, "camera": "dome"})
        for name in ("gate", "market")
    ]
    outbox, evidence = Outbox(folders.outbox), EvidenceFolder(folders.evidence)
    looks = camera_looks(
        Camera(id="dome", url="rtsp://192.0.2.7/stream"),
        watches,
        time_zone=ZoneInfo("UTC"),
        kept=[],
        detectors=OneDetector(detector),
        folders=folders,
        evidence=evidence,
        keeper=Keeper(outbox, edge_id="corner-7"),
        recent=RecentLooks(folders.looks, "dome"),
    )

    for tour in range(6):
        for image, findings in ((GATE, [car()]), (MARKET, [])):
            for step in range(3):
                detector.findings = list(findings)
                moment = clock.pass_s(5)
                looks.look(Look(Frame(noisy(image, 3 * tour + step), moment.utc), moment))

    event = outbox.waiting_events(9)[0].event
    [clip] = [item for item in event.evidence if item.role is EvidenceRole.TIMELAPSE]
    pictures = decoded(evidence.path(clip.sha256).read_bytes())
    outbox.close()
    assert len(pictures) >= 4
    assert all(_difference(picture, GATE) < _difference(picture, MARKET) / 2 for picture in pictures)
