"""A centre on PostgreSQL under a clock that the test moves, with people who stay logged in, and a camera."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any
from uuid import UUID

import httpx
from sqlalchemy import select

from api.acts import machine_acts
from api.acts.stage_rules import load_rules
from api.inserting import insert_rows
from api.people.accounts import add_person
from api.people.keys import sha256_of
from api.rights import Role
from api.tables import Case, HistoryLine, LoginSession, TimerLine
from tests.api.cases.workflow_model import PEOPLE
from tests.api.place import Clocked, Place

CAMERA = "edge:gate-3"

Attempt = tuple[str, str, dict[str, Any]]
"""Who, which act, what they say; a camera says nothing."""


class Town:
    """A centre on PostgreSQL under a clock that the test moves, with the people of the model logged in for years."""

    def __init__(self, place: Place, clock: Clocked) -> None:
        self.place, self.clock = place, clock
        self.services = place.app.state.services
        self.database = self.services.database
        self.people = {name: self._log_in(name) for name in PEOPLE}
        self.threads = ThreadPoolExecutor(4)
        self.broken: list[str] = []

    def _log_in(self, name: str) -> httpx.Client:
        role, department = PEOPLE[name]
        now, token = self.clock(), f"st_{name}"
        with self.database.write() as session:
            person = add_person(
                session, name=name, role=Role(role), department=department, password_hash="none", now=now
            )
            until = now + timedelta(days=36_500)
            session.add(
                LoginSession(token_hash=sha256_of(token), person_id=person.id, created_at=now, expires_at=until)
            )
        return self.place.client(token)

    def act(self, case_id: UUID, asks: Sequence[UUID], one: Attempt) -> int:
        """Returns the status; of a camera, 200 where something happened and 0 where nothing did."""
        who, act, said = one
        if who == "camera":
            return self._camera(case_id, act)
        body = dict(said)
        path = act
        if act == "decide":
            number = body.pop("number")
            path = f"asks/{asks[number] if number < len(asks) else UUID(int=number)}/decision"
        return self.people[who].post(f"/api/v1/cases/{case_id}/{path}", json=body).status_code

    def _camera(self, case_id: UUID, word: str) -> int:
        """As a report does it: on the locked case, in one transaction."""
        with self.database.write() as session:
            case = session.scalars(select(Case).where(Case.id == case_id).with_for_update()).one()
            machine = machine_acts.Machine(at=self.clock(), actor=CAMERA, rules=load_rules(session))
            happened = getattr(machine_acts, word)(case, machine)
            insert_rows(session, HistoryLine, happened.history)
            insert_rows(session, TimerLine, happened.timers)
        return 200 if happened.history else 0
