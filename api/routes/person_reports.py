"""What people report."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter

from api.access import allowed
from api.people.callers import Caller
from api.reports.person_reports import PersonReport, record_person_report
from api.schemas import ReportAnswer
from api.services import Here, RequestId

router = APIRouter(prefix="/api/v1/reports", tags=["reports"])


@router.post("")
def report(
    told: PersonReport, caller: Annotated[Caller, allowed("case.report_by_person")], here: Here, request_id: RequestId
) -> ReportAnswer:
    """Records what a person saw, once however often it is sent; it joins the case of the same thing or makes one."""
    return record_person_report(here, told, caller=caller, request_id=request_id)
