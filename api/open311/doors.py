"""How GeoReport's routes let in and refuse: a key may be a parameter, and whatever is wrong is an array of errors."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from contextlib import suppress
from http import HTTPStatus
from typing import Any

from fastapi import Depends, Request, Response
from fastapi.concurrency import run_in_threadpool
from fastapi.exceptions import RequestValidationError
from fastapi.routing import APIRoute
from sqlalchemy.exc import DataError
from starlette.exceptions import HTTPException

from api.access import Allowed
from api.open311.documents import GeoReportFormat, error_answer
from api.people.callers import ANONYMOUS, Caller
from api.problems import Problem
from api.rights import Role
from api.services import services_of

_FORMS = ("application/x-www-form-urlencoded", "multipart/form-data")


class GeoReportAllowed(Allowed):
    """As ``Allowed``, with the key of an ``api_key`` parameter where there is no header.

    Who shows a token or key counts as its owner also where anybody may ask: an edge's key opens nothing here.
    """

    async def __call__(self, request: Request) -> Caller:
        shown = self.bearer(request)
        if shown:
            return await run_in_threadpool(self.admit, request, shown)
        if services_of(request).rights.may(Role.ANONYMOUS, self.action):
            return ANONYMOUS
        return await run_in_threadpool(self.admit, request, await _api_key(request))


def geo_report_allowed(action: str) -> Any:
    """Declares a GeoReport route's action, a word of rights.csv."""
    return Depends(GeoReportAllowed(action))


class GeoReportRoute(APIRoute):
    """Answers all that is wrong with a request as GeoReport says, in the format that was asked for."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        handle = super().get_route_handler()

        async def answered(request: Request) -> Response:
            try:
                return await handle(request)
            except Problem as error:
                return _refusal(request, error.status, error.detail)
            except HTTPException as error:
                return _refusal(request, error.status_code, str(error.detail))
            except RequestValidationError as error:
                return _invalid(request, error)
            except DataError:
                return _refusal(request, HTTPStatus.BAD_REQUEST, "the database cannot hold one of the values")

        return answered


def _invalid(request: Request, error: RequestValidationError) -> Response:
    if any(found["loc"][0] == "path" for found in error.errors()):
        return _refusal(request, HTTPStatus.NOT_FOUND, "there is no such thing, or not in this format")
    # Only where and why: what was given may be a key.
    reasons = [f"{'.'.join(map(str, found['loc'][1:]))}: {found['msg']}" for found in error.errors()[:5]]
    return _refusal(request, HTTPStatus.BAD_REQUEST, "; ".join(reasons)[:1000])


def _refusal(request: Request, status: int, description: str) -> Response:
    """404 for what is unknown, 403 for a key that is missing or wrong, 400 for the rest; 5xx is not the client's."""
    form = GeoReportFormat.JSON if request.url.path.endswith(".json") else GeoReportFormat.XML
    if status == HTTPStatus.UNAUTHORIZED:
        status = HTTPStatus.FORBIDDEN
    elif status < 500 and status not in (HTTPStatus.NOT_FOUND, HTTPStatus.FORBIDDEN):
        status = HTTPStatus.BAD_REQUEST
    return error_answer(status, description.encode("utf-8", "replace").decode(), form)


async def _api_key(request: Request) -> str:
    """Returns the key of the query or of the form, empty where there is none."""
    key: Any = request.query_params.get("api_key", "")
    if not key and request.headers.get("Content-Type", "").startswith(_FORMS):
        with suppress(HTTPException):
            # FastAPI has read the form before, and this is the same one.
            key = (await request.form()).get("api_key", "")
    return key.strip() if isinstance(key, str) else ""
