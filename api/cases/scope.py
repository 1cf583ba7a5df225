"""Which cases a caller may see: filed or not, of which department, in which grids. One rule for reading and listing."""

from __future__ import annotations

from typing import Protocol

from sqlalchemy import ColumnElement

from api.cases.errors import CaseForbidden
from api.cases.states import FILED, UNFILED, CaseState
from api.people.callers import Caller
from api.rights import Rights
from api.tables import Case


class Scoped(Protocol):
    """What the rule looks at: a case, or what an event says of one."""

    @property
    def state(self) -> CaseState: ...
    @property
    def number(self) -> str | None: ...
    @property
    def department(self) -> str: ...
    @property
    def grid_id(self) -> str | None: ...


def visible(rights: Rights, caller: Caller, *, action: str) -> list[ColumnElement[bool]]:
    """Returns conditions on ``Case`` that leave what the caller may see; ``action`` is what the role may do."""
    conditions: list[ColumnElement[bool]] = []
    if not rights.may(caller.role, "case.list_detected"):
        # An alarm that was never filed stays one when it goes into another case.
        conditions += [Case.state.in_(sorted(FILED)), (Case.state != CaseState.MERGED) | Case.number.is_not(None)]
    if not rights.may_elsewhere(caller.role, action):
        conditions.append(Case.department == caller.department)
    if caller.grids is not None:
        conditions.append(Case.grid_id.in_(sorted(caller.grids)))
    return conditions


def check_visible(rights: Rights, caller: Caller, case: Scoped, *, action: str) -> None:
    """Raises: CaseForbidden: Saying which of the rules keeps the caller from this case."""
    if case.department != caller.department and not rights.may_elsewhere(caller.role, action):
        raise CaseForbidden("this case is another department's")
    is_filed = case.number is not None if case.state is CaseState.MERGED else case.state not in UNFILED
    if not is_filed and not rights.may(caller.role, "case.list_detected"):
        raise CaseForbidden("this case is not filed")
    if caller.grids is not None and case.grid_id not in caller.grids:
        raise CaseForbidden("this case is in another grid")
