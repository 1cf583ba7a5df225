"""Builds what looks at one camera: its detectors, watches, faults and gate."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from typing import cast
from zoneinfo import ZoneInfo

from detectors.base import DetectorError, FrameDetector
from detectors.registry import build
from edge.looking.camera_faults import CameraFaults
from edge.looking.evidence import EvidenceFolder
from edge.looking.gate import Gate
from edge.looking.looks import CameraLooks, CameraWatch
from edge.looking.main_pictures import MainPictures, MainStream
from edge.looking.presets import PresetLooks, Presets
from edge.looking.privacy import MIN_SCORE
from edge.looking.recent_looks import RecentLooks
from edge.outbox.keeper import Keeper
from edge.processes.cannot_start import WatchCannotStart
from edge.processes.folders import Folders
from edge.staying.stays import Stay, WatchStays
from ingest.configuration import Camera, Watch

PRIVACY_DETECTOR: dict[str, object] = {"type": "yolo", "model": "street", "min_score": MIN_SCORE}


class Detectors:
    """Builds each distinct detector configuration once and shares it among the watches of this process."""

    def __init__(self) -> None:
        self._built: dict[str, FrameDetector] = {}

    def get(self, choice: dict[str, object]) -> FrameDetector:
        settled = _settled(choice)
        key = json.dumps(settled, sort_keys=True)
        if key not in self._built:
            self._built[key] = cast(FrameDetector, build(settled))
        return self._built[key]

    def forget_all_but(self, choices: Iterable[dict[str, object]]) -> None:
        """Drops what no watch asks for any more; the privacy detector stays."""
        used = {json.dumps(_settled(choice), sort_keys=True) for choice in [*choices, PRIVACY_DETECTOR]}
        self._built = {key: detector for key, detector in self._built.items() if key in used}


def _settled(choice: dict[str, object]) -> dict[str, object]:
    # A process for each core: a second thread would only take time from another one.
    # A low score here and the watch's own score later: one run then serves watches and privacy alike.
    return {"min_score": MIN_SCORE, "threads": 1, **choice} if choice["type"] == "yolo" else choice


def camera_looks(
    camera: Camera,
    watches: Sequence[Watch],
    *,
    time_zone: ZoneInfo,
    kept: Sequence[Stay],
    detectors: Detectors,
    folders: Folders,
    evidence: EvidenceFolder,
    keeper: Keeper,
    recent: RecentLooks | None = None,
    main: MainStream | None = None,
) -> CameraLooks | PresetLooks:
    """Returns all that looks at one camera need, with the stays of ``kept`` (all of the outbox) that are its own.

    Raises: DetectorError. WatchCannotStart: Where it is the detector of one watch, or nobody would look for it.
    """
    presets = list(dict.fromkeys(watch.preset for watch in watches if watch.preset is not None))
    if presets and (still := [watch.id for watch in watches if watch.preset is None]):  # never drop one in silence
        raise WatchCannotStart(still[0], f"names none, and others of camera {camera.id!r} do", key="preset")
    looked = [
        camera_watch(WatchStays(watch, [s for s in kept if s.watch_id == watch.id], time_zone=time_zone), detectors)
        for watch in watches
    ]
    privacy = detectors.get(dict(PRIVACY_DETECTOR))
    faults = CameraFaults(
        camera, kept=kept, folder=folders.views, evidence=evidence, keeper=keeper, turns=bool(presets)
    )
    pictures = None if main is None else MainPictures(main, privacy=privacy, camera=camera, folder=folders.views)

    def at_one_view(
        of_it: Sequence[CameraWatch], its_faults: CameraFaults | None, its_recent: RecentLooks | None
    ) -> CameraLooks:
        return CameraLooks(
            of_it,
            privacy=privacy,
            evidence=evidence,
            keeper=keeper,
            recent=its_recent,
            gate=Gate(camera.gate, of_it, camera_id=camera.id),
            faults=its_faults,
            max_people=camera.max_people,
            main=pictures,
        )

    if not presets:
        return at_one_view(looked, faults, recent)
    return PresetLooks(
        {
            name: at_one_view(
                [w for w in looked if w.watch.preset == name], None, recent.of(name) if recent is not None else None
            )
            for name in presets
        },
        Presets(folders.views, camera.id, presets),
        privacy=privacy,
        faults=faults,
        main=pictures,
    )


def camera_watch(stays: WatchStays, detectors: Detectors) -> CameraWatch:
    """Returns a watch with its detector. Raises: WatchCannotStart: The detector cannot be built."""
    try:
        detector = detectors.get(stays.watch.detector.model_dump())
    except DetectorError as error:
        raise WatchCannotStart(stays.watch.id, str(error)) from error
    return CameraWatch(stays, detector, labels_of(stays.watch, detector))


def labels_of(watch: Watch, detector: FrameDetector) -> frozenset[str]:
    """The watch's labels, or those that the detector's card maps to its kind."""
    return frozenset(watch.labels) if watch.labels is not None else detector.labels_of_kind(watch.kind)
