"""What happens to cases, as it happens: server-sent events, or a page of them for whoever would rather ask."""

from __future__ import annotations

from functools import partial
from http import HTTPStatus
from typing import Annotated, Any

from fastapi import APIRouter, Header, Query, Request, Response
from fastapi.concurrency import run_in_threadpool

from api.access import Allowed, allowed
from api.cases.schemas import Shown
from api.cases.states import CaseState
from api.interchange.events import CaseEvent, EventFilter
from api.interchange.stream import ACTION, EventStreamResponse, Reach, Stream, read_piece
from api.openapi import problems
from api.people.callers import Caller
from api.problems import Problem
from api.schemas import Key
from api.services import Here, Services

router = APIRouter(prefix="/api/v1/cases", tags=["events"])

EVENT_STREAM = "text/event-stream"
LineId = Annotated[int, Query(ge=0, le=2**62)]
_EXAMPLE = (
    "id: 4711\nevent: case.confirmed\n"
    'data: {"id":4711,"event":"case.confirmed","at":"2026-11-23T01:05:00Z",'
    '"case_id":"019ab000-0000-7000-8000-000000000001","number":"341122-20261123-0001","state":"filed","version":2,'
    '"kind":"street-encroachment","department":"urban-management","grid_id":"grid-03"}\n\n'
)
_STREAMED: dict[int | str, dict[str, Any]] = {
    200: {
        "description": "A page of events; with ``Accept: text/event-stream`` a stream that does not end.",
        "content": {EVENT_STREAM: {"schema": {"type": "string"}, "example": _EXAMPLE}},
    }
}


class CaseEventPage(Shown):
    """Oldest first. ``next``: what to give as ``last_event_id`` for all that comes after; ``more`` may be there now."""

    items: list[CaseEvent]
    next: int
    more: bool


@router.get(
    "/events",
    response_model=CaseEventPage,
    responses=_STREAMED | problems({503: "Too many listen already, or the database does not answer; come again."}),
)
async def list_events(
    *,
    request: Request,
    caller: Annotated[Caller, allowed(ACTION)],
    here: Here,
    kind: Annotated[list[Key] | None, Query(max_length=100)] = None,
    state: Annotated[list[CaseState] | None, Query()] = None,
    department: Key | None = None,
    last_event_id: LineId | None = None,
    limit: Annotated[int, Query(ge=1, le=500)] = 100,
    last_event_id_header: Annotated[
        str | None, Header(alias="Last-Event-ID", max_length=64, description="As browsers send it; counts first.")
    ] = None,
) -> Response | CaseEventPage:
    """Tells what happens to the cases that the caller may see, at least once.

    A stream without ``last_event_id`` begins now, a page at the beginning. An event has the case as it is when read.
    """
    wanted = EventFilter(
        kinds=frozenset(kind) if kind else None, states=frozenset(state) if state else None, department=department
    )
    reach = Reach(here.rights, caller, wanted)
    after = _line_id(last_event_id_header) if last_event_id_header else last_event_id
    if EVENT_STREAM not in request.headers.get("Accept", "").lower():
        return await run_in_threadpool(_page, here, reach, after or 0, limit)
    if here.feed.is_full or here.feed.closing:
        raise Problem(HTTPStatus.SERVICE_UNAVAILABLE, "too many listen already", headers={"Retry-After": "5"})
    ask_again = partial(Allowed(ACTION).ask_again, request)
    return EventStreamResponse(
        Stream(feed=here.feed, database=here.database, reach=reach, after=after, ask_again=ask_again)
    )


def _page(here: Services, reach: Reach, after: int, limit: int) -> CaseEventPage:
    until = here.feed.horizon.wait()
    if after >= until:
        return CaseEventPage(items=[], next=after, more=False)
    events, following = read_piece(here.database, reach, after=after, until=until, limit=limit)
    return CaseEventPage(items=events, next=following, more=following < until)


def _line_id(text: str) -> int:
    """Whatever is no number of ours means the beginning of all: nothing is skipped."""
    return int(text) if text.isascii() and text.isdecimal() and len(text) < 19 else 0
