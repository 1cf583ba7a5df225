"""Turns a JSON Schema of the OpenAPI into a Python annotation."""

from __future__ import annotations

import keyword
import re
from collections.abc import Iterator, Mapping
from typing import Any

Schema = Mapping[str, Any]
_SCALARS = {"integer": "int", "number": "float", "boolean": "bool", "null": "None", "string": "str"}
_FORMATS = {"uuid": "UUID", "date-time": "datetime", "date": "date"}


def annotation(schema: Schema, *, models: str = "") -> str:
    """models: what stands before the name of a model, such as ``models.``."""
    if "$ref" in schema:
        return models + model_name(schema["$ref"].rpartition("/")[2])
    for choice in ("anyOf", "oneOf"):
        if choice in schema:
            parts = dict.fromkeys(annotation(part, models=models) for part in schema[choice])
            return " | ".join(sorted(parts, key=lambda part: part == "None"))
    words = [schema["const"]] if "const" in schema else schema.get("enum")
    if words:
        return f"Literal[{', '.join(repr(word) for word in words)}]"
    kinds = schema.get("type")
    if isinstance(kinds, list):
        return " | ".join(_SCALARS.get(kind, "Any") for kind in kinds)
    return _of_kind(str(kinds), schema, models)


def _of_kind(kind: str, schema: Schema, models: str) -> str:
    if kind == "array":
        return _array(schema, models)
    if kind == "object":
        return _mapping(schema, models)
    return _FORMATS.get(schema.get("format", ""), "str") if kind == "string" else _SCALARS.get(kind, "Any")


def _array(schema: Schema, models: str) -> str:
    if "prefixItems" in schema:
        return f"tuple[{', '.join(annotation(part, models=models) for part in schema['prefixItems'])}]"
    return f"list[{annotation(schema.get('items', {}), models=models)}]"


def _mapping(schema: Schema, models: str) -> str:
    values = schema.get("additionalProperties")
    return f"dict[str, {annotation(values, models=models) if isinstance(values, Mapping) else 'Any'}]"


def model_name(name: str) -> str:
    """FastAPI tells models of one name apart by the whole path of their modules: the end of it will do."""
    *path, own = name.split("__")
    module = next((part for part in reversed(path) if part not in ("schemas", "routes", "api")), "")
    return "".join(word.capitalize() for word in module.split("_")) + re.sub(r"\W", "", own)


def python_name(name: str) -> str:
    """A name that Python takes, for a parameter or a member."""
    snake = re.sub(r"\W+", "_", name).strip("_").lower()
    return f"{snake}_" if keyword.iskeyword(snake) else snake


def references(schema: Any) -> Iterator[str]:
    """Yields the names of all models in a part of the document."""
    if isinstance(schema, Mapping):
        if isinstance(schema.get("$ref"), str):
            yield schema["$ref"].rpartition("/")[2]
        for inner in schema.values():
            yield from references(inner)
    elif isinstance(schema, list):
        for inner in schema:
            yield from references(inner)


def first_sentences(text: str) -> str:
    """A description as it may stand in a docstring, on one line of bounded length."""
    words = " ".join(text.split()).replace("\\", "").replace('"""', "'''")
    if len(words) > 100:
        words = words[:100].rpartition(" ")[0].rstrip(",;:") + " ..."
    return words
