"""The questions that one group's process has in hand: asked once it runs, and again when it was started anew."""

from __future__ import annotations

import threading
from collections.abc import Callable, Collection
from concurrent.futures import Future
from dataclasses import dataclass
from uuid import UUID

from edge.processes.asking import Asked, failed, not_here
from ingest.edge_messages import RequestResult

MOST_OPEN = 20
"""Questions in hand of one group: more than the pipe takes at once would hold up the supervisor of all groups."""


@dataclass(slots=True)
class _Question:
    asked: Asked
    answer: Future[RequestResult]
    sent: bool = False


class Questions:
    """Calls may come from several threads; none is left without an answer."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._open: dict[UUID, _Question] = {}
        self._closed: str | None = None

    def ask(self, asked: Asked) -> Future[RequestResult]:
        question = _Question(asked, Future())
        with self._lock:
            if self._closed is not None:
                question.answer.set_result(failed(asked.request_id, self._closed))
            elif len(self._open) >= MOST_OPEN:
                question.answer.set_result(failed(asked.request_id, f"{MOST_OPEN} other requests are in hand there"))
            else:
                self._open[asked.request_id] = question
        return question.answer

    def send(self, send: Callable[[Asked], None]) -> None:
        """Sends what was not sent yet. Raises: OSError: Of ``send``; the rest waits."""
        with self._lock:
            unsent = [question for question in self._open.values() if not question.sent]
        for question in unsent:
            send(question.asked)
            question.sent = True

    def send_again(self) -> None:
        """Whoever was asked is gone: all of them are due once more."""
        with self._lock:
            for question in self._open.values():
                question.sent = False

    @property
    def all_sent(self) -> bool:
        with self._lock:
            return all(question.sent for question in self._open.values())

    def answered(self, result: RequestResult) -> None:
        with self._lock:
            question = self._open.pop(result.request_id, None)
        if question is not None:
            question.answer.set_result(result)

    def drop_late(self) -> None:
        with self._lock:
            late = [q for q in self._open.values() if q.asked.remaining_s <= 0]
            for question in late:
                del self._open[question.asked.request_id]
        for question in late:
            answer = failed(question.asked.request_id, f"the group of camera {question.asked.camera!r} gave no answer")
            question.answer.set_result(answer)

    def drop_others(self, cameras: Collection[str]) -> None:
        """Answers what is asked of none of these cameras: it is looked at elsewhere now, or nowhere."""
        with self._lock:
            others = [q for q in self._open.values() if q.asked.camera not in cameras]
            for question in others:
                del self._open[question.asked.request_id]
        for question in others:
            question.answer.set_result(not_here(question.asked))

    def close(self, why: str) -> None:
        """Answers all that is open, and what is asked from now on, with ``why``."""
        with self._lock:
            questions, self._open, self._closed = list(self._open.values()), {}, why
        for question in questions:
            question.answer.set_result(failed(question.asked.request_id, why))
