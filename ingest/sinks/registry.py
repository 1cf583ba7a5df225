"""Finds sink plug-ins by entry point."""

from __future__ import annotations

from importlib.metadata import EntryPoint, entry_points

from ingest.sinks.base import AnySinkPlugin, Sink, SinkConfiguration, SinkPlugin, SinksError, Surroundings

GROUP = "streetcase.sinks"


def known_types() -> list[str]:
    """Returns the types of all installed plug-ins, sorted; loads none of them."""
    return sorted(_installed())


def plugin(sink_type: str) -> AnySinkPlugin:
    """Returns the plug-in of a type; only then is its module imported.

    Raises: SinksError: If there is none, or it can't be loaded.
    """
    point = _installed().get(sink_type)
    if point is None:
        raise SinksError(f"no sink of type {sink_type!r}; installed: {', '.join(known_types()) or 'none'}")
    try:
        loaded = point.load()
    except (ImportError, AttributeError) as error:
        raise SinksError(f"sink type {sink_type!r} ({point.value}) can't be loaded: {error}") from error
    if not isinstance(loaded, SinkPlugin):
        raise SinksError(f"sink type {sink_type!r} ({point.value}) is no SinkPlugin: {type(loaded).__name__}")
    return loaded


def build(configuration: SinkConfiguration, surroundings: Surroundings) -> Sink:
    """Returns the sink that a checked configuration asks for. Raises: SinksError."""
    return plugin(configuration.type).build(configuration, surroundings)


def _installed() -> dict[str, EntryPoint]:
    return {point.name: point for point in entry_points(group=GROUP)}
