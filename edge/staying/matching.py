"""Says which finding of a look is which stay: by place, and after a gap by what the place looks like."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from detectors.base import BoxXyxy, Finding
from edge.looking.zones import overlap
from edge.staying.stay import Stay

SAME_PLACE_IOU = 0.5
SAME_THING_IOU = 0.6
"""Two findings of one look that overlap more than this are one thing under two labels."""

RETURN_IOU = 0.2
"""What returns stands where it stood, give or take; it must look like itself, too."""

SETTLE = 0.1
"""Share by which the anchor follows each sighting: noise averages out, and what walks away leaves its anchor."""

AppearanceAt = Callable[[BoxXyxy], bytes]
"""Gives the present look of a place, see :func:`edge.staying.appearance.appearance`."""


def matched_stays(
    stays: Sequence[Stay],
    things: Sequence[Finding],
    *,
    by_place: bool,
    least_iou: Callable[[Stay], float],
    is_it: Callable[[Stay, Finding], bool],
) -> dict[int, Finding]:
    """Pairs stays with findings, closest overlap first; returns the finding by the ``id`` of its stay.

    ``least_iou`` says what overlap counts as the place of a stay (policies that follow no single thing have none).
    ``is_it`` is asked only where the place fits, so that no picture is compared for nothing.
    """
    pairs = sorted(
        (
            (near, stay_index, thing_index)
            for stay_index, stay in enumerate(stays)
            for thing_index, thing in enumerate(things)
            if (near := nearness(stay, thing, least_iou(stay)) if by_place else 1.0) > 0
        ),
        reverse=True,
    )
    matched: dict[int, Finding] = {}
    used: set[int] = set()
    for _, stay_index, thing_index in pairs:
        stay = stays[stay_index]
        if id(stay) in matched or thing_index in used:
            continue
        if is_it(stay, things[thing_index]):
            matched[id(stay)] = things[thing_index]
            used.add(thing_index)
    return matched


def nearness(stay: Stay, thing: Finding, least_iou: float = SAME_PLACE_IOU) -> float:
    """Returns the overlap of a finding with a stay's anchor; 0 where it is too little for the same place."""
    if stay.anchor_xyxy is None or thing.box_xyxy is None:
        return 0.0
    iou = overlap(stay.anchor_xyxy, thing.box_xyxy)
    return iou if iou >= least_iou else 0.0


def distinct(findings: Sequence[Finding]) -> list[Finding]:
    """Keeps the surest of findings that cover the same thing, whatever their labels."""
    kept: list[Finding] = []
    for finding in sorted(findings, key=lambda f: f.score or 0.0, reverse=True):
        box = finding.box_xyxy
        if box is not None and all(overlap(box, k.box_xyxy) <= SAME_THING_IOU for k in kept if k.box_xyxy):
            kept.append(finding)
    return kept


def settled(anchor: BoxXyxy, box: BoxXyxy) -> BoxXyxy:
    """Returns the anchor after one more sighting at ``box``."""
    x1, y1, x2, y2 = (a + SETTLE * (b - a) for a, b in zip(anchor, box, strict=True))
    return (x1, y1, x2, y2)
