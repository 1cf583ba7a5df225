"""Finds keys that are good in themselves and do nothing where they stand: who wrote one expects something of it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from pydantic import BaseModel

from edge.configuration.problems import Path, Problem, dotted
from edge.configuration.yaml_lines import Lines
from ingest.configuration import EdgeConfiguration, GateMode, Policy, ViewFault, Watch

ONLY_OF_CAMERAS = ("labels", "min_score", "policy", "keep_plate")
"""Keys of a watch that ask for something in a picture."""


def keys_without_effect(configuration: EdgeConfiguration, lines: Lines) -> Iterator[Problem]:
    """Checks all but the watches; a key that says no more than its default does no harm and passes."""
    if configuration.metrics_port is None and _says(configuration, "metrics_host"):
        yield _problem(("metrics_host",), "does nothing without metrics_port", lines)
    centre = configuration.centre
    if centre is not None and centre.url.startswith("http://"):
        for key in ("ca_file", "certificate_file"):
            if _says(centre, key):
                yield _problem(("centre", key), "does nothing with an http:// url: nothing is encrypted", lines)
    for index, camera in enumerate(configuration.cameras):
        if camera.gate.mode is GateMode.OFF and _says(camera.gate, "always_every_s"):
            path: Path = ("cameras", index, "gate", "always_every_s")
            yield _problem(path, "does nothing with mode: off, where the detector runs at each look", lines)
        if ViewFault.NO_SIGNAL not in camera.view_faults and _says(camera, "lost_after_s"):
            yield _problem(("cameras", index, "lost_after_s"), "does nothing without no-signal in view_faults", lines)
    for index, broker in enumerate(configuration.brokers):
        if broker.ca_file is not None and not broker.tls:
            yield _problem(("brokers", index, "ca_file"), "goes with tls: true; without it nothing is encrypted", lines)
        if broker.password_env is not None and broker.username is None:
            yield _problem(("brokers", index, "password_env"), "does nothing without username", lines)


def watch_keys_without_effect(watches: Sequence[Watch], lines: Lines) -> Iterator[Problem]:
    """Checks the watches, those of the file or those of the centre."""
    for index, watch in enumerate(watches):
        if watch.sensor is not None:
            for key in ONLY_OF_CAMERAS:
                if _says(watch, key):
                    yield _problem(("watches", index, key), "does nothing for a sensor: it is for cameras", lines)
        if watch.policy is not Policy.AREA and _says(watch, "area_share"):
            message = f"does nothing with policy: {watch.policy.value}; it is for policy: area"
            yield _problem(("watches", index, "area_share"), message, lines)


def _says(section: BaseModel, key: str) -> bool:
    return bool(getattr(section, key) != type(section).model_fields[key].get_default(call_default_factory=True))


def _problem(path: Path, message: str, lines: Lines) -> Problem:
    return Problem(lines.line(path), dotted(path), message)
