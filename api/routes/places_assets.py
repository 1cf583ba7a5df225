"""Assets: the city's components, imported from CSV or JSON and listed."""

from __future__ import annotations

import json
from http import HTTPStatus
from typing import Annotated, Any

import structlog
from fastapi import APIRouter, Depends, Query, Request
from pydantic import BaseModel

from api.access import allowed
from api.openapi import problems
from api.people.callers import Caller
from api.places.assets import (
    COLUMNS,
    AssetId,
    AssetImportAnswer,
    GivenAsset,
    ShownAsset,
    assets_of_csv,
    assets_of_json,
    import_assets,
    list_assets,
    shown_asset,
)
from api.places.editing import Editor
from api.problems import Problem
from api.services import Here, RequestId

ASSETS_PATH = "/api/v1/places/assets"
MAX_ASSETS_BODY_BYTES = 16_000_000

router = APIRouter(prefix=ASSETS_PATH, tags=["places"])
_log = structlog.get_logger()
_EDIT = "places.edit_cameras_and_watches"
_DESCRIBED: dict[str, Any] = {
    "requestBody": {
        "content": {
            "text/csv": {
                "schema": {"type": "string"},
                "example": f"{','.join(COLUMNS)}\nMH-0107,雨水井盖,,,water,,,\n",
            },
            "application/json": {"schema": {"type": "array", "items": GivenAsset.model_json_schema()}},
        }
    }
}


class AssetPage(BaseModel):
    """``next`` is the ``after`` of the next page, None on the last."""

    items: list[ShownAsset]
    next: str | None


async def _body(request: Request) -> bytes:
    return await request.body()


@router.get("", dependencies=[allowed("places.read")])
def list_page(here: Here, after: AssetId | None = None, limit: Annotated[int, Query(ge=1, le=1000)] = 200) -> AssetPage:
    with here.database.read() as session:
        rows = list_assets(session, after=after, limit=limit + 1)
    items = [shown_asset(row) for row in rows[:limit]]
    return AssetPage(items=items, next=items[-1].id if len(rows) > limit else None)


@router.post(
    "",
    openapi_extra=_DESCRIBED,
    responses=problems({422: "The table is not as expected; ``errors`` names line and column of each fault."}),
)
def import_table(
    *,
    caller: Annotated[Caller, allowed(_EDIT)],
    body: Annotated[bytes, Depends(_body)],
    request: Request,
    here: Here,
    request_id: RequestId,
    dry_run: Annotated[bool, Query(description="Check and compare, and change nothing.")] = False,
) -> AssetImportAnswer:
    """Adds or changes components, from CSV (``text/csv``, UTF-8, with a head line) or a JSON list of objects."""
    is_csv = request.headers.get("Content-Type", "").partition(";")[0].strip().lower() == "text/csv"
    assets = assets_of_csv(body) if is_csv else assets_of_json(_parsed(body))
    editor = Editor.of(caller.actor, _EDIT, here, request_id)
    with here.database.read() if dry_run else here.database.write() as session:
        answer = import_assets(session, assets, editor, dry_run=dry_run)
    if not dry_run:
        _log.info("assets imported", actor=caller.actor, added=answer.added, changed=answer.changed)
    return answer


def _parsed(body: bytes) -> Any:
    try:
        return json.loads(body)
    except (ValueError, RecursionError):
        why = "expected JSON, or CSV with Content-Type text/csv"
        raise Problem(HTTPStatus.UNPROCESSABLE_ENTITY, why) from None
