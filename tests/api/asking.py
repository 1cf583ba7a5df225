"""Asks any route that is declared: fills its path and its body with values that fit, from its own declaration."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

import httpx
from fastapi.routing import APIRoute
from pydantic import TypeAdapter, ValidationError

from api.access import declared_actions
from api.routes import ROUTERS

TRIED = ("no-such-thing", "1", "0" * 64, "2026-01-01", "2026-01", "favicon.png", "json", "operator", "event", "day")
"""What a path parameter is tried with, after a new UUID, until one fits; nothing has such a name."""

_LASTS = re.compile(r"sessions/current$|sessions/rotate$")


@dataclass(frozen=True, slots=True)
class Asked:
    """A route by one of its methods."""

    method: str
    route: APIRoute
    action: str

    @property
    def path(self) -> str:
        return self.route.path_format  # as the OpenAPI has it, without converters

    def __str__(self) -> str:
        return f"{self.method} {self.path} ({self.action})"


def all_routes() -> list[Asked]:
    """Every method of every route; those that end a session come last, as nothing is allowed after them."""
    found = [
        Asked(method, route, action)
        for router in ROUTERS
        for route, action in declared_actions(router.routes)
        for method in sorted(route.methods or ())
    ]
    return sorted(found, key=lambda asked: bool(_LASTS.search(asked.path)))


def filled(asked: Asked, known: Mapping[str, object]) -> str:
    """The route's path with ``known`` values, and others with something that its declaration takes."""
    values = {field.name: _fitting(field.field_info) for field in asked.route.dependant.path_params}
    values |= {name: str(value) for name, value in known.items() if name in values}
    return re.sub(r"{(\w+)(?::\w+)?}", lambda match: values.get(match[1], "no-such-thing"), asked.path)


def _fitting(declared: Any) -> str:
    shape: TypeAdapter[Any] = TypeAdapter(declared.annotation)
    checks = [part for part in declared.metadata if part is not None]
    for text in (str(uuid4()), *TRIED):
        try:
            value = shape.validate_python(text)
        except ValidationError:
            continue
        pattern = next((part.pattern for part in checks if getattr(part, "pattern", None)), None)
        if pattern is None or re.search(pattern, str(value)):
            return text
    return "no-such-thing"


def status_of(client: httpx.Client, method: str, url: str, **about: Any) -> tuple[int, str]:
    """The status, and the text of a body that ends; a stream of events is left as soon as it has begun."""
    with client.stream(method, url, **about) as answer:
        if answer.headers.get("Content-Type", "").startswith("text/event-stream"):
            return answer.status_code, ""
        answer.read()
        return answer.status_code, answer.text


def bodies(document: Mapping[str, Any], asked: Asked) -> Iterator[dict[str, Any]]:
    """What to send with a request, as arguments of httpx: the smallest body that the OpenAPI asks for, else nothing."""
    operation = document["paths"].get(asked.path, {}).get(asked.method.lower(), {})
    content = operation.get("requestBody", {}).get("content", {})
    if "application/json" in content:
        described = content["application/json"]
        examples = [example["value"] for example in described.get("examples", {}).values()]
        yield from ({"json": example} for example in examples)
        yield {"json": smallest(described.get("schema", {}), document)}
    elif content:
        yield {"content": b"x", "headers": {"Content-Type": next(iter(content))}}
    else:
        yield {}


def smallest(schema: Mapping[str, Any], document: Mapping[str, Any]) -> Any:
    """The smallest value that a schema takes, as far as schemas of ours go."""
    if "$ref" in schema:
        return smallest(document["components"]["schemas"][schema["$ref"].rpartition("/")[2]], document)
    said = [schema[name] for name in ("const", "default") if name in schema]
    said += [schema[name][0] for name in ("examples", "enum") if schema.get(name)]
    if said:
        return said[0]
    for choice in ("anyOf", "oneOf", "allOf"):
        if choice in schema:
            return smallest(schema[choice][0], document)
    if schema.get("type") == "object" or "properties" in schema:
        wanted = schema.get("required", [])
        return {name: smallest(schema["properties"][name], document) for name in wanted}
    if schema.get("type") == "array":
        first = schema.get("prefixItems") or [schema.get("items", {})] * max(1, schema.get("minItems", 0))
        return [smallest(item, document) for item in first]
    return _scalar(schema)


def _scalar(schema: Mapping[str, Any]) -> Any:
    if schema.get("type") in ("integer", "number"):
        lowest = schema.get("minimum", schema.get("exclusiveMinimum", 0))
        return lowest + (1 if "exclusiveMinimum" in schema else 0)
    if schema.get("type") == "boolean":
        return True
    by_format = {
        "uuid": str(uuid4()),
        "date-time": "2026-11-23T00:00:00Z",
        "date": "2026-11-23",
        "uri": "https://a.example",
    }
    if schema.get("format") in by_format:
        return by_format[schema["format"]]
    text = "a reason of the tests"
    pattern = schema.get("pattern")
    if pattern and not re.search(pattern, text):
        text = next((known for known in TRIED if re.search(pattern, known)), text)
    return text[: schema.get("maxLength", len(text))]
