"""Decides which part of the picture a detector looks at: the zones of its watches and what stands in them.

A thing stands in a zone by its lower edge and reaches beyond, so there is a margin. What the border of the part cuts,
and could stand in a zone, is looked at in the whole picture, and the part grows until it holds the like of it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from detectors.base import BoxXyxy, Finding, Frame, FrameDetector, PartDetector
from detectors.seam import found_in, found_in_part
from edge.looking.zones import Zone

MARGIN_SIDES = 0.08
MARGIN_ABOVE = 0.12
MARGIN_BELOW = 0.03
"""Shares of width and height around the zones: a person's height in the middle of most pictures."""

GROWS_BY = 0.02
TOUCHES = 0.005
WHOLE = 0.8
"""From this share of the picture on, a part saves nothing worth its borders."""

Matters = Callable[[Finding], bool]
ALL: BoxXyxy = (0.0, 0.0, 1.0, 1.0)


class Region:
    """The part of one camera's picture for one detector. One caller at a time.

    matters: Says whether a watch asks for such a finding, wherever it stands.
    box_xyxy: Shares of width and height; ALL where only the whole picture will do.
    """

    def __init__(self, detector: FrameDetector, zones: Sequence[Zone], *, matters: Matters) -> None:
        self._detector = detector
        self._matters = matters
        self._zones = [_bounds(zone) for zone in zones]
        self.box_xyxy: BoxXyxy = ALL
        if isinstance(detector, PartDetector) and self._zones:
            self.box_xyxy = _or_whole([_with_margins(zone) for zone in self._zones])

    def detect(self, frame: Frame, *, whole: bool = False) -> tuple[list[Finding], bool]:
        """Returns the findings, and whether they are those of the whole picture. Raises: DetectorError.

        whole: Those of the whole picture are wanted in any case.
        """
        if whole or self.box_xyxy == ALL or not isinstance(self._detector, PartDetector):
            return found_in(self._detector, frame), True
        found = found_in_part(self._detector, frame, self.box_xyxy)
        if not any(self._is_in_doubt(finding) for finding in found):
            return found, False
        found = found_in(self._detector, frame)
        self._grow([box for f in found if self._matters(f) and (box := f.box_xyxy) and self._may_stand(box)])
        return found, True

    def _is_in_doubt(self, finding: Finding) -> bool:
        """True where the border cuts what could stand in a zone; what it cuts below stands outside of all."""
        box = finding.box_xyxy
        return box is not None and any(self._cut(box)) and self._may_stand(box) and self._matters(finding)

    def _cut(self, box: BoxXyxy) -> tuple[bool, bool, bool]:
        """Returns whether the part's border cuts a box to the left, above, to the right; the picture's never does."""
        left, top, right, _ = self.box_xyxy
        return (
            left > 0 and box[0] - left < TOUCHES,
            top > 0 and box[1] - top < TOUCHES,
            right < 1 and right - box[2] < TOUCHES,
        )

    def _may_stand(self, box: BoxXyxy) -> bool:
        """True where the middle of the lower edge may lie in a zone, wherever a cut side really ends."""
        cut_left, _, cut_right = self._cut(box)
        middle = (box[0] + box[2]) / 2
        return any(
            top <= box[3] <= bottom and (left <= middle or cut_right) and (middle <= right or cut_left)
            for left, top, right, bottom in self._zones
        )

    def _grow(self, boxes: Sequence[BoxXyxy]) -> None:
        grown = [_spread(box, GROWS_BY, GROWS_BY, GROWS_BY) for box in boxes]
        self.box_xyxy = _or_whole([self.box_xyxy, *grown])


def _bounds(zone: Zone) -> BoxXyxy:
    xs, ys = [x for x, _ in zone], [y for _, y in zone]
    return min(xs), min(ys), max(xs), max(ys)


def _with_margins(box: BoxXyxy) -> BoxXyxy:
    return _spread(box, MARGIN_SIDES, MARGIN_ABOVE, MARGIN_BELOW)


def _spread(box: BoxXyxy, sides: float, above: float, below: float) -> BoxXyxy:
    x1, y1, x2, y2 = box
    return max(0.0, x1 - sides), max(0.0, y1 - above), min(1.0, x2 + sides), min(1.0, y2 + below)


def _or_whole(boxes: Sequence[BoxXyxy]) -> BoxXyxy:
    x1, y1 = min(box[0] for box in boxes), min(box[1] for box in boxes)
    x2, y2 = max(box[2] for box in boxes), max(box[3] for box in boxes)
    return ALL if (x2 - x1) * (y2 - y1) >= WHOLE else (x1, y1, x2, y2)
