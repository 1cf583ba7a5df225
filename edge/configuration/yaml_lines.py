"""Reads YAML and remembers on which line everything stands, so that an error can point at it."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

import yaml

Path = tuple[str | int, ...]
MAX_VALUES = 500_000


class YamlProblem(Exception):
    """The text is not YAML; ``line`` counts from 1."""

    def __init__(self, line: int, message: str) -> None:
        super().__init__(message)
        self.line = line


class Lines:
    """Finds the line of a value, or of the nearest thing around it that stands in the file."""

    def __init__(self, line_of: dict[Path, int]) -> None:
        self._line_of = line_of

    def line(self, path: Sequence[str | int]) -> int:
        here = tuple(path)
        while here and here not in self._line_of:
            here = here[:-1]
        return self._line_of.get(here, 1)


_INT = "tag:yaml.org,2002:int"


class _UniqueKeys(yaml.SafeLoader):
    """PyYAML lets a repeated key win in silence; a configuration must not."""

    # YAML 1.1 reads 22:00 as 1320 (base 60) and 07:00 as a text: here both are texts.
    yaml_implicit_resolvers = {  # noqa: RUF012 - the base class declares it so
        first: [(tag, pattern) for tag, pattern in resolvers if tag != _INT]
        for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
    }

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        seen: set[Any] = set()
        for key_node, _ in node.value:
            if key_node.tag == "tag:yaml.org,2002:merge":  # `<<: *defaults`, which the base class resolves
                continue
            key = self.construct_object(key_node, deep=True)
            try:
                repeated = key in seen
            except TypeError:
                raise YamlProblem(key_node.start_mark.line + 1, "a key must be a plain word") from None
            if repeated:
                raise YamlProblem(key_node.start_mark.line + 1, f"key {key!r} stands here a second time")
            seen.add(key)
        return super().construct_mapping(node, deep=deep)


_UniqueKeys.add_implicit_resolver(
    _INT, re.compile(r"^[-+]?(0b[01_]+|0[0-7_]+|0|[1-9][0-9_]*|0x[0-9a-fA-F_]+)$"), list("-+0123456789")
)


def load(text: str) -> tuple[Any, Lines]:
    """Returns the parsed document and its line table. Raises: YamlProblem: If it is not YAML."""
    try:
        loader = _UniqueKeys(text)
        node = loader.get_single_node()
        if node is None:
            return None, Lines({})
        line_of: dict[Path, int] = {}
        _note_lines(node, (), line_of)
        return loader.construct_document(node), Lines(line_of)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        raise YamlProblem(mark.line + 1 if mark else 1, f"not YAML: {error.problem or error.context}") from None
    except yaml.reader.ReaderError as error:
        raise YamlProblem(1, f"not YAML: {error.reason}") from None
    except RecursionError:
        raise YamlProblem(1, "nested too deeply, or holds itself") from None
    except ValueError as error:  # a date or number that YAML's own types cannot hold
        raise YamlProblem(1, f"not YAML: {error}") from None


def _note_lines(node: yaml.Node, path: Path, line_of: dict[Path, int]) -> None:
    if len(line_of) >= MAX_VALUES:  # aliases of aliases multiply
        raise YamlProblem(node.start_mark.line + 1, f"more than {MAX_VALUES} values")
    line_of[path] = node.start_mark.line + 1
    if isinstance(node, yaml.MappingNode):
        for key_node, value_node in node.value:
            here = (*path, str(key_node.value))
            _note_lines(value_node, here, line_of)
            # An unknown key is at fault itself, and a block value may start lines further down.
            line_of[here] = key_node.start_mark.line + 1
    elif isinstance(node, yaml.SequenceNode):
        for index, item in enumerate(node.value):
            _note_lines(item, (*path, index), line_of)
