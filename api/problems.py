"""Answers what went wrong: one shape for all errors, with the request's id, and never a stack or a value."""

from __future__ import annotations

import traceback
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

import structlog
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from sqlalchemy.exc import DataError, InterfaceError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError
from starlette.exceptions import HTTPException

from api.cases.errors import CaseConflict, CaseForbidden, CaseMissing, CaseUnfit
from api.clocks.work_time import WorkTimeError
from api.evidence_store import EvidenceMissing, EvidenceUnavailable
from api.people.accounts import (
    LastAdministrator,
    LoginLocked,
    LoginRefused,
    NameTaken,
    UnfitPerson,
    UnknownPerson,
    WrongPassword,
)
from api.people.oidc_errors import OidcRefused, OidcStranger, OidcUnavailable
from api.people.passwords import PasswordsBusy
from api.places.errors import PlaceInUse, PlaceMissing, PlacesRefused, PlaceTaken
from api.reports.joining import MovedOn

_log = structlog.get_logger()
_RETRY_AFTER_S = "2"


class Problem(Exception):
    """Ends a request with a status and a reason in words; ``more`` goes into the answer beside them."""

    def __init__(
        self,
        status: HTTPStatus,
        detail: str,
        *,
        headers: Mapping[str, str] | None = None,
        more: Mapping[str, Any] | None = None,
    ) -> None:
        super().__init__(detail)
        self.status = status
        self.detail = detail
        self.headers = headers
        self.more = more or {}


def problem_response(
    status: int,
    detail: str,
    *,
    request_id: str | None,
    headers: Mapping[str, str] | None = None,
    more: Mapping[str, Any] | None = None,
) -> JSONResponse:
    body = {"detail": detail, "request_id": request_id, **(more or {})}
    return JSONResponse(body, status_code=status, headers=headers, media_type="application/problem+json")


def answer_problems(app: FastAPI) -> None:
    """Teaches the application which answer belongs to which error."""
    app.add_exception_handler(Problem, _problem)
    app.add_exception_handler(HTTPException, _http)
    app.add_exception_handler(RequestValidationError, _invalid)
    for error, status in (
        (CaseMissing, HTTPStatus.NOT_FOUND),
        (CaseForbidden, HTTPStatus.FORBIDDEN),
        (CaseUnfit, HTTPStatus.UNPROCESSABLE_ENTITY),
        (WorkTimeError, HTTPStatus.CONFLICT),
        (EvidenceMissing, HTTPStatus.NOT_FOUND),
        (NameTaken, HTTPStatus.CONFLICT),
        (UnknownPerson, HTTPStatus.NOT_FOUND),
        (LastAdministrator, HTTPStatus.CONFLICT),
        (UnfitPerson, HTTPStatus.UNPROCESSABLE_ENTITY),
        (WrongPassword, HTTPStatus.UNPROCESSABLE_ENTITY),
        (OidcRefused, HTTPStatus.BAD_REQUEST),
        (OidcStranger, HTTPStatus.FORBIDDEN),
        (OidcUnavailable, HTTPStatus.BAD_GATEWAY),
        (LoginRefused, HTTPStatus.UNAUTHORIZED),
        (PlaceMissing, HTTPStatus.NOT_FOUND),
        (PlaceInUse, HTTPStatus.CONFLICT),
        (PlaceTaken, HTTPStatus.CONFLICT),
    ):
        app.add_exception_handler(error, _in_words(status))
    app.add_exception_handler(PlacesRefused, _refused_places)
    app.add_exception_handler(CaseConflict, _conflict)
    app.add_exception_handler(LoginLocked, _locked)
    app.add_exception_handler(PasswordsBusy, _busy)
    app.add_exception_handler(DataError, _unstorable)
    for failure in (OperationalError, InterfaceError, PoolTimeoutError, EvidenceUnavailable, MovedOn):
        app.add_exception_handler(failure, _unavailable)
    app.add_exception_handler(Exception, _unexpected)


def _answer(request: Request, status: int, detail: str, **rest: Any) -> JSONResponse:
    request_id = getattr(request.state, "request_id", None)
    return problem_response(status, detail, request_id=request_id, **rest)


def _in_words(status: HTTPStatus) -> Any:
    def answer(request: Request, error: Exception) -> JSONResponse:
        return _answer(request, status, str(error))

    return answer


def _problem(request: Request, error: Any) -> JSONResponse:
    return _answer(request, error.status, error.detail, headers=error.headers, more=error.more)


def _http(request: Request, error: Any) -> JSONResponse:
    headers = error.headers
    if error.status_code == HTTPStatus.METHOD_NOT_ALLOWED:
        # The router names the methods of the first route of this path alone.
        headers = {"Allow": ", ".join(request.app.state.methods.of(request.url.path))}
    return _answer(request, error.status_code, str(error.detail), headers=headers)


def _invalid(request: Request, error: Any) -> JSONResponse:
    # Only where and why: the input may hold a password, or numbers that JSON cannot say.
    errors = [{"where": ".".join(str(part) for part in e["loc"]), "why": e["msg"]} for e in error.errors()[:20]]
    detail = "; ".join(f"{e['where']}: {e['why']}" for e in errors[:3])
    detail, errors = detail.encode("utf-8", "replace").decode(), _printable(errors)
    return _answer(request, HTTPStatus.UNPROCESSABLE_ENTITY, detail, more={"errors": errors})


def _printable(errors: list[dict[str, str]]) -> list[dict[str, str]]:
    return [{key: text.encode("utf-8", "replace").decode()[:300] for key, text in e.items()} for e in errors]


def _refused_places(request: Request, error: Any) -> JSONResponse:
    errors = _printable([{"where": fault.where, "why": fault.why} for fault in error.faults])
    detail = str(error).encode("utf-8", "replace").decode()
    return _answer(
        request, HTTPStatus.UNPROCESSABLE_ENTITY, detail, more={"errors": errors, "errors_count": error.count}
    )


def _conflict(request: Request, error: Any) -> JSONResponse:
    current = {"state": error.state, "version": error.version, "number": error.number}
    more = (
        {"current": current} if error.allowed_acts is None else {"current": current, "allowed_acts": error.allowed_acts}
    )
    return _answer(request, HTTPStatus.CONFLICT, str(error), more=more)


def _locked(request: Request, error: Any) -> JSONResponse:
    headers = {"Retry-After": str(error.retry_after_s)}
    return _answer(request, HTTPStatus.TOO_MANY_REQUESTS, str(error), headers=headers)


def _busy(request: Request, error: Exception) -> JSONResponse:
    return _answer(request, HTTPStatus.SERVICE_UNAVAILABLE, str(error), headers={"Retry-After": _RETRY_AFTER_S})


def _unstorable(request: Request, _error: Exception) -> JSONResponse:
    return _answer(request, HTTPStatus.UNPROCESSABLE_ENTITY, "the database cannot hold one of the values")


def _unavailable(request: Request, error: Exception) -> JSONResponse:
    _log.error("database or evidence store fails", error=type(error).__name__, path=request.url.path)
    detail = "the database or the evidence store does not answer; try again"
    return _answer(request, HTTPStatus.SERVICE_UNAVAILABLE, detail, headers={"Retry-After": _RETRY_AFTER_S})


def _unexpected(request: Request, error: Exception) -> JSONResponse:
    # The middleware that binds the id to log lines has been left by now.
    request_id = getattr(request.state, "request_id", None)
    _log.error(
        "request failed",
        error=type(error).__name__,
        path=request.url.path,
        request_id=request_id,
        # As text, not as exc_info: some renderers print the values of variables too, and one may be a password.
        exception="".join(traceback.format_exception(error)),
    )
    return _answer(request, HTTPStatus.INTERNAL_SERVER_ERROR, "something went wrong on our side")
