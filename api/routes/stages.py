"""How long each stage may take, and who is told when a limit runs out."""

from __future__ import annotations

from http import HTTPStatus
from typing import Annotated, Self

from fastapi import APIRouter
from pydantic import BaseModel, Field, model_validator

from api.access import allowed
from api.catalogue.csv_tables import TableRefused
from api.catalogue.rows import EscalationRow, StageRow
from api.clocks.stages import escalation_table, set_stages, stage_table
from api.people.callers import Caller
from api.problems import Problem
from api.routes.catalogue_edit import Edit
from api.services import Here, RequestId

router = APIRouter(prefix="/api/v1/catalogue", tags=["catalogue"])


class Stages(BaseModel):
    """limits: of stages other than handling, whose limit is the kind's; steps: shares of a limit, and who is told."""

    limits: Annotated[list[StageRow], Field(max_length=5)]
    steps: Annotated[list[EscalationRow], Field(max_length=36)]

    @model_validator(mode="after")
    def _each_once(self) -> Self:
        for rows in (self.limits, self.steps):
            keys = [row.key_values for row in rows]
            if len(set(keys)) < len(keys):
                raise ValueError("expected each stage, or stage and level, once")
        return self


@router.get("/stages", dependencies=[allowed("catalogue.read")])
def show(here: Here) -> Stages:
    with here.database.read() as session:
        return Stages(limits=stage_table().exported(session), steps=escalation_table().exported(session))


@router.put("/stages")
def replace(
    *, wanted: Stages, caller: Annotated[Caller, allowed("catalogue.edit")], here: Here, request_id: RequestId
) -> Stages:
    """Sets all limits and steps. A stage without a limit is never due; a clock that runs keeps its limit."""
    try:
        with Edit("stages", caller, here, request_id).transaction(wanted.model_dump(mode="json")) as session:
            set_stages(session, wanted.limits, wanted.steps)
    except TableRefused as error:
        raise Problem(HTTPStatus.UNPROCESSABLE_ENTITY, str(error)) from None
    return wanted
