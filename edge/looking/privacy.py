"""Blurs heads and plates before a picture is stored; unblurred originals never leave memory."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import cv2
import numpy as np

from detectors.base import BoxXyxy, Finding, Image
from edge.looking.zones import overlap

PERSONS = frozenset({"person"})
VEHICLES = frozenset({"car", "truck", "bus", "motorcycle"})
MIN_SCORE = 0.03
"""Rather a blur too many than a face too many: far below the score that makes a finding count."""

HEAD_SHARE = 0.25
HEAD_BESIDE, HEAD_ABOVE = 0.10, 0.05
"""A box is seldom exact; so much of its width and height is blurred round it (``make bench-privacy``)."""

VEHICLE_MIN_SCORE = 0.10
PLATE_BAND = (0.55, 1.0)
"""Plates sit in the lower part of a vehicle's box, in front as well as behind."""

OWN_VEHICLE_IOU = 0.5
COUNTED_SCORE = 0.25
"""From here on a person counts towards a crowd: down to MIN_SCORE much is counted that is none."""


def blurred(image: Image, findings: Iterable[Finding], *, keep_plates_of: Sequence[BoxXyxy] = ()) -> Image:
    """Returns a copy with the top quarter of each person (and a margin) and a plate-sized band of each vehicle blurred.

    image: shape ``(H, W, 3)``, ``uint8``, BGR.
    findings: of the whole picture, down to MIN_SCORE.
    keep_plates_of: Boxes of the incident's own vehicles, where the watch keeps plates.
    """
    result = image.copy()
    for finding in findings:
        box, score = finding.box_xyxy, finding.score or 0.0
        if box is None or score < MIN_SCORE:
            continue
        x1, y1, x2, y2 = box
        if finding.label in PERSONS:
            beside, above = HEAD_BESIDE * (x2 - x1), HEAD_ABOVE * (y2 - y1)
            _blur(result, (x1 - beside, y1 - above, x2 + beside, y1 + HEAD_SHARE * (y2 - y1)))
            continue
        own = any(overlap(box, kept) >= OWN_VEHICLE_IOU for kept in keep_plates_of)
        if finding.label in VEHICLES and score >= VEHICLE_MIN_SCORE and not own:
            top, bottom = (y1 + share * (y2 - y1) for share in PLATE_BAND)
            _blur(result, (x1, top, x2, bottom))
    return result


def is_crowd(findings: Iterable[Finding], max_people: int | None) -> bool:
    """Whether the picture shows more persons than may be seen at once; with None, any number may."""
    if max_people is None:
        return False
    return sum(each.label in PERSONS and (each.score or 0.0) >= COUNTED_SCORE for each in findings) > max_people


def _blur(image: Image, box_xyxy: BoxXyxy) -> None:
    """Replaces the box by a few coarse cells, so that no sharpening brings it back."""
    height, width = image.shape[:2]
    left, right = max(0, int(box_xyxy[0] * width)), min(width, int(np.ceil(box_xyxy[2] * width)))
    top, bottom = max(0, int(box_xyxy[1] * height)), min(height, int(np.ceil(box_xyxy[3] * height)))
    if right - left < 1 or bottom - top < 1:
        return
    part = image[top:bottom, left:right]
    cells_wh = (max(1, min(4, (right - left) // 6)), max(1, min(4, (bottom - top) // 6)))
    coarse = cv2.resize(part, cells_wh, interpolation=cv2.INTER_AREA)
    image[top:bottom, left:right] = cv2.resize(coarse, (right - left, bottom - top), interpolation=cv2.INTER_LINEAR)
