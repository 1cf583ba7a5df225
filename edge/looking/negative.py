"""Keeps a picture in memory until it is known whether anybody needs it; only then is it blurred and encoded to be kept.

Most things that come only pass: blurring a start picture for each of them would cost more than finding them.
"""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np

from detectors.base import BoxXyxy, Finding, Frame, FrameDetector
from detectors.seam import found_in
from edge.looking.evidence import MAX_WIDTH, EvidenceError, Picture, surroundings, wide_picture
from edge.looking.privacy import blurred, is_crowd
from ingest.contract import EvidenceRole, StreamName

QUALITY = 90


class Negative:
    """One frame, packed small. It is not blurred: it never leaves memory, and what is developed from it is.

    findings: Of the whole frame by the privacy detector, where it has run already. max_people: As in
    :class:`edge.looking.studio.Studio`.
    Raises: EvidenceError: If the frame can't be encoded.
    """

    def __init__(
        self,
        frame: Frame,
        privacy: FrameDetector,
        *,
        findings: Sequence[Finding] | None,
        stream: StreamName | None = None,
        max_people: int | None = None,
    ) -> None:
        image = frame.image
        if image.shape[1] > MAX_WIDTH:
            size_wh = MAX_WIDTH, max(1, round(image.shape[0] * MAX_WIDTH / image.shape[1]))
            image = np.asarray(cv2.resize(image, size_wh, interpolation=cv2.INTER_LINEAR), dtype=np.uint8)
        done, encoded = cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, QUALITY])
        if not done:
            raise EvidenceError(f"picture of shape {image.shape} cannot be encoded")
        self._packed = encoded
        self._taken_at = frame.captured_at
        self._stream = stream
        self._privacy = privacy
        self._findings = findings
        self._max_people = max_people
        self._whole: Picture | None = None

    def developed(self, role: EvidenceRole, *, around: BoxXyxy) -> Picture:
        """Returns the whole picture with every head and plate blurred, the same for all who ask; or of a crowd, a part.

        around: The thing, whose surroundings are all that is shown of a crowd.
        Raises: DetectorError: If the privacy detector fails. EvidenceError: If the picture can't be encoded.
        """
        if self._whole is not None:
            return self._whole
        image = np.asarray(cv2.imdecode(self._packed, cv2.IMREAD_COLOR), dtype=np.uint8)
        if self._findings is None:
            self._findings = found_in(self._privacy, Frame(image, self._taken_at))
        shown, crowd = blurred(image, self._findings), is_crowd(self._findings, self._max_people)
        if crowd:
            shown = surroundings(shown, around)
        picture = wide_picture(shown, role=role, taken_at=self._taken_at, stream=self._stream)
        self._whole = None if crowd else picture
        return picture
