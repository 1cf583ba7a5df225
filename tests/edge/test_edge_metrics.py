"""What Prometheus is told of an edge: no count falls when a process starts again."""

from __future__ import annotations

import multiprocessing
import socket
import time
from collections import Counter
from datetime import UTC, datetime
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import cast
from urllib.request import urlopen

import pytest
import structlog.testing

from edge.looking.presets import UNKNOWN
from edge.processes.asking import Beat
from edge.processes.ends import End
from edge.processes.fleet import Fleet
from edge.processes.metrics import EdgeCollector
from edge.processes.tally import Tally
from edge.status_table import print_status
from ingest.configuration import EdgeConfiguration
from ingest.edge_messages import CameraState, CameraStatus, EdgeStatus, GroupStatus, WatchStatus
from tests.edge.running import running_edge
from tests.edge.small_centre import wait_until
from tests.services.ports import free_port


def _camera(
    looks: int, *, gated: int = 0, dropped: int = 0, state: CameraState = CameraState.LIVE, fault: str | None = None
) -> CameraStatus:
    return CameraStatus(id="yard", looks=looks, gated=gated, dropped=dropped, state=state, fault=fault)


def test_counts_go_on_over_the_processes_that_made_them() -> None:
    tally = Tally()
    for process_id, looks, gated, dropped in ((7, 3, 1, 0), (7, 10, 4, 2), (8, 1, 0, 0), (8, 12, 6, 3)):
        tally.note(process_id, _camera(looks, gated=gated, dropped=dropped))

    assert (tally.looks["yard"], tally.gated["yard"], tally.dropped["yard"]) == (22, 10, 5)


class Dying:
    """A process that a test lets die (multiprocessing.process.BaseProcess, as far as it is asked)."""

    pid, exitcode, alive = 7, -9, True

    def is_alive(self) -> bool:
        return self.alive

    def kill(self) -> None: ...

    join = close = kill


def test_what_is_heard_when_the_process_is_found_dead_counts_once(tmp_path: Path) -> None:
    camera = {"id": "yard", "url": "rtsp://192.0.2.7/stream"}
    local = {"edge_id": "corner-7", "data_dir": str(tmp_path), "workers": 1, "cameras": [camera]}
    fleet = Fleet()
    fleet.take(EdgeConfiguration.model_validate(local))
    process, dying = fleet._groups[0].processes[0], Dying()
    process._pipe, theirs = multiprocessing.Pipe()
    process._process = cast(BaseProcess, dying)
    process._started_s = process._heard_s = process._weighed_s = time.monotonic()

    theirs.send(Beat(cameras=(_camera(10_000),), watches=()))
    fleet.tend()
    theirs.send(Beat(cameras=(_camera(10_001),), watches=()))
    dying.alive = False
    fleet.tend()
    theirs.close()

    assert fleet.ends == {End.CRASH: 1}
    assert fleet.tally.looks == {"yard": 10_001}


def test_each_process_has_a_series_that_its_restarts_do_not_change_and_none_while_it_waits() -> None:
    groups = [GroupStatus(memory_mb=500.0), GroupStatus(process_id=4711, memory_mb=300.0), GroupStatus(memory_mb=1.0)]
    now = datetime.now(UTC)
    status = EdgeStatus(edge_id="corner-7", version="0", sent_at=now, started_at=now, groups=groups)

    families = {family.name: family for family in EdgeCollector(lambda: status, Tally(), Counter()).collect()}

    [sample] = families["streetcase_edge_memory_bytes"].samples
    assert (sample.labels, sample.value) == ({"process": "1"}, 300 * 2**20)


def test_watches_that_cannot_decide_are_counted() -> None:
    watches = [WatchStatus(id="parking"), WatchStatus(id="stalls", looks_apart_s=41.0)]
    now = datetime.now(UTC)
    status = EdgeStatus(edge_id="corner-7", version="0", sent_at=now, started_at=now, watches=watches)

    families = {family.name: family for family in EdgeCollector(lambda: status, Tally(), Counter()).collect()}

    assert [sample.value for sample in families["streetcase_edge_undecided_watches"].samples] == [1]


def test_the_type_of_a_fault_is_a_few_words_and_no_sentence() -> None:
    tally = Tally()
    tally.note(7, _camera(0, state=CameraState.BLIND, fault=UNKNOWN))

    assert tally.faults == {("yard", "no preset"): 1}


def test_a_fault_counts_once_also_when_the_process_that_told_it_starts_again() -> None:
    tally = Tally()
    lost = _camera(1, state=CameraState.LOST, fault="stalled: rtsp://192.0.2.7: no packet any more")
    for process_id, camera in (
        (7, lost),
        (7, lost),
        (8, _camera(0, state=CameraState.STARTING)),
        (8, lost),
        (8, _camera(2)),
        (8, lost),
    ):
        tally.note(process_id, camera)

    assert tally.faults == {("yard", "stalled"): 2}


def test_prometheus_is_answered_where_a_port_is_configured(tmp_path: Path, street_clip: Path) -> None:
    port = free_port()
    cameras = [
        {"id": "yard", "url": str(street_clip), "look_every_s": 1},
        {"id": "gone", "url": str(tmp_path / "none")},
    ]
    with running_edge(tmp_path, port=1, cameras=cameras, workers=1, metrics_port=port) as edge:
        wait_until(lambda: edge._fleet.tally.looks["yard"] > 0 and bool(edge._fleet.tally.faults))
        wait_until(lambda: edge.status().groups[0].memory_mb is not None)
        text = urlopen(f"http://127.0.0.1:{port}/metrics", timeout=10).read().decode()

    assert 'streetcase_edge_looks_total{camera="yard"}' in text
    assert 'streetcase_edge_faults_total{camera="gone",type="not found"} 1.0' in text
    assert 'streetcase_edge_restarts_total{cause="crash"} 0.0' in text
    assert 'streetcase_edge_memory_bytes{process="' in text
    assert 'streetcase_edge_dropped_looks_total{camera="yard"}' in text
    assert "streetcase_edge_shed_share 0.0" in text
    assert "streetcase_edge_backlog_events 0.0" in text


def test_a_port_that_is_taken_keeps_no_edge_from_looking_and_is_served_once_it_is_free(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken, structlog.testing.capture_logs() as logs:
        port = taken.getsockname()[1]
        why = f"metrics_port: 127.0.0.1:{port} cannot be used: Address already in use"
        with running_edge(tmp_path, port=1, metrics_port=port) as edge:
            wait_until(lambda: edge.status().metrics_fault == why)
            print_status(edge.status().model_dump_json())
            assert f"metrics not served: {why}" in " ".join(capsys.readouterr().out.split())

            taken.close()
            wait_until(lambda: edge.status().metrics_fault is None)
            text = urlopen(f"http://127.0.0.1:{port}/metrics", timeout=10).read().decode()

    assert "streetcase_edge_open_incidents 0.0" in text
    told = [entry["event"] for entry in logs if entry["event"].startswith("metrics")]
    assert told == ["metrics not served, tried again", "metrics served"]
