"""The bench of stays composes clips whose truth is right, and counts what the gate loses."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import pytest

from bench.stays.__main__ import figures, play
from bench.stays.composing import Thing, box_of
from bench.stays.scenes import scenes
from bench.stays.stages import Stage, drawn_street
from edge.processes.building import Detectors
from streetcase.demo.scene_brush import Sprite


@pytest.fixture(scope="module")
def stage() -> Stage:
    return drawn_street()


def test_a_composed_clip_is_scored_without_and_with_the_gate(stage: Stage, tmp_path: Path) -> None:
    scene = dataclasses.replace(scenes(stage)[0], seconds=42)

    found = figures(play(stage, scene, tmp_path, Detectors()))

    assert (found["clips"], found["recall"], found["precision"], found["events_lost_by_gate"]) == (1, 1.0, 1.0, 0)
    without_gate = found["gate_off"]
    assert isinstance(without_gate, dict)
    assert without_gate["recall"] == 1.0
    assert (tmp_path / "gate-on" / "timeline.png").stat().st_size > 1000


def test_every_clip_has_a_name_of_its_own_and_things_within_it(stage: Stage) -> None:
    composed = scenes(stage)

    assert len({scene.name for scene in composed}) == len(composed) >= 10
    assert all(truth.to_s <= scene.seconds for scene in composed for truth in scene.truths)


def test_a_thing_moves_between_its_steps_and_its_box_is_what_is_solid_of_it() -> None:
    cover = np.zeros((10, 20, 1), np.float32)
    cover[2:8, 5:15] = 1
    sprite = Sprite(np.zeros((10, 20, 3), np.float32), cover)
    thing = Thing(sprite, [(10, 0, 50), (12, 20, 50), (20, 20, 50)])

    assert [thing.at(at_s) for at_s in (9, 10, 11, 12, 15, 20, 21)] == [
        None, (0, 50), (10, 50), (20, 50), (20, 50), (20, 50), None,
    ]  # fmt: skip
    assert box_of(sprite, 20, 50, (100, 100)) == pytest.approx((0.15, 0.42, 0.25, 0.48))
