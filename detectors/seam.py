"""Asks a detector and takes from it only what the contract can carry: a plug-in's mistake ends a look, no process."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Sequence

from detectors.base import (
    BoxXyxy,
    DetectionError,
    DetectorConfigurationError,
    DetectorIdentity,
    Finding,
    Frame,
    FrameDetector,
    PartDetector,
    Reading,
    ReadingRule,
)

LABEL_CHARS = 64
MOST_POINTS = 200


def found_in(detector: FrameDetector, frame: Frame) -> list[Finding]:
    """Returns what the detector finds in the whole frame. Raises: DetectorError."""
    return _of_one(detector.detect([frame]))


def found_in_part(detector: PartDetector, frame: Frame, part_xyxy: BoxXyxy) -> list[Finding]:
    """Returns what the detector finds in a part (see ``detect_part``). Raises: DetectorError."""
    return _checked(detector.detect_part(frame, part_xyxy))


def judged(rule: ReadingRule, reading: Reading, *, standing: bool) -> list[Finding]:
    """Returns what is wrong with one reading. Raises: DetectorError."""
    return _of_one(rule.judge([reading], standing=standing))


def check_identity(identity: DetectorIdentity) -> None:
    """Raises: DetectorConfigurationError: No event could name such a detector."""
    for key, text in (("name", identity.name), ("version", identity.version)):
        if text is not None and not _is_short(text):
            message = f"a detector's {key} needs 1 to {LABEL_CHARS} characters, got {text!r:.80}"
            raise DetectorConfigurationError(message)
    sha256 = identity.weights_sha256
    if sha256 is not None and re.fullmatch("[0-9a-f]{64}", sha256) is None:
        raise DetectorConfigurationError(f"a detector's weights_sha256 needs 64 hex digits, got {sha256!r:.80}")


def _of_one(found: Sequence[list[Finding]]) -> list[Finding]:
    if len(found) != 1:
        raise DetectionError(f"the detector answered for {len(found)} instead of 1")
    return _checked(found[0])


def _checked(findings: list[Finding]) -> list[Finding]:
    for finding in findings:
        for problem in _problems(finding):
            raise DetectionError(f"the detector found what no event can carry: {problem}")
    return findings


def _problems(finding: Finding) -> Iterator[str]:
    if not _is_short(finding.label):
        yield f"label needs 1 to {LABEL_CHARS} characters, got {finding.label!r:.80}"
    if finding.score is not None and not _is_share(finding.score):
        yield f"score needs a float from 0 to 1, got {finding.score!r:.80}"
    if (box := finding.box_xyxy) is not None and not (
        len(box) == 4 and all(map(_is_share, box)) and box[0] < box[2] and box[1] < box[3]
    ):
        yield f"box_xyxy needs shares from 0 to 1 with x1 < x2 and y1 < y2, got {box!r:.120}"
    if finding.polygon is not None:
        yield from _polygon_problems(finding.polygon)
    for key, value in (("value", finding.value), ("threshold", finding.threshold)):
        if value is not None and not (isinstance(value, (int, float)) and math.isfinite(value)):
            yield f"{key} needs a finite float, got {value!r:.80}"


def _polygon_problems(polygon: Sequence[tuple[float, float]]) -> Iterator[str]:
    if not 3 <= len(polygon) <= MOST_POINTS:
        yield f"polygon needs 3 to {MOST_POINTS} points, got {len(polygon)}"
    elif not all(len(point) == 2 and all(map(_is_share, point)) for point in polygon):
        yield "polygon needs points of two shares from 0 to 1"


def _is_short(text: str) -> bool:
    return 1 <= len(text) <= LABEL_CHARS and "\x00" not in text


def _is_share(number: float) -> bool:
    # A float of numpy's other than float64 is none of Python's, and what follows stays could not be written.
    return isinstance(number, (int, float)) and 0 <= number <= 1
