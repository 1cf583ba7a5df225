"""Loads and checks an edge's YAML file whole; every problem names its line and what was expected."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from edge.configuration.checks import VARIABLE, cross_checks
from edge.configuration.problems import URL_KEYS, Problem, misfits
from edge.configuration.yaml_lines import Lines, YamlProblem, load
from ingest.configuration import Camera, EdgeConfiguration

MAX_BYTES = 5_000_000


class ConfigurationError(Exception):
    """The file as a whole is refused; ``problems`` has one entry for each thing to mend."""

    def __init__(self, file: Path, problems: Sequence[Problem]) -> None:
        self.problems = list(problems)
        super().__init__("\n".join(f"{file}: {problem}" for problem in problems))


def load_configuration(file: Path, environment: Mapping[str, str]) -> EdgeConfiguration:
    """Returns the checked configuration, with ``${NAME}`` in cameras' URLs taken from ``environment``.

    Raises: ConfigurationError: With all problems at once.
    """
    document, lines = read_document(file)
    return checked(document, lines, file=file, environment=environment)


def read_document(file: Path) -> tuple[dict[str, Any], Lines]:
    """Returns what the file says, not yet checked, and its line table. Raises: ConfigurationError."""
    document, lines = read_yaml(file)
    if not isinstance(document, dict):
        raise ConfigurationError(file, [Problem(1, "", "expected a mapping with edge_id, cameras, watches")])
    return document, lines


def read_yaml(file: Path) -> tuple[Any, Lines]:
    """Returns whatever YAML the file holds, and its line table. Raises: ConfigurationError."""
    try:
        if file.stat().st_size > MAX_BYTES:
            raise ConfigurationError(file, [Problem(1, "", f"larger than {MAX_BYTES} bytes; not a configuration")])
        return load(file.read_text(encoding="utf-8"))
    except OSError as error:
        raise ConfigurationError(file, [Problem(1, "", f"cannot be read: {error.strerror}")]) from None
    except UnicodeDecodeError as error:
        raise ConfigurationError(file, [Problem(1, "", f"not UTF-8 text: {error.reason}")]) from None
    except YamlProblem as error:
        raise ConfigurationError(file, [Problem(error.line, "", str(error))]) from None


def checked(
    document: Mapping[str, Any], lines: Lines, *, file: Path, environment: Mapping[str, str]
) -> EdgeConfiguration:
    """Returns the configuration that ``document``, as ``file`` says it, stands for. Raises: ConfigurationError."""
    try:
        configuration = EdgeConfiguration.model_validate(document)
    except ValidationError as error:
        raise ConfigurationError(file, sorted(misfits(error, EdgeConfiguration, (), lines), key=_by_line)) from None
    problems = sorted(cross_checks(configuration, lines, environment), key=_by_line)
    if problems:
        raise ConfigurationError(file, problems)
    return _with_variables(configuration, environment)


def _by_line(problem: Problem) -> int:
    return problem.line


def _with_variables(configuration: EdgeConfiguration, environment: Mapping[str, str]) -> EdgeConfiguration:
    cameras = [_camera_with_variables(camera, environment) for camera in configuration.cameras]
    return configuration.model_copy(update={"cameras": cameras})


def _camera_with_variables(camera: Camera, environment: Mapping[str, str]) -> Camera:
    urls = {key: url for key in URL_KEYS if (url := getattr(camera, key)) is not None}
    return camera.model_copy(
        update={key: VARIABLE.sub(lambda m: environment[m.group(1)], url) for key, url in urls.items()}
    )
