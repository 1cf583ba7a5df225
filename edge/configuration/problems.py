"""Says in words what is wrong in a configuration, and where it stands."""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, get_args

from pydantic import BaseModel, ValidationError

from edge.configuration.yaml_lines import Lines

Path = tuple[str | int, ...]
"""Where something stands in a document: keys and places in lists, from the outside in."""

URL_KEYS = ("url", "substream", "onvif")
"""The keys of a camera that may hold a password, and ``${NAME}`` for one from the environment."""


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing to mend: the line in the file, where in the document, and what was expected there."""

    line: int
    where: str
    message: str

    def __str__(self) -> str:
        return f"line {self.line}: {self.where}: {self.message}" if self.where else f"line {self.line}: {self.message}"


def misfits(
    error: ValidationError, model: type[BaseModel], prefix: tuple[str | int, ...], lines: Lines
) -> Iterator[Problem]:
    """Says in words what pydantic found wrong; ``prefix`` is where in the document ``model`` stands."""
    for item in error.errors(include_url=False, include_context=False):
        path = (*prefix, *item["loc"])
        yield Problem(lines.line(path), dotted(path), _in_words(dict(item), model))


def _in_words(item: dict[str, Any], model: type[BaseModel]) -> str:
    if item["type"] == "extra_forbidden":
        known = _known_keys(model, item["loc"][:-1])
        close = difflib.get_close_matches(str(item["loc"][-1]), known, n=1)
        hint = f"did you mean {close[0]!r}?" if close else f"expected one of: {', '.join(known)}"
        return f"unknown key; {hint}"
    if item["type"] == "missing":
        return "is missing"
    message = str(item["msg"]).removeprefix("Value error, ")
    given = item.get("input")
    # What stands in a URL may be a password, and is never said back.
    silent = (
        isinstance(given, (dict, list)) or item["type"] == "value_error" or not set(URL_KEYS).isdisjoint(item["loc"])
    )
    shown = "" if silent else f", got {given!r}"
    return f"{message[:1].lower()}{message[1:]}{shown}"


def _known_keys(model: type[BaseModel], path: Sequence[str | int]) -> list[str]:
    """Follows ``path`` through the fields of ``model`` and returns the keys allowed there."""
    here: type[BaseModel] = model
    for part in path:
        if isinstance(part, int):
            continue
        field = next((f for name, f in here.model_fields.items() if (f.alias or name) == part), None)
        inner = list(_leaves(field.annotation)) if field else []
        models = [a for a in inner if isinstance(a, type) and issubclass(a, BaseModel)]
        if not models:
            return []
        here = models[0]
    return [field.alias or name for name, field in here.model_fields.items()]


def _leaves(annotation: Any) -> Iterator[Any]:
    inner = get_args(annotation)
    if not inner:
        yield annotation
    for part in inner:
        yield from _leaves(part)


def dotted(path: Sequence[str | int]) -> str:
    """Returns a path as it is written: ``cameras[0].gate.mode``."""
    text = ""
    for part in path:
        text += f"[{part}]" if isinstance(part, int) else f".{part}" if text else part
    return text
