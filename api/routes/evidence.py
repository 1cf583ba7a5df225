"""The evidence of a case."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import ExitStack
from http import HTTPStatus
from typing import Annotated, BinaryIO
from uuid import UUID

import structlog
from fastapi import APIRouter
from fastapi.responses import StreamingResponse

from api.access import allowed
from api.cases.evidence import EXPIRED, find_item, note_arrivals, with_plate, write_plate_access
from api.cases.lists import find_case
from api.evidence_store import EvidenceDamaged, EvidenceLocked, EvidenceMissing, EvidenceStore, media_type_of
from api.people.callers import Caller
from api.problems import Problem
from api.schemas import Sha256
from api.services import Here, RequestId
from api.tables import Evidence

_log = structlog.get_logger()
router = APIRouter(prefix="/api/v1/cases", tags=["evidence"])

_READ = "evidence.read_blurred"
_READ_PLATE = "evidence.read_plate_kept"
_CHUNK_BYTES = 65_536
_HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "Content-Security-Policy": "default-src 'none'; sandbox",
}


@router.get("/{case_id}/evidence/{sha256}", response_class=StreamingResponse)
def show(
    case_id: UUID, sha256: Sha256, caller: Annotated[Caller, allowed(_READ)], here: Here, request_id: RequestId
) -> StreamingResponse:
    """Sends the bytes; 404 while they have not come, with the reason in words.

    A picture that keeps a plate needs the right to see plates, and each look at it is written down.
    """
    with here.database.read() as session:
        find_case(session, here.rights, caller, case_id, action=_READ)
        item = find_item(session, case_id, sha256)
        shows_plate = bool(with_plate(session, [sha256]))
    if shows_plate and not here.rights.may(caller.role, _READ_PLATE):
        raise Problem(HTTPStatus.FORBIDDEN, f"role {caller.role} may not do {_READ_PLATE}, and a plate may show")
    if item.state == EXPIRED:
        # Also while its bytes are still there, for another case or after a crash.
        raise Problem(HTTPStatus.NOT_FOUND, _why_missing(item))
    try:
        # What is cached can be looked at again without being written down.
        response = evidence_response(here.evidence, sha256, may_cache=not shows_plate)
    except EvidenceMissing:
        raise Problem(HTTPStatus.NOT_FOUND, _why_missing(item)) from None
    note_arrivals(here.database, here.evidence, [item])
    if shows_plate:
        write_plate_access(here.database, case_id, sha256, caller=caller, at=here.clock(), request_id=request_id)
    return response


def evidence_response(store: EvidenceStore, sha256: str, *, may_cache: bool = True) -> StreamingResponse:
    """Returns the bytes as they flow from the store.

    Raises: EvidenceMissing, EvidenceUnavailable. Problem: The item is damaged, or its key is not at hand.
    """
    try:
        with ExitStack() as opened:
            file = opened.enter_context(store.open(sha256))
            media_type, size_bytes = media_type_of(file), file.seek(0, os.SEEK_END)
            file.seek(0)
            opened.pop_all()
    except (EvidenceDamaged, EvidenceLocked) as error:
        _log.error("evidence cannot be read", sha256=sha256, error=str(error))
        raise Problem(HTTPStatus.INTERNAL_SERVER_ERROR, str(error)) from error
    caching = "private, max-age=3600" if may_cache else "no-store"
    headers = {**_HEADERS, "Cache-Control": caching, "Content-Length": str(size_bytes), "ETag": f'"{sha256}"'}
    return StreamingResponse(_chunks(file), media_type=media_type, headers=headers)


def _why_missing(item: Evidence) -> str:
    if item.state == "sacrificed":
        return f"the edge gave this evidence up: {item.reason}"
    if item.state == EXPIRED:
        return f"retention has removed this evidence: {item.reason}"
    if item.state == "present":
        return "this evidence was here, and has been removed"
    return "this evidence is pending: the edge has announced it and not sent it yet"


def _chunks(file: BinaryIO) -> Iterator[bytes]:
    with file:
        while chunk := file.read(_CHUNK_BYTES):
            yield chunk
