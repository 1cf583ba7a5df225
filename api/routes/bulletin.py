"""The bulletin of a month, quarter or year, as a page to print, as CSV or as a workbook."""

from __future__ import annotations

from datetime import date
from enum import StrEnum
from http import HTTPStatus
from typing import Annotated, Any

from fastapi import APIRouter, Query, Response
from pydantic import StringConstraints
from sqlalchemy import select
from sqlalchemy.orm import Session

from api.access import allowed
from api.indicators.as_csv import bulletin_as_csv
from api.indicators.as_html import CONTENT_SECURITY_POLICY, bulletin_as_html
from api.indicators.as_xlsx import bulletin_as_xlsx
from api.indicators.bulletin import BulletinMaker, Edition
from api.indicators.names import Language
from api.indicators.periods import PeriodKind
from api.people.callers import Caller
from api.services import Here
from api.tables import Person

router = APIRouter(prefix="/api/v1/indicators", tags=["indicators"])

Reader = Annotated[Caller, allowed("indicators.read_own_department")]
Month = Annotated[str, StringConstraints(pattern=r"^[1-9][0-9]{3}-(0[1-9]|1[0-2])$")]
Quarter = Annotated[str, StringConstraints(pattern=r"^[1-9][0-9]{3}-Q[1-4]$")]
Year = Annotated[str, StringConstraints(pattern=r"^[1-9][0-9]{3}$")]


class Format(StrEnum):
    HTML = "html"
    CSV = "csv"
    XLSX = "xlsx"


_MEDIA_TYPES = {
    Format.HTML: "text/html",
    Format.CSV: "text/csv",
    Format.XLSX: "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
}
_BULLETIN: dict[str, Any] = {
    "description": "The bulletin in the format that was asked for.",
    "content": {media_type: {"schema": {"type": "string"}} for media_type in _MEDIA_TYPES.values()},
}


@router.get("/bulletin", response_class=Response, responses={HTTPStatus.OK: _BULLETIN})
def bulletin(
    *,
    caller: Reader,
    here: Here,
    month: Annotated[Month | None, Query(description="such as 2026-11; by default the last whole month")] = None,
    quarter: Annotated[Quarter | None, Query(description="such as 2026-Q4; counts only without month")] = None,
    year: Annotated[Year | None, Query(description="counts only without month and quarter")] = None,
    format: Format = Format.HTML,
    language: Annotated[Language | None, Query(description="the person's own if left out")] = None,
) -> Response:
    """Overview, departments, grids, kinds, league tables and precision, each beside the period before."""
    now = here.clock()
    kind, first = _wanted(month, quarter, year, now.astimezone(here.settings.zone_info).date())
    with here.database.read() as session:
        spoken = language or _language_of(session, caller)
        edition = Edition(kind=kind, first=first, caller=caller, language=spoken, now=now)
        made = BulletinMaker(session, here.rights, here.scoring, here.settings.zone_info, edition).make()
    media_type = _MEDIA_TYPES[format]
    if format is Format.HTML:
        headers = {"Content-Security-Policy": CONTENT_SECURITY_POLICY}
        return Response(bulletin_as_html(made), media_type=media_type, headers=headers)
    headers = {"Content-Disposition": f'attachment; filename="bulletin-{made.period}.{format}"'}
    content = bulletin_as_csv(made) if format is Format.CSV else bulletin_as_xlsx(made)
    return Response(content, media_type=media_type, headers=headers)


def _wanted(month: str | None, quarter: str | None, year: str | None, today: date) -> tuple[PeriodKind, date]:
    if month is not None:
        return PeriodKind.MONTH, date(int(month[:4]), int(month[5:]), 1)
    if quarter is not None:
        return PeriodKind.QUARTER, date(int(quarter[:4]), 3 * int(quarter[-1]) - 2, 1)
    if year is not None:
        return PeriodKind.YEAR, date(int(year), 1, 1)
    last = today.year * 12 + today.month - 2
    return PeriodKind.MONTH, date(last // 12, last % 12 + 1, 1)


def _language_of(session: Session, caller: Caller) -> Language:
    known = session.scalar(select(Person.language).where(Person.id == caller.person_id)) if caller.person_id else None
    return Language.EN if known == Language.EN else Language.ZH
