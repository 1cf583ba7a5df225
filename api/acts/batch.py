"""Does one act to many cases: each in a transaction of its own, so that what fails for one keeps no other back."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from http import HTTPStatus

from sqlalchemy.orm import Session

from api.acts.dispatching import dispatch
from api.acts.review import confirm, reject
from api.acts.schemas import Batch, BatchAnswer, BatchItem
from api.cases.decisions import Decision
from api.cases.errors import CaseConflict, CaseError, CaseForbidden, CaseMissing
from api.services import Services
from api.tables import Case

_Do = Callable[[Session, BatchItem, Decision], Case]


def act_on_all(services: Services, batch: Batch, decision: Decision) -> list[BatchAnswer]:
    """Returns an answer for each item, in their order."""
    do = _doing(services, batch)
    return [_one(services, item, replace(decision, version=item.version), do) for item in batch.items]


def _doing(services: Services, batch: Batch) -> _Do:
    rights, settings = services.rights, services.settings
    if batch.act == "confirm":
        return lambda session, item, decision: confirm(session, rights, item.id, decision, settings)
    if batch.act == "reject":
        reason = batch.reason or ""
        return lambda session, item, decision: reject(session, rights, item.id, decision, reason=reason)
    return lambda session, item, decision: dispatch(session, rights, item.id, decision, department=batch.department)


def _one(services: Services, item: BatchItem, decision: Decision, do: _Do) -> BatchAnswer:
    try:
        with services.database.write() as session:
            case = do(session, item, decision)
    except CaseConflict as error:
        return BatchAnswer(
            id=item.id,
            status=HTTPStatus.CONFLICT,
            detail=str(error),
            state=error.state,
            version=error.version,
            number=error.number,
            allowed_acts=error.allowed_acts,
        )
    except CaseError as error:
        return BatchAnswer(id=item.id, status=_status_of(error), detail=str(error))
    return BatchAnswer(id=item.id, status=HTTPStatus.OK, state=case.state, version=case.version, number=case.number)


def _status_of(error: CaseError) -> int:
    if isinstance(error, CaseMissing):
        return HTTPStatus.NOT_FOUND
    return HTTPStatus.FORBIDDEN if isinstance(error, CaseForbidden) else HTTPStatus.UNPROCESSABLE_ENTITY
