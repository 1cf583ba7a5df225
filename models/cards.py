"""What a model's card says: labels, input, weights by checksum, where it comes from and how good it was measured."""

from __future__ import annotations

from datetime import date
from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, model_validator

Name = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,47}$")]
Label = Annotated[str, StringConstraints(min_length=1, max_length=64)]
Kind = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$")]
Sha256 = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]
Share = Annotated[float, Field(ge=0, le=1, allow_inf_nan=False)]
Side = Annotated[int, Field(ge=32, le=4096, multiple_of=32)]
"""A side of the model's input in pixels; YOLO's coarsest cells are 32 pixels wide."""

Text = Annotated[str, StringConstraints(min_length=1, max_length=2000)]


class CardSection(BaseModel):
    """Base of all parts of a card: unknown keys are errors, values never change after checking."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class ModelInput(CardSection):
    """How a picture is laid out for the model.

    scaling: Pixels are divided by 255. letterbox: Grey level of the border that keeps a picture's proportions.
    resizable: The weights take other sizes too; ``width`` and ``height`` are then the default.
    """

    width: Side
    height: Side
    resizable: bool
    layout: Literal["NCHW"]
    colour: Literal["RGB"]
    scaling: Literal["0..1"]
    letterbox: Annotated[int, Field(ge=0, le=255)]


class Thresholds(CardSection):
    """Defaults: findings below ``score`` are left out, boxes of one label that overlap more than ``nms_iou`` merge."""

    score: Share
    nms_iou: Share


class Weights(CardSection):
    """The weights' file beside the card; they load only when their bytes have this checksum."""

    file: Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$")]
    format: Literal["onnx"]
    precision: Literal["f32"]
    size_bytes: Annotated[int, Field(gt=0)]
    sha256: Sha256


class Base(CardSection):
    """What the weights were adapted from."""

    name: Text
    sha256: Sha256
    licence: Text
    source: Text | None = None


class TrainingData(CardSection):
    """One set of pictures that the weights learned from, and how it was used."""

    name: Text
    pictures: Annotated[int, Field(gt=0)]
    used_as: Text
    licence: Text


class Measurement(CardSection):
    """One metric of these weights beside the base's, on the same pictures with the same settings."""

    metric: Text
    value: Share
    of_base: Share | None = None
    on: Text
    how: Text
    measured_on: date


class ModelCard(CardSection):
    """A model of the zoo. ``labels`` are in the order of the outputs; ``kinds`` says what each label stands for.

    output: ``yolov8`` is ``(1, 4 + labels, cells)``: centre x, centre y, width, height in pixels of the input, then
    one score per label.
    """

    schema_version: Literal[1]
    name: Name
    version: Annotated[str, StringConstraints(min_length=1, max_length=64)]
    task: Literal["detect"]
    labels: Annotated[tuple[Label, ...], Field(min_length=1, max_length=2000)]
    kinds: dict[Label, tuple[Kind, ...]]
    input: ModelInput
    output: Literal["yolov8"]
    thresholds: Thresholds
    weights: Weights
    base: Base | None = None
    training_data: tuple[TrainingData, ...]
    licence: Text
    metrics: tuple[Measurement, ...] = ()
    recipe: Text | None = None
    notes: Annotated[str, StringConstraints(max_length=20_000)] | None = None

    @model_validator(mode="after")
    def _labels_are_unique(self) -> Self:
        twice = sorted({label for label in self.labels if self.labels.count(label) > 1})
        if twice:
            raise ValueError(f"labels need to be unique, got twice: {', '.join(twice)}")
        return self

    @model_validator(mode="after")
    def _kinds_belong_to_labels(self) -> Self:
        strange = sorted(set(self.kinds) - set(self.labels))
        if strange:
            raise ValueError(f"kinds name labels that the model does not have: {', '.join(strange)}")
        return self

    def labels_of_kind(self, kind: str) -> frozenset[str]:
        """Returns the labels that stand for ``kind``; empty where no label does."""
        return frozenset(label for label, kinds in self.kinds.items() if kind in kinds)
