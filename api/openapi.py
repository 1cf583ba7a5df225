"""Completes the OpenAPI: who may call each operation, and every way in which it may say no."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from fastapi import FastAPI

from api.rights import Rights, Role

_BEARER = {"bearer": {"type": "http", "scheme": "bearer", "description": "a session's token, or a key"}}
_PROBLEM: dict[str, Any] = {
    "title": "Problem",
    "description": "Why the request was not done; more members may say more, such as ``current`` after a conflict.",
    "type": "object",
    "required": ["detail", "request_id"],
    "properties": {"detail": {"type": "string"}, "request_id": {"type": ["string", "null"]}},
}
_CHANGING = frozenset({"post", "put", "patch", "delete"})
_OWN_ERRORS = "/open311/"
"""Open311 has errors in a form of its own, which its routes describe."""


def describe(app: FastAPI, rights: Rights) -> dict[str, Any]:
    """Returns the whole document; FastAPI keeps the first one that it made, so that this is done once."""
    document: dict[str, Any] = dict(app.openapi())
    components = {**document.get("components", {}), "securitySchemes": _BEARER}
    schemas: dict[str, Any] = {**components.get("schemas", {}), "Problem": _PROBLEM}
    for unused in ("HTTPValidationError", "ValidationError"):
        schemas.pop(unused, None)
    document["components"] = {**components, "schemas": schemas}
    document["security"] = [{"bearer": []}]
    document["paths"] = {
        path: {method: _completed(path, method, operation, rights) for method, operation in operations.items()}
        for path, operations in document["paths"].items()
    }
    return document


def _completed(path: str, method: str, operation: Mapping[str, Any], rights: Rights) -> dict[str, Any]:
    open_to_all = rights.may(Role.ANONYMOUS, operation["x-action"])
    completed = dict(operation)
    if open_to_all:
        completed["security"] = []
    responses = dict(operation.get("responses", {}))
    if not path.startswith(_OWN_ERRORS):
        responses.pop("422", None)
        for status, why in _refusals(method, operation, open_to_all=open_to_all):
            responses.setdefault(status, _problem(why))
    completed["responses"] = responses
    return completed


def _refusals(method: str, operation: Mapping[str, Any], *, open_to_all: bool) -> Iterator[tuple[str, str]]:
    parameters = operation.get("parameters", [])
    if not open_to_all:
        yield "401", "Nobody known is asking: the token or key is missing, unknown, expired or revoked."
        yield "403", "Whoever asks may not do this, or not to this."
    if any(parameter["in"] == "path" for parameter in parameters):
        yield "404", "There is no such thing."
    if method in _CHANGING:
        yield "409", "It is not as whoever asks thought; ``current`` says how it is where there is more to say."
    if operation.get("requestBody"):
        yield "400", "The body cannot be read."
        yield "413", "The body is larger than may be."
    if operation.get("requestBody") or parameters:
        yield "422", "A value is not as expected; ``errors`` says where and why."
    yield "503", "The database or the evidence store does not answer, or too many ask at once; come again."


def _problem(why: str) -> dict[str, Any]:
    content = {"application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}}
    return {"description": why, "content": content}


def problems(reasons: Mapping[int, str]) -> dict[int | str, dict[str, Any]]:
    """Describes a route's own ways to say no, by status, for ``responses`` in its declaration."""
    return {status: _problem(why) for status, why in reasons.items()}
