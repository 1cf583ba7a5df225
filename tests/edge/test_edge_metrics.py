"""What Prometheus is told of an edge: no count falls when a process starts again."""

from __future__ import annotations

import socket
import threading
from pathlib import Path
from urllib.request import urlopen

import pytest

from edge.processes.cannot_start import EdgeCannotStart
from edge.processes.run import Edge
from edge.processes.tally import Tally
from ingest.configuration import EdgeConfiguration
from ingest.edge_messages import CameraState, CameraStatus
from tests.edge.running import running_edge
from tests.edge.small_centre import wait_until
from tests.services.ports import free_port


def _camera(
    looks: int, *, gated: int = 0, state: CameraState = CameraState.LIVE, fault: str | None = None
) -> CameraStatus:
    return CameraStatus(id="yard", looks=looks, gated=gated, state=state, fault=fault)


def test_counts_go_on_over_the_processes_that_made_them() -> None:
    tally = Tally()
    for process_id, looks, gated in ((7, 3, 1), (7, 10, 4), (8, 1, 0), (8, 12, 6)):
        tally.note(process_id, _camera(looks, gated=gated))

    assert (tally.looks["yard"], tally.gated["yard"]) == (22, 10)


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
    assert "streetcase_edge_shed_share 0.0" in text
    assert "streetcase_edge_backlog_events 0.0" in text


def test_a_port_that_is_taken_is_told_in_words(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        configuration = EdgeConfiguration(edge_id="corner-7", data_dir=str(tmp_path), metrics_port=port)
        edge = Edge(configuration, environment={}, stop=threading.Event())
        with pytest.raises(EdgeCannotStart, match=f"metrics_port: 127.0.0.1:{port} cannot be used: Address already"):
            edge.run()
        edge._outbox.close()
