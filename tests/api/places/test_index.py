"""A position finds its grid, its road, its department and its permit; the same as looking at each one by one."""

from __future__ import annotations

import random
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.api.places.site import (
    METRE_NORTH_DEG,
    NOON,
    a_grid,
    a_kind,
    a_permit,
    a_road,
    an_assignment,
    an_index,
    line,
    polygon,
    square,
)

KIND = a_kind()
Corners = list[tuple[float, float]]


def _grid_of(index: object, longitude: float, latitude: float) -> str | None:
    found: str | None = index.resolve(KIND, longitude, latitude, NOON).grid_id  # type: ignore[attr-defined]
    return found


def test_no_position_has_no_grid_and_the_kind_s_department() -> None:
    found = an_index([a_grid("g", square(118, 32, 1))]).resolve(KIND, None, None, NOON)
    assert (found.grid_id, found.district, found.department) == (None, None, "urban-management")


def test_outside_all_grids_there_is_none() -> None:
    assert _grid_of(an_index([a_grid("g", square(118, 32, 1))]), 120, 32.5) is None
    assert _grid_of(an_index(), 120, 32.5) is None


def test_on_a_common_border_the_first_by_id_holds_whatever_the_order() -> None:
    west, east = a_grid("b-west", square(118, 32, 1)), a_grid("a-east", square(119, 32, 1))
    for grids in ([west, east], [east, west]):
        assert _grid_of(an_index(grids), 119, 32.5) == "a-east"
        assert _grid_of(an_index(grids), 118.999999, 32.5) == "b-west"


def test_of_overlapping_grids_the_smallest_holds_and_inside_goes_before_a_border() -> None:
    large, small = a_grid("a", square(118, 32, 2), "341100"), a_grid("z", square(118.5, 32.5, 0.2), "341122")
    index = an_index([large, small])
    assert _grid_of(index, 118.6, 32.6) == "z"
    assert index.resolve(KIND, 118.6, 32.6, NOON).district == "341122"
    assert _grid_of(index, 118.5, 32.6) == "a"


def test_a_hole_is_outside() -> None:
    ring = square(118, 32, 1)
    ring["coordinates"].append(square(118.4, 32.4, 0.2)["coordinates"][0])
    index = an_index([a_grid("ring", ring)])
    assert (_grid_of(index, 118.5, 32.5), _grid_of(index, 118.1, 32.1)) == (None, "ring")


def test_a_grid_that_cannot_be_read_is_left_out_and_keeps_no_other_back() -> None:
    broken = a_grid("broken", {"type": "Polygon", "coordinates": [[1]]})
    assert _grid_of(an_index([broken, a_grid("good", square(118, 32, 1))]), 118.5, 32.5) == "good"


def _inside(corners: Corners, x: float, y: float) -> bool:
    """Brute force: counts the sides that a ray to the east crosses."""
    crossed = False
    for (x1, y1), (x2, y2) in zip(corners, [*corners[1:], corners[0]], strict=True):
        if (y1 > y) != (y2 > y) and x < x1 + (y - y1) * (x2 - x1) / (y2 - y1):
            crossed = not crossed
    return crossed


def _star(numbers: random.Random) -> Corners:
    """A polygon without crossings: corners around a centre, one in each direction, at any distance."""
    from math import cos, pi, sin

    centre_x, centre_y, corners = numbers.uniform(118, 119), numbers.uniform(32, 33), numbers.randint(4, 12)
    radii = [numbers.uniform(0.02, 0.3) for _ in range(corners)]
    angles = [2 * pi * (n + numbers.uniform(0, 0.9)) / corners for n in range(corners)]
    return [(centre_x + r * cos(a), centre_y + r * sin(a)) for r, a in zip(radii, angles, strict=True)]


def _size(corners: Corners) -> float:
    pairs = zip(corners, [*corners[1:], corners[0]], strict=True)
    return abs(sum(x1 * y2 - x2 * y1 for (x1, y1), (x2, y2) in pairs)) / 2


@settings(max_examples=60, deadline=None)
@given(seed=st.integers(0, 2**32 - 1))
def test_the_index_says_what_looking_at_each_grid_says(seed: int) -> None:
    numbers = random.Random(seed)  # noqa: S311
    stars = {f"g{n:02}": _star(numbers) for n in range(12)}
    index = an_index([a_grid(id, polygon(*corners)) for id, corners in stars.items()])
    for _ in range(40):
        x, y = numbers.uniform(117.8, 119.2), numbers.uniform(31.8, 33.2)
        around = [id for id, corners in stars.items() if _inside(corners, x, y)]
        assert _grid_of(index, x, y) == min(around, key=lambda id: _size(stars[id]), default=None)


def test_many_threads_get_the_same_answers() -> None:
    numbers = random.Random(7)  # noqa: S311
    index = an_index([a_grid(f"g{n}", polygon(*_star(numbers))) for n in range(50)])
    places = [(numbers.uniform(118, 119), numbers.uniform(32, 33)) for _ in range(500)]
    alone = [_grid_of(index, *place) for place in places]
    with ThreadPoolExecutor(8) as threads:
        answers = [list(threads.map(lambda place: _grid_of(index, *place), places)) for _ in range(4)]
    assert answers == [alone] * 4


@pytest.mark.parametrize(("metres", "road_class"), [(0, "national"), (9.9, "national"), (10.1, None), (30, None)])
def test_a_road_reaches_half_its_width(metres: float, road_class: str | None) -> None:
    index = an_index(roads=[a_road("g104", line((118, 32), (119, 32)), "national", width_m=20)])
    assert index.resolve(KIND, 118.5, 32 + metres * METRE_NORTH_DEG, NOON).road_class == road_class


def test_east_and_north_are_measured_alike() -> None:
    index = an_index(roads=[a_road("s", line((118, 32), (118, 33)), "provincial", width_m=20)])
    # At 32.5 degrees north a degree of longitude is 93.9 km.
    for metres, road_class in ((9, "provincial"), (11, None)):
        assert index.resolve(KIND, 118 + metres / 93_886, 32.5, NOON).road_class == road_class


def test_of_two_roads_the_nearest_holds_and_an_area_is_a_road_up_to_its_border() -> None:
    highway = a_road("a", line((118, 32), (119, 32)), "national", width_m=40)
    street = a_road("b", line((118, 32 + 15 * METRE_NORTH_DEG), (119, 32 + 15 * METRE_NORTH_DEG)), "city-street", 40)
    yard = a_road("c", square(118.9, 32.5, 0.05), "rural", width_m=500)
    index = an_index(roads=[highway, street, yard])

    def class_at(longitude: float, latitude: float) -> str | None:
        return index.resolve(KIND, longitude, latitude, NOON).road_class

    assert [class_at(118.5, 32 + metres * METRE_NORTH_DEG) for metres in (-5, 7, 8, 30)] == [
        "national",
        "national",
        "city-street",
        "city-street",
    ]
    assert (class_at(118.92, 32.52), class_at(118.92, 32.4999)) == ("rural", None)


def test_the_most_definite_assignment_says_who_handles_it() -> None:
    given_in_order = [
        ("kind-class-grid", "grain-drying", "national", "g"),
        ("kind-class", "grain-drying", "national", None),
        ("kind-grid", "grain-drying", None, "g"),
        ("kind", "grain-drying", None, None),
        ("class-grid", None, "national", "g"),
        ("class", None, "national", None),
        ("grid", None, None, "g"),
    ]
    grain = a_kind("grain-drying", department="transport")
    grids = [a_grid("g", square(118, 31, 2))]
    roads = [a_road("r", line((118, 32), (119, 32)), "national")]
    for start in range(len(given_in_order) + 1):
        left = [an_assignment(n, *row) for n, row in enumerate(reversed(given_in_order[start:]))]
        found = an_index(grids, roads, assignments=left).resolve(grain, 118.5, 32, NOON)
        assert found.department == (given_in_order[start][0] if left else "transport")


def test_an_assignment_of_another_kind_class_or_grid_does_not_hold() -> None:
    others = [
        an_assignment(1, "x", "illegal-parking", None, None),
        an_assignment(2, "y", None, "county", None),
        an_assignment(3, "z", None, None, "elsewhere"),
    ]
    index = an_index([a_grid("g", square(118, 31, 2))], assignments=others)
    assert index.resolve(a_kind("grain-drying", department="transport"), 118.5, 32, NOON).department == "transport"


def test_a_permit_covers_its_kinds_in_its_area_until_its_window_ends() -> None:
    permit = a_permit(square(118, 32, 1), daily_from="10:00", daily_until="14:00")
    index = an_index(permits=[permit])
    found = index.resolve(KIND, 118.5, 32.5, NOON)
    assert (found.permit_id, found.permit_until) == (permit.id, NOON + timedelta(hours=2))
    assert index.resolve(KIND, 119, 32.5, NOON).permit_id == permit.id
    assert index.resolve(KIND, 119.1, 32.5, NOON).permit_id is None
    assert index.resolve(a_kind("illegal-parking"), 118.5, 32.5, NOON).permit_id is None
    assert index.resolve(KIND, 118.5, 32.5, NOON + timedelta(hours=2)).permit_id is None


def test_no_permit_covers_a_safety_kind() -> None:
    index = an_index(permits=[a_permit(square(118, 32, 1))])
    assert index.resolve(a_kind(safety=True), 118.5, 32.5, NOON).permit_id is None


def test_of_two_open_permits_the_longer_one_counts_and_a_revoked_one_held_until_then() -> None:
    short = a_permit(square(118, 32, 1), until_at=NOON + timedelta(hours=1))
    longer = a_permit(square(118, 32, 1), revoked_at=NOON + timedelta(days=1))
    index = an_index(permits=[short, longer])
    found = index.resolve(KIND, 118.5, 32.5, NOON)
    assert (found.permit_id, found.permit_until) == (longer.id, NOON + timedelta(days=1))
    assert index.resolve(KIND, 118.5, 32.5, NOON + timedelta(days=1)).permit_id is None
    assert index.resolve(KIND, 118.5, 32.5, datetime(2026, 4, 30, tzinfo=UTC)).permit_id is None
