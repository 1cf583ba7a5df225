"""Takes a case through its life over HTTP, as the people who may."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import httpx

from api.rights import Role
from tests.api.place import Place, a_report

OTHER_DEPARTMENT = "sanitation"


class Life:
    """One case, of a new alarm of a stall, which urban-management handles within two urgent hours."""

    def __init__(self, place: Place, **report: Any) -> None:
        self.place = place
        self.report = a_report(**report)
        [answer] = place.report(self.report)
        assert answer.case_id is not None, answer.reason
        self.id: UUID = answer.case_id

    def act(self, who: Role, act: str, *, of: str | None = None, **said: Any) -> httpx.Response:
        """of: the department of the handler."""
        path = f"/api/v1/cases/{self.id}/{act}"
        return self.place.person(who, of).post(path, json=said or None)

    def done(self, who: Role, act: str, **said: Any) -> dict[str, Any]:
        """The case after an act that must be done."""
        answer = self.act(who, act, **said)
        assert answer.is_success, answer.text
        shown: dict[str, Any] = answer.json()
        return shown

    def refused(self, who: Role, act: str, **said: Any) -> dict[str, Any]:
        """What the conflict says."""
        answer = self.act(who, act, **said)
        assert answer.status_code == 409, answer.text
        problem: dict[str, Any] = answer.json()
        return problem

    def to(self, state: str) -> Life:
        """Goes the straight way to a state."""
        way = ["filed", "dispatched", "handling", "handled", "checking", "closed"]
        steps: list[tuple[Role, str, dict[str, Any]]] = [
            (Role.OPERATOR, "confirm", {}),
            (Role.OPERATOR, "dispatch", {}),
            (Role.HANDLER, "start", {}),
            (Role.HANDLER, "finish", {}),
            (Role.OPERATOR, "check", {}),
            (Role.OPERATOR, "close", {"checked_by": "person", "note": "the road is clear"}),
        ]
        for who, act, said in steps[: way.index(state) + 1]:
            self.done(who, act, **said)
        return self

    def shown(self) -> dict[str, Any]:
        return self.place.case(self.id)

    def get(self, part: str) -> Any:
        answer = self.place.person(Role.SUPERVISOR).get(f"/api/v1/cases/{self.id}/{part}")
        assert answer.status_code == 200, answer.text
        return answer.json()

    def acts(self) -> list[str]:
        return [line["action"] for line in self.get("history")["items"]]

    def timers(self) -> list[tuple[str, str]]:
        return [(line["stage"], line["entry"]) for line in self.get("timers")["items"]]

    def granted(self, wanted: str, *, granted: bool = True) -> httpx.Response:
        """Asks as the handler, and decides as the supervisor."""
        asked = self.done(Role.HANDLER, "asks", type=wanted, reason="rain")["ask"]["id"]
        return self.act(Role.SUPERVISOR, f"asks/{asked}/decision", granted=granted)
