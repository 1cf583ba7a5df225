"""A draft is tried on the kept looks in a process of its own, at their own times, and cannot hang."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from detectors.base import Image
from edge.centre.trial import Outcome, TrialFailed, try_watch
from edge.looking.evidence import EvidenceFolder
from edge.looking.recent_looks import RecentLooks
from edge.staying.clock import Moment
from ingest.configuration import Camera, Watch
from tests.edge.running import PARKING

CAMERA = Camera(id="yard", url="none.mp4", look_every_s=4)


def _keep(root: Path, image: Image, *, minutes: float) -> None:
    """Fills the last minutes with one picture, every ten seconds."""
    looks = RecentLooks(root / "looks", "yard")
    for second in range(int(minutes * 60), 0, -10):
        at = datetime.now(UTC) - timedelta(seconds=second)
        looks.keep(image, Moment(utc=at, boot_s=-float(second), boot_id="b"))


def _try(root: Path, *, within_s: float = 60, stop: threading.Event | None = None, **changes: object) -> Outcome:
    draft = Watch.model_validate(PARKING | changes)
    stop = stop or threading.Event()
    return try_watch(draft, CAMERA, root, time_zone="UTC", deadline_s=time.monotonic() + within_s, stop=stop)


def test_it_tells_how_often_it_would_have_raised_and_shows_it(tmp_path: Path, street_picture: Image) -> None:
    _keep(tmp_path, street_picture, minutes=2)

    outcome = _try(tmp_path, dwell_s=60, grace_s=8)  # a grace for looks every 4 s: the kept ones are rarer

    assert outcome.looks_tried == 12
    assert outcome.would_have_raised >= 1
    assert {finding.label for finding in outcome.findings} <= {"car", "truck", "bus"}
    [*pictures] = outcome.evidence
    assert 1 <= len(pictures) <= 3
    folder = EvidenceFolder(tmp_path / "evidence")
    assert all(folder.path(item.sha256).stat().st_size == item.size_bytes for item in pictures)
    assert pictures[0].taken_at < datetime.now(UTC) - timedelta(seconds=30)


def test_a_dwell_that_nothing_reached_raises_nothing(tmp_path: Path, street_picture: Image) -> None:
    _keep(tmp_path, street_picture, minutes=1)

    outcome = _try(tmp_path, dwell_s=300)

    assert (outcome.looks_tried, outcome.would_have_raised, outcome.evidence) == (6, 0, ())


@pytest.mark.parametrize("content", [b"", b"no JPEG"], ids=["empty", "no picture"])
def test_looks_that_cannot_be_read_are_no_empty_street(tmp_path: Path, content: bytes) -> None:
    folder = tmp_path / "looks" / "yard"
    folder.mkdir(parents=True)
    (folder / f"{datetime.now(UTC):%Y%m%dT%H%M%S}000Z.jpg").write_bytes(content)

    with pytest.raises(TrialFailed, match="none of the kept looks can be read"):
        _try(tmp_path)


def test_without_looks_it_says_so(tmp_path: Path) -> None:
    with pytest.raises(TrialFailed, match="no look of the last hour is kept for camera 'yard'"):
        _try(tmp_path)


def test_its_end_comes_with_the_request_or_with_the_edge(tmp_path: Path, street_picture: Image) -> None:
    _keep(tmp_path, street_picture, minutes=1)
    stop = threading.Event()
    stop.set()

    for within_s, stopped in ((0.5, None), (60, stop)):
        began_s = time.monotonic()
        with pytest.raises(TrialFailed, match="not done before"):
            _try(tmp_path, within_s=within_s, stop=stopped)
        assert time.monotonic() - began_s < 5
    assert _children() == []


def test_a_process_that_is_killed_is_told_and_it_runs_below_all_others(tmp_path: Path, street_picture: Image) -> None:
    _keep(tmp_path, street_picture, minutes=60)
    before, niceness = set(_children()), []

    def kill() -> None:
        child = _first(lambda: [c for c in _children() if c not in before and os.getpriority(os.PRIO_PROCESS, c)])
        niceness.append(os.getpriority(os.PRIO_PROCESS, child))
        os.kill(child, signal.SIGKILL)

    killer = threading.Thread(target=kill)
    killer.start()
    with pytest.raises(TrialFailed, match="ended before it was done"):
        _try(tmp_path)
    killer.join()

    assert niceness == [10]


def _children() -> list[int]:
    """The spawned processes of this one."""
    pids = [int(p) for task in Path("/proc/self/task").iterdir() for p in (task / "children").read_text().split()]
    return [pid for pid in pids if b"spawn_main" in Path(f"/proc/{pid}/cmdline").read_bytes()]


def _first(found: Callable[[], list[int]]) -> int:
    deadline_s = time.monotonic() + 30
    while not (pids := found()):
        assert time.monotonic() < deadline_s
        time.sleep(0.01)
    return pids[0]
