"""Reads a JSON body only after the caller was let through: a stranger's megabytes are never parsed.

FastAPI reads the body that a route declares before it asks who is there.
"""

from __future__ import annotations

import json
from http import HTTPStatus
from typing import Annotated, Any, TypeVar

from fastapi import Depends, Request
from fastapi.exceptions import RequestValidationError
from pydantic import TypeAdapter, ValidationError

from api.problems import Problem

_Checked = TypeVar("_Checked")
DESCRIBED: dict[str, Any] = {"requestBody": {"content": {"application/json": {"schema": {}}}}}
"""For OpenAPI, which does not see a body that is read here."""


async def _json_body(request: Request) -> Any:
    body = await request.body()
    try:
        return json.loads(body)
    except (ValueError, RecursionError):
        raise Problem(HTTPStatus.UNPROCESSABLE_ENTITY, "expected JSON, got something else") from None


JsonBody = Annotated[Any, Depends(_json_body)]
"""The parsed body. It has to come behind the caller, as dependencies are met in order."""


def checked(shape: TypeAdapter[_Checked], body: Any) -> _Checked:
    """Returns the body as ``shape``. Raises: RequestValidationError: It is answered as FastAPI's own."""
    try:
        return shape.validate_python(body)
    except ValidationError as error:
        raise RequestValidationError(error.errors(include_url=False, include_input=False)) from None
