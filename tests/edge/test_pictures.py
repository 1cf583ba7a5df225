"""Zones, appearance, blur and the pictures that an incident leaves behind."""

from __future__ import annotations

import hashlib
import shutil
from datetime import UTC, datetime
from pathlib import Path

import cv2
import numpy as np
import pytest

from detectors.base import Finding, Image
from edge.looking.evidence import (
    CROP_MAX_BYTES,
    WIDE_MAX_BYTES,
    EvidenceError,
    EvidenceFolder,
    crop_picture,
    wide_picture,
)
from edge.looking.privacy import blurred
from edge.looking.zones import covered_share, overlap, stands_in
from edge.staying.appearance import SAME_LOOK, appearance, likeness
from ingest.contract import EvidenceRole

NOW = datetime(2026, 6, 1, tzinfo=UTC)
LEFT_HALF = [(0.0, 0.0), (0.5, 0.0), (0.5, 1.0), (0.0, 1.0)]


def noise(seed: int = 1, size_wh: tuple[int, int] = (640, 360)) -> Image:
    return np.random.default_rng(seed).integers(0, 256, (size_wh[1], size_wh[0], 3), dtype=np.uint8)


def _scene(seed: int) -> Image:
    soft = cv2.GaussianBlur(noise(seed), (0, 0), 12)
    return cv2.normalize(soft, soft.copy(), 0, 255, cv2.NORM_MINMAX).astype(np.uint8)


@pytest.mark.parametrize(
    ("box", "inside"),
    [
        ((0.1, 0.1, 0.3, 0.5), True),
        ((0.6, 0.1, 0.8, 0.5), False),
        ((0.3, 0.1, 0.9, 0.5), False),  # most of it, and its foot, stand outside
    ],
)
def test_a_thing_stands_where_the_middle_of_its_lower_edge_is(
    box: tuple[float, float, float, float], inside: bool
) -> None:
    assert stands_in(box, LEFT_HALF) is inside


def test_covered_share_counts_overlapping_things_once() -> None:
    heap = Finding(label="grain", box_xyxy=(0.0, 0.0, 0.25, 1.0))

    assert covered_share([heap, heap], LEFT_HALF) == pytest.approx(0.5, abs=0.02)
    assert covered_share([], LEFT_HALF) == 0.0


def test_overlap_is_intersection_over_union() -> None:
    assert overlap((0, 0, 1, 1), (0, 0, 1, 1)) == 1.0
    assert overlap((0, 0, 0.5, 1), (0.25, 0, 0.75, 1)) == pytest.approx(1 / 3)
    assert overlap((0, 0, 0.5, 1), (0.5, 0, 1, 1)) == 0.0


def test_appearance_ignores_brightness_and_tells_different_places_apart() -> None:
    here = _scene(1)
    darker = (here * 0.6).astype(np.uint8)
    elsewhere = _scene(2)
    box = (0.3, 0.3, 0.6, 0.6)

    assert likeness(appearance(here, box), appearance(darker, box)) > 0.95
    assert likeness(appearance(here, box), appearance(elsewhere, box)) < SAME_LOOK
    assert likeness(b"\x05" * 576, b"\x05" * 576) == 1.0  # two plain places are alike


def test_heads_and_plates_are_blurred_and_the_rest_is_untouched() -> None:
    picture = noise()
    person = Finding(label="person", score=0.9, box_xyxy=(0.1, 0.2, 0.2, 0.8))
    vehicle = Finding(label="car", score=0.9, box_xyxy=(0.5, 0.4, 0.8, 0.8))

    result = blurred(picture, [person, vehicle])

    head = np.s_[75:120, 66:126]
    assert result[head].astype(float).std() < picture[head].astype(float).std() / 3
    plate = np.s_[235:285, 330:505]
    assert result[plate].astype(float).std() < picture[plate].astype(float).std() / 3
    assert np.array_equal(result[200:280, 66:126], picture[200:280, 66:126])
    assert not np.shares_memory(result, picture)


def test_a_watch_that_keeps_plates_keeps_only_those_of_its_own_vehicle() -> None:
    picture = noise()
    own = Finding(label="car", score=0.9, box_xyxy=(0.1, 0.4, 0.4, 0.8))
    other = Finding(label="car", score=0.9, box_xyxy=(0.6, 0.4, 0.9, 0.8))

    result = blurred(picture, [own, other], keep_plates_of=[(0.1, 0.4, 0.4, 0.8)])

    assert np.array_equal(result[:, :300], picture[:, :300])
    assert not np.array_equal(result[:, 384:], picture[:, 384:])


def test_start_and_crop_stay_within_two_hundred_kilobytes_even_of_noise() -> None:
    picture = noise(size_wh=(3840, 2160))

    wide = wide_picture(picture, role=EvidenceRole.START, taken_at=NOW)
    crop = crop_picture(picture, (0.2, 0.2, 0.9, 0.9), taken_at=NOW)

    assert len(wide.content) <= WIDE_MAX_BYTES
    assert len(crop.content) <= CROP_MAX_BYTES


def test_evidence_is_named_by_its_bytes_and_kept_once(tmp_path: Path) -> None:
    folder = EvidenceFolder(tmp_path)
    picture = wide_picture(noise(), role=EvidenceRole.CONFIRM, taken_at=NOW)

    first, second = folder.keep(picture), folder.keep(picture)

    assert first == second
    assert first.sha256 == hashlib.sha256(picture.content).hexdigest()
    assert folder.path(first.sha256).read_bytes() == picture.content
    assert [p for p in tmp_path.rglob("*") if p.is_file()] == [folder.path(first.sha256)]


def test_a_folder_that_cannot_be_written_is_an_error_with_a_reason(tmp_path: Path) -> None:
    folder = EvidenceFolder(tmp_path)
    picture = wide_picture(noise(), role=EvidenceRole.CONFIRM, taken_at=NOW)
    sha256 = hashlib.sha256(picture.content).hexdigest()
    (tmp_path / sha256[:2]).write_text("a file where a folder must be")

    with pytest.raises(EvidenceError, match="cannot be written"):
        folder.keep(picture)


def test_a_folder_that_was_taken_away_is_made_again(tmp_path: Path) -> None:
    folder = EvidenceFolder(tmp_path / "evidence")
    picture = wide_picture(noise(), role=EvidenceRole.CONFIRM, taken_at=NOW)
    folder.keep(picture)
    shutil.rmtree(tmp_path / "evidence")

    assert folder.path(folder.keep(picture).sha256).read_bytes() == picture.content


def test_strays_are_swept_and_what_is_named_or_young_stays(tmp_path: Path) -> None:
    folder = EvidenceFolder(tmp_path)
    pictures = [wide_picture(noise(seed), role=EvidenceRole.CONFIRM, taken_at=NOW) for seed in (1, 2)]
    named, stray = (folder.keep(picture).sha256 for picture in pictures)

    assert folder.sweep(keep={named}, older_than_s=3600) == 0
    assert folder.sweep(keep={named}, older_than_s=-1) == 1
    assert folder.path(named).exists()
    assert not folder.path(stray).exists()
