"""Logging in and out, and who one is."""

from __future__ import annotations

from datetime import datetime, timedelta
from functools import partial
from typing import Annotated

from fastapi import APIRouter, Response
from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from api.access import allowed
from api.openapi import problems
from api.people.accounts import log_in, log_out
from api.people.callers import Caller
from api.rights import Role
from api.services import Here

router = APIRouter(prefix="/api/v1", tags=["sessions"])

PersonName = Annotated[str, StringConstraints(pattern=r"^\w[\w.@-]{0,63}$")]


class Login(BaseModel):
    model_config = ConfigDict(hide_input_in_errors=True)

    name: PersonName
    password: Annotated[str, StringConstraints(min_length=1, max_length=500)] = Field(repr=False)


class OpenedSession(BaseModel):
    """``token`` goes into ``Authorization: Bearer``; it is shown this once."""

    token: str
    expires_at: datetime
    name: str
    role: Role
    department: str | None


class Me(BaseModel):
    """actions: what the caller may do, by the words of rights.csv; a handler, in the own department."""

    name: str
    role: Role
    department: str | None
    actions: list[str]


_REFUSED_LOGINS = problems({401: "Name or password is wrong.", 429: "Too many failures: ``Retry-After`` says when."})


@router.post("/sessions", status_code=201, dependencies=[allowed("session.open")], responses=_REFUSED_LOGINS)
async def open_session(login: Login, here: Here) -> OpenedSession:
    opened = await here.passwords.in_turn(
        partial(
            log_in,
            here.database,
            here.passwords,
            name=login.name,
            password=login.password,
            now=here.clock(),
            lasts=timedelta(hours=here.settings.session_hours),
        )
    )
    person = opened.person
    return OpenedSession(
        token=opened.token,
        expires_at=opened.expires_at,
        name=person.name,
        role=Role(person.role),
        department=person.department,
    )


@router.delete("/sessions/current", status_code=204)
def end_session(caller: Annotated[Caller, allowed("session.own")], here: Here) -> Response:
    if caller.token_hash is not None:
        with here.database.write() as session:
            log_out(session, caller.token_hash)
    return Response(status_code=204)


@router.get("/me")
def show_me(caller: Annotated[Caller, allowed("session.own")], here: Here) -> Me:
    actions = [action for action in here.rights.columns if here.rights.may(caller.role, action)]
    return Me(name=caller.name, role=caller.role, department=caller.department, actions=actions)
