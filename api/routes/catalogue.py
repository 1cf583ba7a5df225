"""The kinds that cases are filed under."""

from __future__ import annotations

from fastapi import APIRouter
from sqlalchemy import select

from api.access import allowed
from api.cases.schemas import ShownKind
from api.services import Here
from api.tables import Kind

router = APIRouter(prefix="/api/v1", tags=["catalogue"])


@router.get("/kinds", dependencies=[allowed("catalogue.read")])
def list_kinds(here: Here) -> list[ShownKind]:
    with here.database.read() as session:
        return [ShownKind.model_validate(kind) for kind in session.scalars(select(Kind).order_by(Kind.key))]
