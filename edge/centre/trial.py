"""Tries a draft of a watch on the last hour's looks, in a process of its own that cannot disturb the looking."""

from __future__ import annotations

import multiprocessing
import os
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from pathlib import Path
from zoneinfo import ZoneInfo

import cv2
import numpy as np

from detectors.base import DetectorError, Finding, Frame, Image
from detectors.seam import found_in
from edge.logs import configure_logs
from edge.looking.evidence import EvidenceError, EvidenceFolder, wide_picture
from edge.looking.looks import CameraWatch
from edge.looking.presets import Presets
from edge.looking.recent_looks import KEEP_EVERY_S, RecentLook, recent_looks
from edge.looking.sameness import small_picture
from edge.looking.views import small_view
from edge.processes.building import Detectors, camera_watch
from edge.processes.cannot_start import WatchCannotStart
from edge.processes.folders import Folders
from edge.processes.orphans import end_with_parent
from edge.processes.spawning import deaf_to_interrupts
from edge.staying.appearance import appearance
from edge.staying.stays import Change, WatchStays
from edge.trying.media_time import recorded_moment
from ingest.configuration import Camera, Watch
from ingest.contract import EvidenceItem, EvidenceRole

NICENESS = 10
MOST_PICTURES = 3
POLL_S = 0.2


class TrialFailed(Exception):
    """The draft could not be tried; the text says why."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What the draft would have done. findings: those of the last look that would have raised something."""

    looks_tried: int
    would_have_raised: int
    findings: tuple[Finding, ...] = ()
    evidence: tuple[EvidenceItem, ...] = ()


def try_watch(
    watch: Watch, camera: Camera, root: Path, *, time_zone: str, deadline_s: float, stop: threading.Event
) -> Outcome:
    """Returns what came of it, by ``deadline_s`` of the monotonic clock at the latest. Raises: TrialFailed.

    time_zone: The edge's, for the hours of the draft.
    """
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe(duplex=False)
    arguments = (watch.model_dump_json(), camera.look_every_s, time_zone, str(root), theirs)
    process = context.Process(target=trial_main, args=arguments, name="trial")
    try:
        with deaf_to_interrupts():
            process.start()
    except OSError as error:  # no memory, no process left
        raise TrialFailed(f"no process for it: {error.strerror}") from error
    finally:
        theirs.close()
    try:
        return _outcome(process, ours, lambda: stop.is_set() or time.monotonic() >= deadline_s)
    finally:
        process.kill()
        process.join()
        process.close()
        ours.close()


def _outcome(process: BaseProcess, answers: Connection, is_over: Callable[[], bool]) -> Outcome:
    while not is_over():
        try:
            if answers.poll(POLL_S):
                answer: Outcome | str = answers.recv()
                if isinstance(answer, str):
                    raise TrialFailed(answer)
                return answer
        except (EOFError, OSError):
            process.join(POLL_S)
            raise TrialFailed(f"its process ended before it was done (exit code {process.exitcode})") from None
    raise TrialFailed("it was not done before the request expired")


def trial_main(watch_json: str, look_every_s: float, time_zone: str, root: str, answers: Connection) -> None:
    """Entry point of the process."""
    end_with_parent(threading.Event())
    os.nice(NICENESS)
    configure_logs()
    watch = Watch.model_validate_json(watch_json)
    try:
        answers.send(_tried(watch, look_every_s, ZoneInfo(time_zone), Folders(Path(root))))
    except (DetectorError, WatchCannotStart, TrialFailed, EvidenceError, OSError) as error:
        answers.send(str(error))


def _tried(watch: Watch, look_every_s: float, time_zone: ZoneInfo, folders: Folders) -> Outcome:
    looks = recent_looks(folders.looks, str(watch.camera), now=datetime.now(UTC))
    if not looks:
        raise TrialFailed(f"no look of the last hour is kept for camera {watch.camera!r}")
    # The kept looks are rarer than the camera's own: a gap between two of them is none of the street's.
    grace_s = max(watch.grace_s, 2 * max(KEEP_EVERY_S, look_every_s))
    stays = WatchStays(watch.model_copy(update={"grace_s": grace_s}), time_zone=time_zone)
    trial = _Trial(stays, EvidenceFolder(folders.evidence))
    presets = Presets(folders.views, str(watch.camera), [watch.preset]) if watch.preset is not None else None
    for look in looks:
        trial.look(look, presets)
    return trial.outcome()


class _Trial:
    def __init__(self, stays: WatchStays, evidence: EvidenceFolder) -> None:
        self._watch: CameraWatch = camera_watch(stays, Detectors())
        self._evidence = evidence
        self._tried = 0
        self._raised = 0
        self._findings: list[Finding] = []
        self._pictures: list[EvidenceItem] = []

    def look(self, look: RecentLook, presets: Presets | None) -> None:
        """presets: The watch's own preset; a look at another one is left out."""
        image = _image(look.file)
        if image is None:  # pruned meanwhile
            return
        frame = Frame(image, look.captured_at)
        if presets and presets.recognise(small_view(small_picture(frame)), recorded_moment(look.captured_at)) is None:
            return
        found = found_in(self._watch.detector, frame)
        counting = self._watch.counting(found)
        changes = self._watch.stays.judge(
            counting, recorded_moment(look.captured_at), lambda box: appearance(image, box), around=found
        )
        self._tried += 1
        raised = [change.stay.finding for change in changes if change.change is Change.RAISED]
        if raised:
            self._note(raised, image, look)

    def _note(self, raised: Sequence[Finding], image: Image, look: RecentLook) -> None:
        self._raised += len(raised)
        self._findings = list(raised)
        if len(self._pictures) < MOST_PICTURES:
            picture = wide_picture(image, role=EvidenceRole.WIDE, taken_at=look.captured_at)
            self._pictures.append(self._evidence.keep(picture))

    def outcome(self) -> Outcome:
        if self._tried == 0:
            raise TrialFailed("none of the kept looks can be read, or shows the watch's preset")
        return Outcome(self._tried, self._raised, tuple(self._findings), tuple(self._pictures))


def _image(file: Path) -> Image | None:
    try:
        encoded = np.frombuffer(file.read_bytes(), dtype=np.uint8)
    except FileNotFoundError:
        return None
    image = cv2.imdecode(encoded, cv2.IMREAD_COLOR) if encoded.size else None
    return None if image is None else np.asarray(image, dtype=np.uint8)
