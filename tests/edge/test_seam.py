"""What a plug-in finds and no event can carry ends its look, and neither the process nor the other looks."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pydantic import ValidationError

from detectors.base import (
    DetectionError,
    DetectorConfigurationError,
    DetectorIdentity,
    Finding,
    Frame,
    Reading,
    ReadingRule,
)
from detectors.seam import check_identity, found_in, judged
from edge.outbox.box import Outbox
from edge.processes.group_requests import seen_all
from tests.edge.fakes import START, FakeClock, car, watch
from tests.edge.test_looks import ScriptedDetector, Yard
from tests.edge.test_pictures import noise
from tests.edge.test_sensors import a_desk

MANY = tuple((i / 400, i / 400) for i in range(201))
UNFIT = [
    (Finding("x" * 65, 0.5, (0.1, 0.1, 0.2, 0.2)), "label needs 1 to 64 characters"),
    (Finding("", 0.5, (0.1, 0.1, 0.2, 0.2)), "label needs 1 to 64 characters"),
    (Finding("c\x00r", 0.5, (0.1, 0.1, 0.2, 0.2)), "label needs 1 to 64 characters"),
    (Finding("car", 1.2, (0.1, 0.1, 0.2, 0.2)), "score needs a float from 0 to 1, got 1.2"),
    (Finding("car", float("nan"), (0.1, 0.1, 0.2, 0.2)), "score needs a float from 0 to 1, got nan"),
    (Finding("car", np.float32(0.5), (0.1, 0.1, 0.2, 0.2)), "score needs a float from 0 to 1"),  # type: ignore[arg-type]
    (Finding("car", 0.5, (0.1, 0.1, 1.0000001, 0.2)), "box_xyxy needs shares from 0 to 1 with x1 < x2"),
    (Finding("car", 0.5, (0.2, 0.1, 0.2, 0.2)), "box_xyxy needs shares from 0 to 1 with x1 < x2"),
    (Finding("car", 0.5, (0.1, 0.1, 0.2)), "box_xyxy needs shares from 0 to 1 with x1 < x2"),  # type: ignore[arg-type]
    (
        Finding("car", 0.5, polygon=tuple((i / 400, i / 400) for i in range(201))),
        "polygon needs 3 to 200 points, got 201",
    ),
    (Finding("car", 0.5, polygon=((0.1, 0.1), (0.2, 0.2))), "polygon needs 3 to 200 points, got 2"),
    (Finding("car", 0.5, polygon=((0.1, 0.1), (0.2, 0.2), (0.3, 3.0))), "polygon needs points of two shares"),
]


@pytest.mark.parametrize(("unfit", "says"), UNFIT, ids=[says for _, says in UNFIT])
def test_what_the_contract_refuses_is_refused_where_it_is_found(unfit: Finding, says: str) -> None:
    with pytest.raises(DetectionError, match=says):
        found_in(ScriptedDetector([car(), unfit]), Frame(noise(1), START))
    if not isinstance(unfit.score, np.floating):
        with pytest.raises(ValidationError):
            seen_all([unfit])


def test_what_the_contract_just_takes_is_taken() -> None:
    points = tuple((i / 400, 1.0 - i / 400) for i in range(200))
    widest = Finding("x" * 64, 1.0, (0.0, 0.0, 1.0, 1.0), polygon=points)

    assert found_in(ScriptedDetector([widest]), Frame(noise(1), START)) == [widest]
    assert seen_all([widest])[0].label == "x" * 64


def test_a_detector_that_answers_for_no_frame_has_not_looked() -> None:
    class Silent(ScriptedDetector):
        def detect(self, frames: Any) -> list[list[Finding]]:
            return []

    with pytest.raises(DetectionError, match="answered for 0 instead of 1"):
        found_in(Silent(), Frame(noise(1), START))


@pytest.fixture
def yard(tmp_path: Path) -> Iterator[Yard]:
    yard = Yard(tmp_path, watch(dwell_s=6, grace_s=6, clear_s=8))
    yield yard
    yard.outbox.close()


def test_such_a_look_counts_as_not_looked_and_the_incident_is_raised_by_those_that_are_good(yard: Yard) -> None:
    assert yard.look(car(), times=3)

    assert not yard.look(car(score=1.2))
    assert yard.events == []

    assert yard.look(car())
    assert len(yard.events) == 1


class Infinite:
    """A rule that measures what is no number."""

    identity = DetectorIdentity(name="infinite")

    def judge(self, readings: Any, *, standing: bool) -> list[list[Finding]]:
        return [[Finding("above", value=float("inf"), threshold=1.0)] for _ in readings]


def test_a_rule_whose_finding_no_event_can_carry_is_a_fault_of_the_sensor(tmp_path: Path) -> None:
    rule: ReadingRule = Infinite()
    with pytest.raises(DetectionError, match="value needs a finite float, got inf"):
        judged(rule, Reading(1.0, START), standing=False)

    outbox = Outbox(tmp_path / "outbox.sqlite")
    desk = a_desk(outbox)
    desk.watches[0].rule = rule
    assert desk.take(b'{"level": 1}', FakeClock().now(), retained=False)
    assert desk.status().fault == "rule_failed"
    outbox.close()


@pytest.mark.parametrize(
    "identity",
    [
        DetectorIdentity(name="x" * 65),
        DetectorIdentity(name="mine", version=""),
        DetectorIdentity(name="mine", weights_sha256="abc"),
    ],
)
def test_a_detector_that_no_event_could_name_is_not_built(identity: DetectorIdentity) -> None:
    with pytest.raises(DetectorConfigurationError, match=r"a detector's (name|version|weights_sha256) needs"):
        check_identity(identity)
