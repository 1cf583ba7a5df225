"""Codes of imported tables: finding one, and the next one for a sort of problem that no table names."""

from __future__ import annotations

from http import HTTPStatus
from typing import Annotated, Literal

from fastapi import APIRouter, Query
from pydantic import BaseModel, ConfigDict

from api.access import allowed
from api.catalogue.codes import find_codes, free_local_code
from api.catalogue.rows import Code
from api.problems import Problem
from api.schemas import Key
from api.services import Here

router = APIRouter(prefix="/api/v1/codes", tags=["catalogue"])
CodeClass = Literal["event", "component"]
Prefix = Annotated[str, Query(pattern=r"^[A-Za-z0-9.-]{0,64}$")]


class ShownCode(BaseModel):
    """A code, a string under its scheme: its leading zeros are part of it."""

    model_config = ConfigDict(from_attributes=True)

    scheme: Key
    code_class: CodeClass
    code: Code
    name_en: str
    name_zh: str
    confidence: str | None


class FreeCode(BaseModel):
    scheme: Key
    code_class: CodeClass
    code: Code


@router.get("", dependencies=[allowed("catalogue.read")])
def list_codes(
    *,
    here: Here,
    scheme: Key | None = None,
    code_class: CodeClass | None = None,
    prefix: Prefix = "",
    offset: Annotated[int, Query(ge=0, le=1_000_000)] = 0,
    limit: Annotated[int, Query(ge=1, le=1000)] = 200,
) -> list[ShownCode]:
    """Codes of one scheme and class, or of all, that begin with ``prefix``."""
    with here.database.read() as session:
        found = find_codes(session, scheme=scheme, code_class=code_class, prefix=prefix, offset=offset, limit=limit)
        return [ShownCode.model_validate(code) for code in found]


@router.get("/free", dependencies=[allowed("catalogue.read")])
def show_free(
    *,
    here: Here,
    scheme: Key,
    code_class: CodeClass,
    prefix: Annotated[str, Query(pattern=r"^[A-Za-z0-9][A-Za-z0-9.-]{0,59}$")],
) -> FreeCode:
    """The next free code under a prefix; local extensions count down from 99. 404 where all are taken."""
    with here.database.read() as session:
        code = free_local_code(session, scheme=scheme, code_class=code_class, prefix=prefix)
    if code is None:
        raise Problem(HTTPStatus.NOT_FOUND, f"all codes under {prefix} are taken")
    return FreeCode(scheme=scheme, code_class=code_class, code=code)
