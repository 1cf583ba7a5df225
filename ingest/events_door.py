"""Takes events in: each is checked, and answered once it is durably in the stream."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from fastapi import Request, Response
from fastapi.concurrency import run_in_threadpool

from ingest.api_memory import Kinds
from ingest.bodies import PerEdge, parsed_json, read_body
from ingest.contract import EPOCH_HEADER, Answer, EventAnswer, PostAnswer
from ingest.entries import Appended, NewEntry, Outcome
from ingest.outage import Outage
from ingest.rates import Rate
from ingest.redis_link import StreamError, StreamUnavailable
from ingest.sorting import Sound, messages_of, sort_message
from ingest.stream import EventStream

EPOCH_MAX_CHARS = 64
BODY_MAX_BYTES = 5_000_000
DURABLE_FOR_S = 30.0
POSTS_PER_EDGE = 16
BYTES_PER_EVENT = 10_000  # a POST counts as an event for each of these at least, as reading it costs its time


@dataclass(frozen=True, slots=True)
class _Sender:
    """Who sends; ``known_epoch`` is the last epoch of the stream that the edge knows, "" where it does not say."""

    edge_id: str
    request_id: str
    known_epoch: str

    @classmethod
    def of(cls, request: Request) -> _Sender:
        known_epoch = request.headers.get(EPOCH_HEADER, "")[:EPOCH_MAX_CHARS]
        return cls(request.state.edge_id, request.state.request_id, known_epoch)


class EventsDoor:
    """``POST /ingest/v1/events``: checks, appends, answers each event."""

    def __init__(self, stream: EventStream, kinds: Kinds, *, lossy: bool, rate: Rate) -> None:
        self._stream = stream
        self._kinds = kinds
        self._lossy = lossy
        self._rate = rate
        self._posts = PerEdge(POSTS_PER_EDGE)
        self._durable_until = 0.0
        self._epoch = ""
        self._redis = Outage("redis")

    def check_durable(self) -> None:
        """Checks Redis's settings unless it was done a moment ago: another Redis may answer at any time.

        Raises: StreamNotDurable, StreamUnavailable.
        """
        if time.monotonic() < self._durable_until:
            return
        try:
            self._stream.check_durable(lossy=self._lossy)
        except StreamError as error:
            self._redis.lost(error)
            raise
        self._durable_until = time.monotonic() + DURABLE_FOR_S

    async def post(self, request: Request) -> Response:
        self._rate.check(request.state.edge_id)
        # Until the answer: while Redis hangs, an edge's bodies would pile up behind it.
        with self._posts.one(request.state.edge_id):
            body = await read_body(request, max_bytes=BODY_MAX_BYTES)
            answer = await run_in_threadpool(self._take, body, _Sender.of(request))
        return Response(answer.model_dump_json(), status_code=202, media_type="application/json")

    def _take(self, body: bytes, sender: _Sender) -> PostAnswer:
        least = len(body) // BYTES_PER_EVENT
        self._rate.check(sender.edge_id, least)
        messages = messages_of(parsed_json(body))
        self._rate.take(sender.edge_id, max(len(messages), least))
        self._kinds.current()  # Heard in good days, also by a POST without events, they serve while the API is away.
        sorted_messages = [
            sort_message(message, position=position, edge_id=sender.edge_id, kinds=self._kinds)
            for position, message in enumerate(messages)
        ]
        sound = [message for message in sorted_messages if isinstance(message, Sound)]
        appended = self._append(sound, sender)
        outcomes = iter(appended.outcomes)
        answers = [
            message if isinstance(message, EventAnswer) else _answer(message, next(outcomes))
            for message in sorted_messages
        ]
        return PostAnswer(answers=answers, stream_epoch=appended.epoch, resend_from=appended.resend_from)

    def _append(self, sound: Sequence[Sound], sender: _Sender) -> Appended:
        self.check_durable()
        received_at = datetime.now(UTC)
        entries = [
            NewEntry(
                event_id=str(message.event_id),
                event=message.event_json,
                edge_id=sender.edge_id,
                source=message.source,
                received_at=received_at,
                request_id=sender.request_id,
            )
            for message in sound
        ]
        try:
            appended = self._stream.append(entries, known_epoch=sender.known_epoch)
        except StreamUnavailable as error:
            self._durable_until = 0.0
            self._redis.lost(error)
            raise
        self._redis.back()
        if appended.epoch != self._epoch:
            # Another server has answered, and may be laxer: before anything is confirmed, it is asked.
            self._durable_until = 0.0
            self.check_durable()
            self._epoch = appended.epoch
        return appended


def _answer(message: Sound, outcome: Outcome) -> EventAnswer:
    answer = Answer.ACCEPTED if outcome is Outcome.APPENDED else Answer.DUPLICATE
    return EventAnswer(position=message.position, event_id=message.event_id, answer=answer)
