"""Follows the view of one camera from look to look and says what is suspected of each."""

from __future__ import annotations

from collections.abc import Collection

from detectors.base import Grey
from edge.looking.views import SmallView, is_blurred, is_covered, is_still, small_view, unlit
from edge.looking.views_moved import is_moved
from edge.looking.views_references import References
from edge.staying.clock import Moment
from ingest.configuration import ViewFault

COMPARE_EVERY_S = 10.0
"""So often the view is searched for a shift and learnt from; while anything is suspected, at each look."""

RECENT_FOR_S = 60.0
FROZEN_LOOKS = 10
FROZEN_S = 60.0
LIVELY_PAIRS = 20
"""Only of a camera whose looks were seen to differ so often before, the same picture again and again means frozen."""


class ViewJudge:
    """The view of one camera. One caller at a time, looks in the order of time."""

    def __init__(self, faults: Collection[ViewFault], references: References, *, frozen: bool = False) -> None:
        """faults: Those that count. frozen: Whether the picture was known to be frozen before a restart."""
        self._faults = frozenset(faults)
        self._references = references
        self._before: SmallView | None = None
        self._recent: tuple[SmallView, Moment] | None = None
        self._compared_at: Moment | None = None
        self._still_since: Moment | None = None
        self._still = FROZEN_LOOKS if frozen else 0
        self._lively = LIVELY_PAIRS if frozen else 0
        self._was_frozen = frozen

    def judge(self, luma: Grey, moment: Moment, *, in_force: bool) -> ViewFault | None:
        """Returns what is suspected of this look; ``in_force`` while the camera is taken to be blind."""
        view = small_view(luma)
        frozen = self._is_frozen(view, moment)
        due = in_force or self._compared_at is None or moment.since(self._compared_at) >= COMPARE_EVERY_S
        if due and self._references.refresh():
            self._recent = None
        dull = unlit(view)
        if dull is None:
            fault = self._suspected(view, moment, due=due, in_force=in_force)
        else:
            fault = dull if dull in self._faults else None
        if fault is None and frozen and ViewFault.FROZEN in self._faults:
            fault = ViewFault.FROZEN
        if due and fault is None:
            self._compared_at = moment
            if dull is None and self._still == 0 and not in_force:
                self._references.learn(view, moment)
        if fault is None and (self._recent is None or moment.since(self._recent[1]) >= RECENT_FOR_S):
            self._recent = (view, moment)
        return fault

    def _suspected(self, view: SmallView, moment: Moment, *, due: bool, in_force: bool) -> ViewFault | None:
        references = self._references.of(moment.utc)
        if not references and in_force:
            # Night falls while the lens is covered, and this camera's nights are not known: better the days than none.
            references = self._references.all
        # What was just there tells a cover, which comes at once, from dusk; after a restart the references alone do.
        before = [*references, *([self._recent[0]] if self._recent is not None else [])]
        if ViewFault.COVERED in self._faults and is_covered(view, before):
            return ViewFault.COVERED
        if ViewFault.BLURRED in self._faults and is_blurred(view, references):
            return ViewFault.BLURRED
        if due and ViewFault.MOVED in self._faults and is_moved(view, references):
            return ViewFault.MOVED
        return None

    def _is_frozen(self, view: SmallView, moment: Moment) -> bool:
        before, self._before = self._before, view
        if before is None:
            return self._was_frozen
        if not is_still(view, before):
            self._still, self._still_since, self._was_frozen = 0, None, False
            self._lively += 1
            return False
        self._still += 1
        if self._still_since is None:
            self._still_since = moment
        lasted = self._was_frozen or moment.since(self._still_since) >= FROZEN_S
        return lasted and self._still >= FROZEN_LOOKS and self._lively >= LIVELY_PAIRS
