"""Says what is wrong with a configuration, and where: the checks that a file and the centre's watches share."""

from __future__ import annotations

import difflib
import re
import ssl
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence

import jmespath
import jmespath.exceptions
from pydantic import ValidationError

from detectors.base import DetectorConfigurationError, DetectorError, Vocabulary
from detectors.registry import plugin
from edge.configuration.effects import keys_without_effect, watch_keys_without_effect
from edge.configuration.problems import URL_KEYS, Problem, dotted, misfits
from edge.configuration.yaml_lines import Lines
from edge.reading.opening import is_live, why_no_stream
from ingest.configuration import SIGNAL_PREFIX, VIEW_PREFIX, EdgeConfiguration, Sensor, Transport, Watch

RESERVED = (VIEW_PREFIX, SIGNAL_PREFIX)
VARIABLE = re.compile(r"\$\{([A-Za-z_][A-Za-z0-9_]*)\}")


def cross_checks(configuration: EdgeConfiguration, lines: Lines, environment: Mapping[str, str]) -> Iterator[Problem]:
    """Checks what one field alone does not tell: names that must be known or unique, detectors, expressions."""
    for section in ("cameras", "brokers", "sensors"):
        yield from _repeated_ids(configuration, section, lines)
    yield from _unknown_references(configuration, "sensors", "broker", lines)
    yield from _unset_variables(configuration, lines, environment)
    for index, camera in enumerate(configuration.cameras):
        for key, url in (("url", camera.url), ("substream", camera.substream)):
            if url is not None and (wrong := why_no_stream(url)) is not None:
                yield Problem(lines.line(("cameras", index, key)), dotted(("cameras", index, key)), wrong)
        if camera.transport is not Transport.TCP and not camera.url.startswith(("rtsp://", "rtsps://", "$")):
            path = ("cameras", index, "transport")
            yield Problem(lines.line(path), dotted(path), f"{camera.transport.value} is for an rtsp:// address only")
        if camera.substream is not None and not all(_may_be_live(url) for url in (camera.url, camera.substream)):
            path = ("cameras", index, "substream")
            yield Problem(
                lines.line(path), dotted(path), "a substream goes with a stream; a file has none, and is none"
            )
        if camera.onvif is not None and not _may_be_live(camera.url):
            path = ("cameras", index, "onvif")
            yield Problem(lines.line(path), dotted(path), "a file cannot be asked for keyframes")
    for index, sensor in enumerate(configuration.sensors):
        yield from _sensor_problems(sensor, ("sensors", index), lines)
    yield from _untrustworthy_brokers(configuration, lines)
    yield from keys_without_effect(configuration, lines)
    yield from watch_checks(configuration, lines)


def _untrustworthy_brokers(configuration: EdgeConfiguration, lines: Lines) -> Iterator[Problem]:
    """Loads what is to be trusted: the sensors of a running edge would fall silent for a file that is not there."""
    for index, broker in enumerate(configuration.brokers):
        if broker.ca_file is not None and (why := why_not_trusted(broker.ca_file)) is not None:
            path = ("brokers", index, "ca_file")
            yield Problem(lines.line(path), dotted(path), why)


def why_not_trusted(ca_file: str) -> str | None:
    """Returns why the certificates of an authority cannot be used, or None where they can."""
    try:
        ssl.create_default_context(cafile=ca_file)
    except (OSError, ValueError) as error:  # ssl.SSLError is an OSError
        why = error.strerror if isinstance(error, OSError) and not isinstance(error, ssl.SSLError) else "no certificate"
        return f"{ca_file} cannot be used: {why}"
    return None


def _may_be_live(url: str) -> bool:
    return is_live(url) or url.startswith("$")


def watch_checks(configuration: EdgeConfiguration, lines: Lines, *, beside: Sequence[Watch] = ()) -> Iterator[Problem]:
    """Checks the watches against the cameras, sensors and detectors that are there.

    beside: Watches that stand beside them and are good in themselves: the edge's own, where others come from outside.
    """
    yield from _repeated_ids(configuration, "watches", lines)
    yield from watch_keys_without_effect(configuration.watches, lines)
    for key in ("camera", "sensor"):
        yield from _unknown_references(configuration, "watches", key, lines)
    looks_every_s = {camera.id: camera.look_every_s for camera in configuration.cameras}
    turning = {watch.camera for watch in [*configuration.watches, *beside] if watch.preset is not None}
    fixed = {watch.camera for watch in beside if watch.preset is None}
    for index, watch in enumerate(configuration.watches):
        if watch.camera in turning and watch.preset is None:
            message = f"names no preset, and another watch of camera {watch.camera!r} does: name one for each"
            yield Problem(lines.line(("watches", index)), dotted(("watches", index)), message)
        if watch.preset is not None and watch.camera in fixed:
            path = ("watches", index, "preset")
            message = f"the edge's own watches of camera {watch.camera!r} name none: all of a camera do, or none does"
            yield Problem(lines.line(path), dotted(path), message)
        if watch.id.startswith(RESERVED):
            path = ("watches", index, "id")
            yield Problem(lines.line(path), dotted(path), f"{watch.id!r} is an id that the edge gives to camera faults")
        yield from _detector_problems(watch, ("watches", index, "detector"), lines)
        every_s = looks_every_s.get(watch.camera or "", 0.0)
        if watch.grace_s < 2 * every_s:
            path = ("watches", index, "grace_s")
            message = (
                f"{watch.grace_s:g} s is less than two looks ({2 * every_s:g} s): one missed look would end a stay"
            )
            yield Problem(lines.line(path), dotted(path), message)
        if watch.zone is not None and _is_flat(watch.zone):
            path = ("watches", index, "zone")
            yield Problem(lines.line(path), dotted(path), "the zone has no area")


def _is_flat(zone: Sequence[tuple[float, float]]) -> bool:
    around = zip(zone, [*zone[1:], zone[0]], strict=True)
    return abs(sum(x1 * y2 - x2 * y1 for (x1, y1), (x2, y2) in around)) < 1e-6


def _unset_variables(
    configuration: EdgeConfiguration, lines: Lines, environment: Mapping[str, str]
) -> Iterator[Problem]:
    wanted = [
        (("cameras", i, key), name)
        for i, camera in enumerate(configuration.cameras)
        for key in URL_KEYS
        for name in _names(getattr(camera, key) or "")
    ]
    wanted += [
        (("brokers", i, "password_env"), b.password_env) for i, b in enumerate(configuration.brokers) if b.password_env
    ]
    for path, name in wanted:
        if not environment.get(name):
            yield Problem(lines.line(path), dotted(path), f"the environment has no variable {name}, or an empty one")


def _names(url: str) -> list[str]:
    return VARIABLE.findall(url)


def _sensor_problems(sensor: Sensor, path: tuple[str | int, ...], lines: Lines) -> Iterator[Problem]:
    for key in ("value", "time"):
        expression = getattr(sensor, key)
        try:
            if expression is not None:
                jmespath.compile(expression).search({})
        except (jmespath.exceptions.UnknownFunctionError, jmespath.exceptions.ArityError) as error:
            yield Problem(lines.line((*path, key)), dotted((*path, key)), f"{expression!r}: {error}")
        except (jmespath.exceptions.JMESPathTypeError, ValueError, TypeError):
            # ParseError is a ValueError; what only the empty payload provokes is no mistake of the expression.
            if not _parses(expression):
                message = f"not a JMESPath expression: {expression!r}"
                yield Problem(lines.line((*path, key)), dotted((*path, key)), message)
    levels = sensor.topic.split("/")
    if any(len(level) > 1 and ("+" in level or "#" in level) for level in levels) or "#" in levels[:-1]:
        message = f"not an MQTT topic filter: {sensor.topic!r}; + stands for one level, # only at the end"
        yield Problem(lines.line((*path, "topic")), dotted((*path, "topic")), message)


def _parses(expression: str) -> bool:
    try:
        jmespath.compile(expression)
    except jmespath.exceptions.JMESPathError:
        return False
    return True


def _detector_problems(watch: Watch, path: tuple[str | int, ...], lines: Lines) -> Iterator[Problem]:
    choice = watch.detector.model_dump()
    try:
        chosen = plugin(watch.detector.type)
    except DetectorConfigurationError as error:
        yield Problem(lines.line((*path, "type")), dotted((*path, "type")), str(error))
        return
    try:
        settings = chosen.configuration.model_validate(choice)
        if chosen.vocabulary is not None:
            yield from _label_problems(watch, chosen.vocabulary(settings), path[:-1], lines)
    except ValidationError as error:
        yield from misfits(error, chosen.configuration, path, lines)
    except DetectorError as error:
        yield Problem(lines.line(path), dotted(path), str(error))
    wanted = "camera" if chosen.judges == "frames" else "sensor"
    if getattr(watch, wanted) is None:
        yield Problem(lines.line(path), dotted(path), f"detector {chosen.key!r} watches a {wanted}")


def _label_problems(
    watch: Watch, vocabulary: Vocabulary, path: tuple[str | int, ...], lines: Lines
) -> Iterator[Problem]:
    """A label that the detector never says would make a watch that never raises anything, in silence."""
    for index, label in enumerate(watch.labels or ()):
        if label not in vocabulary.labels:
            close = difflib.get_close_matches(label, vocabulary.labels, n=1)
            known = f"did you mean {close[0]!r}?" if close else f"there is: {', '.join(sorted(vocabulary.labels))}"
            here = (*path, "labels", index)
            yield Problem(lines.line(here), dotted(here), f"the detector has no label {label!r}; {known}")
    if watch.labels is None and not vocabulary.of_kind.get(watch.kind):
        here = (*path, "kind")
        known = ", ".join(sorted(vocabulary.of_kind))
        message = f"the detector has no label for {watch.kind!r}; name labels, or a kind of: {known}"
        yield Problem(lines.line(here), dotted(here), message)


def _repeated_ids(configuration: EdgeConfiguration, section: str, lines: Lines) -> Iterator[Problem]:
    ids = [item.id for item in getattr(configuration, section)]
    counted = Counter(ids)
    for index, name in enumerate(ids):
        if counted[name] > 1 and name in ids[:index]:
            path = (section, index, "id")
            yield Problem(lines.line(path), dotted(path), f"{name!r} is taken already; ids are unique")


def _unknown_references(configuration: EdgeConfiguration, section: str, key: str, lines: Lines) -> Iterator[Problem]:
    known = [item.id for item in getattr(configuration, f"{key}s")]
    for index, item in enumerate(getattr(configuration, section)):
        name = getattr(item, key)
        if name is not None and name not in known:
            path = (section, index, key)
            listed = ", ".join(known) or "none"
            yield Problem(lines.line(path), dotted(path), f"no {key} {name!r}; there is: {listed}")
