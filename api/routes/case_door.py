"""What the routes that act on a case share: the version that was seen, one transaction, the case as it is then."""

from __future__ import annotations

import re
from collections.abc import Callable
from http import HTTPStatus
from typing import Annotated
from uuid import UUID

from fastapi import Depends, Header, Response
from sqlalchemy.orm import Session

from api.acts.schemas import Seen
from api.acts.workflow import RULES, Step
from api.cases.decisions import Decision
from api.cases.schemas import CaseForActing
from api.cases.views import Onlooker, for_acting
from api.people.callers import Caller
from api.problems import Problem
from api.services import Here, RequestId, Services
from api.tables import Case, Kind

IfMatch = Annotated[str | None, Header(max_length=100)]
Act = Callable[[Session, UUID, Decision], Case]


class CaseDoor:
    """Built for each request; see ``Door``."""

    def __init__(self, here: Services, request_id: str, response: Response, if_match: str | None) -> None:
        self.here = here
        self._request_id = request_id
        self._response = response
        self._if_match = if_match

    def decision(self, caller: Caller, step: Step, seen: Seen | None = None) -> Decision:
        """Raises: Problem: If-Match is no version."""
        version = seen.version if seen else None
        if self._if_match is not None:
            version = _version(self._if_match)
        return Decision(
            caller=caller,
            action=RULES[step].action,
            at=self.here.clock(),
            request_id=self._request_id,
            version=version,
        )

    def act(self, caller: Caller, step: Step, case_id: UUID, seen: Seen | None, do: Act) -> CaseForActing:
        """Does it in one transaction, and shows the case as it is then, with its version as ETag."""
        decision = self.decision(caller, step, seen)
        with self.here.database.write() as session:
            case = do(session, case_id, decision)
            session.flush()
            kind = session.get_one(Kind, case.kind_key)
        # After the commit: until then others wait for the case, and for the next number of its district.
        with self.here.database.glance() as session:
            shown = for_acting(case, kind, Onlooker(session, self.here.rights, caller, decision.at))
        self._response.headers["ETag"] = f'"{shown.version}"'
        return shown


async def _door(here: Here, request_id: RequestId, response: Response, if_match: IfMatch = None) -> CaseDoor:
    # A class as a dependency would cost each act a thread's turn.
    return CaseDoor(here, request_id, response, if_match)


Door = Annotated[CaseDoor, Depends(_door)]


def _version(if_match: str) -> int | None:
    found = re.fullmatch(r'(?:W/)?"?([0-9]{1,9})"?', if_match.strip())
    if found:
        return int(found[1])
    if if_match.strip() == "*":
        return None
    raise Problem(HTTPStatus.UNPROCESSABLE_ENTITY, 'If-Match: expected the case\'s version, such as "3"')
