"""Adding people."""

from __future__ import annotations

from functools import partial
from typing import Annotated, Any, Self
from uuid import UUID

import structlog
from fastapi import APIRouter
from pydantic import BaseModel, ConfigDict, Field, StringConstraints, field_validator, model_validator

from api.access import allowed
from api.people.accounts import add_person
from api.people.callers import Caller
from api.people.passwords import MIN_LENGTH
from api.rights import PEOPLE, Role
from api.routes.sessions import PersonName
from api.schemas import Key
from api.services import Here, Services

router = APIRouter(prefix="/api/v1", tags=["people"])
_log = structlog.get_logger()


_DEPARTMENT_GOES_WITH_HANDLER: dict[str, Any] = {
    "if": {"properties": {"role": {"const": "handler"}}},
    "then": {"required": ["department"], "properties": {"department": {"type": "string"}}},
    "else": {"properties": {"department": {"type": "null"}}},
}


class NewPerson(BaseModel):
    """A handler needs a department; nobody else has one."""

    model_config = ConfigDict(hide_input_in_errors=True, json_schema_extra=_DEPARTMENT_GOES_WITH_HANDLER)

    name: PersonName
    role: Annotated[Role, Field(json_schema_extra={"enum": [role.value for role in PEOPLE]})]
    department: Key | None = None
    password: Annotated[str, StringConstraints(min_length=MIN_LENGTH, max_length=500)] = Field(repr=False)

    @field_validator("role")
    @classmethod
    def _is_a_persons(cls, role: Role) -> Role:
        if role not in PEOPLE:
            raise ValueError(f"expected one of {', '.join(PEOPLE)}")
        return role

    @model_validator(mode="after")
    def _department_goes_with_handler(self) -> Self:
        if (self.role is Role.HANDLER) != (self.department is not None):
            raise ValueError("department belongs to role handler, and only to it")
        return self


class AddedPerson(BaseModel):
    id: UUID
    name: str
    role: Role
    department: str | None


@router.post("/people", status_code=201)
async def add(person: NewPerson, caller: Annotated[Caller, allowed("people.manage")], here: Here) -> AddedPerson:
    return await here.passwords.in_turn(partial(_add, person, caller, here))


def _add(person: NewPerson, caller: Caller, here: Services) -> AddedPerson:
    password_hash = here.passwords.hash(person.password)
    with here.database.write() as session:
        added = add_person(
            session,
            name=person.name,
            role=person.role,
            department=person.department,
            password_hash=password_hash,
            now=here.clock(),
        )
    _log.info("person added", name=added.name, role=added.role, actor=caller.actor)
    return AddedPerson(id=added.id, name=added.name, role=person.role, department=added.department)
