"""Says whether a finding stands in a zone, and how much of a zone is covered; all in shares of the picture."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

from detectors.base import BoxXyxy, Finding

GRID_WH = (192, 108)
"""Zones are rasterised this coarsely when covered area is asked for: a cell is half a percent of the width."""

Zone = Sequence[tuple[float, float]]


def stands_in(box_xyxy: BoxXyxy, zone: Zone) -> bool:
    """True where the middle of the lower edge, the point on the ground, lies in the zone or on its border."""
    x1, _, x2, y2 = box_xyxy
    contour = np.array(zone, dtype=np.float32)
    return cv2.pointPolygonTest(contour, ((x1 + x2) / 2, y2), measureDist=False) >= 0


def covered_share(findings: Sequence[Finding], zone: Zone) -> float:
    """Returns the share 0..1 of the zone that the findings' polygons (or boxes) cover together."""
    inside = _raster([zone])
    total = int(inside.sum())
    if total == 0 or not findings:
        return 0.0
    return float((_raster([_outline(finding) for finding in findings]) & inside).sum()) / total


def overlap(a: BoxXyxy, b: BoxXyxy) -> float:
    """Returns the intersection over union of two boxes."""
    width = min(a[2], b[2]) - max(a[0], b[0])
    height = min(a[3], b[3]) - max(a[1], b[1])
    if width <= 0 or height <= 0:
        return 0.0
    shared = width * height
    return shared / ((a[2] - a[0]) * (a[3] - a[1]) + (b[2] - b[0]) * (b[3] - b[1]) - shared)


def _outline(finding: Finding) -> Zone:
    if finding.polygon:
        return finding.polygon
    if finding.box_xyxy is None:
        return ()
    x1, y1, x2, y2 = finding.box_xyxy
    return ((x1, y1), (x2, y1), (x2, y2), (x1, y2))


def _raster(outlines: Sequence[Zone]) -> NDArray[np.uint8]:
    width, height = GRID_WH
    grid = np.zeros((height, width), dtype=np.uint8)
    for outline in outlines:
        if len(outline) >= 3:
            cells = np.array([(x * (width - 1), y * (height - 1)) for x, y in outline]).round().astype(np.int32)
            cv2.fillPoly(grid, [cells], (1,))
    return grid
