"""Takes a service request in as a person's report."""

from __future__ import annotations

from http import HTTPStatus
from typing import Annotated, Any, Self
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError, model_validator

from api.cases.states import FILED
from api.open311.documents import Content
from api.open311.requests import REPORTER
from api.open311.services import ASSET, find_service
from api.people.callers import Caller
from api.problems import Problem
from api.reports.person_reports import Channel, PersonReport, record_person_report
from api.schemas import ReportedPosition, Short, Text
from api.services import Services
from api.tables import Case

_DESCRIPTION_MAX = 4000
Words = Annotated[str, StringConstraints(max_length=_DESCRIPTION_MAX, pattern=r"^[^\x00]*$")]
_Brief = Annotated[str, StringConstraints(max_length=100, pattern=r"^[^\x00]*$")]


def _as_a_form(schema: dict[str, Any]) -> None:
    """A form knows no null: a field that is left out, or is empty, is none."""
    for name, shape in schema["properties"].items():
        if "anyOf" in shape:
            [kind] = [part for part in shape.pop("anyOf") if part != {"type": "null"}]
            schema["properties"][name] = {**kind, **{key: value for key, value in shape.items() if key != "default"}}
    words = {"required": ["address_string"], "properties": {"address_string": {"minLength": 1}}}
    either = {"anyOf": [{"required": ["lat"]}, {"required": ["long"]}]}
    schema["anyOf"] = [{"required": ["lat", "long"]}, words | {"not": either}]
    schema["example"] = {"service_code": "manhole-open", "lat": 32.452, "long": 118.433, "description": "Cover is gone"}


class NewServiceRequest(BaseModel):
    """The form of ``POST requests``: service_code, and lat and long or address_string."""

    model_config = ConfigDict(hide_input_in_errors=True, json_schema_extra=_as_a_form)

    service_code: Annotated[str, StringConstraints(min_length=1, max_length=64, pattern=r"^[^\x00]*$")]
    lat: Annotated[float, Field(ge=-90, le=90, allow_inf_nan=False)] | None = None
    long: Annotated[float, Field(ge=-180, le=180, allow_inf_nan=False)] | None = None
    address_string: Text | None = None
    address_id: Short | None = None
    email: _Brief | None = None
    device_id: _Brief | None = None
    account_id: _Brief | None = None
    first_name: _Brief | None = None
    last_name: _Brief | None = None
    phone: _Brief | None = None
    description: Words | None = None
    media_url: Text | None = None
    jurisdiction_id: Text | None = None
    api_key: Annotated[str, StringConstraints(max_length=200)] | None = Field(default=None, repr=False)
    asset_id: Short | None = Field(default=None, alias=f"attribute[{ASSET}]")

    @model_validator(mode="after")
    def _is_somewhere(self) -> Self:
        if (self.lat is None) != (self.long is None):
            raise ValueError("expected lat and long together")
        if self.lat is None and not self.address_string:
            raise ValueError("expected lat and long, or address_string")
        return self


def file_request(services: Services, new: NewServiceRequest, *, caller: Caller, request_id: str | None) -> Content:
    """Returns the id where the request belongs to a filed case already, else a token for the time until it is filed.

    Raises: Problem: 404, there is no such service; 422, a value cannot be kept.
    """
    with services.database.read() as session:
        kind = find_service(session, new.service_code)
    if kind is None:
        raise Problem(HTTPStatus.NOT_FOUND, "service_code: there is no such service")
    recorded = record_person_report(services, _report(new, kind.key), caller=caller, request_id=request_id)
    answered: dict[str, Content] = {"service_notice": "It is reviewed before it is filed", "account_id": new.account_id}
    number = _number(services, recorded.case_id)
    if number is not None:
        return {"service_request_id": number, **answered}
    return {"token": str(recorded.case_id), **answered}


def _number(services: Services, case_id: UUID | None) -> str | None:
    with services.database.read() as session:
        case = session.get(Case, case_id) if case_id is not None else None
        return case.number if case is not None and case.state in FILED else None


def _report(new: NewServiceRequest, kind: str) -> PersonReport:
    who = ", ".join(filter(None, (f"{new.first_name or ''} {new.last_name or ''}".strip(), new.phone, new.email)))
    described = (new.description or "").strip()
    if new.media_url:
        # Kept as it is written: what lies there is not ours to fetch.
        link = f"\n{new.media_url}"
        described = described[: _DESCRIPTION_MAX - len(link)] + link
    try:
        return PersonReport(
            source=Channel.OTHER,
            kind=kind,
            description=described,
            position=None if new.lat is None else ReportedPosition.model_validate(_position(new)),
            address=new.address_string,
            asset_id=new.asset_id,
            reporter=f"{REPORTER}: {who}" if who else REPORTER,
        )
    except ValidationError as error:
        raise Problem(HTTPStatus.UNPROCESSABLE_ENTITY, str(error.errors()[0]["msg"])) from None


def _position(new: NewServiceRequest) -> dict[str, float | str | None]:
    return {"longitude": new.long, "latitude": new.lat, "datum": "WGS84"}
