"""Makes the candidates of the recipe, measures each beside the base, and keeps what is measured best."""

# ruff: noqa: PLC0415 -- torch and ultralytics are in the bench venv alone, and slow to import
from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from models.recipes.street import lessons
from models.recipes.street.measure import SETTINGS, Figures, measured
from models.recipes.street.teach import Lesson, detector_of, mixed, street_network, taught

BASE_SHA256 = "f59b3d833e2ff32e194b5bb8e08d211dc7c5bdf144b90d2c8412c47ccfc83b36"
"""Of the official yolov8n.pt."""

LESSON = Lesson(learning_rate=5e-5, epochs=3, first_layer=15, free="top_view")
SHARES = (0.25, 0.5, 0.75, 1.0)
STREET_PICTURES = 200

MAX_LOSS = 0.005
"""How much mAP50-95 a candidate may lose on COCO's pictures; among these the best on top views is kept."""


@dataclass(frozen=True, slots=True)
class Sources:
    """What the recipe is given: the official checkpoint, COCO's 128 + 128 pictures, vehicles from above, streets."""

    base: Path
    coco: Path
    top_view: Path
    streets: Path


@dataclass(frozen=True, slots=True)
class Candidate:
    """A network and its figures on COCO's 14 labels and on vehicles seen from above (all labels as one)."""

    network: Any
    on_coco: Figures
    on_top_view: Figures


def run(sources: Sources, work: Path) -> None:
    """Teaches, measures and chooses; leaves ``chosen.pt`` (a network) and ``measured.json`` in ``work``.

    Raises: ValueError: If the base is not the official file.
    """
    import torch

    got = hashlib.sha256(sources.base.read_bytes()).hexdigest()
    if got != BASE_SHA256:
        raise ValueError(f"expected the official yolov8n.pt with sha256 {BASE_SHA256}, got {got}")
    began = time.monotonic()
    base = street_network(sources.base).eval()
    files, counts = _lay_out(base, sources, work / "pictures")

    def examined(name: str, network: Any) -> Candidate:
        detector, again = (detector_of(network, shell=sources.base) for _ in range(2))
        on_coco = measured(detector, files["coco"], runs=work / "runs")
        on_top_view = measured(again, files["top_view"], runs=work / "runs", one_label=True)
        print(f"{name}: COCO {on_coco.map50_95:.4f}, top view {on_top_view.map50_95:.4f} mAP50-95", flush=True)
        return Candidate(network, on_coco, on_top_view)

    candidates = {"base": examined("base", base)}
    tuned = taught(base, files["coco"], LESSON)
    for share in SHARES:
        name = f"{share:g} of the way"
        candidates[name] = examined(name, mixed(base, tuned, share=share))
    chosen = choice(candidates)
    torch.save(candidates[chosen].network, work / "chosen.pt")
    record = {
        "chosen": chosen,
        "minutes": round((time.monotonic() - began) / 60, 1),
        "settings": SETTINGS,
        "pictures": counts,
        "candidates": {
            name: {"coco": one.on_coco.rounded(), "top_view": one.on_top_view.rounded()}
            for name, one in candidates.items()
        },
    }
    (work / "measured.json").write_text(json.dumps(record, indent=2))
    print(f"kept: {chosen}, after {record['minutes']} minutes")


def choice(candidates: Mapping[str, Candidate]) -> str:
    """Returns the name of the candidate that is best on top views among those that lost next to nothing on COCO."""
    floor = candidates["base"].on_coco.map50_95 - MAX_LOSS
    fit = [name for name, one in candidates.items() if one.on_coco.map50_95 >= floor]
    return max(fit, key=lambda name: candidates[name].on_top_view.map50_95)


def _lay_out(base: Any, sources: Sources, folder: Path) -> tuple[dict[str, Path], dict[str, int]]:
    """Returns the data files, and how many pictures each set gave."""
    teacher = detector_of(base, shell=sources.base)
    streets = lessons.some_of(lessons.pictures_of(sources.streets), count=STREET_PICTURES, seed=0)
    train = [
        lessons.lay_out_true(sources.coco, folder, split="train2017"),
        lessons.lay_out_vehicles(teacher, sources.top_view, folder, split="train"),
        lessons.lay_out_pseudo(teacher, streets, folder, name="streets"),
    ]
    val = {
        "coco": lessons.lay_out_true(sources.coco, folder, split="val2017"),
        "top_view": lessons.lay_out_vehicles(teacher, sources.top_view, folder, split="val"),
    }
    counts = {part.name: len(lessons.pictures_of(part)) for part in [*train, *val.values()]}
    print(f"pictures: {counts}", flush=True)
    files = {name: lessons.write_data_file(folder, name=name, train=train, val=part) for name, part in val.items()}
    return files, counts
