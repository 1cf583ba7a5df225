"""An hour of small looks per camera, blurred before they touch the disk, and never more than their share of it."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

import cv2
import numpy as np
import pytest
from structlog.testing import capture_logs

from detectors.base import Finding, Frame
from edge.looking.evidence import EvidenceFolder
from edge.looking.gate import Gate
from edge.looking.looks import CameraLooks
from edge.looking.recent_looks import KEPT_FOR, MOST_KEPT, RecentLooks, make_room, prune, prune_all, recent_looks
from edge.outbox.box import Outbox
from edge.outbox.keeper import Keeper
from edge.reading.camera import Look
from ingest.configuration import Gate as GateSettings
from tests.edge.fakes import START, FakeClock
from tests.edge.test_looks import ScriptedDetector
from tests.edge.test_pictures import noise
from tests.services.small_disk import small_disk

HEAD: Finding = Finding(label="person", score=0.9, box_xyxy=(0.25, 0.2, 0.75, 1.0))


def _files(root: Path) -> list[str]:
    return sorted(path.name for path in root.rglob("*") if path.is_file())


def _watching(tmp_path: Path, detector: ScriptedDetector) -> tuple[CameraLooks, Outbox]:
    """A camera that no watch looks at: the looks are kept all the same, so that a first watch can be tried."""
    outbox = Outbox(tmp_path / "outbox.sqlite")
    looks = CameraLooks(
        [],
        privacy=detector,
        evidence=EvidenceFolder(tmp_path / "evidence"),
        keeper=Keeper(outbox, edge_id="corner-7"),
        recent=RecentLooks(tmp_path / "looks", "yard"),
    )
    return looks, outbox


def test_a_look_is_kept_every_ten_seconds_small_and_under_the_time_that_it_was_taken(tmp_path: Path) -> None:
    clock, looks = FakeClock(), RecentLooks(tmp_path, "yard")
    for _ in range(11):
        moment = clock.pass_s(2.5)
        if looks.is_due(moment):
            looks.keep(noise(size_wh=(1280, 720)), moment)

    kept = recent_looks(tmp_path, "yard", now=clock.utc)
    assert [look.captured_at.second + look.captured_at.microsecond / 1e6 for look in kept] == [2.5, 12.5, 22.5]
    assert _files(tmp_path) == ["20260601T080002500Z.jpg", "20260601T080012500Z.jpg", "20260601T080022500Z.jpg"]
    assert cv2.imread(str(kept[0].file)).shape == (360, 640, 3)  # type: ignore[union-attr]


def test_a_step_of_the_clock_neither_stops_nor_hurries_it(tmp_path: Path) -> None:
    clock, looks = FakeClock(), RecentLooks(tmp_path, "yard")
    looks.keep(noise(), clock.now())
    clock.step(-1800)

    assert not looks.is_due(clock.pass_s(5))
    assert looks.is_due(clock.pass_s(5))
    clock.step(86400)
    looks.keep(noise(), clock.now())
    assert not looks.is_due(clock.pass_s(5))


def test_what_is_kept_is_blurred_and_without_a_blur_nothing_is_kept(tmp_path: Path) -> None:
    detector, clock = ScriptedDetector([HEAD]), FakeClock()
    looks, outbox = _watching(tmp_path, detector)

    moment = clock.now()
    assert looks.look(Look(Frame(noise(), moment.utc), moment)).fault is None
    [kept] = recent_looks(tmp_path / "looks", "yard", now=clock.utc)
    picture = np.asarray(cv2.imread(str(kept.file)))
    head, below = picture[75:140, 180:460], picture[220:340, 180:460]
    assert head.std() < below.std() / 2

    detector.findings = None
    moment = clock.pass_s(20)
    looks.look(Look(Frame(noise(), moment.utc), moment))
    assert len(_files(tmp_path / "looks")) == 1
    outbox.close()


def test_the_privacy_detector_runs_for_it_no_more_than_every_ten_seconds(tmp_path: Path) -> None:
    class Counting(ScriptedDetector):
        runs = 0

        def detect(self, frames: object) -> list[list[Finding]]:
            self.runs += 1
            return [[]]

    detector, clock = Counting(), FakeClock()
    looks, outbox = _watching(tmp_path, detector)
    for _ in range(50):
        moment = clock.pass_s(1)
        looks.look(Look(Frame(noise(), moment.utc), moment))

    assert detector.runs == 5
    outbox.close()


def test_while_nothing_changes_the_last_picture_is_kept_again_and_needs_no_blur(tmp_path: Path) -> None:
    detector, clock = ScriptedDetector([HEAD]), FakeClock()
    outbox = Outbox(tmp_path / "outbox.sqlite")
    looks = CameraLooks(
        [],
        privacy=detector,
        evidence=EvidenceFolder(tmp_path / "evidence"),
        keeper=Keeper(outbox, edge_id="corner-7"),
        recent=RecentLooks(tmp_path / "looks", "yard"),
        gate=Gate(GateSettings(), [], camera_id="yard"),
    )
    pictures = [noise(1)] * 40 + [noise(2)] * 2
    inodes = []
    for picture in pictures:
        moment = clock.pass_s(10)
        looks.look(Look(Frame(picture.copy(), moment.utc), moment))
        inodes.append(recent_looks(tmp_path / "looks", "yard", now=clock.utc)[-1].file.stat().st_ino)
    outbox.close()

    assert len(_files(tmp_path / "looks")) == len(pictures)
    # One at the start, one after five minutes, and one when the picture changed.
    assert [number for number, inode in enumerate(inodes) if inode not in inodes[:number]] == [0, 30, 40]


def _touch(folder: Path, at: datetime) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / f"{at:%Y%m%dT%H%M%S}000Z.jpg").write_bytes(b"x")


def test_what_is_older_than_an_hour_goes_and_so_does_what_a_wrong_clock_left(tmp_path: Path) -> None:
    now = datetime.now(UTC)
    folder = tmp_path / "yard"
    for age in (timedelta(minutes=1), timedelta(minutes=59), timedelta(minutes=61), timedelta(days=-300)):
        _touch(folder, now - age)

    assert len(recent_looks(tmp_path, "yard", now=now)) == 2
    prune(folder, now=now)

    assert len(_files(tmp_path)) == 2


def test_no_more_than_the_most_are_kept_and_the_newest_stay(tmp_path: Path) -> None:
    now = datetime.now(UTC)
    for second in range(MOST_KEPT + 20):
        _touch(tmp_path / "yard", now - timedelta(seconds=second))

    prune(tmp_path / "yard", now=now)

    kept = recent_looks(tmp_path, "yard", now=now)
    assert len(kept) == MOST_KEPT
    assert kept[-1].captured_at >= now - timedelta(seconds=2)


def test_looks_of_cameras_that_are_gone_go_too(tmp_path: Path) -> None:
    now = datetime.now(UTC)
    _touch(tmp_path / "gone", now - KEPT_FOR - timedelta(minutes=1))
    _touch(tmp_path / "yard", now)

    prune_all(tmp_path, now=now)
    assert (tmp_path / "gone").exists()  # somebody may just have made it
    os.utime(tmp_path / "gone", (0, 0))
    prune_all(tmp_path, now=now)
    prune_all(tmp_path / "none", now=now)

    assert [folder.name for folder in tmp_path.iterdir()] == ["yard"]


def test_a_disk_that_takes_nothing_is_counted_and_told_once(tmp_path: Path) -> None:
    (tmp_path / "yard").write_text("a file where a folder must be")
    looks = RecentLooks(tmp_path, "yard")

    with capture_logs() as told:
        for _ in range(3):
            looks.keep(noise(), FakeClock().now())
        assert looks.failures == 3
        (tmp_path / "yard").unlink()
        looks.keep(noise(), FakeClock().now())

    assert [line["event"] for line in told] == ["looks not kept", "looks kept again"]


@pytest.fixture
def tiny_disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of 2 MB of this test's own."""
    with small_disk(tmp_path / "disk", size_bytes=2_048_000) as disk:
        yield disk.folder


def test_on_a_disk_that_is_nearly_full_looks_go_before_anything_else_and_none_comes(tiny_disk: Path) -> None:
    clock, looks = FakeClock(), RecentLooks(tiny_disk / "looks", "yard")
    looks.keep(noise(), clock.now())
    make_room(tiny_disk / "looks")
    assert len(_files(tiny_disk / "looks")) == 1

    filler = tiny_disk / "somebody-else"
    filler.write_bytes(b"\0" * 1_750_000)
    looks.keep(noise(2), clock.pass_s(10))
    assert looks.failures == 1
    make_room(tiny_disk / "looks")
    assert _files(tiny_disk / "looks") == []

    filler.unlink()
    looks.keep(noise(3), clock.pass_s(10))
    assert len(_files(tiny_disk / "looks")) == 1


MASK = [[(0.0, 0.0), (0.5, 0.0), (0.5, 0.5)]]


def test_looks_that_were_taken_with_other_masks_are_removed(tmp_path: Path) -> None:
    clock = FakeClock()

    def kept(masks: Sequence[Sequence[tuple[float, float]]]) -> int:
        """Starts anew with these masks and keeps one more look."""
        looks = RecentLooks(tmp_path, "yard", masks=masks)
        looks.keep(noise(), clock.pass_s(10))
        return len(looks.between(clock.utc - KEPT_FOR, clock.utc))

    assert [kept([]), kept([]), kept(MASK), kept(MASK), kept([*MASK, *MASK]), kept([]), kept([])] == [
        1,
        2,
        1,
        2,
        1,
        1,
        2,
    ]
    kept(MASK)
    prune_all(tmp_path, now=clock.utc + 2 * KEPT_FOR)
    folder = tmp_path / "yard"
    os.utime(folder, (0, 0))
    prune_all(tmp_path, now=clock.utc + 2 * KEPT_FOR)
    assert not folder.exists()


def test_looks_of_presets_are_told_apart_and_all_kept_for_who_tries_a_watch(tmp_path: Path) -> None:
    clock, looks = FakeClock(), RecentLooks(tmp_path, "dome", masks=MASK)
    gate, market = looks.of("gate"), looks.of("market.2")
    for _ in range(3):
        gate.keep(noise(), clock.pass_s(10))
    market.keep(noise(), clock.pass_s(10))

    assert len(gate.between(START, clock.utc)) == 3
    assert len(market.between(START, clock.utc)) == 1
    assert looks.between(START, clock.utc) == []
    everything = recent_looks(tmp_path, "dome", now=clock.utc)
    assert [look.preset for look in everything] == ["gate"] * 3 + ["market.2"]
    prune(tmp_path / "dome", now=clock.utc + KEPT_FOR - timedelta(seconds=5))
    assert len(recent_looks(tmp_path, "dome", now=clock.utc)) == 1
