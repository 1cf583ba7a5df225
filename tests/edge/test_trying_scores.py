"""What was raised is held against what is known: found, missed, wrong and why, and how late."""

from __future__ import annotations

import json
from pathlib import Path
from uuid import uuid4

import pytest
from typer.testing import CliRunner

from detectors.base import BoxXyxy, Image
from edge.configuration.load import ConfigurationError
from edge.trying.course import Course, Incident
from edge.trying.scoring import Score, score_of
from edge.trying.truth import Truth, load_truth
from streetcase.cli import app
from tests.edge.fakes import CAR_BOX, START, watch
from tests.edge.running import standing_clip

ELSEWHERE: BoxXyxy = (0.1, 0.1, 0.2, 0.2)
NEARBY: BoxXyxy = (0.42, 0.4, 0.62, 0.6)
LEFT: BoxXyxy = (0.38, 0.4, 0.58, 0.6)
RIGHT: BoxXyxy = (0.5, 0.4, 0.7, 0.6)
PARKING = watch(dwell_s=20, grace_s=10)


def _truth(from_s: float, to_s: float, box: BoxXyxy | None = CAR_BOX, name: str = "van") -> Truth:
    return Truth(thing=name, watch="parking", box=box, from_s=from_s, to_s=to_s)


def _raised(first_s: float, raised_s: float, box: BoxXyxy = CAR_BOX) -> Incident:
    return Incident(uuid4(), "parking", "illegal-parking", 1, "car", 0.7, box, first_s, raised_s, 20.0)


def _score(truths: list[Truth], incidents: list[Incident], looks_s: list[float] | None = None) -> Score:
    looks_s = looks_s or [float(at_s) for at_s in range(0, 120, 2)]
    course = Course(START, looks_s=looks_s, passed_s=120.0)
    course.incidents = {incident.incident_id: incident for incident in incidents}
    return score_of(course, truths, [PARKING], look_every_s=2)


@pytest.mark.parametrize(
    ("truths", "incidents", "recall", "precision", "why"),
    [
        ([_truth(0, 100)], [_raised(0, 20)], 1, 1, None),
        ([_truth(0, 100)], [_raised(0, 20, NEARBY)], 1, 1, None),
        ([_truth(0, 100)], [], 0, 1, None),
        ([_truth(0, 100)], [_raised(0, 20, ELSEWHERE)], 0, 0, "nothing of this watch stood there then"),
        ([_truth(0, 100, None)], [_raised(0, 20, ELSEWHERE)], 1, 1, None),
        ([_truth(0, 100)], [_raised(0, 20), _raised(40, 60)], 1, 0.5, "van was raised already"),
        ([_truth(0, 15)], [], 1, 1, None),
        ([_truth(0, 15)], [_raised(0, 20)], 1, 0, "van was there for 15.0 s only"),
        ([_truth(0, 22)], [], 1, 1, None),
        ([_truth(0, 22)], [_raised(0, 20)], 1, 1, None),
        ([_truth(0, 40), _truth(60, 100, name="car")], [_raised(60, 80)], 0.5, 1, None),
        ([_truth(0, 100), _truth(0, 100, NEARBY, name="car")], [_raised(0, 20)], 0.5, 1, None),
        ([_truth(0, 100), _truth(0, 100, RIGHT, name="car")], [_raised(0, 30), _raised(0, 20, LEFT)], 1, 1, None),
        ([], [], 1, 1, None),
    ],
    ids=[
        "found", "a little aside", "missed", "another place", "without a box", "twice", "too short and not raised",
        "too short and raised", "just long enough and not raised", "just long enough and raised", "one after another",
        "one for two things", "the later one is the other thing's",
        "nothing to find",
    ],
)  # fmt: skip
def test_an_incident_is_a_thing_where_time_and_place_agree(
    truths: list[Truth], incidents: list[Incident], recall: float, precision: float, why: str | None
) -> None:
    score = _score(truths, incidents)

    assert (score.recall, score.precision) == (recall, precision)
    assert [wrong.why for wrong in score.wrong] == ([why] if why else [])


def test_a_delay_is_what_lies_beyond_the_dwell() -> None:
    score = _score([_truth(1, 100), _truth(2, 100, ELSEWHERE)], [_raised(2, 24), _raised(2, 30, ELSEWHERE)])

    assert (score.delay(50), score.delay(50, in_looks=True)) == (5.5, 2.75)
    assert sorted(right.delay_s for right in score.right) == [3, 8]


def test_time_that_nobody_watched_is_no_delay_and_makes_nothing_overdue() -> None:
    looks_s = [0.0, 2.0, 4.0, 6.0, *range(60, 78, 2)]

    score = _score([_truth(0, 80)], [_raised(0, 74)], looks_s)
    short = _score([_truth(0, 70)], [], looks_s)

    assert score.delay(50) == 0
    assert short.expected == 0


@pytest.mark.parametrize(
    ("text", "line", "says"),
    [
        ("thing: van", 1, "expected a list of things"),
        ("- {thing: van, watch: parking, from_s: 0, to_s: 9}\n- {thing: van, watch: parkin, from_s: 0, to_s: 9}", 2,
         "[1].watch: no such watch; there is: parking"),
        ("- {thing: van, kind: stall, from_s: 0, to_s: 9}", 1, "no watch of this kind; there is: illegal-parking"),
        ("- thing: van\n  watch: parking\n  from: 3\n  to_s: 9", 3, "unknown key; did you mean 'from_s'?"),
        ("- {thing: van, from_s: 0, to_s: 9}", 1, "either watch or kind"),
        ("- {thing: van, watch: parking, from_s: 9, to_s: 9}", 1, "to_s must be after from_s, got 9 and 9"),
        ("- {thing: van, watch: parking, box: [0.5, 0, 0.5, 1], from_s: 0, to_s: 9}", 1, "box needs x1 < x2"),
    ],
    ids=["a mapping", "watch", "kind", "key", "neither", "times", "box"],
)  # fmt: skip
def test_a_mistake_in_the_truth_is_named_with_its_line(tmp_path: Path, text: str, line: int, says: str) -> None:
    file = tmp_path / "truth.yaml"
    file.write_text(text)

    with pytest.raises(ConfigurationError) as refused:
        load_truth(file, [PARKING])

    told = [str(problem) for problem in refused.value.problems]
    assert any(t.startswith(f"line {line}: ") and says in t for t in told), told


WATCHES = """\
watches:
  - {id: parking, kind: illegal-parking, zone: [[0.7, 0.1], [1, 0.1], [1, 0.24], [0.7, 0.24]],
     detector: {type: yolo, model: street}, dwell_s: 12, grace_s: 15}
"""
TRUTH = """\
- {thing: truck, watch: parking, box: [0.72, 0.07, 0.91, 0.23], from_s: 0, to_s: 30}
- {thing: car, kind: illegal-parking, box: [0.92, 0.15, 1, 0.23], from_s: 0, to_s: 30}
- {thing: heap, watch: parking, box: [0.1, 0.1, 0.2, 0.2], from_s: 0, to_s: 30}
"""


def test_a_clip_is_scored_and_the_exit_code_is_what_was_required(tmp_path: Path, street_picture: Image) -> None:
    clip = standing_clip(tmp_path / "yard.mp4", street_picture, seconds=30)
    (tmp_path / "watches.yaml").write_text(WATCHES)
    (tmp_path / "truth.yaml").write_text(TRUTH)
    arguments = ["edge", "try", str(clip), f"{tmp_path}/watches.yaml", "--out", f"{tmp_path}/out"]
    arguments += ["--truth", f"{tmp_path}/truth.yaml", "--overwrite"]

    asked = CliRunner().invoke(app, [*arguments, "--require-recall", "1"])
    unasked = CliRunner().invoke(app, arguments)

    assert (asked.exit_code, unasked.exit_code) == (1, 0), asked.output
    assert "recall 0.667, at least 1 is required" in asked.output
    assert "missed: heap, 0.0 to 30.0 s" in unasked.output
    score = json.loads((tmp_path / "out" / "summary.json").read_text())["score"]
    assert (score["recall"], score["precision"], score["delay_p95_looks"]) == (0.6667, 1.0, 0.0)


def test_a_requirement_needs_a_truth(tmp_path: Path) -> None:
    result = CliRunner().invoke(app, ["edge", "try", "a.mp4", "w.yaml", "--out", "o", "--require-recall", "1"])

    assert (result.exit_code, "need --truth" in result.output) == (2, True)
