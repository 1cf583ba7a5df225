"""What the centre tells an edge to watch: set by people, pulled by the edge."""

from __future__ import annotations

from http import HTTPStatus
from typing import Annotated

import structlog
from fastapi import APIRouter, Header, Response

from api.access import allowed
from api.audit.trail import write_audit
from api.edges.configurations import (
    ConfigurationRefused,
    EdgeUnknown,
    RevisionDiffers,
    checked_configuration,
    current_configuration,
    set_configuration,
)
from api.edges.schemas import ShownConfiguration
from api.people.callers import Caller
from api.problems import Problem
from api.routes.json_body import JsonBody
from api.schemas import Key
from api.services import Here, RequestId

CONFIGURATION_PATH = "/api/v1/edges/{edge_id}/configuration"
MAX_CONFIGURATION_BODY_BYTES = 1_000_000

router = APIRouter(tags=["edges"])
_log = structlog.get_logger()
IfMatch = Annotated[str | None, Header(max_length=1000)]
_EDIT = "places.edit_cameras_and_watches"
_WATCHES = {"type": "array", "items": {"type": "object"}}
_SCHEMA = {
    "type": "object",
    "required": ["watches"],
    "properties": {"watches": _WATCHES},
    "additionalProperties": False,
}
_DESCRIBED = {"requestBody": {"required": True, "content": {"application/json": {"schema": _SCHEMA}}}}


@router.get(CONFIGURATION_PATH, dependencies=[allowed("places.read")])
def show(edge_id: Key, here: Here, response: Response) -> ShownConfiguration:
    with here.database.read() as session:
        row = current_configuration(session, edge_id)
    if row is None:
        raise Problem(HTTPStatus.NOT_FOUND, f"the centre has no configuration for an edge {edge_id}")
    response.headers["ETag"] = f'"{row.revision}"'
    return ShownConfiguration.model_validate(row)


@router.put(CONFIGURATION_PATH, openapi_extra=_DESCRIBED)
def replace(
    *,
    edge_id: Key,
    caller: Annotated[Caller, allowed(_EDIT)],
    body: JsonBody,
    here: Here,
    request_id: RequestId,
    response: Response,
    if_match: IfMatch = None,
) -> ShownConfiguration:
    """Sets all watches that the centre has for this edge, as ``{"watches": [...]}``.

    The edge checks them when it pulls them, and tells in its status what is in force and what is wrong.
    412 where If-Match names another revision than the one that holds.
    """
    expected = None if if_match is None else _revisions(if_match)
    try:
        configuration = checked_configuration(edge_id, body)
        with here.database.write() as session:
            row = set_configuration(
                session, edge_id, configuration, expected=expected, by=caller.actor, at=here.clock()
            )
            write_audit(
                session,
                _EDIT,
                f"edge:{edge_id}",
                at=here.clock(),
                actor=caller.actor,
                request_id=request_id,
                details={"act": "configuration set", "revision": row.revision},
            )
    except ConfigurationRefused as error:
        raise Problem(HTTPStatus.UNPROCESSABLE_ENTITY, str(error)) from None
    except EdgeUnknown as error:
        raise Problem(HTTPStatus.NOT_FOUND, str(error)) from None
    except RevisionDiffers as error:
        more = {"current": {"revision": error.revision}}
        raise Problem(HTTPStatus.PRECONDITION_FAILED, str(error), more=more) from None
    _log.info("edge configuration set", edge_id=edge_id, revision=row.revision, actor=caller.actor)
    response.headers["ETag"] = f'"{row.revision}"'
    return ShownConfiguration.model_validate(row)


def _revisions(if_match: str) -> frozenset[str]:
    return frozenset(tag.strip().removeprefix("W/").strip('"') for tag in if_match.split(","))
