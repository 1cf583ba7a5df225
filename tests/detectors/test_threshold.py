"""A threshold finds what is beyond its limit, and lets go only at the second one."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from pydantic import ValidationError

from detectors.base import DetectionError, Reading, ReadingRule
from detectors.threshold import ThresholdConfiguration, ThresholdRule

START = datetime(2026, 6, 1, tzinfo=UTC)


def _readings(*values: float, unit: str | None = None) -> list[Reading]:
    return [
        Reading(value=value, measured_at=START + timedelta(minutes=minute), unit=unit)
        for minute, value in enumerate(values)
    ]


def _wrong(rule: ThresholdRule, *values: float, standing: bool = False) -> list[bool]:
    return [bool(findings) for findings in rule.judge(_readings(*values), standing=standing)]


@pytest.mark.parametrize(
    ("limits", "standing", "values", "wrong"),
    [
        ({"above": 15}, False, [14, 15, 15.1, 14], [False, False, True, False]),
        ({"below": 3}, False, [4, 3, 2.9, 4], [False, False, True, False]),
        ({"above": 15, "clear_below": 10}, False, [12, 16, 12, 10, 9, 12], [False, True, True, True, False, False]),
        ({"above": 15, "clear_below": 10}, True, [12, 9, 12], [True, False, False]),
        ({"below": 3, "clear_above": 5}, False, [4, 2, 4, 5, 6, 4], [False, True, True, True, False, False]),
        ({"below": 3, "clear_above": 5}, True, [4, 6, 4], [True, False, False]),
        ({"above": 15}, True, [15], [False]),
        ({"above": -5}, False, [-4, -6], [True, False]),
        ({"above": 0}, False, [], []),
    ],
)
def test_readings_are_judged_in_order(
    limits: dict[str, float], standing: bool, values: list[float], wrong: list[bool]
) -> None:
    assert _wrong(ThresholdRule(ThresholdConfiguration(**limits)), *values, standing=standing) == wrong


def test_a_finding_carries_value_and_threshold() -> None:
    rule = ThresholdRule(ThresholdConfiguration(above=15, clear_below=10))
    [[finding]] = rule.judge(_readings(12), standing=True)
    assert (finding.label, finding.value, finding.threshold, finding.box_xyxy) == ("above", 12, 15, None)


def test_the_rule_fits_the_seam() -> None:
    rule = ThresholdRule(ThresholdConfiguration(below=1))
    assert isinstance(rule, ReadingRule)
    assert rule.identity.name == "threshold"


@pytest.mark.parametrize("value", [float("nan"), float("inf"), float("-inf")])
def test_a_reading_that_is_no_number_is_an_error_and_not_all_well(value: float) -> None:
    with pytest.raises(DetectionError, match="finite"):
        ThresholdRule(ThresholdConfiguration(above=15)).judge(_readings(value), standing=False)


@pytest.mark.parametrize(("unit", "fails"), [("cm", False), ("m", True), (None, True)])
def test_another_unit_than_the_configured_one_is_an_error(unit: str | None, fails: bool) -> None:
    rule = ThresholdRule(ThresholdConfiguration(above=15, unit="cm"))
    if not fails:
        assert len(rule.judge(_readings(20, unit=unit), standing=False)[0]) == 1
        return
    with pytest.raises(DetectionError, match="expected a reading in 'cm'"):
        rule.judge(_readings(20, unit=unit), standing=False)


@pytest.mark.parametrize(
    ("limits", "message"),
    [
        ({}, "either above or below"),
        ({"above": 1, "below": 0}, "either above or below"),
        ({"above": 1, "clear_below": 2}, "not higher"),
        ({"below": 1, "clear_above": 0}, "not lower"),
        ({"below": 1, "clear_below": 0}, "goes with above"),
        ({"above": float("nan")}, "finite"),
        ({"abov": 1}, "abov"),
    ],
)
def test_limits_that_contradict_each_other_are_refused(limits: dict[str, float], message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        ThresholdConfiguration(**limits)
