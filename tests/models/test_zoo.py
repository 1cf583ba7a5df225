"""Models are found by name or path, a wrong card says what is wrong, and altered weights never load."""

from __future__ import annotations

import hashlib
import os
import threading
from pathlib import Path
from typing import Any

import pytest

from models.zoo import (
    CardError,
    ModelNotFoundError,
    ModelZooError,
    WeightsError,
    find_models,
    load_card,
    load_model,
    load_weights,
)
from tests.models.conftest import WEIGHTS, MakeModel, card


def test_a_folder_is_loaded_by_its_path(model_folder: MakeModel) -> None:
    folder = model_folder()
    model = load_model(str(folder))
    assert model == load_model(folder)
    assert model.card == load_card(folder)
    assert (model.folder, model.card.name, model.card.labels) == (folder, "tiny", ("car", "stall"))


def test_labels_of_a_kind_come_from_the_card(model_folder: MakeModel) -> None:
    found = load_card(model_folder())
    assert found.labels_of_kind("illegal-parking") == {"car"}
    assert found.labels_of_kind("manhole-open") == frozenset()


@pytest.mark.parametrize("name", ["strete", "", "..", "street\n"])
def test_an_unknown_name_is_refused_and_the_known_ones_are_named(name: str) -> None:
    with pytest.raises(ModelNotFoundError, match=r"installed: .*street"):
        load_model(name)


def test_a_folder_without_a_card_is_no_model(tmp_path: Path) -> None:
    with pytest.raises(ModelNotFoundError, match=r"expected a model folder with model\.yaml"):
        load_model(tmp_path)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"labels": ["car", "stall", "car"]}, "labels need to be unique, got twice: car"),
        ({"labels": []}, "labels: "),
        ({"labels": ["car", ""]}, r"labels\.1: "),
        ({"kinds": {"bus": ["illegal-parking"]}}, "labels that the model does not have: bus"),
        ({"kinds": {"car": ["illegal parking"]}}, r"kinds\.car\.0: "),
        ({"input": card()["input"] | {"width": 100}}, r"input\.width: .*multiple of 32"),
        ({"input": card()["input"] | {"height": 0}}, r"input\.height: "),
        ({"input": card()["input"] | {"colour": "BGR"}}, r"input\.colour: "),
        ({"input": card()["input"] | {"letterbox": 256}}, r"input\.letterbox: "),
        ({"thresholds": {"score": 1.2, "nms_iou": 0.7}}, r"thresholds\.score: "),
        ({"thresholds": {"score": float("nan"), "nms_iou": 0.7}}, r"thresholds\.score: "),
        ({"weights": card()["weights"] | {"sha256": "abc"}}, r"weights\.sha256: "),
        ({"weights": card()["weights"] | {"file": "../weights.onnx"}}, r"weights\.file: "),
        ({"weights": card()["weights"] | {"size_bytes": 0}}, r"weights\.size_bytes: "),
        ({"task": "segment"}, "task: "),
        ({"output": "yolov5"}, "output: "),
        ({"schema_version": 2}, "schema_version: "),
        ({"name": "a b"}, "name: "),
        ({"licence": None}, "licence: Field required"),
        ({"lisence": "MIT"}, "lisence: Extra inputs are not permitted"),
    ],
)
def test_a_card_that_is_wrong_says_where(model_folder: MakeModel, changes: dict[str, Any], message: str) -> None:
    with pytest.raises(CardError, match=message):
        load_card(model_folder(**changes))


@pytest.mark.parametrize("text", ["", "- a list", "a: [", "\tname: x", "name: \x00"])
def test_a_card_that_is_no_mapping_is_refused(model_folder: MakeModel, text: str) -> None:
    folder = model_folder()
    (folder / "model.yaml").write_text(text)
    with pytest.raises(CardError, match=r"model\.yaml"):
        load_card(folder)


def test_a_card_that_is_no_text_is_refused(model_folder: MakeModel) -> None:
    folder = model_folder()
    (folder / "model.yaml").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(CardError, match="can't be read"):
        load_card(folder)


def test_the_weights_of_the_card_load(model_folder: MakeModel) -> None:
    assert load_weights(load_model(model_folder())) == WEIGHTS


@pytest.mark.parametrize("altered", [b"", b"onny", WEIGHTS + b"\n"])
def test_altered_weights_are_refused_with_expected_and_got(model_folder: MakeModel, altered: bytes) -> None:
    folder = model_folder()
    (folder / "weights.onnx").write_bytes(altered)
    with pytest.raises(WeightsError) as caught:
        load_weights(load_model(folder))
    for digest in (hashlib.sha256(WEIGHTS).hexdigest(), hashlib.sha256(altered).hexdigest()):
        assert digest in str(caught.value)


def test_missing_weights_are_refused(model_folder: MakeModel) -> None:
    folder = model_folder()
    (folder / "weights.onnx").unlink()
    with pytest.raises(WeightsError, match="can't be read"):
        load_weights(load_model(folder))


def test_weights_are_read_once_so_that_nothing_can_change_between_check_and_use(model_folder: MakeModel) -> None:
    folder = model_folder()
    pipe = folder / "weights.onnx"
    pipe.unlink()
    os.mkfifo(pipe)
    # A pipe gives its bytes once: a loader that checked and then read again would get none, or wait for ever.
    writer = threading.Thread(target=pipe.write_bytes, args=(WEIGHTS,))
    writer.start()
    assert load_weights(load_model(folder)) == WEIGHTS
    writer.join(timeout=10)
    assert not writer.is_alive()


def test_every_installed_model_has_a_valid_card_and_its_own_weights() -> None:
    installed = find_models()
    assert "street" in installed
    for name in installed:
        model = load_model(name)
        assert model.card.name == name
        weights = load_weights(model)
        assert len(weights) == model.card.weights.size_bytes


def test_the_street_model_is_measured_beside_its_base_and_not_more_than_a_hundredth_worse() -> None:
    [overall] = [metric for metric in load_card("street").metrics if metric.metric == "mAP50-95"]
    assert overall.of_base is not None
    assert overall.value >= overall.of_base - 0.01


def test_all_errors_of_the_zoo_are_one_family() -> None:
    assert issubclass(ModelNotFoundError, ModelZooError)
    assert issubclass(CardError, ModelZooError)
    assert issubclass(WeightsError, ModelZooError)
