"""What people do to a case beside the steps of its life: assign, ask, flag, comment, link, add pictures."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import datetime
from http import HTTPStatus
from typing import Annotated, Any, BinaryIO
from uuid import UUID

from fastapi import APIRouter, Depends, Request
from pydantic import TypeAdapter, ValidationError
from sqlalchemy.orm import Session
from starlette.datastructures import UploadFile
from starlette.exceptions import HTTPException

from api.access import allowed
from api.acts.added_evidence import MAX_PICTURE_BYTES, PictureRole, add_evidence, keep_picture
from api.acts.asks import AskType, ask, decide_ask
from api.acts.dispatching import assign
from api.acts.flags import set_flags
from api.acts.remarks import comment, link
from api.acts.schemas import (
    AskDecision,
    Asking,
    Assigning,
    Comment,
    Flagging,
    Linking,
    ShownAsk,
)
from api.acts.workflow import Step
from api.cases.decisions import Decision
from api.cases.lists import find_case
from api.cases.schemas import CaseForActing, Shown, ShownEvidence
from api.evidence_store import EvidenceRefused
from api.people.callers import Caller
from api.problems import Problem
from api.routes.case_door import Door
from api.schemas import Schema, Utc
from api.tables import Case, CaseAsk

router = APIRouter(prefix="/api/v1/cases", tags=["acts on cases"])

PICTURES_PATH = "/api/v1/cases/{case_id}/evidence"
MAX_PICTURE_BODY_BYTES = MAX_PICTURE_BYTES + 65_536
_ADD = "evidence.add"


@router.post("/{case_id}/assign")
def give_to(
    case_id: UUID, said: Assigning, caller: Annotated[Caller, allowed("case.assign")], door: Door
) -> CaseForActing:
    """Gives the case to a person, or to nobody; a handler takes it for themselves, or releases it."""
    return door.act(
        caller,
        Step.ASSIGN,
        case_id,
        said,
        lambda session, case_id, decision: assign(session, door.here.rights, case_id, decision, assignee=said.assignee),
    )


@router.post("/{case_id}/flags")
def flag(
    case_id: UUID, said: Flagging, caller: Annotated[Caller, allowed("case.supervise_flag")], door: Door
) -> CaseForActing:
    """Sets or takes off urgent, supervised, exempt; with a reason."""
    return door.act(
        caller,
        Step.FLAG,
        case_id,
        said,
        lambda session, case_id, decision: set_flags(
            session, door.here.rights, case_id, decision, flags=said.flags, reason=said.reason
        ),
    )


@router.post("/{case_id}/comments")
def write_comment(
    case_id: UUID, said: Comment, caller: Annotated[Caller, allowed("case.comment")], door: Door
) -> CaseForActing:
    """Writes into the case's history; its version stays."""
    return door.act(
        caller,
        Step.COMMENT,
        case_id,
        None,
        lambda session, case_id, decision: comment(session, door.here.rights, case_id, decision, text=said.text),
    )


@router.post("/{case_id}/links")
def link_cases(
    case_id: UUID, said: Linking, caller: Annotated[Caller, allowed("case.merge_or_split")], door: Door
) -> CaseForActing:
    """Says that another case has to do with this one."""
    return door.act(
        caller,
        Step.LINK,
        case_id,
        None,
        lambda session, case_id, decision: link(
            session, door.here.rights, case_id, decision, other_id=said.other_id, reason=said.reason
        ),
    )


class AskAnswer(Shown):
    """The ask as it stands now, and the case."""

    ask: ShownAsk
    case: CaseForActing


@router.post("/{case_id}/asks", status_code=HTTPStatus.CREATED)
def ask_for(
    case_id: UUID,
    said: Asking,
    caller: Annotated[Caller, allowed("case.request_extension_or_suspension")],
    door: Door,
) -> AskAnswer:
    """Asks a supervisor for an extension or a suspension."""
    step = Step.ASK_EXTENSION if said.type is AskType.EXTENSION else Step.ASK_SUSPENSION
    asked: list[CaseAsk] = []

    def do(session: Session, case_id: UUID, decision: Decision) -> Case:
        case, made = ask(session, door.here.rights, case_id, decision, wanted=said.type, reason=said.reason)
        asked.append(made)
        return case

    shown = door.act(caller, step, case_id, said, do)
    return AskAnswer(ask=ShownAsk.model_validate(asked[0]), case=shown)


@router.post("/{case_id}/asks/{ask_id}/decision")
def decide(
    *,
    case_id: UUID,
    ask_id: UUID,
    said: AskDecision,
    caller: Annotated[Caller, allowed("case.decide_extension_or_suspension")],
    door: Door,
) -> AskAnswer:
    """Grants or refuses what a handler asked for."""
    decided: list[CaseAsk] = []

    def do(session: Session, case_id: UUID, decision: Decision) -> Case:
        case, asked = decide_ask(
            session, door.here.rights, case_id, ask_id, decision, granted=said.granted, words=said.note
        )
        decided.append(asked)
        return case

    shown = door.act(caller, Step.DECIDE_ASK, case_id, said, do)
    return AskAnswer(ask=ShownAsk.model_validate(decided[0]), case=shown)


class _PictureFields(Schema):
    role: PictureRole
    taken_at: Utc | None = None
    shows_plate: bool = False


@dataclass(frozen=True, slots=True)
class _Upload:
    file: BinaryIO
    role: PictureRole
    taken_at: datetime | None
    shows_plate: bool


_FIELDS = TypeAdapter(_PictureFields)


async def _upload(request: Request) -> AsyncIterator[_Upload]:
    """The form, read only after the caller was let through."""
    if not request.headers.get("Content-Type", "").startswith("multipart/form-data"):
        raise Problem(HTTPStatus.UNPROCESSABLE_ENTITY, "expected multipart/form-data")
    try:
        form = await request.form(max_files=1, max_fields=10, max_part_size=65_536)
    except HTTPException as error:
        if error.status_code != HTTPStatus.BAD_REQUEST:
            raise
        raise Problem(HTTPStatus.UNPROCESSABLE_ENTITY, "the form cannot be read") from error
    try:
        file = form.get("file")
        if not isinstance(file, UploadFile):
            raise Problem(HTTPStatus.UNPROCESSABLE_ENTITY, "file: expected a picture")
        try:
            said = _FIELDS.validate_python({name: form[name] for name in _PictureFields.model_fields if name in form})
        except ValidationError as error:
            wrong = error.errors(include_url=False, include_input=False, include_context=False)[0]
            where = ".".join(str(part) for part in wrong["loc"])
            raise Problem(HTTPStatus.UNPROCESSABLE_ENTITY, f"{where}: {wrong['msg']}") from None
        yield _Upload(file.file, said.role, said.taken_at, said.shows_plate)
    finally:
        await form.close()


_DESCRIBED: dict[str, Any] = {
    "requestBody": {
        "required": True,
        "content": {
            "multipart/form-data": {
                "schema": {
                    "type": "object",
                    "required": ["file", "role"],
                    "properties": {
                        "file": {"type": "string", "format": "binary", "description": "JPEG, PNG or WebP"},
                        "role": {"type": "string", "enum": [role.value for role in PictureRole]},
                        "taken_at": {"type": "string", "format": "date-time"},
                        "shows_plate": {"type": "boolean", "default": False},
                    },
                }
            }
        },
    }
}


class AddedPicture(Shown):
    evidence: ShownEvidence
    case: CaseForActing


@router.post("/{case_id}/evidence", status_code=HTTPStatus.CREATED, openapi_extra=_DESCRIBED)
def add_picture(
    *,
    case_id: UUID,
    caller: Annotated[Caller, allowed(_ADD)],
    upload: Annotated[_Upload, Depends(_upload)],
    door: Door,
) -> AddedPicture:
    """Adds a picture of before, after or the check, once it is decoded and kept; ``shows_plate`` guards it."""
    with door.here.database.read() as session:
        find_case(session, door.here.rights, caller, case_id, action=_ADD)
    try:
        picture = keep_picture(door.here.evidence, upload.file)
    except EvidenceRefused as error:
        raise Problem(HTTPStatus.UNPROCESSABLE_ENTITY, str(error)) from error
    added: list[ShownEvidence] = []

    def do(session: Session, case_id: UUID, decision: Decision) -> Case:
        case, item = add_evidence(
            session,
            door.here.rights,
            case_id,
            decision,
            picture=picture,
            role=upload.role,
            taken_at=upload.taken_at or decision.at,
            shows_plate=upload.shows_plate,
        )
        added.append(ShownEvidence.model_validate(item))
        return case

    shown = door.act(caller, Step.ADD_EVIDENCE, case_id, None, do)
    return AddedPicture(evidence=added[0], case=shown)
