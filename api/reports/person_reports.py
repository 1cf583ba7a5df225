"""Takes the reports of people, by handheld, hotline, patrol or other ways, through the same door as a camera's."""

from __future__ import annotations

from contextlib import suppress
from datetime import datetime
from enum import StrEnum
from http import HTTPStatus
from typing import Annotated
from uuid import NAMESPACE_URL, UUID, uuid4, uuid5

from pydantic import Field, StringConstraints
from sqlalchemy import select

from api.acts.review import confirm
from api.cases.decisions import Decision
from api.cases.errors import CaseConflict, CaseForbidden
from api.cases.states import CaseState
from api.evidence_store import EvidenceMissing
from api.people.callers import Caller
from api.problems import Problem
from api.reports.by_people import PERSON, Photo, ReportByPerson
from api.reports.recording import record
from api.schemas import Key, Report, ReportAnswer, ReportedPosition, ReportOutcome, Schema, Sha256, Short, Text, Utc
from api.services import Services
from api.tables import Case, Kind

CONFIRM = "case.confirm_or_reject"


class Channel(StrEnum):
    """How a person's report came in."""

    HANDHELD = "handheld"
    HOTLINE = "hotline"
    PATROL = "patrol"
    OTHER = "other"


_OF_ONE_PERSON = frozenset({Channel.HANDHELD, Channel.PATROL})
"""Here who writes is who saw it. Behind each call to the hotline is somebody else."""


class PersonReport(Schema):
    """What a person says is wrong; ``report_id`` makes it safe to send again.

    position: where it is; ``address`` in words where nobody knows, or beside it. occurred_at: now where it is left out.
    reporter: who said so, such as a caller's name. photos: sha256 of pictures that are in the evidence store.
    file_at_once: the case is filed and gets its number; for those who may confirm alarms.
    """

    report_id: UUID = Field(default_factory=uuid4)
    source: Channel
    kind: Key
    description: Annotated[str, StringConstraints(max_length=4000, pattern=r"^[^\x00]*$")] = ""
    position: ReportedPosition | None = None
    address: Text | None = None
    asset_id: Short | None = None
    occurred_at: Utc | None = None
    reporter: Text | None = None
    photos: Annotated[tuple[Sha256, ...], Field(max_length=20)] = ()
    file_at_once: bool = False


def record_person_report(
    services: Services, report: PersonReport, *, caller: Caller, request_id: str | None
) -> ReportAnswer:
    """Records the report once, however often it is sent; it joins the case that it belongs to, or makes a new one.

    The same ``report_id`` from somebody else is another report. Check before that the caller may report.

    Raises: CaseForbidden: ``file_at_once`` from somebody who may not confirm alarms.
        Problem: 422, the kind or a photo is unknown, or a value cannot be kept. EvidenceUnavailable.
    """
    if report.file_at_once and not services.rights.may(caller.role, CONFIRM):
        raise CaseForbidden(f"role {caller.role} may not do {CONFIRM}, so it cannot file at once")
    now = services.clock()
    with services.database.read() as session:
        kind = session.get(Kind, report.kind)
    if kind is None or kind.retired:
        raise Problem(HTTPStatus.UNPROCESSABLE_ENTITY, f"kind: expected one of the catalogue, got {report.kind}")
    photos = [_photo(services, sha256) for sha256 in dict.fromkeys(report.photos)]
    told = _told(report, photos, caller=caller, now=now)
    [answer] = record(services.database, [told], now=now, request_id=request_id, store=services.evidence)
    if answer.outcome is ReportOutcome.REFUSED:
        raise Problem(HTTPStatus.UNPROCESSABLE_ENTITY, str(answer.reason))
    if report.file_at_once and answer.case_id is not None:
        _file(services, answer.case_id, caller=caller, now=now, request_id=request_id)
    return answer.model_copy(update={"report_id": report.report_id})


def _told(report: PersonReport, photos: list[Photo], *, caller: Caller, now: datetime) -> Report:
    # In a space of its own: nobody can take the id of an event that has yet to come, nor of another one's report.
    report_id = uuid5(NAMESPACE_URL, f"{caller.actor} {report.report_id}")
    occurred_at = report.occurred_at or now
    return ReportByPerson(
        report_id=report_id,
        incident_id=uuid5(report_id, "incident"),
        phase="raised",
        edge_id="",
        watch_id="",
        source_type=PERSON,
        source_id=caller.name if report.source in _OF_ONE_PERSON else str(report.report_id),
        kind=report.kind,
        position=report.position,
        asset_id=report.asset_id,
        first_seen_at=occurred_at,
        occurred_at=occurred_at,
        received_at=now,
        channel=report.source.value,
        reporter=report.reporter,
        description=report.description or None,
        address=report.address,
        photos=photos,
        actor=caller.actor,
    )


def _photo(services: Services, sha256: str) -> Photo:
    try:
        return Photo(
            sha256=sha256, media_type=services.evidence.media_type(sha256), size_bytes=services.evidence.size(sha256)
        )
    except EvidenceMissing:
        raise Problem(HTTPStatus.UNPROCESSABLE_ENTITY, f"photos: {sha256} is not in the evidence store") from None


def _file(services: Services, case_id: UUID, *, caller: Caller, now: datetime, request_id: str | None) -> None:
    """Files the case unless it is filed already; done after the report, so that one sent again makes good for both."""
    decision = Decision(caller=caller, action=CONFIRM, at=now, request_id=request_id)
    with services.database.write() as session:
        if session.scalar(select(Case.state).where(Case.id == case_id)) is not CaseState.DETECTED:
            return
        # Somebody may decide at this moment, or the grid may not be the reporter's to decide on: it stays as it is.
        with suppress(CaseConflict, CaseForbidden):
            confirm(session, services.rights, case_id, decision, services.settings)
