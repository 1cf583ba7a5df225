"""Cases to take away: all that a list would show, as CSV or GeoJSON."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import StreamingResponse

from api.access import allowed
from api.audit.trail import write_audit
from api.cases.filters import conditions
from api.interchange.exporting import MEDIA_TYPES, Export, ExportFormat
from api.people.callers import Caller
from api.routes.case_lists import CaseQuery
from api.services import Here, RequestId, Services

router = APIRouter(prefix="/api/v1/cases", tags=["cases"])
_ACTION = "case.list_filed"
_DESCRIBED: dict[int | str, dict[str, Any]] = {
    200: {
        "description": "All of them, newest first.",
        "content": {
            "text/csv": {"schema": {"type": "string"}, "example": "id,number,state,kind\r\n"},
            "application/geo+json": {
                "schema": {
                    "type": "object",
                    "required": ["type", "features"],
                    "properties": {"type": {"const": "FeatureCollection"}, "features": {"type": "array"}},
                },
                "example": {"type": "FeatureCollection", "datum": "WGS84", "features": []},
            },
        },
    }
}


class CaseExportQuery(CaseQuery):
    """The filters of the list. datum: also of the positions that are written. language: of the names of kinds.

    bom: a byte order mark before the CSV, by which some spreadsheets know UTF-8.
    """

    format: ExportFormat = ExportFormat.CSV
    language: Literal["en", "zh"] = "en"
    bom: bool = False


@router.get("/export", response_class=StreamingResponse, responses=_DESCRIBED)
async def export(
    query: Annotated[CaseExportQuery, Query()],
    caller: Annotated[Caller, allowed(_ACTION)],
    here: Here,
    request_id: RequestId,
) -> StreamingResponse:
    """Sends the cases that a list with these filters shows, however many; each export is audited."""
    asked = Export(
        database=here.database,
        rights=here.rights,
        caller=caller,
        wanted=query.filter(),
        now=here.clock(),
        zone=here.settings.zone_info,
        datum=query.datum,
        chinese=query.language == "zh",
        bom=query.bom,
    )
    await run_in_threadpool(_begin, here, asked, query, request_id)
    pieces = asked.csv() if query.format is ExportFormat.CSV else asked.geojson()
    name = f"cases-{asked.now.astimezone(asked.zone):%Y%m%d}.{query.format}"
    headers = {"Content-Disposition": f'attachment; filename="{name}"', "Cache-Control": "no-store"}
    return StreamingResponse(pieces, media_type=MEDIA_TYPES[query.format], headers=headers)


def _begin(here: Services, asked: Export, query: CaseExportQuery, request_id: str) -> None:
    """Refuses before the first byte, and writes down who takes what away. Raises: CaseForbidden."""
    conditions(asked.wanted, here.rights, asked.caller, now=asked.now, action=_ACTION)
    with here.database.write() as session:
        write_audit(
            session,
            _ACTION,
            "cases:export",
            at=asked.now,
            actor=asked.caller.actor,
            request_id=request_id,
            details=query.model_dump(mode="json", exclude_defaults=True) | {"format": query.format.value},
        )
