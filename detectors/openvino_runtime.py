"""Compiles a model's weights with OpenVINO and runs it, one picture at a time."""

from __future__ import annotations

import threading
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from detectors.base import DetectionError, Image, ModelError
from detectors.quiet_openvino import ColorFormat, PrePostProcessor, openvino

Precision = Literal["f32", "bf16"]

_CELL_SIDES = (8, 16, 32)
CELL = max(_CELL_SIDES)
"""The sides of an input are multiples of this, in pixels."""


@dataclass(frozen=True, slots=True)
class RuntimeSettings:
    """How a model runs. input_wh: pixels. threads: CPU threads of one run; precision: of the arithmetic.

    smaller_too: Pictures with shorter sides are taken too, multiples of CELL; one compiled model serves them all
    (measured: 5 MB and a twentieth more time for each size, where a compiled model of its own takes 40 MB).
    """

    input_wh: tuple[int, int]
    threads: int
    precision: Precision = "f32"
    smaller_too: bool = False


class OpenVinoRuntime:
    """One compiled YOLO model. Any number of threads may call; runs queue behind one another."""

    def __init__(self, weights: bytes, *, labels: int, settings: RuntimeSettings) -> None:
        """Compiles ``weights`` (ONNX) for pictures of ``settings.input_wh``.

        labels: How many labels the card says that the model has.
        Raises: ModelError: If the weights can't be compiled, or are of another size or another number of labels.
        """
        self._settings = settings
        self._request = _compiled(weights, labels, settings).create_infer_request()
        self._lock = threading.Lock()

    def run(self, picture: Image) -> NDArray[np.float32]:
        """Returns the raw output, shape ``(4 + labels, cells)``, of a letterboxed BGR picture of the input's size.

        Raises: DetectionError: If the picture is of another size, or the run itself failed.
        """
        if not self._takes(picture):
            width, height = self._settings.input_wh
            up_to = "up to " if self._settings.smaller_too else ""
            raise DetectionError(f"the model takes pictures of {up_to}{(height, width, 3)}, got {picture.shape}")
        with self._lock:
            try:
                self._request.infer({0: picture[np.newaxis]}, share_inputs=True)
                # A copy: the next run overwrites the tensor.
                return np.array(self._request.get_output_tensor(0).data[0], dtype=np.float32)
            except RuntimeError as error:
                raise DetectionError(f"OpenVINO could not run the model: {error}") from error

    def _takes(self, picture: Image) -> bool:
        width, height = self._settings.input_wh
        if not self._settings.smaller_too:
            return picture.shape == (height, width, 3)
        sides = ((picture.shape[0], height), (picture.shape[1], width))
        return picture.shape[2:] == (3,) and all(CELL <= side <= most and side % CELL == 0 for side, most in sides)


def cell_count(input_wh: tuple[int, int]) -> int:
    """Returns how many cells a YOLO model lays over an input of this size."""
    return sum((input_wh[0] // side) * (input_wh[1] // side) for side in _CELL_SIDES)


def _compiled(weights: bytes, labels: int, settings: RuntimeSettings) -> Any:
    core = openvino.Core()
    options = {
        "INFERENCE_NUM_THREADS": settings.threads,
        "INFERENCE_PRECISION_HINT": settings.precision,
        "PERFORMANCE_HINT": "LATENCY",
        "NUM_STREAMS": 1,
        # Pinned, every process of a box would put its threads on the same first cores.
        "ENABLE_CPU_PINNING": False,
    }
    try:
        network = core.read_model(weights)
        _check_input(network, settings.input_wh)
        network.reshape([1, 3, settings.input_wh[1], settings.input_wh[0]])
        _check_output(network, labels, settings.input_wh)
        if settings.smaller_too:
            network.reshape([1, 3, *(openvino.Dimension(CELL, side) for side in reversed(settings.input_wh))])
        return core.compile_model(taking_pictures(network), "CPU", options)
    except RuntimeError as error:
        raise ModelError(f"OpenVINO could not compile the weights: {error}") from error


def _check_input(network: Any, input_wh: tuple[int, int]) -> None:
    expected = (1, 3, input_wh[1], input_wh[0])
    if len(network.inputs) != 1:
        raise ModelError(f"expected a model with one input, got {len(network.inputs)}")
    shape = network.inputs[0].partial_shape
    fits = shape.rank.is_static and len(shape) == len(expected)
    if not fits or any(got.is_static and got.get_length() != side for got, side in zip(shape, expected, strict=True)):
        raise ModelError(f"expected a model that takes {expected}, got one that takes {shape}")


def _check_output(network: Any, labels: int, input_wh: tuple[int, int]) -> None:
    expected = [1, 4 + labels, cell_count(input_wh)]
    if len(network.outputs) != 1:
        raise ModelError(f"expected a model with one output, got {len(network.outputs)}")
    shape = network.outputs[0].partial_shape
    if shape.is_dynamic or list(shape.to_shape()) != expected:
        raise ModelError(f"expected an output of {expected} (4 + {labels} labels, cells), got {shape}")


def taking_pictures(network: Any) -> Any:
    """Returns ``network`` with colours, layout and scaling inside: it then takes ``(1, H, W, 3)`` uint8 BGR."""
    steps = PrePostProcessor(network)
    steps.input().tensor().set_element_type(openvino.Type.u8).set_layout(openvino.Layout("NHWC"))
    steps.input().tensor().set_color_format(ColorFormat.BGR)
    steps.input().model().set_layout(openvino.Layout("NCHW"))
    steps.input().preprocess().convert_element_type(openvino.Type.f32).convert_color(ColorFormat.RGB).scale(255.0)
    return steps.build()
