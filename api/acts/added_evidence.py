"""Pictures that people add to a case: before, after, of the check."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import BinaryIO
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from api.acts.acting import Acting
from api.acts.workflow import Step
from api.cases.decisions import Decision, note
from api.cases.history import Act
from api.evidence_store import EvidenceRefused, EvidenceStore, media_type_of
from api.rights import Rights
from api.tables import Case, Evidence, Incident

MAX_PICTURE_BYTES = 20_000_000
_PICTURES = frozenset({"image/jpeg", "image/png", "image/webp"})
_PIECE_BYTES = 262_144


class PictureRole(StrEnum):
    BEFORE = "before"
    AFTER = "after"
    CHECK = "check"
    PHOTO = "photo"


@dataclass(frozen=True, slots=True)
class Picture:
    """A picture that is in the store."""

    sha256: str
    media_type: str
    size_bytes: int


def keep_picture(store: EvidenceStore, file: BinaryIO) -> Picture:
    """Checks, decodes and keeps a picture. file: seekable.

    Raises: EvidenceRefused: Too large, no picture, or not a sound one. EvidenceUnavailable.
    """
    media_type = media_type_of(file)
    if media_type not in _PICTURES:
        raise EvidenceRefused(f"expected a picture, one of {', '.join(sorted(_PICTURES))}")
    digest, size_bytes = hashlib.sha256(), 0
    for piece in _pieces(file):
        digest.update(piece)
        size_bytes += len(piece)
    picture = Picture(digest.hexdigest(), media_type, size_bytes)
    file.seek(0)
    store.put_stream(picture.sha256, _pieces(file), MAX_PICTURE_BYTES, media_type)
    return picture


def add_evidence(
    session: Session,
    rights: Rights,
    case_id: UUID,
    decision: Decision,
    *,
    picture: Picture,
    role: PictureRole,
    taken_at: datetime,
    shows_plate: bool,
) -> tuple[Case, Evidence]:
    """Adds a picture that is in the store. shows_plate: one can be read in it, so looking at it needs that right.

    Raises: CaseMissing, CaseForbidden. CaseConflict: Also where the picture is there already in this role.
    """
    acting = Acting(session, rights, decision)
    case = acting.lock(case_id, Step.ADD_EVIDENCE)
    # The oldest is the one that made the case; the item stays with the case by ``added_by`` if that one goes elsewhere.
    oldest = select(Incident.id).where(Incident.case_id == case_id).order_by(Incident.first_seen_at, Incident.id)
    incident_id = session.scalars(oldest.limit(1)).first()
    if incident_id is None:
        raise acting.refuse("this case has no incident that evidence could belong to", case)
    same = select(Evidence.id).where(
        Evidence.incident_id == incident_id, Evidence.sha256 == picture.sha256, Evidence.role == role.value
    )
    if session.scalar(same) is not None:
        raise acting.refuse(f"this case has this picture as {role} already", case)
    added = Evidence(
        case_id=case_id,
        incident_id=incident_id,
        sha256=picture.sha256,
        role=role.value,
        media_type=picture.media_type,
        size_bytes=picture.size_bytes,
        taken_at=taken_at,
        state="present",
        plate_kept=shows_plate,
        added_by=decision.caller.actor,
    )
    session.add(added)
    note(session, case, Act.EVIDENCE_ADDED, acting.decision, {"sha256": picture.sha256, "role": role.value})
    return case, added


def _pieces(file: BinaryIO) -> Iterator[bytes]:
    while piece := file.read(_PIECE_BYTES):
        yield piece
