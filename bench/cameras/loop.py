"""Runs the edge's own loop over a clip, again and again on the clip's clock, and counts its processor time."""

from __future__ import annotations

import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import av

from detectors.base import Finding
from detectors.yolo import YoloConfiguration, build
from edge.looking.camera_faults import CameraFaults
from edge.looking.evidence import EvidenceFolder
from edge.looking.gate import Gate
from edge.looking.looks import CameraLooks
from edge.looking.recent_looks import RecentLooks
from edge.looking.zones import overlap, stands_in
from edge.outbox.box import Outbox
from edge.outbox.keeper import Keeper
from edge.processes.building import PRIVACY_DETECTOR, Detectors, camera_watch
from edge.reading.camera import CameraReader, Look
from edge.staying.stays import WatchStays
from edge.trying.media_time import MediaClock
from ingest.configuration import Camera, DetectorChoice, Policy, Watch

LOOK_EVERY_S = 2.0
ZONE = [(0.0, 0.5), (1.0, 0.5), (1.0, 1.0), (0.0, 1.0)]
LABELS = frozenset({"person", "car", "truck", "bus", "bicycle", "motorcycle"})
MIN_SCORE = 0.35
SAME_IOU = 0.5
START = datetime(2026, 1, 1, tzinfo=UTC)


@dataclass(slots=True)
class Counted:
    """What the loop came to. cpu_s: processor seconds for each minute of the camera."""

    cpu_s: float = 0.0
    looks: int = 0
    gated: int = 0
    found: list[Sequence[Finding]] = field(default_factory=list)


def run_loop(clip: Path, *, clip_s: float, times: int, warm_up: int = 1) -> Counted:
    """Looks at the clip ``warm_up`` times uncounted, so that models are loaded and the gate settled, then ``times``."""
    clock = MediaClock(START)
    counted = Counted()
    with tempfile.TemporaryDirectory(prefix="bench-cameras-") as folder:
        outbox = Outbox(Path(folder) / "outbox.sqlite")
        looks, gate = _camera_looks(clip, Path(folder), outbox)
        for _ in range(warm_up):
            for look in _looks(clip, clock):
                looks.look(look)
        gated, began = gate.gated, time.process_time()
        for _ in range(times):
            counted.found += [looks.look(look).findings for look in _looks(clip, clock)]
        counted.cpu_s = (time.process_time() - began) / (times * clip_s / 60)
        counted.looks, counted.gated = len(counted.found), gate.gated - gated
        outbox.close()
    return counted


def zone_recall(clip: Path, found: Sequence[Sequence[Finding]]) -> tuple[float, int]:
    """Returns the share of what a run of the whole picture at 640x640 finds in the zone that the loop found too, and
    how many things that were in all looks."""
    detector = build(YoloConfiguration(model="street", input_size=640, min_score=MIN_SCORE))
    wanted = [
        [
            f
            for f in detector.detect([look.frame])[0]
            if f.label in LABELS and f.box_xyxy and stands_in(f.box_xyxy, ZONE)
        ]
        for look in _looks(clip, MediaClock(START))
    ]
    seen = things = 0
    for number, findings in enumerate(found):
        for finding in wanted[number % len(wanted)]:
            things += 1
            seen += any(
                f.box_xyxy and finding.box_xyxy and overlap(f.box_xyxy, finding.box_xyxy) >= SAME_IOU for f in findings
            )
    return (seen / things if things else 1.0), things


def keyframes_alone(clip: Path, *, clip_s: float, times: int) -> float:
    """Returns the processor seconds a minute of demuxing and decoding a keyframe for each look, and nothing else."""
    began = time.process_time()
    for _ in range(times):
        with av.open(clip) as container:
            stream = container.streams.video[0]
            stream.thread_type = "NONE"
            stream.codec_context.skip_frame = "NONKEY"
            for packet in container.demux(stream):
                if packet.is_keyframe and packet.size:
                    stream.codec_context.decode(packet)
                    stream.codec_context.decode(None)
                    stream.codec_context.flush_buffers()
    return (time.process_time() - began) / (times * clip_s / 60)


def everything_decoded(clip: Path, *, clip_s: float) -> float:
    """Returns the processor seconds a minute of decoding every frame, and nothing else."""
    began = time.process_time()
    with av.open(clip) as container:
        container.streams.video[0].thread_type = "NONE"
        for _ in container.decode(video=0):
            pass
    return (time.process_time() - began) / (clip_s / 60)


def _looks(clip: Path, clock: MediaClock) -> Iterator[Look]:
    return CameraReader(_camera(clip), clock=clock, stop=threading.Event(), pace_of=clock.pace_of).looks()


def _camera(clip: Path) -> Camera:
    return Camera(id="yard", url=str(clip), look_every_s=LOOK_EVERY_S)


def _camera_looks(clip: Path, folder: Path, outbox: Outbox) -> tuple[CameraLooks, Gate]:
    """Puts together all that a camera group puts together for one camera."""
    camera, detectors = _camera(clip), Detectors()
    evidence, keeper = EvidenceFolder(folder / "evidence"), Keeper(outbox, edge_id="bench")
    watch = Watch(
        id="street",
        kind="illegal-parking",
        camera=camera.id,
        zone=ZONE,
        detector=DetectorChoice.model_validate({"type": "yolo", "model": "street"}),
        labels=sorted(LABELS),
        min_score=MIN_SCORE,
        policy=Policy.SAME,
        # Shorter than a clip: the walkers of one round are not taken for those of the last.
        grace_s=5 * LOOK_EVERY_S,
    )
    watches = [camera_watch(WatchStays(watch), detectors)]
    gate = Gate(camera.gate, watches, camera_id=camera.id)
    looks = CameraLooks(
        watches,
        privacy=detectors.get(dict(PRIVACY_DETECTOR)),
        evidence=evidence,
        keeper=keeper,
        recent=RecentLooks(folder / "looks", camera.id),
        gate=gate,
        faults=CameraFaults(camera, kept=[], folder=folder / "views", evidence=evidence, keeper=keeper),
    )
    return looks, gate
