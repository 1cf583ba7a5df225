"""The clip of how an incident came about: from kept looks, bounded, and never in the way of the event."""

from __future__ import annotations

import io
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import av
import numpy as np
import pytest

import edge.looking.timelapse
from detectors.base import Image
from edge.looking.evidence import EvidenceError
from edge.looking.looks import CameraLooks, CameraWatch
from edge.looking.recent_looks import RecentLook, RecentLooks
from edge.looking.timelapse import MAX_BYTES, MOST_PICTURES, timelapse
from edge.staying.stays import WatchStays
from ingest.contract import EvidenceItem, EvidenceRole
from tests.edge.fakes import START, FakeClock, car, watch
from tests.edge.scenes import noisy, scene
from tests.edge.test_looks import Yard

SCENE = scene()
NOW = datetime(2026, 6, 1, 8, tzinfo=UTC)


def kept(folder: Path, count: int, *, image: Image | None = None, clock: FakeClock | None = None) -> list[RecentLook]:
    """Keeps so many looks, ten seconds apart, and returns them."""
    clock = clock or FakeClock()
    looks = RecentLooks(folder, "yard")
    for index in range(count):
        looks.keep(image if image is not None else noisy(SCENE, index), clock.pass_s(10))
    return looks.between(START, clock.utc)


def decoded(clip: bytes) -> list[Image]:
    with av.open(io.BytesIO(clip), "r") as container:
        assert container.streams.video[0].codec_context.name == "h264"
        return [frame.to_ndarray(format="bgr24").astype(np.uint8) for frame in container.decode(video=0)]


@pytest.mark.parametrize(("looks", "pictures"), [(3, None), (4, 4), (80, MOST_PICTURES)])
def test_it_has_the_looks_from_first_seen_to_raised(tmp_path: Path, looks: int, pictures: int | None) -> None:
    clip = timelapse(kept(tmp_path, looks))

    if pictures is None:
        assert clip is None
        return
    assert clip is not None
    assert (clip.role, clip.media_type) == (EvidenceRole.TIMELAPSE, "video/mp4")
    assert clip.taken_at == START + timedelta(seconds=10 * looks)
    assert len(clip.content) <= MAX_BYTES
    frames = decoded(clip.content)
    assert len(frames) == pictures
    assert np.abs(frames[0].astype(int) - SCENE).mean() < 15


def test_other_sizes_and_odd_ones_are_fitted(tmp_path: Path) -> None:
    clock = FakeClock()
    kept(tmp_path, 3, image=np.ascontiguousarray(SCENE[:355, :633]), clock=clock)

    clip = timelapse(kept(tmp_path, 3, clock=clock))

    assert clip is not None
    assert {frame.shape for frame in decoded(clip.content)} == {(354, 632, 3)}


def test_too_large_a_clip_has_fewer_pictures_or_is_left_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    looks = kept(tmp_path, 16)
    whole = timelapse(looks)
    assert whole is not None

    monkeypatch.setattr(edge.looking.timelapse, "MAX_BYTES", len(whole.content) - 1)
    smaller = timelapse(looks)
    assert smaller is not None
    assert len(decoded(smaller.content)) == 8

    monkeypatch.setattr(edge.looking.timelapse, "MAX_BYTES", 100)
    assert timelapse(looks) is None


def test_looks_that_are_gone_or_damaged_are_left_out(tmp_path: Path) -> None:
    looks = kept(tmp_path, 7)
    looks[0].file.unlink()
    looks[1].file.write_bytes(b"no picture")
    looks[2].file.write_bytes(b"")

    clip = timelapse(looks)

    assert clip is not None
    assert len(decoded(clip.content)) == 4


@pytest.fixture
def yard(tmp_path: Path) -> Iterator[Yard]:
    yard = Yard(tmp_path, watch(dwell_s=60, grace_s=10))
    yard.looks = CameraLooks(
        [CameraWatch(WatchStays(yard.looks.watches[0].watch), yard.detector, frozenset({"car"}))],
        privacy=yard.detector,
        evidence=yard.looks._pictures._evidence,
        keeper=yard.looks._keeper,
        recent=RecentLooks(tmp_path / "looks", "yard"),
    )
    yield yard
    yard.outbox.close()


def test_a_raised_incident_carries_it(yard: Yard) -> None:
    yard.look(times=20)  # what was before it came does not belong to it
    yard.look(car(), times=35)

    [event] = yard.events
    assert [item.role for item in event.evidence] == [
        EvidenceRole.START,
        EvidenceRole.CONFIRM,
        EvidenceRole.CROP,
        EvidenceRole.TIMELAPSE,
    ]
    clip = event.evidence[-1]
    assert clip.media_type == "video/mp4"
    content = yard.looks._pictures._evidence.path(clip.sha256).read_bytes()
    assert (len(content), len(decoded(content))) == (clip.size_bytes, 6)


def test_without_it_the_incident_has_its_other_pictures(yard: Yard, monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(_: object) -> list[EvidenceItem]:
        raise EvidenceError("no encoder")

    monkeypatch.setattr("edge.looking.incident_pictures.timelapse", fails)
    yard.look(car(), times=35)

    [event] = yard.events
    assert [item.role for item in event.evidence] == [EvidenceRole.START, EvidenceRole.CONFIRM, EvidenceRole.CROP]
