"""Makes blurred pictures of one frame, and blurs it only when one is asked for."""

from __future__ import annotations

from datetime import datetime

from detectors.base import BoxXyxy, Finding, Frame, FrameDetector, Image
from detectors.seam import found_in
from edge.looking.evidence import EvidenceError, Picture, crop_picture, surroundings, wide_picture
from edge.looking.negative import Negative
from edge.looking.privacy import blurred, is_crowd
from ingest.contract import EvidenceRole, StreamName


class Studio:
    """The pictures of one frame. What the privacy detector found is set where a watch's run has found it already.

    stream: Which of the camera's two streams the frame is of; None where there is one.
    max_people: Where the frame shows more persons, only the surroundings of a thing are shown of it; None: any number.
    Raises: From each picture, DetectorError: The privacy detector fails. EvidenceError: It can't be encoded, or is
    withheld.
    """

    def __init__(
        self,
        frame: Frame,
        privacy: FrameDetector,
        *,
        stream: StreamName | None = None,
        max_people: int | None = None,
    ) -> None:
        self._frame = frame
        self._stream = stream
        self._privacy = privacy
        self._max_people = max_people
        self.findings: list[Finding] | None = None
        self._without_plates: Image | None = None
        self._negative: Negative | None = None
        self._withheld: str | None = None

    def withhold(self, why: str) -> Studio:
        """Returns itself, of which no picture can be had any more: who asks for one is told why."""
        self._withheld = why
        return self

    @property
    def frame(self) -> Frame:
        """The picture as it was taken: masked and not blurred, so that it must not leave memory."""
        return self._frame

    @property
    def taken_at(self) -> datetime:
        return self._frame.captured_at

    def negative(self) -> Negative:
        """Returns the picture as it can wait in memory, for those who may need it later."""
        self._check_given()
        if self._negative is None:
            self._negative = Negative(
                self._frame,
                self._privacy,
                findings=self.findings,
                stream=self._stream,
                max_people=self._max_people,
            )
        return self._negative

    def wide(self, role: EvidenceRole, *, around: BoxXyxy | None = None) -> Picture:
        """around: The thing that it shows; without one it is the camera itself that is shown, and the view is whole."""
        image = self.blurred()
        if around is not None and self.is_crowd():
            image = surroundings(image, around)
        return wide_picture(image, role=role, taken_at=self._frame.captured_at, stream=self._stream)

    def is_crowd(self) -> bool:
        """Whether more persons are in the frame than may be shown. Raises: DetectorError."""
        return self._max_people is not None and is_crowd(self._found(), self._max_people)

    def crop(self, box_xyxy: BoxXyxy, *, keep_plate: bool) -> Picture:
        """Only here may the incident's own vehicle keep its plate, and the picture is marked for it."""
        self._check_given()
        image = self._blurred([box_xyxy]) if keep_plate else self.blurred()
        taken_at = self._frame.captured_at
        return crop_picture(image, box_xyxy, taken_at=taken_at, plate_kept=keep_plate, stream=self._stream)

    def blurred(self) -> Image:
        """Returns the whole picture, ``(H, W, 3)`` BGR, with every head and plate in it blurred; not to be changed."""
        self._check_given()
        if self._without_plates is None:
            self._without_plates = self._blurred([])
        return self._without_plates

    def _check_given(self) -> None:
        if self._withheld is not None:
            raise EvidenceError(self._withheld)

    def _blurred(self, keep_plates_of: list[BoxXyxy]) -> Image:
        return blurred(self._frame.image, self._found(), keep_plates_of=keep_plates_of)

    def _found(self) -> list[Finding]:
        if self.findings is None:
            self.findings = found_in(self._privacy, self._frame)
        return self.findings
