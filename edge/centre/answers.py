"""Does what the centre asks of this edge: a picture, a look out of turn, a trial of a draft."""

from __future__ import annotations

import threading
import time
import traceback
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass
from pathlib import Path

import structlog

from edge.centre.document import OfferRefused, draft_of
from edge.centre.trial import TrialFailed, try_watch
from edge.outbox.box import Commit, Outbox, OutboxError
from edge.outbox.keeper import Keeper
from edge.processes.asking import Asked, failed
from edge.processes.group_requests import seen_all
from ingest.configuration import Camera, EdgeConfiguration
from ingest.contract import EvidenceItem, EvidenceState
from ingest.edge_messages import EdgeRequest, RequestResult, RequestType

TELL_WITHIN_S = 2.0
"""So long before it expires an answer must be ready, or nobody would hear it."""

POLL_S = 0.2

log = structlog.get_logger(__name__)

Ask = Callable[[Asked], "Future[RequestResult]"]


@dataclass(frozen=True, slots=True)
class _Arrived:
    """Evidence that is at the centre, and in words what became of the rest."""

    items: list[EvidenceItem]
    why_not: str | None = None


class Answers:
    """Its calls come from several threads. ``local`` is the edge's own file: cameras are never the centre's."""

    def __init__(
        self, local: EdgeConfiguration, *, ask: Ask, outbox: Outbox, keeper: Keeper, root: Path, stop: threading.Event
    ) -> None:
        self.local = local
        self._ask = ask
        self._outbox = outbox
        self._keeper = keeper
        self._root = root
        self._stop = stop
        self._one_trial = threading.Lock()

    def answer(self, request: EdgeRequest, deadline_s: float) -> RequestResult:
        """Returns the answer by ``deadline_s`` of the monotonic clock; it never raises."""
        ready_by_s = deadline_s - TELL_WITHIN_S
        camera = next((camera for camera in self.local.cameras if camera.id == request.camera), None)
        if camera is None:
            listed = ", ".join(c.id for c in self.local.cameras) or "none"
            return failed(request.request_id, f"no camera {request.camera!r} on this edge; there is: {listed}")
        try:
            if request.type is RequestType.TRY_WATCH:
                result = self._trial(request, camera, ready_by_s)
            else:
                asked = Asked(request.request_id, request.type, request.camera, ready_by_s)
                result = self._asked(asked)
            return self._once_arrived(result, ready_by_s, needed=request.type is RequestType.SNAPSHOT)
        except Exception:  # noqa: BLE001 - the top of a thread: who asked must hear that it failed
            log.error("request failed", request=str(request.request_id), trace=traceback.format_exc())
            return failed(request.request_id, "the edge failed at it; its log tells more")

    def _asked(self, asked: Asked) -> RequestResult:
        answer = self._ask(asked)
        while not self._stop.is_set():
            # Who tends the group gives up at the deadline; waiting a little at a time lets the edge stop meanwhile.
            try:
                return answer.result(timeout=POLL_S)
            except TimeoutError:
                continue
        return failed(asked.request_id, "the edge is stopping")

    def _trial(self, request: EdgeRequest, camera: Camera, ready_by_s: float) -> RequestResult:
        try:
            draft = draft_of(request.watch or {}, self.local)
        except OfferRefused as error:
            return failed(request.request_id, str(error))
        if draft.camera != request.camera:
            return failed(request.request_id, f"watch {draft.id!r}: camera: expected {request.camera!r}")
        # One at a time: two would take the box from the looking.
        if not self._one_trial.acquire(timeout=max(0.0, ready_by_s - time.monotonic())):
            return failed(request.request_id, "other trials took all the time that there was")
        try:
            outcome = try_watch(
                draft,
                camera,
                self._root,
                time_zone=self.local.time_zone,
                deadline_s=ready_by_s,
                stop=self._stop,
            )
        except TrialFailed as error:
            return failed(request.request_id, f"watch {draft.id!r} could not be tried: {error}")
        finally:
            self._one_trial.release()
        self._keeper.keep(Commit(evidence=outcome.evidence))
        return RequestResult(
            request_id=request.request_id,
            ok=True,
            evidence=list(outcome.evidence),
            findings=seen_all(outcome.findings),
            looks_tried=outcome.looks_tried,
            would_have_raised=outcome.would_have_raised,
        )

    def _once_arrived(self, result: RequestResult, ready_by_s: float, *, needed: bool) -> RequestResult:
        """Waits until the centre has the pictures: a result must not name what cannot be shown."""
        if not result.evidence:
            return result
        arrived = self._arrived(result.evidence, ready_by_s)
        if arrived.why_not is None:
            return result.model_copy(update={"evidence": arrived.items})
        if needed:
            return failed(result.request_id, arrived.why_not)
        return result.model_copy(update={"evidence": arrived.items, "error": arrived.why_not})

    def _arrived(self, items: list[EvidenceItem], ready_by_s: float) -> _Arrived:
        names = [item.sha256 for item in items]
        states: dict[str, tuple[EvidenceState, str | None]] = {}
        while not self._stop.is_set() and time.monotonic() < ready_by_s:
            try:
                states = self._outbox.evidence_states(names)
            except OutboxError as error:
                return _Arrived([], str(error)[:500])
            if all(name in states and states[name][0] is not EvidenceState.PENDING for name in names):
                break
            self._stop.wait(POLL_S)
        present = [
            item.model_copy(update={"state": EvidenceState.PRESENT})
            for item in items
            if states.get(item.sha256, (None,))[0] is EvidenceState.PRESENT
        ]
        if len(present) == len(items):
            return _Arrived(present)
        reasons = [reason for state, reason in states.values() if state is EvidenceState.SACRIFICED and reason]
        return _Arrived(present, (reasons or ["the picture did not reach the centre in time"])[0][:500])
