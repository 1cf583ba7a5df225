"""Says of a stay that a look did not find whether it is gone, or only missed or hidden."""

from __future__ import annotations

import math
from collections.abc import Sequence

from detectors.base import BoxXyxy, Finding
from edge.looking.zones import overlap
from edge.staying.appearance import SAME_LOOK, likeness
from edge.staying.matching import SAME_PLACE_IOU, AppearanceAt
from edge.staying.stay import Stay

COVERED_SHARE = 0.5


def is_out_of_sight(
    stay: Stay, around: Sequence[Finding], standing: Sequence[Stay], appearance_at: AppearanceAt | None
) -> bool:
    """Returns True where this look cannot tell that the stay is gone, although it was not found.

    Its place looks as it did when it was last seen: the detector missed it. Or something that came since covers the
    place, or what is seen there is not what was seen a look before: something passes in front of it.

    around: All findings of the look, whatever their labels. standing: The other stays that the look has found.
    """
    place = stay.anchor_xyxy
    if appearance_at is None or place is None or not stay.appearance:
        return False
    now = appearance_at(place)
    # Of a place seen for the first time without the thing nobody knows yet whether it goes on looking so.
    before, stay.place = stay.place or stay.appearance, now
    if not now:
        return False
    if likeness(stay.appearance, now) >= SAME_LOOK or likeness(before, now) < SAME_LOOK:
        return True
    beside = [other.anchor_xyxy for other in standing if other.anchor_xyxy and not _came_before(other, stay, place)]
    return any(
        finding.box_xyxy is not None
        and _covered_share(place, finding.box_xyxy) >= COVERED_SHARE
        and all(overlap(finding.box_xyxy, anchor) < SAME_PLACE_IOU for anchor in beside)
        for finding in around
    )


def _came_before(other: Stay, stay: Stay, place: BoxXyxy) -> bool:
    """Whether ``other`` may hide the stay: it came since, and does not stand in the very place of it."""
    # Infinite where nobody can tell, as over a start of the box: what is not known to have come since, stood there.
    stood_already = not 0.0 < other.first_seen.since(stay.last_seen) < math.inf
    in_its_place = other.anchor_xyxy is not None and overlap(other.anchor_xyxy, place) >= SAME_PLACE_IOU
    return not (stood_already or in_its_place)


def _covered_share(place: BoxXyxy, by: BoxXyxy) -> float:
    width = min(place[2], by[2]) - max(place[0], by[0])
    height = min(place[3], by[3]) - max(place[1], by[1])
    area = (place[2] - place[0]) * (place[3] - place[1])
    return width * height / area if width > 0 and height > 0 and area > 0 else 0.0
