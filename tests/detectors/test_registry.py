"""Plug-ins are found by entry point, and a wrong configuration says what was wrong and where."""

from __future__ import annotations

import subprocess
import sys

import pytest
from pydantic import ValidationError

from detectors import registry
from detectors.base import DetectorConfigurationError, ReadingRule
from detectors.threshold import ThresholdConfiguration


def test_the_products_own_detectors_are_found() -> None:
    assert {"yolo", "threshold"} <= set(registry.known_keys())


@pytest.mark.parametrize("key", ["yolo", "threshold"])
def test_a_plugin_is_named_as_its_entry_point(key: str) -> None:
    assert registry.plugin(key).key == key


def test_an_unknown_detector_is_refused_and_the_known_ones_are_named() -> None:
    with pytest.raises(DetectorConfigurationError, match=r"no detector 'yollo'; installed: .*threshold.*yolo"):
        registry.check({"type": "yollo"})


@pytest.mark.parametrize("choice", [{}, {"type": None}, {"type": 3}])
def test_a_choice_without_a_type_is_refused(choice: dict[str, object]) -> None:
    with pytest.raises(DetectorConfigurationError, match="needs a type"):
        registry.check(choice)


@pytest.mark.parametrize(
    ("choice", "place"),
    [
        ({"type": "threshold", "above": 1, "cleer_below": 0}, "cleer_below"),
        ({"type": "threshold", "above": "high"}, "above"),
        ({"type": "yolo", "model": "street", "min_skore": 0.1}, "min_skore"),
        ({"type": "yolo", "model": "street", "min_score": 1.5}, "min_score"),
        ({"type": "yolo", "model": "street", "threads": 0}, "threads"),
        ({"type": "yolo", "model": "street", "precision": "int8"}, "precision"),
        ({"type": "yolo"}, "model"),
    ],
)
def test_a_wrong_key_or_value_is_named_by_its_place(choice: dict[str, object], place: str) -> None:
    with pytest.raises(ValidationError) as caught:
        registry.check(choice)
    assert [error["loc"] for error in caught.value.errors()] == [(place,)]


@pytest.mark.parametrize("size", [100, 0, 8192, [640, 100]])
def test_an_input_size_that_no_yolo_takes_is_refused(size: object) -> None:
    with pytest.raises(ValidationError, match="input_size"):
        registry.check({"type": "yolo", "model": "street", "input_size": size})


def test_a_checked_choice_is_the_plugins_own_configuration() -> None:
    assert registry.check({"type": "threshold", "above": 15}) == ThresholdConfiguration(above=15)


def test_a_built_choice_judges() -> None:
    rule = registry.build({"type": "threshold", "above": 15})
    assert isinstance(rule, ReadingRule)
    assert rule.judge([], standing=False) == []


def test_a_model_that_is_not_there_is_a_mistake_of_the_configuration() -> None:
    with pytest.raises(DetectorConfigurationError, match=r"no model named 'strete'; installed: .*street"):
        registry.build({"type": "yolo", "model": "strete"})


def test_a_threshold_needs_neither_opencv_nor_openvino() -> None:
    program = (
        "import sys; from detectors import registry; registry.build({'type': 'threshold', 'above': 1}); "
        "print(sorted({'cv2', 'openvino', 'ultralytics', 'torch'} & set(sys.modules)))"
    )
    asked = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert asked.stdout.strip() == "[]"
