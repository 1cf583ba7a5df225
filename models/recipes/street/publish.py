"""Exports the chosen network to ONNX and writes the model's folder: weights and card."""

# ruff: noqa: PLC0415 -- torch, ultralytics and onnx are in the bench venv alone, and slow to import
from __future__ import annotations

import hashlib
import json
import shutil
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import yaml

from models.cards import ModelCard
from models.recipes.street.candidates import BASE_SHA256, MAX_LOSS
from models.recipes.street.labels import KINDS, LABELS
from models.recipes.street.measure import SETTINGS
from models.recipes.street.teach import detector_of

OPSET = 17
SIZE = 640

_KEPT_METADATA = ("task", "stride", "names", "imgsz", "batch", "channels", "end2end")
"""What ultralytics reads when it loads the file; the rest tells when and with which settings it was made."""

_TRAINING_DATA = {
    "train2017": (
        "coco128: first 128 pictures of COCO train2017",
        "true labels",
        "annotations CC BY 4.0, images Flickr CC",
    ),
    "top_view_train": (
        "top_view_vehicle: traffic seen from bridges (Roboflow), split by clip",
        "true boxes named by the base model, completed with its own predictions",
        "CC BY 4.0",
    ),
    "streets": (
        "street_garbage: mostly Chinese streets (Roboflow)",
        "labelled by the base model; the set's own labels unused",
        "CC BY 4.0 as stated; pictures scraped",
    ),
}


def publish(base: Path, work: Path, folder: Path) -> None:
    """Writes ``weights.onnx`` and ``model.yaml`` into ``folder`` from what the candidates' run left in ``work``."""
    import torch

    network = torch.load(work / "chosen.pt", weights_only=False)
    record = json.loads((work / "measured.json").read_text())
    folder.mkdir(parents=True, exist_ok=True)
    weights = _exported(network, base, work)
    (folder / "weights.onnx").write_bytes(weights)
    card = _card(weights, record)
    ModelCard.model_validate(card)
    (folder / "model.yaml").write_text(yaml.dump(card, Dumper=_card_dumper(), sort_keys=False, width=110))
    print(f"wrote {folder}: {len(weights)} bytes, sha256 {card['weights']['sha256']}")


def _card_dumper() -> type[yaml.SafeDumper]:
    """Returns a dumper that writes texts of several lines as they are read, line by line."""

    class CardDumper(yaml.SafeDumper):
        pass

    def of_text(dumper: yaml.SafeDumper, text: str) -> yaml.Node:
        return dumper.represent_scalar("tag:yaml.org,2002:str", text, style="|" if "\n" in text else None)

    CardDumper.add_representer(str, of_text)
    return CardDumper


def _exported(network: Any, base: Path, work: Path) -> bytes:
    """Returns the ONNX file's bytes: f32, any height and width, no suppression inside, no metadata of this machine."""
    import onnx

    shell = work / "street.pt"
    shutil.copyfile(base, shell)
    # ultralytics writes the export beside the checkpoint that the network remembers: the base may lie anywhere.
    network.pt_path = str(shell)
    settings = {"opset": OPSET, "imgsz": SIZE, "dynamic": True, "simplify": True, "nms": False, "device": "cpu"}
    exported = onnx.load(detector_of(network, shell=shell).export(format="onnx", **settings))
    told = {entry.key: entry.value for entry in exported.metadata_props}
    del exported.metadata_props[:]
    onnx.helper.set_model_props(exported, {key: told[key] for key in _KEPT_METADATA} | {"licence": "AGPL-3.0"})
    # A megabyte of symbolic sizes of every step, which runtimes infer themselves.
    del exported.graph.value_info[:]
    exported.graph.output[0].type.tensor_type.shape.dim[2].dim_param = "cells"
    onnx.checker.check_model(exported)
    content: bytes = exported.SerializeToString()
    return content


def _card(weights: bytes, record: dict[str, Any]) -> dict[str, Any]:
    return {
        "schema_version": 1,
        "name": "street",
        "version": "1.0.0",
        "task": "detect",
        "labels": list(LABELS),
        "kinds": {label: list(kinds) for label, kinds in KINDS.items()},
        "input": {
            "width": SIZE,
            "height": SIZE,
            "resizable": True,
            "layout": "NCHW",
            "colour": "RGB",
            "scaling": "0..1",
            "letterbox": 114,
        },
        "output": "yolov8",
        "thresholds": {"score": 0.25, "nms_iou": 0.7},
        "weights": {
            "file": "weights.onnx",
            "format": "onnx",
            "precision": "f32",
            "size_bytes": len(weights),
            "sha256": hashlib.sha256(weights).hexdigest(),
        },
        "base": {
            "name": "YOLOv8n (official yolov8n.pt, COCO, 80 labels)",
            "sha256": BASE_SHA256,
            "licence": "AGPL-3.0",
            "source": "Ultralytics",
        },
        "training_data": [
            {"name": name, "pictures": record["pictures"][part], "used_as": used_as, "licence": licence}
            for part, (name, used_as, licence) in _TRAINING_DATA.items()
            if part in record["pictures"]
        ],
        "licence": "AGPL-3.0",
        "metrics": _metrics(record),
        "recipe": "models/recipes/street",
        "notes": _notes(record),
    }


def _metrics(record: dict[str, Any]) -> list[dict[str, Any]]:
    ours, base = record["candidates"][record["chosen"]], record["candidates"]["base"]
    settings = ", ".join(f"{key}={value}" for key, value in SETTINGS.items())
    how = f"ultralytics validation of the PyTorch weights on CPU: {settings} (letterboxed squares)"
    today = datetime.now(UTC).date().isoformat()
    coco = {
        "on": f"coco128: first {record['pictures']['val2017']} pictures of COCO val2017, labels remapped to the 14",
        "how": how,
        "measured_on": today,
    }
    above = {
        "on": f"top_view_vehicle val: {record['pictures']['top_view_val']} pictures of clips that were not trained on; "
        "far vehicles are not marked",
        "how": f"{how}; single_cls=True: any of the 14 labels counts as a vehicle",
        "measured_on": today,
    }
    rows = [
        ("mAP50-95", ours["coco"]["map50_95"], base["coco"]["map50_95"], coco),
        ("mAP50", ours["coco"]["map50"], base["coco"]["map50"], coco),
        ("AP50-95 vehicle from above", ours["top_view"]["map50_95"], base["top_view"]["map50_95"], above),
        ("AP50 vehicle from above", ours["top_view"]["map50"], base["top_view"]["map50"], above),
    ]
    of_label, of_base = ours["coco"]["of_label"], base["coco"]["of_label"]
    briefly = {"on": "the same pictures as mAP50-95", "how": "as mAP50-95", "measured_on": today}
    rows += [(f"AP50-95 {label}", value, of_base.get(label), briefly) for label, value in of_label.items()]
    return [{"metric": metric, "value": value, "of_base": of_base, **where} for metric, value, of_base, where in rows]


def _notes(record: dict[str, Any]) -> str:
    tried = "\n".join(
        f"- {name}: {one['coco']['map50_95']:.4f}, {one['top_view']['map50_95']:.4f}"
        + (" (kept)" if name == record["chosen"] else "")
        for name, one in record["candidates"].items()
    )
    return (
        "The base in these figures is the official YOLOv8n with the class rows of the 14 labels alone: its scores and "
        "boxes for them are unchanged.\n"
        f"Candidates, mAP50-95 on COCO's pictures and AP50-95 on vehicles from above:\n{tried}\n"
        f"Kept: the best on vehicles from above among those that lost at most {MAX_LOSS} on COCO's pictures. It was "
        "chosen on the pictures that the figures are of, so differences of less than about 0.01 are within chance.\n"
        "128 everyday pictures say little about one street: rare labels (bench, handbag, backpack, truck) rest on a "
        "few boxes each and are weak. Small and far things need a larger input or a cropped zone.\n"
        "COCO calls mopeds and e-bikes motorcycles; goods, carts, stalls and grain are not among the labels.\n"
    )
