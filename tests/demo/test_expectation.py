"""The demo fails when a case is missing, one too many, or not as it should be."""

from __future__ import annotations

from typing import Any

import pytest

from streetcase.demo.expectation import Played, shortcomings
from streetcase.demo.operator import DemoCase

GOOD = Played(looks=40, person_looks_with_findings=38, camera_state="ended")
ROLES = ("start", "confirm", "crop")


def _case(kind: str, *, incidents: int = 1, gone: bool = True, **changes: Any) -> DemoCase:
    detail = {
        "id": kind,
        "kind": {"key": kind},
        "gone_at": "2026-06-01T08:00:00Z" if gone else None,
        "incidents": [{"clear_reason": "gone" if gone else None}] * incidents,
        "evidence": [{"role": role, "state": "present"} for role in ROLES],
    }
    return DemoCase(detail | changes, [])


PARKING = _case("illegal-parking", incidents=2, gone=False)
MANHOLE = _case("manhole-open")
FLOODING = _case("road-flooding")


def test_exactly_the_expected_cases_are_good() -> None:
    assert shortcomings([FLOODING, PARKING, MANHOLE], GOOD) == []


@pytest.mark.parametrize(
    ("cases", "says"),
    [
        ([], "0 cases of illegal-parking, expected 1"),
        ([PARKING, MANHOLE], "0 cases of road-flooding, expected 1"),
        ([PARKING, MANHOLE, FLOODING, PARKING], "2 cases of illegal-parking, expected 1"),
        ([PARKING, MANHOLE, FLOODING, _case("street-vendor")], "1 cases of street-vendor, expected 0"),
        ([_case("illegal-parking", gone=False), MANHOLE, FLOODING], "holds 1 incidents, expected 2"),
        ([_case("illegal-parking", incidents=2), MANHOLE, FLOODING], "is gone, expected it open"),
        ([_case("illegal-parking", incidents=2, gone=False, evidence=[]), MANHOLE, FLOODING], "lacks pictures"),
        ([PARKING, _case("manhole-open", gone=False), FLOODING], "manhole-open is not cleared as gone"),
    ],
)
def test_what_differs_is_told(cases: list[DemoCase], says: str) -> None:
    assert any(says in sentence for sentence in shortcomings(cases, GOOD))


@pytest.mark.parametrize(
    ("played", "says"),
    [
        (Played(looks=34, person_looks_with_findings=38, camera_state="ended"), "34 looks"),
        (Played(looks=40, person_looks_with_findings=19, camera_state="ended"), "persons in 19 looks"),
        (Played(looks=40, person_looks_with_findings=38, camera_state="lost"), "the camera is lost"),
    ],
)
def test_too_few_looks_are_told(played: Played, says: str) -> None:
    assert any(says in sentence for sentence in shortcomings([PARKING, MANHOLE, FLOODING], played))
