"""Tells whether a crop looks as another did, by a perceptual hash, and how much two boxes overlap."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import BinaryIO

from PIL import Image

from api.evidence.content import DECODING, DECODING_ERRORS, MAX_PIXELS, sniff
from api.evidence_store import EvidenceDamaged, EvidenceLocked, EvidenceMissing, EvidenceStore

SAME_PLACE_IOU = 0.5
SAME_LOOK_BITS = 8
"""Of 64, as measured in tests/api/cases/test_looks.py: the same crop again differs in less, another one in more."""

CROP = "crop"
MAX_CROP_BYTES = 1_000_000
"""An edge's crop has some ten thousand."""

_PICTURES = {"image/jpeg": "JPEG", "image/png": "PNG", "image/webp": "WEBP"}
_SIDE = 8


def look_hash(store: EvidenceStore, sha256: str) -> str | None:
    """Returns the hash of a crop in the store as 16 hexadecimal digits.

    None where it has not come, is no picture or too large, or cannot be read: then it looks like nothing known.

    Raises: EvidenceUnavailable.
    """
    try:
        with store.open(sha256) as file:
            if file.seek(0, 2) > MAX_CROP_BYTES:
                return None
            return hash_of(file)
    except (EvidenceMissing, EvidenceDamaged, EvidenceLocked):
        return None


def hash_of(file: BinaryIO) -> str | None:
    """Returns the difference hash of a picture: for 8 rows of 9 grey means, where it gets brighter to the right."""
    kind = _PICTURES.get(sniff(file) or "")
    if kind is None:
        return None
    try:
        with DECODING, Image.open(file, formats=[kind]) as image:
            if image.width * image.height > MAX_PIXELS:
                return None
            image.draft("L", (_SIDE * 8, _SIDE * 8))
            grey = image.convert("L").resize((_SIDE + 1, _SIDE), Image.Resampling.BOX).tobytes()
    except DECODING_ERRORS:
        return None
    rows = [grey[at : at + _SIDE + 1] for at in range(0, len(grey), _SIDE + 1)]
    bits = "".join("1" if right > left else "0" for row in rows for left, right in pairwise(row))
    return f"{int(bits, 2):016x}"


def same_look(one: str | None, other: str | None) -> bool:
    """Whether both are known, and differ in ``SAME_LOOK_BITS`` at most."""
    if one is None or other is None:
        return False
    return bits_apart(one, other) <= SAME_LOOK_BITS


def bits_apart(one: str, other: str) -> int:
    return (int(one, 16) ^ int(other, 16)).bit_count()


def overlap(one: Sequence[float] | None, other: Sequence[float] | None) -> float:
    """Returns the intersection over the union of two boxes, normalised xyxy; 0 where one is not known."""
    if one is None or other is None:
        return 0.0
    wide = min(one[2], other[2]) - max(one[0], other[0])
    high = min(one[3], other[3]) - max(one[1], other[1])
    if wide <= 0 or high <= 0:
        return 0.0
    shared = wide * high
    return shared / (_area(one) + _area(other) - shared)


def _area(box: Sequence[float]) -> float:
    return max(0.0, box[2] - box[0]) * max(0.0, box[3] - box[1])
