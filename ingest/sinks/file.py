"""Reads the YAML file of sinks and checks it whole; each problem names its line and what was expected."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import yaml
from pydantic import ValidationError

from ingest.sinks.base import SinkConfiguration, SinksError
from ingest.sinks.registry import known_types, plugin

SINKS_MAX = 100
Place = tuple[str | int, ...]


def sink_names(file: Path | None) -> list[str]:
    """Returns the names of all sinks in the file, in its order; none where there is no file. Raises: SinksError."""
    return [sink.name for sink in read_sinks(file)] if file is not None else []


def read_sinks(file: Path) -> list[SinkConfiguration]:
    """Returns the checked sinks of the file. Reads no secret that it names. Raises: SinksError."""
    root, content = _load(file)
    found: list[SinkConfiguration] = []
    problems: list[tuple[Place, str]] = []
    try:
        for index, choice in enumerate(_choices(content)):
            try:
                found.append(_checked(choice, index, {sink.name for sink in found}))
            except _Problems as error:
                problems += error.problems
    except _Problems as error:
        problems += error.problems
    if problems:
        raise SinksError("\n".join(f"{file}, line {_line(root, place)}: {problem}" for place, problem in problems))
    return found


class _Problems(Exception):
    """What does not fit, each with its place in the file."""

    def __init__(self, *problems: tuple[Place, str]) -> None:
        super().__init__(problems)
        self.problems = problems


def _load(file: Path) -> tuple[yaml.Node | None, Any]:
    try:
        text = file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise SinksError(f"the file of sinks {file} cannot be read: {type(error).__name__}") from error
    try:
        loader = yaml.SafeLoader(text)
        root = loader.get_single_node()
        return root, loader.construct_document(root) if root is not None else None
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        raise SinksError(f"{file}, line {mark.line + 1 if mark else 1}: not YAML: {error.problem}") from None
    except (yaml.YAMLError, ValueError, RecursionError):
        raise SinksError(f"{file}: not YAML that can be read") from None


def _choices(content: Any) -> list[Any]:
    if not isinstance(content, dict) or not isinstance(content.get("sinks"), list):
        raise _Problems(((), "expected `sinks:` and a list below it"))
    if strangers := [key for key in content if key != "sinks"]:
        raise _Problems(*(((str(key),), f"unknown key {key}; expected only sinks") for key in strangers))
    choices: list[Any] = content["sinks"]
    if len(choices) > SINKS_MAX:
        raise _Problems((("sinks",), f"expected {SINKS_MAX} sinks at most, got {len(choices)}"))
    return choices


def _checked(choice: Any, index: int, names: set[str]) -> SinkConfiguration:
    here: Place = ("sinks", index)
    if not isinstance(choice, dict):
        raise _Problems((here, "expected a sink with name, type and its own keys"))
    sink_type = choice.get("type")
    if not isinstance(sink_type, str):
        raise _Problems((here, f"{_called(choice)}type is missing; expected one of {', '.join(known_types())}"))
    try:
        checked: SinkConfiguration = plugin(sink_type).configuration.model_validate(choice)
    except SinksError as error:
        raise _Problems(((*here, "type"), f"{_called(choice)}{error}")) from error
    except ValidationError as error:
        raise _Problems(*_faults(error, choice, here)) from error
    if checked.name in names:
        raise _Problems(((*here, "name"), f"sink {checked.name}: the name stands there a second time"))
    return checked


def _called(choice: dict[Any, Any]) -> str:
    return f"sink {choice['name']}: " if isinstance(choice.get("name"), str) else ""


def _faults(error: ValidationError, choice: dict[Any, Any], here: Place) -> Iterator[tuple[Place, str]]:
    known = plugin(choice["type"]).configuration.model_fields
    for fault in error.errors(include_url=False, include_input=False, include_context=False):
        key = ".".join(str(step) for step in fault["loc"])
        said = fault["msg"].removeprefix("Value error, ")
        if fault["type"] == "extra_forbidden":
            said = f"unknown key; expected {', '.join(known)}"
        yield (*here, *fault["loc"]), f"{_called(choice)}{key + ': ' if key else ''}{said}"


def _line(root: yaml.Node | None, place: Sequence[str | int]) -> int:
    """Returns the line, from 1, of what stands at ``place``, or of the nearest thing around it."""
    node, line = root, (root.start_mark.line + 1 if root is not None else 1)
    for step in place:
        if isinstance(node, yaml.MappingNode):
            pair = next((pair for pair in node.value if pair[0].value == str(step)), None)
            if pair is None:
                break
            line, node = pair[0].start_mark.line + 1, pair[1]
        elif isinstance(node, yaml.SequenceNode) and isinstance(step, int) and step < len(node.value):
            node = node.value[step]
            line = node.start_mark.line + 1
        else:
            break
    return line
