"""Whatever lies within a circle lies in one of the cells that the circle touches."""

from __future__ import annotations

from math import cos, pi, radians, sin

import pytest
from hypothesis import given
from hypothesis import strategies as st

from api.reports.nearness import cell_of, cells_touched, metres_between


@given(
    longitude=st.floats(-180, 180),
    latitude=st.floats(-85, 85),
    radius_m=st.floats(0, 2000),
    turn=st.floats(0, 2 * pi),
    share=st.floats(0, 1),
)
def test_no_near_position_is_outside_the_cells(
    longitude: float, latitude: float, radius_m: float, turn: float, share: float
) -> None:
    north = share * radius_m * cos(turn) / 111_195
    east = share * radius_m * sin(turn) / (111_195 * cos(radians(latitude)))
    near = (longitude + east + 180) % 360 - 180, latitude + north
    if metres_between(longitude, latitude, *near) <= radius_m:
        assert cell_of(*near) in cells_touched(longitude, latitude, radius_m)


@pytest.mark.parametrize("latitude", [-90.0, -89.999, 0.0, 89.999, 90.0])
@pytest.mark.parametrize("longitude", [-180.0, 0.0, 180.0])
def test_nowhere_are_there_many_cells(longitude: float, latitude: float) -> None:
    assert 1 <= len(cells_touched(longitude, latitude, 1e9)) <= 2000
    assert cell_of(longitude, latitude) in cells_touched(longitude, latitude, 50)


@pytest.mark.parametrize(
    ("other", "metres"), [((118.43, 32.45), 0.0), ((118.43, 32.46), 1112.0), ((118.44, 32.45), 938.3)]
)
def test_distances_are_those_of_the_map(other: tuple[float, float], metres: float) -> None:
    assert metres_between(118.43, 32.45, *other) == pytest.approx(metres, abs=0.5)


def test_both_sides_of_the_date_line_are_near() -> None:
    assert metres_between(179.9999, 10, -179.9999, 10) < 25
    assert cell_of(-179.9999, 10) in cells_touched(179.9999, 10, 50)
