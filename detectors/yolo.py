"""The plug-in ``yolo``: finds things in frames with a model of the zoo, on OpenVINO."""

from __future__ import annotations

from collections.abc import Sequence
from math import ceil
from typing import Annotated, Literal

import numpy as np
from pydantic import BaseModel, ConfigDict, Field

from detectors.base import (
    BoxXyxy,
    DetectionError,
    DetectorConfigurationError,
    DetectorIdentity,
    Finding,
    Frame,
    ModelError,
    Vocabulary,
)
from detectors.boxes import MAX_FINDINGS, decode
from detectors.letterbox import Letterbox
from detectors.openvino_runtime import CELL, OpenVinoRuntime, Precision, RuntimeSettings
from detectors.registry import DetectorPlugin
from models.cards import ModelCard, Share, Side
from models.zoo import Model, ModelNotFoundError, ModelZooError, load_model, load_weights

SIZE_STEP = CELL
"""Steps of what an input fits a picture in, in pixels: each size that is used costs some memory."""

LEAST_SIDE = 6 * CELL


class YoloConfiguration(BaseModel):
    """What a watch may say about this detector.

    model: Name of an installed model, or the path of a model's folder (with a ``/`` in it).
    input_size: Side of the square input in pixels, or ``[width, height]``. When left out, the card's is the largest and
        each picture gets what it needs of it at the scale of a whole frame: 640x384 for 1920x1080.
    min_score, nms_iou: The card's when left out. threads: CPU threads of one run.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    type: Literal["yolo"] = "yolo"
    model: Annotated[str, Field(min_length=1, max_length=1000)]
    input_size: Side | tuple[Side, Side] | None = None
    min_score: Share | None = None
    nms_iou: Share | None = None
    threads: Annotated[int, Field(ge=1, le=64)] = 2
    precision: Precision = "f32"
    max_findings: Annotated[int, Field(ge=1, le=3000)] = MAX_FINDINGS


class YoloDetector:
    """A :class:`detectors.base.FrameDetector`; any number of threads may call it."""

    def __init__(self, model: Model, configuration: YoloConfiguration) -> None:
        """Loads and compiles the model.

        Raises: ModelError: If its weights are missing, altered or not of the shape that the card says.
        DetectorConfigurationError: If the configuration asks for an input size that the model does not take.
        """
        card = model.card
        self._card = card
        self._input_wh = _input_wh(card, configuration)
        self._min_score = card.thresholds.score if configuration.min_score is None else configuration.min_score
        self._nms_iou = card.thresholds.nms_iou if configuration.nms_iou is None else configuration.nms_iou
        self._max_findings = configuration.max_findings
        self._fits_input = configuration.input_size is None and card.input.resizable
        settings = RuntimeSettings(
            input_wh=self._input_wh,
            threads=configuration.threads,
            precision=configuration.precision,
            smaller_too=self._fits_input,
        )
        try:
            weights = load_weights(model)
            self._runtime = OpenVinoRuntime(weights, labels=len(card.labels), settings=settings)
        except ModelZooError as error:
            raise ModelError(str(error)) from error
        except ModelError as error:
            raise ModelError(f"model {card.name!r}: {error}") from error

    @property
    def card(self) -> ModelCard:
        return self._card

    @property
    def input_wh(self) -> tuple[int, int]:
        return self._input_wh

    @property
    def identity(self) -> DetectorIdentity:
        return DetectorIdentity(
            name=f"yolo:{self._card.name}", version=self._card.version, weights_sha256=self._card.weights.sha256
        )

    @property
    def labels(self) -> frozenset[str]:
        return frozenset(self._card.labels)

    def labels_of_kind(self, kind: str) -> frozenset[str]:
        return self._card.labels_of_kind(kind)

    def detect(self, frames: Sequence[Frame]) -> list[list[Finding]]:
        """Returns the findings of each frame, best score first. Raises: DetectionError: If one run failed."""
        return [self._detect_one(frame) for frame in frames]

    def detect_part(self, frame: Frame, part_xyxy: BoxXyxy) -> list[Finding]:
        """As :meth:`detectors.base.PartDetector.detect_part`; where ``input_size`` is set, the part fills it."""
        width, height = frame.size_wh
        left, top = int(part_xyxy[0] * width), int(part_xyxy[1] * height)
        right, bottom = ceil(part_xyxy[2] * width), ceil(part_xyxy[3] * height)
        if not (0 <= left < right <= width and 0 <= top < bottom <= height):
            raise DetectionError(f"expected a part inside 0..1, got {part_xyxy}")
        return self._detect_in(frame, (left, top, right, bottom))

    def _detect_one(self, frame: Frame) -> list[Finding]:
        return self._detect_in(frame, (0, 0, *frame.size_wh))

    def _detect_in(self, frame: Frame, part: tuple[int, int, int, int]) -> list[Finding]:
        left, top, right, bottom = part
        size_wh = right - left, bottom - top
        place = Letterbox.of(size_wh, self._input_for(size_wh, frame.size_wh))
        picture = place.apply(frame.image[top:bottom, left:right], border=self._card.input.letterbox)
        output = self._runtime.run(picture)
        boxes = decode(output, min_score=self._min_score, nms_iou=self._nms_iou, max_findings=self._max_findings)
        side = np.array([*frame.size_wh, *frame.size_wh])
        shares = (place.to_shares(boxes.xyxy) * [*size_wh, *size_wh] + [left, top, left, top]) / side
        rows = zip(shares.tolist(), boxes.scores.tolist(), boxes.labels.tolist(), strict=True)
        return [
            Finding(label=self._card.labels[label], score=_score(score), box_xyxy=(x1, y1, x2, y2))
            for (x1, y1, x2, y2), score, label in rows
            # A box that lies in the border alone has no extent left inside the picture.
            if x1 < x2 and y1 < y2
        ]

    def _input_for(self, size_wh: tuple[int, int], frame_wh: tuple[int, int]) -> tuple[int, int]:
        """Returns the input for a part of a frame: no thing in it is smaller than in a run of the whole frame."""
        if not self._fits_input:
            return self._input_wh
        scale = min(self._input_wh[0] / frame_wh[0], self._input_wh[1] / frame_wh[1])
        needed = (max(ceil(side * scale / SIZE_STEP) * SIZE_STEP, LEAST_SIDE) for side in size_wh)
        width, height = (min(side, most) for side, most in zip(needed, self._input_wh, strict=True))
        return width, height


def build(configuration: YoloConfiguration) -> YoloDetector:
    """Returns the detector of ``configuration``.

    Raises: DetectorConfigurationError: If there is no such model. ModelError: If it can't be loaded.
    """
    return YoloDetector(_model_of(configuration), configuration)


def vocabulary(configuration: YoloConfiguration) -> Vocabulary:
    """Returns the labels and kinds of the model's card. Raises: as :func:`build`."""
    card = _model_of(configuration).card
    _input_wh(card, configuration)
    kinds = {kind for kinds in card.kinds.values() for kind in kinds}
    return Vocabulary(frozenset(card.labels), {kind: card.labels_of_kind(kind) for kind in kinds})


def _model_of(configuration: YoloConfiguration) -> Model:
    try:
        return load_model(configuration.model)
    except ModelNotFoundError as error:
        raise DetectorConfigurationError(str(error)) from error
    except ModelZooError as error:
        raise ModelError(str(error)) from error


def _input_wh(card: ModelCard, configuration: YoloConfiguration) -> tuple[int, int]:
    default = card.input.width, card.input.height
    size = configuration.input_size
    if size is None:
        return default
    wanted = (size, size) if isinstance(size, int) else size
    if wanted != default and not card.input.resizable:
        raise DetectorConfigurationError(
            f"model {card.name!r} takes {default[0]}x{default[1]} alone, got input_size {wanted[0]}x{wanted[1]}"
        )
    return wanted


def _score(score: float) -> float:
    if not 0.0 <= score <= 1.0:
        raise DetectionError(f"expected scores of 0..1, got {score}")
    return score


PLUGIN = DetectorPlugin(
    key="yolo", judges="frames", configuration=YoloConfiguration, build=build, vocabulary=vocabulary
)
