"""The labels of ``models/street``, where they come from in COCO, and the kinds of problem that they stand for."""

from __future__ import annotations

COCO_IDS: dict[str, int] = {
    "person": 0,
    "bicycle": 1,
    "car": 2,
    "motorcycle": 3,
    "bus": 5,
    "truck": 7,
    "bench": 13,
    "backpack": 24,
    "umbrella": 25,
    "handbag": 26,
    "suitcase": 28,
    "chair": 56,
    "potted plant": 58,
    "dining table": 60,
}
"""Label to its place among COCO's 80 names; the order is the order of the model's outputs."""

LABELS: tuple[str, ...] = tuple(COCO_IDS)

# COCO calls mopeds and e-bikes motorcycles; the catalogue counts them as cycles, but a fire lane is blocked by either.
KINDS: dict[str, tuple[str, ...]] = {
    "person": ("street-vendor",),
    "bicycle": ("cycle-parking",),
    "car": ("illegal-parking", "fire-lane-blocked"),
    "motorcycle": ("cycle-parking", "fire-lane-blocked"),
    "bus": ("illegal-parking", "fire-lane-blocked"),
    "truck": ("illegal-parking", "fire-lane-blocked"),
    "bench": ("street-encroachment", "shop-overflow"),
    "backpack": ("goods-piled",),
    "umbrella": ("street-encroachment", "shop-overflow", "street-vendor"),
    "handbag": ("goods-piled",),
    "suitcase": ("street-encroachment", "goods-piled"),
    "chair": ("street-encroachment", "shop-overflow"),
    "potted plant": ("street-encroachment", "shop-overflow"),
    "dining table": ("street-encroachment", "shop-overflow", "street-vendor"),
}
