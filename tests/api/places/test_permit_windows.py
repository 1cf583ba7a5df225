"""A permit's hours: across midnight, on some weekdays, over the end of daylight saving."""

from __future__ import annotations

from datetime import datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from api.places.permit_windows import PermitWindow

SHANGHAI, BERLIN = ZoneInfo("Asia/Shanghai"), ZoneInfo("Europe/Berlin")
NIGHT: dict[str, Any] = {"daily_from": time(18), "daily_until": time(2)}
FRIDAY_SATURDAY = frozenset({4, 5})


def local(text: str, zone: ZoneInfo = SHANGHAI) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=zone)


def window(zone: ZoneInfo = SHANGHAI, **rules: Any) -> PermitWindow:
    return PermitWindow(from_at=local("2026-06-01", zone), until_at=local("2026-12-01", zone), zone=zone, **rules)


@pytest.mark.parametrize(
    ("rules", "at", "until"),
    [
        ({}, "2026-06-01", "2026-12-01"),
        ({}, "2026-05-31T23:59", None),
        ({}, "2026-12-01", None),
        ({"daily_from": time(9), "daily_until": time(17)}, "2026-06-03T09:00", "2026-06-03T17:00"),
        ({"daily_from": time(9), "daily_until": time(17)}, "2026-06-03T08:59", None),
        ({"daily_from": time(9), "daily_until": time(17)}, "2026-06-03T17:00", None),
        (NIGHT, "2026-06-03T18:00", "2026-06-04T02:00"),
        (NIGHT, "2026-06-04T01:59", "2026-06-04T02:00"),
        (NIGHT, "2026-06-04T02:00", None),
        # 5 June 2026 is a Friday: Saturday's night goes on into Sunday, Friday's begins on Friday.
        (NIGHT | {"weekdays": FRIDAY_SATURDAY}, "2026-06-05T01:00", None),
        (NIGHT | {"weekdays": FRIDAY_SATURDAY}, "2026-06-07T01:00", "2026-06-07T02:00"),
        (NIGHT | {"weekdays": FRIDAY_SATURDAY}, "2026-06-07T19:00", None),
        ({"weekdays": FRIDAY_SATURDAY}, "2026-06-05T12:00", "2026-06-07"),
        ({"weekdays": FRIDAY_SATURDAY}, "2026-06-04T23:59", None),
        ({"daily_from": time(8), "daily_until": time(8)}, "2026-06-05T12:00", "2026-12-01"),
        (NIGHT, "2026-11-30T19:00", "2026-12-01"),
    ],
)
def test_a_window_ends_when_its_hours_do(rules: dict[str, Any], at: str, until: str | None) -> None:
    assert window(**rules).open_until(local(at)) == (None if until is None else local(until))


def test_the_hours_are_local_and_the_moment_may_come_in_any_zone() -> None:
    at = local("2026-06-03T19:00").astimezone(ZoneInfo("America/New_York"))
    assert window(**NIGHT).open_until(at) == local("2026-06-04T02:00")
    assert window(BERLIN, **NIGHT).open_until(at) is None


def test_a_night_in_which_the_clocks_go_back_is_an_hour_longer() -> None:
    begun = local("2026-10-24T22:00", BERLIN)
    until = window(BERLIN, daily_from=time(22), daily_until=time(4)).open_until(begun)
    assert until is not None
    assert until - begun.astimezone(ZoneInfo("UTC")) == timedelta(hours=7)


@settings(max_examples=200, deadline=None)
@given(
    minute=st.integers(0, 60 * 24 * 20),
    hours=st.tuples(st.integers(0, 23), st.integers(0, 23)),
    weekdays=st.frozensets(st.integers(0, 6), min_size=1),
)
def test_a_window_is_open_just_until_it_ends(minute: int, hours: tuple[int, int], weekdays: frozenset[int]) -> None:
    rules = window(daily_from=time(hours[0]), daily_until=time(hours[1]), weekdays=weekdays)
    at = local("2026-06-05") + timedelta(minutes=minute)
    until = rules.open_until(at)
    if until is not None:
        assert at < until
        assert rules.open_until(until - timedelta(seconds=1)) == until
        assert rules.open_until(until) is None
