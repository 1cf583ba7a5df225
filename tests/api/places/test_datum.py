"""GCJ-02 turns into WGS-84 to less than a metre, and nothing outside China moves."""

from __future__ import annotations

from itertools import product
from math import cos, hypot, radians

import pytest

from api.places.datum import gcj02_to_wgs84, wgs84_to_gcj02

METRES_PER_DEGREE = 111_320.0


def _apart_m(one: tuple[float, float], two: tuple[float, float]) -> float:
    east_m = (one[0] - two[0]) * METRES_PER_DEGREE * cos(radians(one[1]))
    return hypot(east_m, (one[1] - two[1]) * METRES_PER_DEGREE)


def test_there_and_back_is_less_than_a_metre_all_over_china() -> None:
    worst_m = max(
        _apart_m(place, gcj02_to_wgs84(*wgs84_to_gcj02(*place)))
        for place in product([75 + 1.37 * n for n in range(44)], [18 + 1.13 * n for n in range(31)])
    )
    assert worst_m < 0.01


@pytest.mark.parametrize("place", [(118.4336, 32.4525), (116.3913, 39.9075), (87.6168, 43.8256), (105.0, 35.0)])
def test_the_shift_is_of_hundreds_of_metres(place: tuple[float, float]) -> None:
    assert 100 < _apart_m(place, wgs84_to_gcj02(*place)) < 1000


def test_a_published_pair_of_tiananmen_is_met() -> None:
    # A pair that open converters publish among their tests.
    assert _apart_m(wgs84_to_gcj02(116.404, 39.915), (116.41024449916938, 39.91640428150164)) < 0.01


@pytest.mark.parametrize("place", [(2.35, 48.85), (-180.0, -90.0), (180.0, 90.0), (139.7, 35.7)])
def test_nothing_outside_china_moves(place: tuple[float, float]) -> None:
    assert wgs84_to_gcj02(*place) == gcj02_to_wgs84(*place) == place
