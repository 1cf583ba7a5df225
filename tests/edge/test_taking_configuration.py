"""A running edge takes what the centre tells it: what changes starts anew with its incidents, the rest looks on."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import UUID

import paho.mqtt.client as mqtt
import pytest
from paho.mqtt.enums import CallbackAPIVersion

from edge.processes.run import Edge
from edge.staying.withdrawal import withdraw_unwatched
from ingest.contract import ClearReason, Phase
from tests.edge.fakes import car, watch
from tests.edge.running import PARKING, altered_model, running_edge
from tests.edge.small_centre import SmallCentre, small_centre, wait_until
from tests.edge.test_looks import Yard
from tests.services.mosquitto import Broker

AT_GATE = PARKING | {"id": "gate-parking", "camera": "gate", "dwell_s": 1}
AT_YARD = PARKING | {"id": "yard-parking", "dwell_s": 1}
FLOOD = {
    "id": "flood",
    "kind": "road-flooding",
    "sensor": "gauge",
    "detector": {"type": "threshold", "above": 0.15},
    "dwell_s": 1,
    "grace_s": 60,
}


@pytest.fixture
def centre() -> Iterator[SmallCentre]:
    with small_centre() as centre:
        yield centre


def _tell(edge: Edge, centre: SmallCentre, *watches: dict[str, Any]) -> str:
    """Changes what the centre tells, and has the edge ask for it now rather than within a minute."""
    revision = centre.tell(*watches)
    edge._centre.ask()
    return revision


def _incidents(centre: SmallCentre, watch_id: str) -> dict[str, list[dict[str, Any]]]:
    """Returns the events of each incident of a watch."""
    found: dict[str, list[dict[str, Any]]] = {}
    for event in centre.events:
        if event["watch_id"] == watch_id:
            found.setdefault(event["incident_id"], []).append(event)
    return found


def _judged(edge: Edge, watch_id: str) -> int:
    return next((watch.judged for watch in edge.status().watches if watch.id == watch_id), 0)


def _pid(edge: Edge, camera: str) -> int | None:
    return next(group.process_id for group in edge.status().groups if camera in group.cameras)


def _settled(edge: Edge) -> bool:
    return edge._changing is None and edge._applied is edge._centre.in_force


def test_a_changed_watch_starts_its_own_camera_anew_and_its_incident_goes_on(
    tmp_path: Path, centre: SmallCentre, street_clip: Path
) -> None:
    cameras = [{"id": name, "url": str(street_clip), "look_every_s": 1} for name in ("yard", "gate")]
    centre.tell(AT_YARD, AT_GATE)
    with running_edge(tmp_path, port=centre.port, cameras=cameras) as edge:
        wait_until(lambda: bool(_incidents(centre, "yard-parking") and _incidents(centre, "gate-parking")))
        at_yard, at_gate = _pid(edge, "yard"), _pid(edge, "gate")
        assert at_yard != at_gate, "a box with two cores has two groups"
        before = set(edge.status().open_incidents)

        revision = _tell(edge, centre, AT_YARD, AT_GATE | {"clear_s": 300})
        wait_until(lambda: _settled(edge))
        wait_until(lambda: _judged(edge, "gate-parking") > 2)

        assert edge.status().configuration_revision == revision
        assert (_pid(edge, "yard"), _pid(edge, "gate")) == (at_yard, at_gate)
        assert set(edge.status().open_incidents) == before
        assert all(len(events) == 1 for events in _incidents(centre, "gate-parking").values())

        _tell(edge, centre, AT_YARD)
        wait_until(lambda: _all_withdrawn(centre, "gate-parking"))
        assert {UUID(i) for i in _incidents(centre, "yard-parking")} <= set(edge.status().open_incidents)
        assert not {UUID(i) for i in _incidents(centre, "gate-parking")} & set(edge.status().open_incidents)
        assert _pid(edge, "yard") == at_yard


def _all_withdrawn(centre: SmallCentre, watch_id: str) -> bool:
    ends = [events[-1].get("clear_reason") for events in _incidents(centre, watch_id).values()]
    return bool(ends) and all(end == ClearReason.WITHDRAWN for end in ends)


def test_a_watch_whose_model_does_not_load_takes_no_other_watch_with_it(
    tmp_path: Path, centre: SmallCentre, street_clip: Path
) -> None:
    cameras = [{"id": "yard", "url": str(street_clip), "look_every_s": 1}]
    good = centre.tell(AT_YARD)
    model = altered_model(tmp_path / "edge" / "models" / "street")
    broken = AT_YARD | {"id": "broken", "detector": {"type": "yolo", "model": str(model)}}
    with running_edge(tmp_path / "edge", port=centre.port, cameras=cameras, watches=[PARKING]) as edge:
        wait_until(lambda: _judged(edge, "parking") > 1)

        bad = _tell(edge, centre, AT_YARD, broken)
        wait_until(lambda: edge.status().configuration_fault is not None)
        wait_until(lambda: _settled(edge) and _judged(edge, "parking") > 1)

        status = edge.status()
        assert status.configuration_revision == good
        assert str(status.configuration_fault).startswith(f"revision {bad}: watch 'broken': detector: ")
        assert {watch.id for watch in status.watches} == {"parking", "yard-parking"}


class Gauge:
    """A sensor that speaks with QoS 1."""

    def __init__(self, broker: Broker) -> None:
        self._client = mqtt.Client(CallbackAPIVersion.VERSION2, client_id="gauge")
        self._client.connect(broker.host, broker.port)
        self._client.loop_start()
        self.said = 0

    def say(self, level: float, *, times: int = 1) -> None:
        for _ in range(times):
            self._client.publish("gauges/1", json.dumps({"level": level}), qos=1).wait_for_publish(5)
            self.said += 1

    def close(self) -> None:
        self._client.disconnect()
        self._client.loop_stop()


def test_a_sensors_changed_watch_goes_on_with_its_incident_and_no_reading_is_lost(
    tmp_path: Path, centre: SmallCentre, mosquitto: Broker
) -> None:
    local: dict[str, Any] = {
        "brokers": [{"id": "site", "host": mosquitto.host, "port": mosquitto.port}],
        "sensors": [{"id": "gauge", "broker": "site", "topic": "gauges/1", "value": "level"}],
    }
    centre.tell(FLOOD)
    with running_edge(tmp_path, port=centre.port, **local) as edge:
        wait_until(lambda: [s.fault for s in edge.status().sensors] == [None])
        gauge = Gauge(mosquitto)
        try:
            gauge.say(0.3)
            wait_until(lambda: len(_incidents(centre, "flood")) == 1)
            before, old_desk = edge.status().open_incidents, edge._sensors.desks[0]

            _tell(edge, centre, FLOOD | {"clear_s": 1, "detector": {"type": "threshold", "above": 0.2}})
            if mosquitto.keeps_messages:
                gauge.say(0.3, times=20)  # while the desk is made anew
            wait_until(lambda: _settled(edge) and [s.fault for s in edge.status().sensors] == [None])
            wait_until(lambda: edge._sensors.desks[0] is not old_desk)
            wait_until(lambda: old_desk.readings + edge._sensors.desks[0].readings >= gauge.said)
            assert edge.status().open_incidents == before

            gauge.say(0.1)
            wait_until(lambda: edge.status().open_incidents == [])
            [events] = _incidents(centre, "flood").values()
            wait_until(lambda: len(_incidents(centre, "flood").popitem()[1]) == 2)
            assert events[0]["phase"] == "raised"
        finally:
            gauge.close()

        centre.configuration = None
        edge._centre.ask()
        wait_until(lambda: _settled(edge) and edge.status().watches == [])


@pytest.fixture
def raised(tmp_path: Path) -> Path:
    """The data folder of an edge with an open incident of watch ``parking``."""
    yard = Yard(tmp_path, watch(dwell_s=6))
    yard.look(car(), times=5)
    yard.outbox.close()
    return tmp_path


def test_offline_with_a_damaged_file_the_incidents_of_the_centre_are_neither_seen_nor_ended(raised: Path) -> None:
    (raised / "centre-configuration.json").write_bytes(b"\x00" * 40)

    with running_edge(raised, port=1) as edge:
        wait_until((raised / "status.json").exists)
        status = edge.status()

    assert status.configuration_fault == "centre-configuration.json is damaged; waiting for the centre"
    assert status.configuration_revision is None
    assert len(status.open_incidents) == 1


def test_once_the_centre_says_that_there_is_none_the_incident_is_withdrawn(raised: Path, centre: SmallCentre) -> None:
    (raised / "centre-configuration.json").write_bytes(b"\x00" * 40)
    before = len(centre.events)

    with running_edge(raised, port=centre.port):
        wait_until(lambda: len(centre.events) == before + 2)

    first, last = centre.events[before:]
    assert last["incident_id"] == first["incident_id"]
    assert (last["phase"], last["clear_reason"]) == (Phase.CLEARED, ClearReason.WITHDRAWN)


def test_an_incident_whose_watch_looks_elsewhere_now_is_withdrawn_and_others_stay(tmp_path: Path) -> None:
    yard = Yard(tmp_path, watch(dwell_s=6))
    yard.look(car(), times=5)

    withdraw_unwatched(yard.outbox, [watch()])
    assert [event.phase for event in yard.events] == [Phase.RAISED]

    withdraw_unwatched(yard.outbox, [watch().model_copy(update={"camera": "gate"})])
    assert yard.events[-1].clear_reason is ClearReason.WITHDRAWN
    assert yard.outbox.stays() == []
    yard.outbox.close()
