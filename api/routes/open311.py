"""Open311 GeoReport v2: services, service requests and tokens, as XML and JSON."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from http import HTTPStatus
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Form, Query, Request, Response
from pydantic import WithJsonSchema

from api.open311.discovery import discovery
from api.open311.documents import Content, GeoReportFormat, answer
from api.open311.doors import GeoReportRoute, geo_report_allowed
from api.open311.filing import NewServiceRequest, file_request
from api.open311.requests import READ, SPAN, RequestFilter, Shower, number_behind
from api.open311.services import definition, find_service, services
from api.people.callers import Caller
from api.problems import Problem
from api.services import Here, RequestId, Services

_ERRORS: dict[str, Any] = {
    "description": "Why not; an array of errors, in the format asked for.",
    "content": {
        "application/json": {
            "schema": {
                "type": "array",
                "items": {
                    "type": "object",
                    "required": ["code", "description"],
                    "properties": {"code": {"type": "integer"}, "description": {"type": "string"}},
                },
            },
            "example": [{"code": 404, "description": "service_code: there is no such service"}],
        },
        "text/xml": {},
    },
}


def _jurisdiction(jurisdiction_id: Annotated[str | None, Query(max_length=500)] = None) -> None:
    """Accepted, as clients send it; there is one jurisdiction here."""
    del jurisdiction_id


def _key(api_key: Annotated[str | None, Query(max_length=200, description="Or in the form.")] = None) -> None:
    """For the description alone: whoever lets callers in reads it."""
    del api_key


async def _in_chinese(request: Request) -> bool:
    return request.headers.get("Accept-Language", "").strip().lower().startswith("zh")


Chinese = Annotated[bool, Depends(_in_chinese)]
router = APIRouter(
    prefix="/open311/v2",
    tags=["open311"],
    route_class=GeoReportRoute,
    dependencies=[Depends(_jurisdiction)],
    responses=dict.fromkeys((400, 403, 404), _ERRORS),
)
Codes = Annotated[str | None, Query(max_length=10_000, description="Several are separated by commas.")]
_MOMENT = re.compile(r"\d{4}-\d\d-\d\d(?:[Tt ]\d\d:\d\d(?::\d\d(?:\.\d{1,9})?)?(?:[Zz]|[ +-]\d\d:\d\d)?)?", re.ASCII)
_DATES = {"type": "string", "maxLength": 40, "anyOf": [{"format": "date-time"}, {"format": "date"}, {"const": ""}]}
Moment = Annotated[
    Annotated[str, WithJsonSchema(_DATES)] | None, Query(max_length=40, description="As 2026-11-23T00:00:00+08:00.")
]
_EARLIEST, _LATEST = datetime(1970, 1, 1, tzinfo=UTC), datetime(9000, 1, 1, tzinfo=UTC)


def _described(schema: dict[str, Any], example: Any) -> dict[int | str, dict[str, Any]]:
    content = {"application/json": {"schema": schema, "example": example}, "text/xml": {}}
    return {200: {"description": "As asked for.", "content": content}}


_OBJECT: dict[str, Any] = {"type": "object"}
_ARRAY: dict[str, Any] = {"type": "array", "items": _OBJECT}
_A_SERVICE = {"service_code": "manhole-open", "service_name": "Manhole cover missing or shifted", "type": "batch"}
_A_REQUEST = {"service_request_id": "341122-20261123-0001", "status": "open", "service_code": "manhole-open"}
_A_TOKEN = {"service_request_id": "341122-20261123-0001", "token": "019ab000-0000-7000-8000-000000000001"}


@router.get("/discovery.{form}", dependencies=[geo_report_allowed(READ)], responses=_described(_OBJECT, {}))
def show_discovery(form: GeoReportFormat, request: Request) -> Response:
    url = request.url.replace(query="")
    endpoint = str(url).rsplit("/", 1)[0]
    return answer("discovery", discovery(endpoint), form)


@router.get("/services.{form}", dependencies=[geo_report_allowed(READ)], responses=_described(_ARRAY, [_A_SERVICE]))
def list_services(form: GeoReportFormat, here: Here, chinese: Chinese) -> Response:
    with here.database.read() as session:
        return answer("services", services(session, chinese=chinese), form)


@router.get(
    "/services/{service_code}.{form}",
    dependencies=[geo_report_allowed(READ)],
    responses=_described(_OBJECT, {"service_code": "manhole-open", "attributes": []}),
)
def show_definition(service_code: str, form: GeoReportFormat, here: Here) -> Response:
    with here.database.read() as session:
        kind = find_service(session, _sound(service_code))
    if kind is None:
        raise Problem(HTTPStatus.NOT_FOUND, "service_code: there is no such service")
    return answer("service_definition", definition(kind), form)


@router.get("/requests.{form}", dependencies=[geo_report_allowed(READ)], responses=_described(_ARRAY, [_A_REQUEST]))
def list_requests(
    *,
    form: GeoReportFormat,
    here: Here,
    service_request_id: Codes = None,
    service_code: Codes = None,
    start_date: Moment = None,
    end_date: Moment = None,
    status: Annotated[str | None, Query(pattern="^(open|closed)(,(open|closed))?$")] = None,
    chinese: Chinese,
) -> Response:
    """Lists filed cases, newest first: of the last 90 days or another span of 90 days; 1,000 at most."""
    shower = _shower(here, chinese)
    if service_request_id:
        with here.database.read() as session:
            found = shower.found(session, _parts(service_request_id))
        return answer("service_requests", _some(found), form)
    from_at, until_at = _span(here, start_date, end_date)
    wanted = RequestFilter(from_at, until_at, service_codes=_parts(service_code or ""), status=_parts(status or ""))
    with here.database.read() as session:
        return answer("service_requests", shower.listed(session, wanted), form)


@router.get(
    "/requests/{service_request_id}.{form}",
    dependencies=[geo_report_allowed(READ)],
    responses=_described(_ARRAY, [_A_REQUEST]),
)
def show_request(
    service_request_id: str,
    form: GeoReportFormat,
    here: Here,
    chinese: Chinese,
) -> Response:
    with here.database.read() as session:
        found = _shower(here, chinese).found(session, {_sound(service_request_id)})
    return answer("service_requests", _some(found), form)


@router.get(
    "/tokens/{token_id}.{form}", dependencies=[geo_report_allowed(READ)], responses=_described(_ARRAY, [_A_TOKEN])
)
def show_token(token_id: str, form: GeoReportFormat, here: Here) -> Response:
    """Tells the id under which a request was filed; none while it is reviewed, or where it was not filed."""
    with here.database.read() as session:
        known, number = number_behind(session, token_id)
    if not known:
        raise Problem(HTTPStatus.NOT_FOUND, "token: there is no such token")
    return answer("service_requests", [{"service_request_id": number, "token": token_id}], form)


@router.post(
    "/requests.{form}",
    status_code=HTTPStatus.CREATED,
    dependencies=[Depends(_key)],
    responses={201: _described(_ARRAY, [_A_TOKEN])[200]},
    # The key is a parameter here, and GeoReport answers 403 where it is missing.
    openapi_extra={"security": []},
)
def file(
    *,
    form: GeoReportFormat,
    caller: Annotated[Caller, geo_report_allowed("open311.file_request_with_key")],
    here: Here,
    request_id: RequestId,
    new: Annotated[NewServiceRequest, Form()],
) -> Response:
    """Files a request, which is reviewed: the answer has a token, or the id of the filed case that it belongs to."""
    filed = file_request(here, new, caller=caller, request_id=request_id)
    return answer("service_requests", [filed], form, status=HTTPStatus.CREATED)


def _shower(here: Services, chinese: bool) -> Shower:
    return Shower(here.rights, here.settings.zone_info, chinese)


def _some(found: list[Content]) -> list[Content]:
    if not found:
        raise Problem(HTTPStatus.NOT_FOUND, "service_request_id: there is no such request")
    return found


def _parts(text: str) -> frozenset[str]:
    return frozenset(_sound(part.strip()) for part in text.split(",") if part.strip())


def _sound(text: str) -> str:
    """Raises: Problem: 404 for what can be nobody's name, and no database wants to hear of."""
    if len(text) > 200 or not text.isprintable():
        raise Problem(HTTPStatus.NOT_FOUND, "there is no such thing")
    return text


def _span(here: Services, start_date: str | None, end_date: str | None) -> tuple[datetime, datetime]:
    """Returns 90 days at most, the last of a longer span. Raises: Problem: 400, a date cannot be read."""
    start, end = _moment(here, start_date, "start_date"), _moment(here, end_date, "end_date")
    if end is None:
        end = here.clock() if start is None else min(start, _LATEST - SPAN) + SPAN
    earliest = max(end, _EARLIEST + SPAN) - SPAN
    return (earliest if start is None else max(start, earliest)), end


def _moment(here: Services, text: str | None, name: str) -> datetime | None:
    if not text:
        return None
    expected = Problem(HTTPStatus.BAD_REQUEST, f"{name}: expected a time such as 2026-11-23T00:00:00+08:00")
    if not _MOMENT.fullmatch(text):
        raise expected
    try:
        # A plus that was not escaped arrives as a space.
        at = datetime.fromisoformat(re.sub(r" (?=\d\d:\d\d$)", "+", text.upper()) if len(text) > 16 else text.upper())
    except ValueError:
        raise expected from None
    local = at if at.tzinfo else at.replace(tzinfo=here.settings.zone_info)
    try:
        return min(max(local.astimezone(UTC), _EARLIEST), _LATEST)
    except OverflowError:
        return _EARLIEST if at.year < _LATEST.year else _LATEST
