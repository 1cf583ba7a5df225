"""Reads the compose file: values from the environment, and what each service runs."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

Service = dict[str, Any]

RUN_SECRETS = {"POSTGRES_PASSWORD": "unused", "REDIS_PASSWORD": "r3dis", "MQTT_PASSWORD": "m0squitto"}
"""What tests that run the services give for the values that the file insists on."""

_VARIABLE = re.compile(r"\$(?:(?P<dollar>\$)|\{(?P<name>[A-Z_]+)(?::(?P<how>[-?])(?P<word>[^}]*))?\})")


class VariableMissing(Exception):
    """A value that compose.yaml insists on is not set."""


def variables(path: Path) -> dict[str, str | None]:
    """Returns the variables that the file uses, with their defaults; None where it insists on a value."""
    found = {}
    for match in _VARIABLE.finditer(path.read_text()):
        if match["name"]:
            found[match["name"]] = match["word"] if match["how"] == "-" else None
    return found


def composition(path: Path, environment: Mapping[str, str]) -> dict[str, Any]:
    """Returns the file's content with ``${NAME}``, ``${NAME:-default}`` and ``${NAME:?message}`` filled in.

    Raises: VariableMissing: With the message of a value that is insisted on.
    """

    def value(match: re.Match[str]) -> str:
        if match["dollar"]:
            return "$"
        given = environment.get(match["name"], "")
        if not given and match["how"] == "?":
            raise VariableMissing(match["word"])
        return given or (match["word"] if match["how"] == "-" else "")

    document: dict[str, Any] = _filled(yaml.safe_load(path.read_text()), value)
    return document


def _filled(node: Any, value: Any) -> Any:
    if isinstance(node, dict):
        return {key: _filled(child, value) for key, child in node.items()}
    if isinstance(node, list):
        return [_filled(child, value) for child in node]
    return _VARIABLE.sub(value, node) if isinstance(node, str) else node
