"""Carries the official head over to the 14 labels, teaches it gently, and mixes weights; ultralytics does the rest."""

# ruff: noqa: PLC0415 -- torch and ultralytics are in the bench venv alone, and slow to import
from __future__ import annotations

import copy
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from models.recipes.street.labels import COCO_IDS, LABELS

ANCHOR_WEIGHT = 2.0
"""How much holding on to the base counts beside the labels."""


@dataclass(frozen=True, slots=True)
class Lesson:
    """How one candidate is taught. ``first_layer`` is the first of the 23 layers that may change.

    free: Pictures with this word in their path may be answered otherwise than the base does; on all others the pupil
    is held to the base's own answers.
    """

    learning_rate: float
    epochs: int
    free: str
    first_layer: int = 15
    batch: int = 8
    size: int = 640
    seed: int = 7


def detector_of(network: Any, *, shell: Path) -> Any:
    """Returns an ultralytics YOLO around a copy of ``network``; ``shell`` is any checkpoint of the same family.

    Predicting, validating and exporting change what they are given (they fuse layers), hence the copy.
    """
    from ultralytics import YOLO

    detector = YOLO(shell)
    detector.model = copy.deepcopy(network)
    return detector


def street_network(base: Path) -> Any:
    """Returns the network of the official checkpoint ``base``, answering with the 14 labels alone.

    The last class convolution of each scale keeps the rows of the wanted names: every remaining score is as it was.
    Raises: ValueError: If ``base`` does not carry COCO's names at the places that the labels name.
    """
    import torch
    from ultralytics import YOLO

    network = YOLO(base).model.float()
    for label, coco_id in COCO_IDS.items():
        if network.names.get(coco_id) != label:
            raise ValueError(f"expected {label!r} at {coco_id} of the base's names, got {network.names.get(coco_id)!r}")
    head = network.model[-1]
    rows = torch.tensor(list(COCO_IDS.values()))
    for branch in head.cv3:
        old = branch[-1]
        new = torch.nn.Conv2d(old.in_channels, len(LABELS), kernel_size=1)
        with torch.no_grad():
            new.weight.copy_(old.weight[rows])
            new.bias.copy_(old.bias[rows])
        branch[-1] = new
    head.nc, head.no = len(LABELS), len(LABELS) + head.reg_max * 4
    network.names = dict(enumerate(LABELS))
    network.nc = network.yaml["nc"] = len(LABELS)
    return network


def taught(base: Any, data_file: Path, lesson: Lesson) -> Any:
    """Returns a copy of the network ``base`` after ``lesson`` on the training pictures of ``data_file``.

    Batch statistics stay the base's throughout, and the layers before ``first_layer`` do not change.
    """
    import torch
    from ultralytics.utils.torch_utils import init_seeds

    init_seeds(lesson.seed)
    network = copy.deepcopy(base)
    loader = _loader(network, data_file, lesson)
    parameters = _open_for_teaching(network, lesson)
    optimiser = torch.optim.AdamW(parameters, lr=lesson.learning_rate, weight_decay=0.0)
    steps = lesson.epochs * len(loader)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, T_max=steps, eta_min=lesson.learning_rate / 10)
    for epoch in range(lesson.epochs):
        total = 0.0
        for batch in loader:
            batch["img"] = batch["img"].float() / 255
            answer = network(batch["img"])
            loss = network.loss(batch, answer)[0].sum()
            held = torch.tensor([lesson.free not in file for file in batch["im_file"]])
            loss = loss + ANCHOR_WEIGHT * len(held) * _distance(answer, _raw_answer(base, batch["img"]), held)
            optimiser.zero_grad()
            loss.backward()
            torch.nn.utils.clip_grad_norm_(parameters, 10.0)
            optimiser.step()
            schedule.step()
            total += float(loss.detach()) / len(batch["img"])
        print(f"  epoch {epoch + 1} of {lesson.epochs}: loss {total / len(loader):.4f}", flush=True)
    network.criterion = None
    return network.eval()


def mixed(base: Any, tuned: Any, *, share: float) -> Any:
    """Returns a network whose weights lie between ``base`` (share 0) and ``tuned`` (share 1)."""
    mixture = copy.deepcopy(base)
    theirs = tuned.state_dict()
    for name, value in mixture.state_dict().items():
        if value.is_floating_point():
            value.lerp_(theirs[name], share)
    return mixture


def _raw_answer(base: Any, pictures: Any) -> Any:
    """Returns the base's raw scores and box distributions, without gradients."""
    import torch

    with torch.no_grad():
        return base(pictures)[1]


def _distance(answer: Any, wanted: Any, held: Any) -> Any:
    """Returns how far raw answers are from the wanted ones on the held pictures: 0 where they are the same.

    Scores count by cross-entropy over what is certain at all; boxes only as far as the base saw something there.
    """
    import torch
    from torch.nn import functional

    if not held.any():
        return torch.zeros(())
    scores, wanted_scores = answer["scores"][held], wanted["scores"][held].sigmoid()
    crossed = functional.binary_cross_entropy_with_logits(scores, wanted_scores, reduction="sum")
    least = functional.binary_cross_entropy(wanted_scores, wanted_scores, reduction="sum")
    certain = wanted_scores.amax(dim=1)
    total = certain.sum().clamp(min=1.0)
    sides, wanted_sides = (raw["boxes"][held].unflatten(1, (4, -1)) for raw in (answer, wanted))
    diverging = functional.kl_div(
        sides.log_softmax(dim=2), wanted_sides.log_softmax(dim=2), reduction="none", log_target=True
    )
    return (crossed - least) / total + (diverging.sum(dim=2).mean(dim=1) * certain).sum() / total


def _open_for_teaching(network: Any, lesson: Lesson) -> list[Any]:
    """Sets modes and gradients of ``network``; returns the parameters that may change."""
    import torch

    network.train()
    for module in network.modules():
        if isinstance(module, torch.nn.BatchNorm2d):
            module.eval()
    for place, layer in enumerate(network.model):
        layer.requires_grad_(place >= lesson.first_layer)
    network.model[-1].dfl.requires_grad_(requires_grad=False)
    return [parameter for parameter in network.parameters() if parameter.requires_grad]


def _loader(network: Any, data_file: Path, lesson: Lesson) -> Any:
    """Returns ultralytics' loader with its mild augmentations alone; sets the loss gains on ``network``."""
    import torch
    from ultralytics.cfg import get_cfg
    from ultralytics.data import build_dataloader, build_yolo_dataset
    from ultralytics.data.utils import check_det_dataset

    mild = {"mosaic": 0.0, "mixup": 0.0, "scale": 0.2, "translate": 0.05, "erasing": 0.0, "hsv_s": 0.3, "hsv_v": 0.3}
    settings = get_cfg(overrides={"task": "detect", "imgsz": lesson.size, "workers": 0, "cache": False, **mild})
    network.args = settings
    described = check_det_dataset(str(data_file))
    dataset = build_yolo_dataset(settings, described["train"], lesson.batch, described, mode="train", rect=False)
    return build_dataloader(dataset, lesson.batch, workers=0, shuffle=True, device=torch.device("cpu"))
