"""Keeps the detector from running where nothing in a camera's zones has changed since its last run.

An unchanged scene holds the same things, so such a look is judged with the findings of that run. Whatever begins or
ends an incident is asked of the detector all the same: the gate is open

- while what is there is not settled: for RUNS runs after each change, and longer if they do not agree,
- while a stay is absent, so that "it is gone" is seen and never repeated; what was seen to be absent for the watch's
  ``clear_s`` and only may return (``recurrence_s``) is settled, up to the look that would end it,
- at the look that would raise a stay, also where its place cools down until then,
- after a gap longer than a watch's grace, and every ``always_every_s`` at the latest.

A picture is compared with the one of the last run, not of the last look: what fades in slowly is seen in the end.
"""

from __future__ import annotations

from collections.abc import Sequence
from random import Random
from typing import Protocol

import numpy as np
import structlog
from numpy.typing import NDArray

from detectors.base import Finding, Frame
from edge.looking.sameness import Remembered, around_zones, small_picture
from edge.looking.zones import overlap
from edge.staying.clock import Moment
from edge.staying.stays import Stay, WatchStays
from ingest.configuration import Gate as GateSettings
from ingest.configuration import GateMode, Policy, Watch

RUNS = 3
"""So many runs on the same scene must agree before one of them stands for looks without a run."""

SOONER = 0.25
"""Up to this share sooner than ``always_every_s`` it runs in any case: else cameras that were started together, or on
which the lights went off together, would all want the detector in the same second for ever after."""

SAME_THING_IOU = 0.5
TELL_EVERY_S = 600.0

Counting = Sequence[Sequence[Finding]]
"""For each watch of the camera, in order, the findings that count for it."""

log = structlog.get_logger(__name__)


class Watched(Protocol):
    """What the gate must know of a watch."""

    @property
    def stays(self) -> WatchStays: ...

    @property
    def watch(self) -> Watch: ...


class Gate:
    """The gate of one camera. One caller at a time, looks in the order of time.

    gated: Looks without a run; in shadow mode those that would have had none.
    would_have_missed: Findings that shadow mode saw and the gate would not have, and the other way round.
    """

    def __init__(self, settings: GateSettings, watches: Sequence[Watched], *, camera_id: str) -> None:
        self.mode = settings.mode
        self.gated = 0
        self.would_have_missed = 0
        self._chance = Random(camera_id)  # noqa: S311 - nobody is to be surprised
        self._longest_s = settings.always_every_s
        self._always_after_s = self._next_always_s()
        self._watches = watches
        self._camera_id = camera_id
        self._remembered: Remembered | None = None
        self._held: Counting = ()
        self._ran_at: Moment | None = None
        self._agreed = 0
        self._compared: tuple[tuple[int, int], NDArray[np.bool_]] | None = None
        self._told: tuple[Moment, int, int] | None = None

    def held(self, frame: Frame, moment: Moment) -> Counting | None:
        """Returns the findings of the last run where they stand for this look too; None where the detector must run.

        Raises: FrameError: If the pixels cannot be converted.
        """
        if self.mode is GateMode.OFF or self._remembered is None or self._ran_at is None:
            return None
        small = small_picture(frame)
        if self._remembered.differs(small, self._places((small.shape[1], small.shape[0]))):
            self._agreed = 0
            return None
        if self._agreed < RUNS or moment.since(self._ran_at) >= self._always_after_s or self._decides(moment):
            return None
        return self._held

    def ran(self, frame: Frame, moment: Moment, counting: Counting) -> None:
        """Takes what a run has found. Raises: FrameError: If the pixels cannot be converted."""
        if self.mode is GateMode.OFF:
            return
        agrees = self._ran_at is not None and self._agree(self._held, counting)
        self._agreed = self._agreed + 1 if agrees and self._agreed else 1
        self._remembered, self._held, self._ran_at = Remembered(small_picture(frame)), counting, moment
        self._always_after_s = self._next_always_s()

    def _next_always_s(self) -> float:
        return self._longest_s * (1 - SOONER * self._chance.random())

    def ran_in_shadow(self, held: Counting, moment: Moment, counting: Counting) -> None:
        """Counts a run that the gate would have saved, and what would have been wrong without it."""
        self.gated += 1
        self.would_have_missed += sum(
            len(_unmatched(watch, seen, kept)) + len(_unmatched(watch, kept, seen))
            for watch, kept, seen in zip(self._watches, held, counting, strict=True)
        )
        since, gated, missed = self._told or (moment, 0, 0)
        if self._told is None:
            self._told = since, gated, missed
        elif moment.since(since) >= TELL_EVERY_S:
            log.info(
                "gate in shadow",
                camera=self._camera_id,
                would_have_skipped=self.gated - gated,
                would_have_missed=self.would_have_missed - missed,
            )
            self._told = moment, self.gated, self.would_have_missed

    def _places(self, size_wh: tuple[int, int]) -> NDArray[np.bool_]:
        if self._compared is None or self._compared[0] != size_wh:
            zones = [watch.watch.zone or () for watch in self._watches]
            self._compared = size_wh, around_zones(zones, size_wh)
        return self._compared[1]

    def _decides(self, moment: Moment) -> bool:
        return any(_decides(stay, watch.stays, moment) for watch in self._watches for stay in watch.stays.stays)

    def _agree(self, before: Counting, after: Counting) -> bool:
        return not any(
            _unmatched(watch, old, new) or _unmatched(watch, new, old)
            for watch, old, new in zip(self._watches, before, after, strict=True)
        )


def _decides(stay: Stay, stays: WatchStays, moment: Moment) -> bool:
    """True where this look may begin or end something, so that the detector itself must say what is there."""
    watch = stays.watch
    gap_s = moment.since(stay.last_judged)
    if gap_s > watch.grace_s:
        return True
    if stay.absent_looks:
        return not stay.raised or stay.absent_s < watch.clear_s or stays.would_end(stay, moment)
    return stays.would_raise(stay, moment)


def _unmatched(watch: Watched, findings: Sequence[Finding], others: Sequence[Finding]) -> list[Finding]:
    """Returns those findings that none of the others stands for."""
    if watch.watch.policy is not Policy.SAME:
        return list(findings[:1]) if not others else []
    return [finding for finding in findings if not any(_same(finding, other) for other in others)]


def _same(a: Finding, b: Finding) -> bool:
    return a.box_xyxy is None or b.box_xyxy is None or overlap(a.box_xyxy, b.box_xyxy) >= SAME_THING_IOU
