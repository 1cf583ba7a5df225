"""The kinds that cases are filed under, and the conditions of each."""

from __future__ import annotations

from http import HTTPStatus
from typing import Annotated, Any, Literal

from fastapi import APIRouter
from pydantic import BaseModel, ConfigDict
from sqlalchemy import select
from sqlalchemy.orm import Session

from api.access import allowed
from api.cases.schemas import ShownKind
from api.catalogue.csv_tables import Line, TableRefused
from api.catalogue.imports import CatalogueTable, import_table
from api.catalogue.kinds import ConditionTable, KindTable, remove_kind
from api.catalogue.rows import ConditionFields, ConditionRow, KindFields, KindRow
from api.people.callers import Caller
from api.problems import Problem
from api.routes.catalogue_edit import Edit
from api.routes.csv_body import refused
from api.schemas import Key
from api.services import Here, RequestId
from api.tables import Kind, KindCondition

router = APIRouter(prefix="/api/v1", tags=["catalogue"])
_May = Annotated[Caller, allowed("catalogue.edit")]


class CatalogueKind(KindFields):
    """A kind with all that governs it. A retired one is offered to nobody, but cases keep it."""

    model_config = ConfigDict(from_attributes=True, extra="ignore")

    key: Key
    retired: bool


class Removal(BaseModel):
    """retired: something still names it, or it belongs to the default catalogue, which would bring it back."""

    outcome: Literal["removed", "retired"]


@router.get("/kinds", dependencies=[allowed("catalogue.read")])
def list_kinds(here: Here) -> list[ShownKind]:
    with here.database.read() as session:
        return [ShownKind.model_validate(kind) for kind in session.scalars(select(Kind).order_by(Kind.key))]


@router.get("/kinds/{key}", dependencies=[allowed("catalogue.read")])
def show_kind(key: Key, here: Here) -> CatalogueKind:
    with here.database.read() as session:
        return CatalogueKind.model_validate(_kind(session, key))


@router.put("/kinds/{key}")
def set_kind(*, key: Key, wanted: KindFields, caller: _May, here: Here, request_id: RequestId) -> CatalogueKind:
    """Makes or changes a kind; a retired one is in use again. Limits fixed at a dispatch stay what they were."""
    row = KindRow(key=key, **wanted.model_dump())
    _set(KindTable(), row, Edit(f"kind:{key}", caller, here, request_id))
    return CatalogueKind(**row.model_dump(), retired=False)


@router.delete("/kinds/{key}")
def delete_kind(*, key: Key, caller: _May, here: Here, request_id: RequestId) -> Removal:
    """Removes a kind, or retires it where cases or assignments name it or it is of the default catalogue."""
    details: dict[str, Any] = {}
    with Edit(f"kind:{key}", caller, here, request_id).transaction(details) as session:
        gone = remove_kind(session, _kind(session, key))
        removal = Removal(outcome="removed" if gone else "retired")
        details |= removal.model_dump()
    return removal


@router.get("/kinds/{key}/conditions", dependencies=[allowed("catalogue.read")])
def list_conditions(key: Key, here: Here) -> list[ConditionRow]:
    with here.database.read() as session:
        _kind(session, key)
        return [row for row in ConditionTable().exported(session) if row.kind_key == key]


@router.put("/kinds/{key}/conditions/{condition}")
def set_condition(
    *, key: Key, condition: Key, wanted: ConditionFields, caller: _May, here: Here, request_id: RequestId
) -> ConditionRow:
    """Makes or changes a condition; its limit counts from the next dispatch on."""
    with here.database.read() as session:
        _kind(session, key)
    row = ConditionRow(kind_key=key, key=condition, **wanted.model_dump())
    _set(ConditionTable(), row, Edit(f"kind:{key}:{condition}", caller, here, request_id))
    return row


@router.delete("/kinds/{key}/conditions/{condition}", status_code=HTTPStatus.NO_CONTENT)
def delete_condition(*, key: Key, condition: Key, caller: _May, here: Here, request_id: RequestId) -> None:
    """Cases that were dispatched under it keep its word and its limit."""
    with Edit(f"kind:{key}:{condition}", caller, here, request_id).transaction({"outcome": "removed"}) as session:
        kept = session.get(KindCondition, (key, condition))
        if kept is None:
            raise Problem(HTTPStatus.NOT_FOUND, f"kind {key} has no condition {condition}")
        session.delete(kept)


def _kind(session: Session, key: str) -> Kind:
    kind = session.get(Kind, key)
    if kind is None:
        raise Problem(HTTPStatus.NOT_FOUND, f"there is no kind {key}")
    return kind


def _set(table: CatalogueTable[Any], row: KindRow | ConditionRow, edit: Edit) -> None:
    try:
        with edit.transaction(table.values_of(row)) as session:
            import_table(session, table, [Line(1, row)], missing="keep")
    except TableRefused as error:
        raise refused(error) from None
