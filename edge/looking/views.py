"""Judges whether a look can be judged at all: is the view black, white, blurred, covered, frozen or moved?

Everything but black and white is measured against the camera's own references, for a camera over a plain wall and one
over a market differ more from each other than either from a covered one.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from detectors.base import Grey
from ingest.configuration import ViewFault

Tiles = NDArray[np.float32]
Edges = NDArray[np.float32]

SMALL_WH = (320, 180)
_HALFWAY_WH = (640, 360)
TILES_WH = (16, 9)

BLACK_BELOW = 30
WHITE_FROM = 248
SHARE = 0.99
WHITE_SHARE = 0.85

TEXTURED = 4.0
"""From this standard deviation (grey levels) on, a tile of a reference shows something."""

UNIFORM = 2.0
ENOUGH_TILES = 8
COVERED_SHARE = 0.6
COVERED_RATIO = 0.35
LIKE = 0.4
"""From this correlation of their edges on, what looks plain shows the same structures: fog or dusk, and no cover."""

BLURRED_RATIO = 0.45

STILL_CELLS = 115
"""So many of the small picture's cells may differ in a frozen one (0.2 %): some cameras go on drawing their clock."""


@dataclass(frozen=True, slots=True, eq=False)
class SmallView:
    """What is kept of one look to judge its view.

    grey: shape ``(180, 320)``, ``uint8``. texture, detail: shape ``(9, 16)``, per tile the standard deviation of the
    coarse and the mean height of the finest structures, in grey levels.
    """

    grey: Grey
    texture: Tiles
    detail: Tiles


def small_view(luma: Grey) -> SmallView:
    """luma: shape ``(H, W)``, ``uint8``."""
    if luma.shape[1] >= 2 * _HALFWAY_WH[0]:
        # A third of the work of averaging over all pixels, and its noise is nearer to that of smaller cameras.
        luma = np.asarray(cv2.resize(luma, _HALFWAY_WH, interpolation=cv2.INTER_LINEAR), dtype=np.uint8)
    return view_of(np.asarray(cv2.resize(luma, SMALL_WH, interpolation=cv2.INTER_AREA), dtype=np.uint8))


def view_of(grey: Grey) -> SmallView:
    """grey: shape ``(180, 320)``, ``uint8``."""
    exact = grey.astype(np.float32)
    coarse = cv2.GaussianBlur(exact, (0, 0), 1.5)
    mean = cv2.resize(coarse, TILES_WH, interpolation=cv2.INTER_AREA)
    square = cv2.resize(coarse * coarse, TILES_WH, interpolation=cv2.INTER_AREA)
    texture = np.sqrt(np.maximum(square - mean * mean, 0))
    detail = cv2.resize(np.abs(exact - coarse), TILES_WH, interpolation=cv2.INTER_AREA)
    return SmallView(grey, np.asarray(texture, dtype=np.float32), np.asarray(detail, dtype=np.float32))


def unlit(view: SmallView) -> ViewFault | None:
    """Returns black or white where the picture is nothing else. Privacy masks, exactly black, do not count."""
    seen = view.grey[view.grey > 0]
    if seen.size == 0 or np.count_nonzero(seen < BLACK_BELOW) >= SHARE * seen.size:
        return ViewFault.BLACK
    # By night most of a street may be as black as a mask; one bright window in it blinds nobody.
    if seen.size >= view.grey.size / 2 and np.count_nonzero(seen >= WHITE_FROM) >= WHITE_SHARE * seen.size:
        return ViewFault.WHITE
    return None


def is_still(view: SmallView, before: SmallView) -> bool:
    """Whether two looks are the same picture: between two real ones lies at least the noise of the sensor."""
    return int(np.count_nonzero(view.grey != before.grey)) <= STILL_CELLS


def is_covered(view: SmallView, references: Sequence[SmallView]) -> bool:
    """Whether most of what showed something in each of the references is plain now, and its structures gone.

    Thick fog and dusk leave little contrast, but what is left has the edges of the reference; a cover has its own.
    """
    return bool(references) and all(_covered(view, reference) for reference in references)


def _covered(view: SmallView, reference: SmallView) -> bool:
    textured = reference.texture >= TEXTURED
    count = int(textured.sum())
    if count < ENOUGH_TILES:
        return False
    plain = textured & (view.texture < UNIFORM) & (view.texture < COVERED_RATIO * reference.texture)
    return int(plain.sum()) >= COVERED_SHARE * count and likeness(edges(view.grey), edges(reference.grey)) < LIKE


def edges(grey: Grey) -> Edges:
    """Returns how strong the edges are, shape ``(180, 320)``; of the light little is left in it."""
    soft = cv2.GaussianBlur(grey, (0, 0), 1.0).astype(np.float32)
    strength = cv2.magnitude(cv2.Sobel(soft, cv2.CV_32F, 1, 0), cv2.Sobel(soft, cv2.CV_32F, 0, 1))
    # The root keeps a lamp at night from being all that counts.
    return np.asarray(np.sqrt(cv2.GaussianBlur(strength, (0, 0), 2.0)), dtype=np.float32)


def likeness(now: Edges, before: Edges) -> float:
    """Returns the correlation -1..1 of two pictures of edges."""
    return float(cv2.matchTemplate(now, before, cv2.TM_CCOEFF_NORMED)[0, 0])


def is_blurred(view: SmallView, references: Sequence[SmallView]) -> bool:
    """Whether fine structures are gone where coarse ones are left, against each of the references.

    Fog takes contrast from fine and coarse alike, so their ratio stays; a smeared or unfocused lens takes the fine
    ones alone. The median over the tiles leaves out the camera's own writing and the edges of masks, always sharp.
    """
    return bool(references) and all(_blurred(view, reference) for reference in references)


def _blurred(view: SmallView, reference: SmallView) -> bool:
    comparable = (reference.texture >= TEXTURED) & (view.texture >= UNIFORM) & (reference.detail > 0)
    if int(comparable.sum()) < ENOUGH_TILES:
        return False
    now = view.detail[comparable] / view.texture[comparable]
    usual = reference.detail[comparable] / reference.texture[comparable]
    return float(np.median(now / usual)) < BLURRED_RATIO
