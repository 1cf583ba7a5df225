"""What a person does where cases were joined wrongly, or not at all: merging, taking back, splitting."""

from __future__ import annotations

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter
from pydantic import Field

from api.access import allowed
from api.acts.merging import merge, unmerge
from api.acts.schemas import Seen
from api.acts.splitting import split
from api.acts.workflow import Step
from api.cases.schemas import CaseForActing
from api.people.callers import Caller
from api.routes.case_door import Door

router = APIRouter(prefix="/api/v1/cases", tags=["acts on cases"])

Joiner = Annotated[Caller, allowed("case.merge_or_split")]


class Merging(Seen):
    """into: the case that goes on."""

    into: UUID


class Splitting(Seen):
    """incidents: those that are another thing."""

    incidents: Annotated[list[UUID], Field(min_length=1, max_length=200)]


@router.post("/{case_id}/merge")
def merge_case(case_id: UUID, said: Merging, caller: Joiner, door: Door) -> CaseForActing:
    """Merges the case into another one: its incidents go there, and it can be taken back."""
    return door.act(
        caller,
        Step.MERGE,
        case_id,
        said,
        lambda session, case_id, decision: merge(session, door.here.rights, case_id, decision, into=said.into),
    )


@router.post("/{case_id}/unmerge")
def unmerge_case(case_id: UUID, caller: Joiner, door: Door, said: Seen | None = None) -> CaseForActing:
    """Takes a merged case back to its former state, with the incidents that were its own."""
    return door.act(
        caller,
        Step.UNMERGE,
        case_id,
        said,
        lambda session, case_id, decision: unmerge(session, door.here.rights, case_id, decision),
    )


@router.post("/{case_id}/split")
def split_case(case_id: UUID, said: Splitting, caller: Joiner, door: Door) -> CaseForActing:
    """Makes a case of its own of some incidents, and shows it; what the two watches see is kept apart from then on."""
    return door.act(
        caller,
        Step.SPLIT,
        case_id,
        said,
        lambda session, case_id, decision: split(
            session, door.here.rights, case_id, decision, incident_ids=frozenset(said.incidents)
        ),
    )
