"""A key that does nothing where it stands is a mistake, and so is trust in a file that is not there."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import certifi
import pytest
import yaml

from edge.centre.document import OfferRefused, draft_of
from edge.configuration.load import ConfigurationError, load_configuration
from edge.outbox.box import Outbox
from edge.outbox.keeper import Keeper
from edge.sensing.side import SensorSide
from ingest.configuration import EdgeConfiguration
from tests.edge.running import PARKING

ON_SENSOR = {"id": "flood", "kind": "road-flooding", "sensor": "gauge", "detector": {"type": "threshold", "above": 1}}
SITE = {"id": "site", "host": "127.0.0.1", "port": 1}
GAUGE = {"id": "gauge", "broker": "site", "topic": "gauges/1", "value": "level"}
HTTP = {"url": "http://127.0.0.1:1", "key_env": "KEY"}


def _document(
    *, camera: dict[str, Any] | None = None, broker: dict[str, Any] | None = None, **keys: Any
) -> dict[str, Any]:
    return {
        "edge_id": "corner-7",
        "cameras": [{"id": "yard", "url": "rtsp://192.0.2.7/stream", **(camera or {})}],
        "brokers": [{**SITE, **(broker or {})}],
        "sensors": [GAUGE],
        "watches": [PARKING, ON_SENSOR],
        **keys,
    }


def _problems(folder: Path, document: dict[str, Any]) -> list[str]:
    file = folder / "edge.yaml"
    file.write_text(yaml.safe_dump(document), encoding="utf-8")
    try:
        load_configuration(file, {"KEY": "k"})
    except ConfigurationError as error:
        return [f"{problem.where}: {problem.message}" for problem in error.problems]
    return []


@pytest.mark.parametrize(
    ("document", "says"),
    [
        (_document(watches=[PARKING | {"area_share": 0.5}]), "watches[0].area_share: does nothing with policy: same;"),
        (_document(watches=[ON_SENSOR | {"labels": ["car"]}]), "watches[0].labels: does nothing for a sensor"),
        (_document(watches=[ON_SENSOR | {"keep_plate": True}]), "watches[0].keep_plate: does nothing for a sensor"),
        (_document(watches=[ON_SENSOR | {"policy": "any"}]), "watches[0].policy: does nothing for a sensor"),
        (_document(watches=[ON_SENSOR | {"min_score": 0.9}]), "watches[0].min_score: does nothing for a sensor"),
        (
            _document(camera={"gate": {"mode": "off", "always_every_s": 5}}),
            "cameras[0].gate.always_every_s: does nothing with mode: off",
        ),
        (
            _document(camera={"view_faults": ["black"], "lost_after_s": 5}),
            "cameras[0].lost_after_s: does nothing without no-signal in view_faults",
        ),
        (_document(broker={"password_env": "KEY"}), "brokers[0].password_env: does nothing without username"),
        (_document(broker={"ca_file": certifi.where()}), "brokers[0].ca_file: goes with tls: true;"),
        (_document(metrics_host="192.0.2.1"), "metrics_host: does nothing without metrics_port"),
        (_document(centre=HTTP | {"ca_file": "ca.pem"}), "centre.ca_file: does nothing with an http:// url"),
        (
            _document(broker={"tls": True, "ca_file": "/none/ca.pem"}),
            "brokers[0].ca_file: /none/ca.pem cannot be used: No such file or directory",
        ),
        (
            _document(broker={"tls": True, "ca_file": __file__}),
            f"brokers[0].ca_file: {__file__} cannot be used: no certificate",
        ),
        (_document(worker_memory_mb=100), "worker_memory_mb: input should be greater than or equal to 400, got 100"),
    ],
)
def test_a_key_that_does_nothing_is_named_with_what_it_would_need(
    tmp_path: Path, document: dict[str, Any], says: str
) -> None:
    [problem] = _problems(tmp_path, document)

    assert problem.startswith(says)


def test_a_key_that_says_what_holds_anyway_passes(tmp_path: Path) -> None:
    camera = {"gate": {"mode": "off", "always_every_s": 60}, "view_faults": ["black"], "lost_after_s": 300}
    watches = [PARKING | {"area_share": 0.02, "policy": "same"}, ON_SENSOR | {"keep_plate": False, "labels": None}]
    broker = {"tls": True, "ca_file": certifi.where(), "username": "edge", "password_env": "KEY"}

    assert _problems(tmp_path, _document(camera=camera, broker=broker, watches=watches)) == []


def test_the_centres_watches_have_no_key_without_effect_either() -> None:
    local = EdgeConfiguration.model_validate(_document(watches=[]))

    with pytest.raises(OfferRefused, match="watch 'flood': labels: does nothing for a sensor"):
        draft_of(ON_SENSOR | {"labels": ["car"]}, local)


def test_sensors_whose_broker_cannot_be_started_stay_in_the_status_with_the_reason(
    tmp_path: Path,
) -> None:
    local = EdgeConfiguration.model_validate(_document())
    outbox = Outbox(tmp_path / "outbox.sqlite")
    side = SensorSide(outbox=outbox, keeper=Keeper(outbox, edge_id="corner-7"), environment={})
    side.take(local)
    side.retire(EdgeConfiguration.model_validate(_document(broker={"port": 2})))
    # The file was good when it was checked, and is gone when the connection is made.
    gone = {"port": 2, "tls": True, "ca_file": str(tmp_path / "ca.pem")}
    side.take(EdgeConfiguration.model_validate(_document(broker=gone)))
    assert [desk.status().fault for desk in side.desks] == ["its broker's connection starts anew"]

    side.tend()

    [status] = [desk.status() for desk in side.desks]
    assert (status.id, side.looks_on) == ("gauge", False)
    assert str(status.fault).startswith(f"broker site: ca_file {tmp_path}/ca.pem cannot be used: ")
    side.stop(within_s=1)
    outbox.close()
