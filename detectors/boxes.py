"""Turns the raw output of a YOLO model into boxes, and merges boxes of one thing."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from detectors.base import DetectionError

Floats = NDArray[np.float32]
Indices = NDArray[np.intp]

MAX_FINDINGS = 300
"""As ultralytics limits them: a picture with more things than this is not a street."""


@dataclass(frozen=True, slots=True, eq=False)
class Boxes:
    """Boxes of one picture, best score first.

    xyxy: shape ``(n, 4)``, pixels of the model's input. scores: shape ``(n,)``, 0..1. labels: shape ``(n,)``, places
    among the model's labels.
    """

    xyxy: Floats
    scores: Floats
    labels: Indices


def decode(output: Floats, *, min_score: float, nms_iou: float, max_findings: int = MAX_FINDINGS) -> Boxes:
    """Returns the boxes of one picture, each with its best label, after non-maximum suppression per label.

    output: shape ``(4 + labels, cells)``: centre x, centre y, width, height, then scores.
    Raises: DetectionError: If the model answered with something that is no number.
    """
    best = output[4:].max(axis=0)
    # A comparison with NaN is false: unchecked, a broken model would pass for an empty street.
    if np.isnan(best).any():
        raise DetectionError("the model answered with scores that are no numbers")
    cells = np.flatnonzero(best > min_score)
    cells = cells[np.argsort(-best[cells], kind="stable")]
    centre, half = output[:2, cells], output[2:4, cells] / 2
    xyxy = np.concatenate([centre - half, centre + half]).T.astype(np.float32, copy=False)
    if not np.isfinite(xyxy).all():
        raise DetectionError("the model answered with boxes that are no numbers")
    labels = output[4:, cells].argmax(axis=0)
    kept = suppressed(xyxy, labels, max_iou=nms_iou, max_kept=max_findings)
    return Boxes(xyxy=xyxy[kept], scores=best[cells][kept], labels=labels[kept])


def suppressed(xyxy: Floats, labels: Indices, *, max_iou: float, max_kept: int) -> Indices:
    """Returns the places of the boxes that stay, in order: each overlaps no better box of its label by more.

    xyxy: shape ``(n, 4)``, best score first. At most ``max_kept`` stay, so that noise can't cost n squared.
    """
    x1, y1, x2, y2 = np.ascontiguousarray(xyxy.T)
    areas = (x2 - x1) * (y2 - y1)
    waiting = np.arange(len(xyxy))
    kept: list[int] = []
    while len(waiting) and len(kept) < max_kept:
        first, waiting = waiting[0], waiting[1:]
        kept.append(int(first))
        width = np.minimum(x2[first], x2[waiting]) - np.maximum(x1[first], x1[waiting])
        height = np.minimum(y2[first], y2[waiting]) - np.maximum(y1[first], y1[waiting])
        shared = np.maximum(width, 0) * np.maximum(height, 0)
        too_close = shared > max_iou * (areas[first] + areas[waiting] - shared)
        waiting = waiting[~(too_close & (labels[waiting] == labels[first]))]
    return np.array(kept, dtype=np.intp)
