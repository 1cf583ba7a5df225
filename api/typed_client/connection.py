"""What all operations of the typed client share: one connection, and what is sent and read."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime
from enum import Enum
from typing import Any, TypeVar, cast
from urllib.parse import quote

import httpx
from pydantic import BaseModel, TypeAdapter

_Shape = TypeVar("_Shape")


class ApiError(Exception):
    """The API said no. status: of HTTP. told: all that it said, such as ``current`` after a conflict."""

    def __init__(self, status: int, detail: str, told: Mapping[str, Any]) -> None:
        super().__init__(f"{status}: {detail}")
        self.status = status
        self.detail = detail
        self.told = told


class Connection:
    """Close it at the end. A network's failure is httpx's own error."""

    def __init__(self, url: str, bearer: str | None, *, timeout_s: float) -> None:
        headers = {} if bearer is None else {"Authorization": f"Bearer {bearer}"}
        self.http = httpx.Client(base_url=url.rstrip("/"), headers=headers, timeout=timeout_s)

    def close(self) -> None:
        self.http.close()


class Operations:
    """Base of the operations of one subject."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def _ask(
        self,
        method: str,
        path: str,
        *,
        query: Mapping[str, Any] | None = None,
        headers: Mapping[str, Any] | None = None,
        body: Any = None,
        content: str | bytes | None = None,
        media_type: str | None = None,
        files: Any = None,
    ) -> httpx.Response:
        """Returns the answer. Raises: ApiError: If it is none of success."""
        sent = {name: str(value) for name, value in (headers or {}).items() if value is not None}
        if media_type is not None:
            sent["Content-Type"] = media_type
        asked = {name: _text(value) for name, value in (query or {}).items() if value is not None}
        answer = self._connection.http.request(
            method,
            path,
            params=asked,
            headers=sent,
            json=None if body is None else _plain(body),
            content=content,
            files=files,
        )
        if not answer.is_success:
            raise error_of(answer)
        return answer

    @staticmethod
    def _part(value: object) -> str:
        """Returns a value as it may stand in a path."""
        return quote(str(_text(value)), safe="")

    @staticmethod
    def _read(answer: httpx.Response, shape: type[_Shape]) -> _Shape:
        return TypeAdapter(shape).validate_json(answer.content)


def _text(value: Any) -> Any:
    if isinstance(value, (list, tuple)):
        return [_text(one) for one in value]
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, Enum):
        return value.value
    return value.isoformat() if isinstance(value, (datetime, date)) else str(value)


def _plain(body: Any) -> Any:
    """What was not set is left out: the API knows better what it stands for."""
    if isinstance(body, BaseModel):
        return body.model_dump(mode="json", by_alias=True, exclude_unset=True)
    if isinstance(body, (list, tuple)):
        return [_plain(one) for one in body]
    return body


def error_of(answer: httpx.Response) -> ApiError:
    """Returns what an answer that is none of success says."""
    try:
        told = answer.json()
    except ValueError:
        told = {}
    said = cast("dict[str, Any]", told if isinstance(told, dict) else {})
    return ApiError(answer.status_code, str(said.get("detail", answer.reason_phrase)), said)
