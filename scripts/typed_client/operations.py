"""Writes the operations: one class for each tag, one method for each operation."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from scripts.typed_client.annotations import annotation, first_sentences, python_name

JSON = "application/json"
NOT_OURS = ("/internal/", "/open311/")
"""Ingestion's own, and what other cities' clients speak."""

HEAD = '''"""The API's operations{of}. Written by ``python -m scripts.typed_client``; not to be edited."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any, Literal
from uuid import UUID

from api.typed_client import models
from api.typed_client.connection import Operations
'''


@dataclass(frozen=True, slots=True)
class Operation:
    """One operation of the document under the name of its method here."""

    name: str
    tag: str
    method: str
    path: str
    described: Mapping[str, Any]


def operations_of(document: Mapping[str, Any]) -> list[Operation]:
    """Returns all that the client covers. Two of a tag with one name are told apart by the end of their paths.

    What only ever leads a browser elsewhere is left out.
    """
    found = [
        Operation(_function(path, method, described), described["tags"][0], method, path, described)
        for path, methods in document["paths"].items()
        if not path.startswith(NOT_OURS)
        for method, described in methods.items()
        if any(status.startswith("2") for status in described["responses"])
    ]
    often = Counter((operation.tag, operation.name) for operation in found)
    return [operation if often[operation.tag, operation.name] == 1 else _told_apart(operation) for operation in found]


def operations_source(tag: str, operations: list[Operation]) -> str:
    methods = "".join(f"\n{_method(operation)}" for operation in operations)
    return (
        HEAD.format(of=f" on {tag}") + f'\n\nclass {class_name(tag)}(Operations):\n    """{_titled(tag)}."""\n{methods}'
    )


def client_source(tags: list[str]) -> str:
    imports = "".join(f"from api.typed_client.{python_name(tag)} import {class_name(tag)}\n" for tag in tags)
    members = "".join(f"        self.{python_name(tag)} = {class_name(tag)}(self._connection)\n" for tag in tags)
    return CLIENT.format(imports=imports, members=members)


CLIENT = '''"""The typed client of the API. Written by ``python -m scripts.typed_client``; not to be edited."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from types import TracebackType
from typing import Self

{imports}from api.typed_client import models
from api.typed_client.connection import Connection
from api.typed_client.following import follow


class StreetcaseClient:
    """All operations by their subjects, such as ``client.cases.show(case_id)``; bearer: a session's token, or a key."""

    def __init__(self, url: str, bearer: str | None = None, *, timeout_s: float = 30.0) -> None:
        self._connection = Connection(url, bearer, timeout_s=timeout_s)
{members}
    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        self._connection.close()

    def follow(
        self, *, last_event_id: int | None = None, kind: Sequence[str] = (), department: str | None = None
    ) -> Iterator[models.CaseEvent]:
        """Yields what happens to cases, for ever: it comes back where the line breaks. Raises: ApiError: If refused."""
        return follow(self._connection, last_event_id=last_event_id, kind=kind, department=department)
'''


def class_name(tag: str) -> str:
    return "".join(word.capitalize() for word in python_name(tag).split("_"))


def _titled(tag: str) -> str:
    return tag[:1].upper() + tag[1:]


def _function(path: str, method: str, described: Mapping[str, Any]) -> str:
    written_by_fastapi = re.sub(r"\W", "_", path) + f"_{method}"
    return python_name(str(described["operationId"]).removesuffix(written_by_fastapi))


def _told_apart(operation: Operation) -> Operation:
    ends = [part for part in operation.path.split("/") if part and not part.startswith("{")]
    name = f"{operation.name}_{python_name(ends[-1])}"
    return Operation(name, operation.tag, operation.method, operation.path, operation.described)


def _method(operation: Operation) -> str:
    described = operation.described
    arguments = ["self", *_signature(operation)]
    path = re.sub(r"{(\w+)}", lambda match: "{self._part(" + python_name(match[1]) + ")}", operation.path)
    passed = [repr(operation.method.upper()), f'f"{path}"' if "{" in path else repr(path)]
    for place, argument in (("query", "query"), ("header", "headers")):
        members = [f"{one['name']!r}: {python_name(one['name'])}" for one in _parameters(operation, place)]
        if members:
            passed.append(f"{argument}={{{', '.join(members)}}}")
    body = _body(operation)
    if body is not None:
        passed.append(f"{body[0]}={body[0]}")
        if body[0] == "content":
            passed.append(f"media_type={body[2]!r}")
    returned = _returned(described)
    text = first_sentences(described.get("description") or described.get("summary") or operation.name)
    call = f"self._ask({', '.join(passed)})"
    return (
        f"    def {operation.name}({', '.join(arguments)}) -> {returned}:\n"
        f'        """{text}"""\n'
        f"        {_read(call, returned)}\n"
    )


def _read(call: str, returned: str) -> str:
    if returned == "None":
        return call
    if returned == "bytes":
        return f"return {call}.content"
    return f"return self._read({call}, {returned})" if returned != "Any" else f"return {call}.json()"


def _signature(operation: Operation) -> Iterator[str]:
    for one in _parameters(operation, "path"):
        yield f"{python_name(one['name'])}: {annotation(one['schema'], models='models.')}"
    body = _body(operation)
    if body is not None:
        yield f"{body[0]}: {body[1]}"
    named = [*_parameters(operation, "query"), *_parameters(operation, "header")]
    if named:
        yield "*"
    for one in sorted(named, key=lambda one: not one.get("required", False)):
        kind = annotation(one["schema"], models="models.")
        if not one.get("required", False):
            kind = (kind if kind.endswith("None") else f"{kind} | None") + " = None"
        yield f"{python_name(one['name'])}: {kind}"


def _parameters(operation: Operation, place: str) -> list[Mapping[str, Any]]:
    """A header that says the same as a parameter of the query is left out."""
    named = operation.described.get("parameters", [])
    in_query = {python_name(one["name"]) for one in named if one["in"] == "query"}
    return [
        one for one in named if one["in"] == place and (place != "header" or python_name(one["name"]) not in in_query)
    ]


def _body(operation: Operation) -> tuple[str, str, str] | None:
    """Returns the argument's name, its annotation and its media type; None where there is no body."""
    wanted = operation.described.get("requestBody")
    if wanted is None:
        return None
    media_type = JSON if JSON in wanted["content"] else next(iter(wanted["content"]))
    if media_type == "multipart/form-data":
        return "files", "dict[str, Any]", media_type
    if media_type != JSON:
        return "content", "str | bytes", media_type
    schema = wanted["content"][JSON].get("schema", {})
    kind = annotation(schema, models="models.")
    may_be_left_out = not wanted.get("required", False) and kind != "Any"
    return "body", kind + (" | None = None" if may_be_left_out and "None" not in kind else ""), media_type


def _returned(described: Mapping[str, Any]) -> str:
    status, good = next((status, good) for status, good in described["responses"].items() if status.startswith("2"))
    if status == "204":
        return "None"
    content = good.get("content", {})
    return annotation(content[JSON].get("schema", {}), models="models.") if JSON in content else "bytes"
