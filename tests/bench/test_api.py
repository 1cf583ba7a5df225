"""The API's bench says before it starts that a kept database has too few alarms left."""

from __future__ import annotations

import pytest

from bench.api.__main__ import lack_of_alarms


@pytest.mark.parametrize(
    ("left", "said"),
    [
        (10_000, None),
        (533, None),
        (532, "532 alarms are left and about 533 are needed: give another folder, or fewer --clients or --seconds"),
        (0, "0 alarms are left and about 533 are needed: give another folder, or fewer --clients or --seconds"),
    ],
)
def test_a_run_needs_an_alarm_for_each_confirmation(left: int, said: str | None) -> None:
    assert lack_of_alarms(left, clients=50, seconds=30) == said
