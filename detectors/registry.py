"""Finds detector plug-ins by entry point, checks their configuration and builds them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib.metadata import EntryPoint, entry_points
from typing import Any, Generic, Literal, TypeVar

from pydantic import BaseModel

from detectors.base import DetectorConfigurationError, FrameDetector, ReadingRule, Vocabulary
from detectors.seam import check_identity

GROUP = "streetcase.detectors"

ConfigurationT = TypeVar("ConfigurationT", bound=BaseModel)


@dataclass(frozen=True, slots=True)
class DetectorPlugin(Generic[ConfigurationT]):
    """What a plug-in file offers as ``PLUGIN``: its key in the YAML, what it judges, its configuration and class.

    vocabulary: Tells what a detector so configured can say, without building it; None where only a run tells. It
    raises DetectorError where the configuration names something that is not there.
    """

    key: str
    judges: Literal["frames", "readings"]
    configuration: type[ConfigurationT]
    build: Callable[[ConfigurationT], FrameDetector | ReadingRule]
    vocabulary: Callable[[ConfigurationT], Vocabulary] | None = None


def known_keys() -> list[str]:
    """Returns the keys of all installed plug-ins, sorted; loads none of them."""
    return sorted(_installed())


def plugin(key: str) -> DetectorPlugin[Any]:
    """Returns the plug-in of ``key``; only then is its module imported.

    Raises: DetectorConfigurationError: If there is none, or it can't be loaded.
    """
    installed = _installed()
    if key not in installed:
        raise DetectorConfigurationError(f"no detector {key!r}; installed: {', '.join(sorted(installed)) or 'none'}")
    point = installed[key]
    try:
        loaded = point.load()
    except (ImportError, AttributeError) as error:
        raise DetectorConfigurationError(f"detector {key!r} ({point.value}) can't be loaded: {error}") from error
    if not isinstance(loaded, DetectorPlugin):
        raise DetectorConfigurationError(f"detector {key!r} ({point.value}) is no DetectorPlugin: {type(loaded)}")
    return loaded


def check(choice: Mapping[str, object]) -> BaseModel:
    """Returns the checked configuration of a watch's detector: ``type`` names the plug-in, the rest is its own.

    Raises: DetectorConfigurationError: If ``type`` is missing or unknown. pydantic.ValidationError: If another key is
    unknown or its value does not fit; places in it are keys of ``choice``.
    """
    configuration: BaseModel = _plugin_of(choice).configuration.model_validate(dict(choice))
    return configuration


def build(choice: Mapping[str, object]) -> FrameDetector | ReadingRule:
    """Returns the detector or rule that ``choice`` asks for.

    Raises: as :func:`check`, and DetectorError: If it can't be built.
    """
    found = _plugin_of(choice)
    built = found.build(found.configuration.model_validate(dict(choice)))
    check_identity(built.identity)
    return built


def _plugin_of(choice: Mapping[str, object]) -> DetectorPlugin[Any]:
    key = choice.get("type")
    if not isinstance(key, str):
        raise DetectorConfigurationError(f"a detector needs a type, one of {', '.join(known_keys())}, got {key!r}")
    return plugin(key)


def _installed() -> dict[str, EntryPoint]:
    return {point.name: point for point in entry_points(group=GROUP)}
