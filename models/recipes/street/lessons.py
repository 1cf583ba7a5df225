"""Lays out the pictures and labels that the recipe teaches and measures with."""

from __future__ import annotations

import random
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from models.recipes.street.labels import COCO_IDS, LABELS

PSEUDO_SCORE = 0.35
"""The base's own predictions from this score on are taught as if they were true."""

TEACHER_SIZE = 960
"""The base looks closer when it teaches than when it is examined, and so names smaller things."""

SAME_IOU = 0.5
VEHICLES = {"car", "bus", "truck", "motorcycle"}

_PICTURES = {".jpg", ".jpeg", ".png"}


def pictures_of(folder: Path) -> list[Path]:
    """Returns the pictures of ``folder`` in the order of their names. Raises: FileNotFoundError: If it holds none."""
    found = sorted(path for path in folder.iterdir() if path.suffix.lower() in _PICTURES)
    if not found:
        raise FileNotFoundError(f"expected pictures in {folder}, found none")
    return found


def some_of(pictures: Sequence[Path], *, count: int, seed: int) -> list[Path]:
    """Returns ``count`` of ``pictures`` (all where there are fewer), the same ones for the same seed."""
    return sorted(random.Random(seed).sample(pictures, min(count, len(pictures))))  # noqa: S311 (no secret)


def remapped(lines: Iterable[str]) -> list[str]:
    """Returns the YOLO label lines of the 14 labels, with COCO's class numbers replaced by the model's."""
    places = {str(coco_id): str(place) for place, coco_id in enumerate(COCO_IDS.values())}
    words = (line.split() for line in lines if line.strip())
    return [" ".join([places[first], *rest]) for first, *rest in words if first in places]


def lay_out_true(coco: Path, folder: Path, *, split: str) -> Path:
    """Links the pictures of one split of COCO under ``folder`` with labels of the 14; returns the pictures' folder."""
    images, labels = _split_folders(folder, split)
    for picture in pictures_of(coco / "images" / split):
        (images / picture.name).symlink_to(picture.resolve())
        label_file = coco / "labels" / split / f"{picture.stem}.txt"
        lines = remapped(label_file.read_text().splitlines()) if label_file.exists() else []
        (labels / f"{picture.stem}.txt").write_text("\n".join(lines))
    return images


def lay_out_pseudo(teacher: Any, pictures: Sequence[Path], folder: Path, *, name: str) -> Path:
    """Links ``pictures`` under ``folder``, labelled by ``teacher`` (an ultralytics YOLO of the 14 labels).

    Returns the pictures' folder.
    """
    images, labels = _split_folders(folder, name)
    for picture in pictures:
        (images / picture.name).symlink_to(picture.resolve())
        _write_boxes(labels / f"{picture.stem}.txt", _seen(teacher, picture))
    return images


def lay_out_vehicles(teacher: Any, top_view: Path, folder: Path, *, split: str) -> Path:
    """Links the pictures of one split of ``top_view`` under ``folder``; returns the pictures' folder.

    Its boxes say only "vehicle", and leave out many: each takes the label that ``teacher`` sees there, else car, and
    in training what ``teacher`` sees besides is added.
    """
    images, labels = _split_folders(folder, f"top_view_{split}")
    for picture in pictures_of(top_view / "images" / split):
        (images / picture.name).symlink_to(picture.resolve())
        marked = (top_view / "labels" / split / f"{picture.stem}.txt").read_text().splitlines()
        true = [LabelledBox("car", tuple(map(float, line.split()[1:5]))) for line in marked if line.strip()]
        seen = _seen(teacher, picture) if split == "train" else []
        named = [max((one for one in seen if _same_vehicle(one, box)), key=box.iou, default=box) for box in true]
        boxes = [LabelledBox(name.label, box.xywh) for name, box in zip(named, true, strict=True)]
        boxes += [one for one in seen if all(one.iou(box) < SAME_IOU for box in true)]
        _write_boxes(labels / f"{picture.stem}.txt", boxes)
    return images


@dataclass(frozen=True, slots=True)
class LabelledBox:
    """A box as YOLO files write it: centre, width and height as shares of the picture."""

    label: str
    xywh: tuple[float, ...]

    def iou(self, other: LabelledBox) -> float:
        (x, y, w, h), (ox, oy, ow, oh) = self.xywh, other.xywh
        across = min(x + w / 2, ox + ow / 2) - max(x - w / 2, ox - ow / 2)
        down = min(y + h / 2, oy + oh / 2) - max(y - h / 2, oy - oh / 2)
        shared = max(across, 0.0) * max(down, 0.0)
        return shared / (w * h + ow * oh - shared)


def _same_vehicle(seen: LabelledBox, box: LabelledBox) -> bool:
    return seen.label in VEHICLES and seen.iou(box) >= SAME_IOU


def _seen(teacher: Any, picture: Path) -> list[LabelledBox]:
    answer = teacher.predict(picture, imgsz=TEACHER_SIZE, conf=PSEUDO_SCORE, verbose=False)[0]
    rows = zip(answer.boxes.cls.tolist(), answer.boxes.xywhn.tolist(), strict=True)
    return [LabelledBox(LABELS[int(place)], tuple(box)) for place, box in rows]


def _write_boxes(path: Path, boxes: Iterable[LabelledBox]) -> None:
    lines = [f"{LABELS.index(box.label)} " + " ".join(f"{share:.6f}" for share in box.xywh) for box in boxes]
    path.write_text("\n".join(lines))


def write_data_file(folder: Path, *, name: str, train: Sequence[Path], val: Path) -> Path:
    """Writes the ultralytics data file of the laid-out folders; returns its path."""
    path = folder / f"{name}.yaml"
    content = {
        "path": str(folder),
        "train": [str(one) for one in train],
        "val": str(val),
        "names": dict(enumerate(LABELS)),
    }
    path.write_text(yaml.safe_dump(content, sort_keys=False))
    return path


def _split_folders(folder: Path, name: str) -> tuple[Path, Path]:
    images, labels = folder / "images" / name, folder / "labels" / name
    images.mkdir(parents=True)
    labels.mkdir(parents=True)
    return images, labels
