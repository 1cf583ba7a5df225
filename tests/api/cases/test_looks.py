"""The same crop again looks the same, however it was lit and pressed; another one does not."""

from __future__ import annotations

import io
from itertools import combinations

import pytest

from api.reports.looks import SAME_LOOK_BITS, bits_apart, hash_of, overlap, same_look
from tests.api.cases.scenes import a_crop
from tests.api.pictures import a_table, png_of_claimed_size


def seen(crop: bytes) -> str:
    found = hash_of(io.BytesIO(crop))
    assert found is not None
    return found


def test_the_same_thing_seen_again_looks_the_same() -> None:
    apart = [
        bits_apart(seen(a_crop(seed)), seen(a_crop(seed, quality=60, brighter=brighter, noise=40)))
        for seed in range(40)
        for brighter in (0.85, 1.0, 1.15)
    ]
    assert sum(bits <= SAME_LOOK_BITS for bits in apart) / len(apart) > 0.9, sorted(apart)


def test_another_thing_looks_different() -> None:
    hashes = [seen(a_crop(seed)) for seed in range(60)]
    assert not any(same_look(one, other) for one, other in combinations(hashes, 2))


@pytest.mark.parametrize("content", [a_table(5000), b"\xff\xd8\xff cut off", png_of_claimed_size(90_000, 90_000)])
def test_what_is_no_sound_picture_looks_like_nothing(content: bytes) -> None:
    assert hash_of(io.BytesIO(content)) is None
    assert not same_look(None, None)


@pytest.mark.parametrize(
    ("one", "other", "expected"),
    [
        ((0, 0, 1, 1), (0, 0, 1, 1), 1.0),
        ((0, 0, 0.5, 1), (0.25, 0, 0.75, 1), 1 / 3),
        ((0, 0, 0.2, 0.2), (0.5, 0.5, 1, 1), 0.0),
        ((0, 0, 0, 0), (0, 0, 0, 0), 0.0),
        (None, (0, 0, 1, 1), 0.0),
    ],
)
def test_boxes_overlap(one: tuple[float, ...] | None, other: tuple[float, ...], expected: float) -> None:
    assert overlap(one, other) == pytest.approx(expected)
