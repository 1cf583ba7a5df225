"""Says whether a camera still shows the view of its reference: by correlation, and by features where that fails."""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum

import cv2
import numpy as np

from detectors.base import Grey
from edge.looking.views import SMALL_WH, SmallView, edges

MOVED_BY = 0.03 * SMALL_WH[0]
"""A zone of a tenth of the width is a third off after a shift of so many cells (3 % of the width)."""

RESPONSE = 0.15
"""From this height of its peak on, phase correlation is believed; fog at a tenth of the contrast still gives 0.2."""

FEATURES = 300
ENOUGH_FEATURES = 60
ENOUGH_INLIERS = 12
TURNED_OR_ZOOMED = 0.06
RATIO = 0.8


class Fit(StrEnum):
    """How a view compares with one reference; ``unsure`` where one of them shows too little."""

    SAME = "same"
    MOVED = "moved"
    UNSURE = "unsure"


def is_moved(view: SmallView, references: Sequence[SmallView]) -> bool:
    """Whether one of the references says that the view is another one, and none that it is the same."""
    fits = []
    for reference in references:
        fits.append(fit(view.grey, reference.grey))
        if fits[-1] is Fit.SAME:
            return False
    return Fit.MOVED in fits


def fit(grey: Grey, reference: Grey) -> Fit:
    """Compares two small grey pictures, shape ``(180, 320)``, ``uint8``."""
    now, before = edges(grey), edges(reference)
    window = cv2.createHanningWindow(SMALL_WH, cv2.CV_32F)
    (dx, dy), response = cv2.phaseCorrelate(before, now, window)
    if response >= RESPONSE:
        return Fit.MOVED if np.hypot(dx, dy) >= MOVED_BY else Fit.SAME
    return _fit_by_features(grey, reference)


def _fit_by_features(grey: Grey, reference: Grey) -> Fit:
    """Large shifts, turns and zooms: the features of one view are found in the other, or they are two views."""
    orb = cv2.ORB.create(nfeatures=FEATURES, edgeThreshold=15, patchSize=15, fastThreshold=10)
    points, marks = orb.detectAndCompute(grey, None)
    old_points, old_marks = orb.detectAndCompute(reference, None)
    if min(len(points), len(old_points)) < ENOUGH_FEATURES:
        return Fit.UNSURE
    pairs = cv2.BFMatcher(cv2.NORM_HAMMING).knnMatch(old_marks, marks, k=2)
    good = [pair[0] for pair in pairs if len(pair) == 2 and pair[0].distance < RATIO * pair[1].distance]
    if len(good) < ENOUGH_INLIERS:
        return Fit.MOVED
    old = np.array([old_points[match.queryIdx].pt for match in good], dtype=np.float32)
    new = np.array([points[match.trainIdx].pt for match in good], dtype=np.float32)
    matrix, inliers = cv2.estimateAffinePartial2D(old, new, method=cv2.RANSAC, ransacReprojThreshold=3.0)
    if matrix is None or int(inliers.sum()) < ENOUGH_INLIERS:
        return Fit.MOVED
    middle = np.array([SMALL_WH[0] / 2, SMALL_WH[1] / 2])
    shift = matrix[:, :2] @ middle + matrix[:, 2] - middle
    turned = float(np.abs(matrix[:, :2] - np.eye(2)).max()) > TURNED_OR_ZOOMED
    return Fit.MOVED if turned or float(np.hypot(*shift)) >= MOVED_BY else Fit.SAME
