"""Writes the models: what goes in and out, as pydantic classes."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from scripts.typed_client.annotations import Schema, annotation, first_sentences, model_name, python_name, references

HEAD = '''"""What goes in and out of the API. Written by ``python -m scripts.typed_client``; not to be edited."""

from __future__ import annotations

from datetime import date, datetime
from enum import StrEnum
from typing import Any, Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field


class Model(BaseModel):
    """What a newer API says beyond it is left out."""

    model_config = ConfigDict(extra="ignore", populate_by_name=True, protected_namespaces=())
'''


def models_source(schemas: dict[str, Any], used: Iterable[str]) -> str:
    """Returns the module; ``used``: the names of those that operations mention."""
    wanted = sorted(_with_inner(schemas, used), key=model_name)
    # Words first: defaults of classes name them.
    wanted.sort(key=lambda name: "enum" not in schemas[name])
    return HEAD + "".join(f"\n\n{_model(name, schemas[name])}" for name in wanted)


def _with_inner(schemas: dict[str, Any], used: Iterable[str]) -> set[str]:
    known: set[str] = set()
    waiting = set(used)
    while waiting:
        name = waiting.pop()
        known.add(name)
        waiting |= set(references(schemas[name])) - known
    return known


def _model(name: str, schema: Schema) -> str:
    if "enum" in schema:
        words = "".join(f"    {python_name(word).upper()} = {word!r}\n" for word in schema["enum"])
        return f"class {model_name(name)}(StrEnum):\n{_described(schema)}{words}"
    if schema.get("type") != "object":
        return f"{model_name(name)} = {annotation(schema)}\n"
    fields = "".join(f"    {line}\n" for line in _fields(schema))
    return f"class {model_name(name)}(Model):\n{_described(schema)}{fields}" + ("" if fields else "    pass\n")


def _described(schema: Schema) -> str:
    text = first_sentences(schema.get("description", ""))
    return f'    """{text}"""\n\n' if text else ""


def _fields(schema: Schema) -> Iterator[str]:
    required = set(schema.get("required", ()))
    members = sorted(schema.get("properties", {}).items(), key=lambda item: item[0] not in required)
    for name, shape in members:
        plain = python_name(name)
        kind = annotation(shape)
        if name in required:
            yield f"{plain}: {kind}" + ("" if plain == name else f" = Field(alias={name!r})")
        else:
            kind = kind if kind == "Any" or kind.endswith("None") else f"{kind} | None"
            yield f"{plain}: {kind} = " + ("None" if plain == name else f"Field(default=None, alias={name!r})")
