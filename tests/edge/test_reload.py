"""A running edge takes its changed file: what differs starts anew, and a file that is not good changes nothing."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import structlog.testing
import yaml

from edge.configuration.load import ConfigurationError
from edge.processes import local_file
from edge.processes.local_file import LocalFile, needs_restart
from edge.processes.run import Edge
from edge.status_table import print_status
from tests.edge.running import PARKING, altered_model, running_edge
from tests.edge.small_centre import wait_until


def _write(file: Path, **document: Any) -> dict[str, Any]:
    local = {"edge_id": "corner-7", "data_dir": str(file.parent / "edge"), **document}
    local["centre"] = {"url": "http://127.0.0.1:1", "key_env": "KEY"}
    file.write_text(yaml.safe_dump(local), encoding="utf-8")
    return document


def _pid(edge: Edge, camera: str) -> int | None:
    return next((group.process_id for group in edge.status().groups if camera in group.cameras), None)


def _fault(edge: Edge) -> str:
    return str(edge.status().file_fault)


def test_only_what_differs_starts_anew_and_a_bad_file_changes_nothing(
    tmp_path: Path, street_clip: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "edge.yaml"
    yard, gate, lane = ({"id": name, "url": str(street_clip), "look_every_s": 1} for name in ("yard", "gate", "lane"))
    watch = PARKING | {"dwell_s": 1}
    local = _write(file, cameras=[yard, gate], watches=[watch], workers=2)
    own = LocalFile(file, {"KEY": "k"})
    own.load()
    with running_edge(tmp_path / "edge", port=1, own=own, **local) as edge:
        wait_until(lambda: bool(edge.status().open_incidents) and _pid(edge, "gate") is not None)
        at_yard, at_gate = _pid(edge, "yard"), _pid(edge, "gate")
        incidents = edge.status().open_incidents

        _write(file, cameras=[yard, gate | {"look_every_s": 2}, lane], watches=[watch], workers=2)
        own.asked.set()  # as SIGHUP does
        wait_until(lambda: _pid(edge, "lane") is not None)
        assert (_pid(edge, "yard"), _pid(edge, "gate")) == (at_yard, at_gate)
        assert edge.status().open_incidents == incidents

        in_force, pids = edge._local, {_pid(edge, "yard"), _pid(edge, "gate")}
        _write(file, cameras=[yard], watches=[watch, watch | {"id": "b", "camera": "gone"}], workers=2)
        own.asked.set()  # as SIGHUP does
        wait_until(lambda: "no camera 'gone'" in _fault(edge))
        print_status(edge.status().model_dump_json())
        assert "file not taken:" in capsys.readouterr().out

        _write(file, cameras=[yard], watches=[watch], workers=2, metrics_port=9109)
        own.asked.set()  # as SIGHUP does
        wait_until(lambda: _fault(edge) == "metrics_port changed: that needs a restart of the edge")
        assert (edge._local, {_pid(edge, "yard"), _pid(edge, "gate")}) == (in_force, pids)

        broken = watch | {"id": "b", "detector": {"type": "yolo", "model": str(altered_model(tmp_path / "model"))}}
        _write(file, cameras=[yard, gate | {"look_every_s": 2}, lane], watches=[watch, broken], workers=2)
        own.asked.set()  # as SIGHUP does
        wait_until(lambda: "watch 'b': detector: " in _fault(edge))
        wait_until(lambda: [w.id for w in edge.status().watches] == ["parking"])
        assert edge.status().open_incidents == incidents

        _write(file, cameras=[gate], workers=2)
        own.asked.set()  # as SIGHUP does
        wait_until(lambda: edge.status().file_fault is None)
        wait_until(lambda: [camera.id for camera in edge.status().cameras] == ["gate"])
        wait_until(lambda: edge.status().open_incidents == [])


def test_a_changed_file_is_read_once_it_stays_the_same(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(local_file, "LOOK_EVERY_S", 0.0)
    file = tmp_path / "edge.yaml"
    _write(file)
    own = LocalFile(file, {})
    first = own.load()
    assert own.changed() is None

    _write(file, disk_budget_mb=100)
    assert own.changed() is None
    _write(file, disk_budget_mb=200)
    assert own.changed() is None
    taken = own.changed()
    assert taken is not None
    assert taken.disk_budget_mb == 200
    assert own.changed() is None
    assert needs_restart(first, taken) is None


def test_a_bad_file_is_told_once_with_its_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(local_file, "LOOK_EVERY_S", 0.0)
    file = tmp_path / "edge.yaml"
    _write(file)
    own = LocalFile(file, {})
    own.load()
    file.write_text("edge_id: corner-7\ncamera: []\n", encoding="utf-8")

    with structlog.testing.capture_logs() as logs:
        assert [own.changed() for _ in range(5)] == [None] * 5

    assert [entry["event"] for entry in logs] == ["configuration file not taken"]
    assert own.fault == f"{file}: line 2: camera: unknown key; did you mean 'cameras'?"
    with pytest.raises(ConfigurationError):
        own.load()
