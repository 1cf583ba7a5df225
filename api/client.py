"""Speaks to the case API for ingestion: reports, edge keys, the kinds that it knows, and the way back to edges.

ApiError
├── ApiUnavailable   no answer, or one that says "later" (5xx, 429): wait and send the same again
└── ApiRefused       the API understood and said no (4xx): sending the same again is of no use
"""

from __future__ import annotations

from collections.abc import Sequence
from http import HTTPStatus
from typing import Any, TypeVar
from uuid import UUID

import httpx
from pydantic import TypeAdapter, ValidationError

from api.schemas import (
    UNKNOWN_KEY,
    UNKNOWN_TOKEN,
    EdgeConfigurationKept,
    EdgeIdentity,
    EdgeRequestResult,
    EdgeStatusReport,
    OpenEdgeRequest,
    RegisteredEdge,
    Report,
    ReportAnswer,
    ReportCount,
    ResultAnswer,
    ResultOutcome,
)

_ANSWERS = TypeAdapter(list[ReportAnswer])
_KEYS = TypeAdapter(frozenset[str])
_IDENTITY = TypeAdapter(EdgeIdentity)
_REGISTERED = TypeAdapter(RegisteredEdge)
_REPORTS = TypeAdapter(list[Report])
_COUNT = TypeAdapter(ReportCount)
_CONFIGURATION = TypeAdapter(EdgeConfigurationKept | None)
_REQUESTS = TypeAdapter(list[OpenEdgeRequest])
_RESULT_ANSWER = TypeAdapter(ResultAnswer)
_STATUSES = TypeAdapter(list[EdgeStatusReport])
_Answer = TypeVar("_Answer")


class ApiError(Exception):
    """Anything that kept the API from doing what was asked."""


class ApiUnavailable(ApiError):
    """The API did not answer, or asked to wait; ``retry_after_s`` is how long, where it said so.

    ``status`` is HTTP's, None where no answer came at all.
    """

    def __init__(self, message: str, *, status: int | None = None, retry_after_s: float | None = None) -> None:
        super().__init__(message)
        self.status = status
        self.retry_after_s = retry_after_s


class ApiRefused(ApiError):
    """The API said no; ``status`` is HTTP's, ``reason`` the API's own words."""

    def __init__(self, status: int, reason: str) -> None:
        super().__init__(f"the API refused ({status}): {reason}")
        self.status = status
        self.reason = reason


class ApiClient:
    """One connection pool to the API. Safe to share between threads; never shows its key."""

    def __init__(self, base_url: str, service_key: str, *, timeout_s: float = 10.0) -> None:
        self._http = httpx.Client(
            base_url=base_url.rstrip("/"),
            headers={"Authorization": f"Bearer {service_key}"},
            timeout=timeout_s,
            trust_env=False,
        )

    def report(self, reports: Sequence[Report]) -> list[ReportAnswer]:
        """Hands in up to 500 reports; returns one answer each, in order. Safe to repeat.

        Raises: ApiUnavailable: nothing is known to be recorded. ApiRefused: the whole call was refused.
        """
        return self._report(_REPORTS.dump_json(list(reports), exclude_none=True), count=len(reports))

    def report_raw(self, reports: Sequence[bytes]) -> list[ReportAnswer]:
        """Hands in up to 500 reports, each as the JSON object that the API is to check; answers and raises as report.

        One that does not fit is answered ``refused``.
        """
        return self._report(b"[" + b",".join(reports) + b"]", count=len(reports))

    def _report(self, body: bytes, *, count: int) -> list[ReportAnswer]:
        answers = _read(self._ask("POST", "/internal/v1/reports", body=body), _ANSWERS)
        if len(answers) != count:
            raise ApiUnavailable(f"expected {count} answers of the API, got {len(answers)}")
        return answers

    def report_count(self) -> int:
        """Returns how many reports the API holds."""
        return _read(self._ask("GET", "/internal/v1/reports/count"), _COUNT).reports

    def authenticate_edge(self, key: str) -> EdgeIdentity | None:
        """Returns whom the edge key belongs to, or None where no edge holds it (any more)."""
        try:
            response = self._ask("POST", "/internal/v1/edges/authenticate", json={"key": key})
        except _UnknownKey:
            return None
        return _read(response, _IDENTITY)

    def register_edge(self, token: str) -> RegisteredEdge | None:
        """Exchanges a one-time token for an edge's key; None where it is not in force. Not to be repeated.

        Raises: ApiUnavailable: The token may be used up all the same.
        """
        try:
            response = self._ask("POST", "/internal/v1/edges/register", json={"token": token})
        except _UnknownToken:
            return None
        return _read(response, _REGISTERED)

    def kinds(self) -> frozenset[str]:
        """Returns the keys of all kinds that the API files cases under."""
        return _read(self._ask("GET", "/internal/v1/kinds"), _KEYS)

    def edge_configuration(self, edge_id: str) -> EdgeConfigurationKept | None:
        """Returns what the edge is to watch, None where the centre has nothing for it."""
        return _read(self._ask("GET", f"/internal/v1/edges/{edge_id}/configuration"), _CONFIGURATION)

    def open_edge_requests(self) -> list[OpenEdgeRequest]:
        """Returns what is open for all edges, the oldest first."""
        return _read(self._ask("GET", "/internal/v1/edge-requests"), _REQUESTS)

    def answer_edge_request(self, edge_id: str, request_id: UUID, result: EdgeRequestResult) -> ResultOutcome:
        """Hands in an edge's answer. Safe to repeat: the first one stays."""
        body = result.model_dump_json(exclude_none=True).encode()
        path = f"/internal/v1/edges/{edge_id}/requests/{request_id}/result"
        return _read(self._ask("PUT", path, body=body), _RESULT_ANSWER).outcome

    def report_edge_statuses(self, statuses: Sequence[EdgeStatusReport]) -> None:
        """Hands in the last statuses of up to ``STATUSES_PER_PUT`` edges."""
        body = _STATUSES.dump_json(list(statuses), exclude_none=True)
        self._ask("PUT", "/internal/v1/edges/statuses", body=body)

    def close(self) -> None:
        self._http.close()

    def _ask(self, method: str, path: str, *, body: bytes | None = None, json: Any = None) -> httpx.Response:
        headers = {"Content-Type": "application/json"} if body is not None else None
        try:
            response = self._http.request(method, path, content=body, json=json, headers=headers)
        except httpx.HTTPError as error:
            # Not chained: httpx keeps the request, and with it the key, on its errors.
            raise ApiUnavailable(f"no answer from the API: {type(error).__name__}") from None
        if response.is_success:
            return response
        raise _refusal(response)


class _UnknownKey(ApiRefused):
    """The API's own 404 for an edge key, told from the 404 of a wrong address."""


class _UnknownToken(ApiRefused):
    """The same for a one-time token."""


_UNKNOWN = {UNKNOWN_KEY: _UnknownKey, UNKNOWN_TOKEN: _UnknownToken}


def _refusal(response: httpx.Response) -> ApiError:
    status = response.status_code
    code, reason = _problem(response)
    if status >= HTTPStatus.INTERNAL_SERVER_ERROR or status == HTTPStatus.TOO_MANY_REQUESTS:
        return ApiUnavailable(
            f"the API answered {status}: {reason}", status=status, retry_after_s=_retry_after_s(response)
        )
    refused = _UNKNOWN.get(code or "", ApiRefused) if status == HTTPStatus.NOT_FOUND else ApiRefused
    return refused(status, reason)


def _problem(response: httpx.Response) -> tuple[str | None, str]:
    try:
        problem = response.json()
    except ValueError:
        return None, response.reason_phrase
    if not isinstance(problem, dict):
        return None, response.reason_phrase
    return problem.get("code"), str(problem.get("detail", response.reason_phrase))[:500]


def _retry_after_s(response: httpx.Response) -> float | None:
    try:
        return max(0.0, float(response.headers["Retry-After"]))
    except (KeyError, ValueError):
        return None


def _read(response: httpx.Response, shape: TypeAdapter[_Answer]) -> _Answer:
    """Reads a success; one of another shape comes from a proxy or another server, so it is no answer."""
    try:
        return shape.validate_json(response.content)
    except ValidationError:
        raise ApiUnavailable("the API's answer is not of the expected shape") from None
