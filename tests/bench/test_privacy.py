"""The bench of the blur counts heads as its docstring says."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from bench.privacy.__main__ import Labelled, blurred_where, heads_of, persons_in, pictures_of
from detectors.base import Finding

IMAGE = np.zeros((200, 100, 3), dtype=np.uint8)
PERSON = (0.2, 0.1, 0.6, 0.9)


@pytest.mark.parametrize(
    ("found", "covered"),
    [
        ([Finding(label="person", score=0.5, box_xyxy=PERSON)], 1.0),
        ([Finding(label="person", score=0.01, box_xyxy=PERSON)], 0.0),
        ([Finding(label="person", score=0.5, box_xyxy=(0.7, 0.1, 0.9, 0.9))], 0.0),
        ([Finding(label="car", score=0.5, box_xyxy=PERSON)], 0.0),
        ([], 0.0),
    ],
    ids=["found", "hardly found", "beside", "another thing", "not found"],
)
def test_a_head_is_covered_where_the_product_blurs(found: list[Finding], covered: float) -> None:
    [head] = heads_of(Labelled("a", IMAGE, [PERSON]), blurred_where(IMAGE.shape[:2], found), least_height_px=40)

    assert head.covered == pytest.approx(covered, abs=0.01)
    assert head.height_px == pytest.approx(160)


def test_small_persons_do_not_count() -> None:
    nothing = np.zeros(IMAGE.shape[:2], dtype=np.bool_)

    assert heads_of(Labelled("a", IMAGE, [(0.1, 0.1, 0.2, 0.25)]), nothing, least_height_px=40) == []


def test_labels_are_middles_and_sizes_of_many_classes() -> None:
    [box] = persons_in("2 0.5 0.5 1 1\n0 0.4 0.5 0.4 0.8\n")

    assert box == pytest.approx(PERSON)


def test_a_folder_without_pictures_is_told(tmp_path: Path) -> None:
    with pytest.raises(SystemExit, match="no pictures"):
        list(pictures_of(tmp_path, ""))
