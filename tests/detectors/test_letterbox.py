"""A picture keeps its proportions in the model's input, and boxes find their way back."""

from __future__ import annotations

import numpy as np
import pytest

from detectors.letterbox import Letterbox


@pytest.mark.parametrize(
    ("size_wh", "input_wh", "inner_wh", "left", "top"),
    [
        ((1920, 1080), (640, 640), (640, 360), 0, 140),
        ((1080, 1920), (640, 640), (360, 640), 140, 0),
        ((640, 640), (640, 640), (640, 640), 0, 0),
        ((320, 240), (640, 640), (640, 480), 0, 80),
        ((640, 427), (640, 640), (640, 427), 0, 106),
        ((1, 1), (640, 640), (640, 640), 0, 0),
        ((5000, 1), (640, 640), (640, 1), 0, 319),
        ((1920, 1080), (640, 384), (640, 360), 0, 12),
    ],
)
def test_a_picture_is_centred_at_the_largest_size_that_fits(
    size_wh: tuple[int, int], input_wh: tuple[int, int], inner_wh: tuple[int, int], left: int, top: int
) -> None:
    place = Letterbox.of(size_wh, input_wh)
    assert (place.inner_wh, place.left, place.top) == (inner_wh, left, top)


@pytest.mark.parametrize("size_wh", [(1920, 1080), (1080, 1920), (333, 777), (640, 640), (31, 17)])
def test_boxes_come_back_where_they_were(size_wh: tuple[int, int]) -> None:
    place = Letterbox.of(size_wh, (640, 640))
    shares = np.random.default_rng(1).random((50, 4))
    side = np.array([*place.inner_wh, *place.inner_wh])
    border = np.array([place.left, place.top, place.left, place.top])
    in_input = (shares * side + border).astype(np.float32)
    assert place.to_shares(in_input) == pytest.approx(shares, abs=1e-5)


def test_boxes_in_the_border_are_clipped_to_the_picture() -> None:
    place = Letterbox.of((1920, 1080), (640, 640))
    reaching_out = np.array([[-5, 0, 645, 640]], dtype=np.float32)
    assert place.to_shares(reaching_out).tolist() == [[0.0, 0.0, 1.0, 1.0]]


def test_the_border_is_grey_and_the_picture_is_whole() -> None:
    white = np.full((100, 200, 3), 255, dtype=np.uint8)
    picture = Letterbox.of((200, 100), (64, 64)).apply(white, border=114)
    assert picture.shape == (64, 64, 3)
    assert (picture[:16] == 114).all()
    assert (picture[16:48] == 255).all()
    assert (picture[48:] == 114).all()


def test_a_picture_of_the_inputs_size_passes_unchanged() -> None:
    image = np.random.default_rng(0).integers(0, 256, (64, 64, 3), dtype=np.uint8)
    assert (Letterbox.of((64, 64), (64, 64)).apply(image, border=114) == image).all()


@pytest.mark.parametrize("size_wh", [(1920, 1080), (500, 302), (333, 500), (640, 640)])
def test_what_is_painted_in_the_picture_comes_back_within_a_pixel(size_wh: tuple[int, int]) -> None:
    painted = np.zeros((size_wh[1], size_wh[0], 3), dtype=np.uint8)
    left, top, right, bottom = size_wh[0] // 4, size_wh[1] // 3, size_wh[0] // 2, size_wh[1] * 2 // 3
    painted[top:bottom, left:right] = 255
    place = Letterbox.of(size_wh, (640, 640))
    rows, columns = np.nonzero(place.apply(painted, border=0)[:, :, 0] > 127)
    seen = np.array([[columns.min(), rows.min(), columns.max() + 1, rows.max() + 1]], dtype=np.float32)
    shares = place.to_shares(seen)[0] * [*size_wh, *size_wh]
    assert shares == pytest.approx([left, top, right, bottom], abs=max(1.0, size_wh[0] / 640))
