"""Lists of cases: filtered, searched, in three orders; and how many there are."""

from __future__ import annotations

from dataclasses import replace
from http import HTTPStatus
from typing import Annotated, Literal, Self
from uuid import UUID

from fastapi import APIRouter, Query, Request, Response
from pydantic import BaseModel, ConfigDict, Field, StringConstraints, model_validator
from sqlalchemy.orm import Session

from api.access import allowed
from api.asking import AsksByDriver
from api.cases.counts import CountBy, count_cases
from api.cases.cursors import CursorRefused, Sort
from api.cases.filters import Area, CaseFilter, conditions
from api.cases.lists import PageAsked, list_cases
from api.cases.quick import LIST, kinds_of, page_json
from api.cases.schemas import CaseCounts, CasePage, ShownCount
from api.cases.states import CaseState
from api.cases.tokens import asked_tokens
from api.people.callers import Caller
from api.problems import Problem
from api.quick_routes import asked_by, quick_routes
from api.schemas import Key, Short, Utc
from api.services import Here, Services, services_of

Lister = Annotated[Caller, allowed("case.list_filed")]
_LONGITUDE = r"-?(?:180|1[0-7][0-9]|[0-9]{1,2})(?:\.[0-9]{1,17})?"
_LATITUDE = r"-?(?:90|[0-8]?[0-9])(?:\.[0-9]{1,17})?"
_POINT = f"{_LONGITUDE},{_LATITUDE}"
_MOST_CORNERS = 50
Box = Annotated[str, StringConstraints(pattern=f"^{_POINT},{_POINT}$")]
Near = Annotated[str, StringConstraints(pattern=f"^{_POINT},[0-9]{{1,6}}$")]
Polygon = Annotated[str, StringConstraints(pattern=f"^{_POINT}(?:;{_POINT}){{2,{_MOST_CORNERS - 1}}}$")]
Words = Annotated[str, StringConstraints(max_length=200, pattern=r"^[^\x00]*$")]
Prefix = Annotated[str, StringConstraints(pattern=r"^[0-9-]{1,40}$")]
After = Annotated[str, StringConstraints(pattern=r"^[0-9a-z.-]{1,120}$")]


class CaseQuery(BaseModel):
    """What all that asks for cases understands; each that is given narrows further.

    overdue: past the end of the running stage. gone, still_there: what its camera says. number: its first characters.
    q: words, of which a case must have all; of Chinese, any part of a word. due: the end of the running stage.
    box: west,south,east,north. near: longitude,latitude,metres. polygon: longitude,latitude;... of its corners.
    datum: of box, near and polygon.
    """

    model_config = ConfigDict(extra="ignore", frozen=True)

    q: Words | None = None
    state: Annotated[list[CaseState], Field(max_length=20)] = []
    kind: Annotated[list[Key], Field(max_length=100)] = []
    department: Annotated[list[Short], Field(max_length=100)] = []
    grid: Annotated[list[Short], Field(max_length=100)] = []
    district: Short | None = None
    edge: Key | None = None
    watch: Key | None = None
    source: Short | None = None
    assignee: UUID | None = None
    channel: Short | None = None
    urgent: bool | None = None
    supervised: bool | None = None
    overdue: bool | None = None
    gone: bool | None = None
    still_there: bool | None = None
    number: Prefix | None = None
    created_from: Utc | None = None
    created_until: Utc | None = None
    filed_from: Utc | None = None
    filed_until: Utc | None = None
    due_from: Utc | None = None
    due_until: Utc | None = None
    box: Box | None = None
    near: Near | None = None
    polygon: Polygon | None = None
    datum: Literal["WGS84", "GCJ02"] = "WGS84"

    def filter(self) -> CaseFilter:
        """Raises: Problem: If nothing in ``q`` is a word."""
        words = tuple(asked_tokens(self.q)) if self.q is not None else ()
        if self.q is not None and self.q.strip() and not words:
            raise Problem(HTTPStatus.UNPROCESSABLE_ENTITY, "q: expected words or characters, got signs only")
        names = ("district", "edge", "watch", "source", "assignee", "channel", "number")
        flags = ("urgent", "supervised", "overdue", "gone", "still_there")
        return CaseFilter(
            states=frozenset(self.state) or None,
            kinds=frozenset(self.kind),
            departments=frozenset(self.department),
            grids=frozenset(self.grid),
            created=(self.created_from, self.created_until),
            filed=(self.filed_from, self.filed_until),
            due=(self.due_from, self.due_until),
            area=self._area(),
            words=words,
            **{name: getattr(self, name) for name in (*names, *flags)},
        )

    def _area(self) -> Area | None:
        if self.box is None and self.near is None and self.polygon is None:
            return None
        near = [float(part) for part in self.near.split(",")] if self.near else None
        return Area(
            box=[float(part) for part in self.box.split(",")] if self.box else None,
            near=((near[0], near[1]), near[2]) if near else None,
            polygon=[_point(corner) for corner in self.polygon.split(";")] if self.polygon else None,
            datum=self.datum,
        )


class CaseListQuery(CaseQuery):
    """sort: newest, due (whose running stage ends first) or review (alarms: safety, then age, then score).

    after: the ``next`` of the page before, in the same order. Words are found newest first.
    """

    sort: Sort = Sort.NEWEST
    after: After | None = None
    limit: Annotated[int, Field(ge=1, le=200)] = 50

    @model_validator(mode="after")
    def _words_are_found_newest_first(self) -> Self:
        if self.q and self.sort is not Sort.NEWEST:
            raise ValueError("q is listed in the order newest alone")
        return self


class CaseCountQuery(CaseQuery):
    """by: what to count per."""

    by: CountBy = CountBy.STATE


def _list_quickly(request: Request, asks: AsksByDriver, caller: Caller) -> Response | None:
    query = asked_by(request.query_params, CaseListQuery)
    if query is None:
        return None
    with asks.session() as session:
        return _page(session, query, caller, services_of(request))


def _page(session: Session, query: CaseListQuery, caller: Caller, here: Services) -> Response:
    wanted = query.filter()
    if query.sort is Sort.REVIEW and wanted.states is None:
        wanted = _alarms(wanted)
    asked = PageAsked(wanted, sort=query.sort, after=query.after, limit=query.limit)
    try:
        rows, following = list_cases(session, here.rights, caller, asked=asked, of=LIST, now=here.clock())
    except CursorRefused as error:
        raise Problem(HTTPStatus.UNPROCESSABLE_ENTITY, str(error)) from None
    # Already in the shape of the model, which would otherwise check each field of each case once more.
    page = page_json(rows, kinds_of(session, rows), following=following)
    return Response(page, media_type="application/json")


router = APIRouter(prefix="/api/v1/cases", tags=["cases"], route_class=quick_routes({"list_page": _list_quickly}))


@router.get("", response_model=CasePage)
def list_page(query: Annotated[CaseListQuery, Query()], caller: Lister, here: Here) -> Response:
    """Lists cases; those not filed only to those who review alarms."""
    with here.database.glance() as session:
        return _page(session, query, caller, here)


@router.get("/counts")
def counts(query: Annotated[CaseCountQuery, Query()], caller: Lister, here: Here) -> CaseCounts:
    """Counts cases per state, kind, department or grid; exactly up to 10,000 each."""
    wanted = query.filter()
    with here.database.glance() as session:
        that = conditions(wanted, here.rights, caller, now=here.clock())
        counted = count_cases(session, that, by=query.by, words=wanted.words)
    return CaseCounts(by=query.by, items=[ShownCount.model_validate(item) for item in counted])


def _alarms(wanted: CaseFilter) -> CaseFilter:
    return replace(wanted, states=frozenset({CaseState.DETECTED}))


def _point(corner: str) -> tuple[float, float]:
    longitude, latitude = corner.split(",")
    return float(longitude), float(latitude)
