"""Weights of another shape than asked for are refused when they are compiled, not met with silence later."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from openvino import opset8
from openvino.passes import Serialize

from detectors.base import DetectionError, ModelError
from detectors.openvino_runtime import OpenVinoRuntime, RuntimeSettings, cell_count
from detectors.quiet_openvino import openvino
from models.zoo import load_model, load_weights

SMALL = RuntimeSettings(input_wh=(320, 320), threads=1)


def _model_taking(shape: list[int], folder: Path) -> bytes:
    """Returns a model that hands back its input, as OpenVINO's own XML: it has no weights."""
    parameter = opset8.parameter(openvino.PartialShape(shape), dtype=np.float32, name="picture")
    model = openvino.Model([opset8.relu(parameter)], [parameter], "copy")
    Serialize(str(folder / "model.xml"), str(folder / "model.bin")).run_on_model(model)
    return (folder / "model.xml").read_bytes()


@pytest.mark.parametrize(
    ("shape", "message"),
    [
        ([1, 3, 640, 640], r"expected a model that takes \(1, 3, 320, 320\), got one that takes \[1,3,640,640\]"),
        ([1, 1, 320, 320], r"got one that takes \[1,1,320,320\]"),
        ([1, 3, 320], r"got one that takes \[1,3,320\]"),
        ([1, 3, 320, 320], r"expected an output of \[1, 18, 2100\]"),
        ([-1, 3, -1, -1], r"expected an output of \[1, 18, 2100\]"),
    ],
)
def test_a_model_of_another_shape_is_refused(tmp_path: Path, shape: list[int], message: str) -> None:
    with pytest.raises(ModelError, match=message):
        OpenVinoRuntime(_model_taking(shape, tmp_path), labels=14, settings=SMALL)


@pytest.mark.parametrize("weights", [b"", b"not a model", bytes(1000)])
def test_bytes_that_are_no_model_are_refused(weights: bytes) -> None:
    with pytest.raises(ModelError, match="could not compile"):
        OpenVinoRuntime(weights, labels=14, settings=SMALL)


def test_a_picture_of_another_size_is_an_error_and_not_an_empty_answer() -> None:
    runtime = OpenVinoRuntime(load_weights(load_model("street")), labels=14, settings=SMALL)
    with pytest.raises(DetectionError, match=r"takes pictures of \(320, 320, 3\), got \(320, 640, 3\)"):
        runtime.run(np.zeros((320, 640, 3), dtype=np.uint8))


def test_the_answer_is_that_of_the_plain_network_on_rgb_shares() -> None:
    weights = load_weights(load_model("street"))
    picture = np.random.default_rng(3).integers(0, 256, (320, 320, 3), dtype=np.uint8)
    ours = OpenVinoRuntime(weights, labels=14, settings=SMALL).run(picture)

    core = openvino.Core()
    network = core.read_model(weights)
    network.reshape([1, 3, 320, 320])
    plain = core.compile_model(network, "CPU", {"INFERENCE_PRECISION_HINT": "f32"})
    rgb = picture[:, :, ::-1].transpose(2, 0, 1)[np.newaxis].astype(np.float32) / 255
    expected = plain(rgb)[0][0]
    assert ours.shape == (18, cell_count((320, 320)))
    assert ours[:4] == pytest.approx(expected[:4], abs=0.05)
    assert ours[4:] == pytest.approx(expected[4:], abs=1e-3)


def test_an_answer_survives_the_next_run() -> None:
    runtime = OpenVinoRuntime(load_weights(load_model("street")), labels=14, settings=SMALL)
    first = runtime.run(np.zeros((320, 320, 3), dtype=np.uint8))
    kept = first.copy()
    runtime.run(np.full((320, 320, 3), 255, dtype=np.uint8))
    assert (first == kept).all()
