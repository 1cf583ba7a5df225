"""The status says what is in force, what is not, and what the disk does not take."""

from __future__ import annotations

import sqlite3
import threading
from collections import Counter
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import structlog.testing

from edge.processes.asking import CannotStart
from edge.processes.camera_group import CameraGroup
from edge.processes.ends import End, in_words
from edge.processes.limits import Limits
from edge.processes.run import Edge
from edge.status_table import print_status
from ingest.configuration import EdgeConfiguration
from ingest.edge_messages import Backlog, CameraState, CameraStatus, EdgeStatus, SetAside, WatchStatus


def _status(backlog: Backlog) -> EdgeStatus:
    now = datetime.now(UTC)
    return EdgeStatus(
        edge_id="corner-7",
        version="0",
        sent_at=now,
        started_at=now,
        configuration_revision="4f2a",
        configuration_fault="revision 77: watch 'a': labels[0]: unknown",
        watches=[WatchStatus(id="parking"), WatchStatus(id="stalls", looks_apart_s=41.3)],
        backlog=backlog,
    )


def test_the_table_shows_the_configuration_and_the_disk(capsys: pytest.CaptureFixture[str]) -> None:
    backlog = Backlog(uncommitted=3, fault="disk [full]", used_bytes=1_500_000, budget_bytes=50_000_000)

    print_status(_status(backlog).model_dump_json())

    said = " ".join(capsys.readouterr().out.split())
    assert "watches from the centre: revision 4f2a" in said
    assert "configuration not taken: revision 77: watch 'a': labels[0]: unknown" in said
    assert said.count("cannot decide:") == 1
    assert "watch stalls, its looks are 41 s apart, more than its grace_s" in said
    assert "on the disk: 1.5 of 50 MB" in said
    assert "not on the disk yet: 3 changes disk: disk [full]" in said


def test_the_table_shows_in_100_columns_how_each_camera_is_read_and_what_the_gate_spared(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "100")
    now = datetime.now(UTC)
    live = CameraStatus(
        id="yard-north",
        state=CameraState.LIVE,
        looks=21_600,
        gated=18_144,
        last_look_at=now,
        reading_by="continuous",
        keyframe_every_s=12,
        decode_share=0.091,
    )
    dead = CameraStatus(id="deadly", state=CameraState.LOST, fault="set aside: its process was ended by Aborted")
    aside = SetAside(camera="deadly", reason="its process was ended by Aborted", again_at=now + timedelta(minutes=30.5))
    status = _status(Backlog()).model_copy(update={"cameras": [live, dead], "set_aside": [aside]})

    print_status(status.model_dump_json())

    lines = capsys.readouterr().out.splitlines()
    assert max(map(len, lines)) <= 100
    [row] = [line for line in lines if "yard-north" in line]
    for cell in ("live", "21600", "18144 (84%)", "0 s ago", "continuous"):
        assert f" {cell} " in row
    said = " ".join(" ".join(lines).split())
    assert "9.1%" in said
    assert any("deadly" in line and " set aside " in line for line in lines)
    assert "set aside: camera deadly, its process was ended by Aborted; tried again in 30 minutes" in said


def test_an_outbox_that_cannot_be_read_is_a_fault_and_no_empty_backlog(tmp_path: Path) -> None:
    edge = Edge(EdgeConfiguration(edge_id="corner-7", data_dir=str(tmp_path)), environment={}, stop=threading.Event())
    assert edge.status().backlog.fault is None
    assert edge.status().backlog.budget_bytes == 4_000_000_000
    with closing(sqlite3.connect(tmp_path / "outbox.sqlite")) as database:
        database.execute("DROP TABLE events")
        database.commit()

    assert "outbox cannot be read" in str(edge.status().backlog.fault)
    edge._outbox.close()


def test_a_long_reason_why_a_process_ended_fits_into_the_status(tmp_path: Path) -> None:
    camera = {"id": "yard", "url": "rtsp://192.0.2.7/stream"}
    configuration = EdgeConfiguration.model_validate(
        {"edge_id": "corner-7", "data_dir": str(tmp_path), "cameras": [camera]}
    )
    group = CameraGroup(configuration, limits=Limits(), ends=Counter())
    process = group.processes[0]

    process._take_message(CannotStart("card is not valid:\x00\n" + "wrong_key: " * 200, "parking"))
    process.last_death = in_words(End.CRASH, 3, told=process.cannot_start)

    [status] = group.status()
    assert str(status.last_death).startswith("card is not valid:??wrong_key: ")
    assert process.cannot_start is not None
    assert process.cannot_start.watch_id == "parking"


def test_a_status_that_cannot_be_made_is_told_once_and_keeps_nobody_from_working(tmp_path: Path) -> None:
    edge = Edge(EdgeConfiguration(edge_id="corner-7", data_dir=str(tmp_path)), environment={}, stop=threading.Event())

    def now() -> EdgeStatus:
        return EdgeStatus.model_validate(_status(Backlog()).model_dump() | {"file_fault": "s3cret" * 200})

    edge._statuses.now = now  # type: ignore[method-assign]
    with structlog.testing.capture_logs() as logs:
        for _ in range(3):
            edge._statuses.write(tmp_path / "status.json")
    edge._outbox.close()

    assert [(entry["event"], entry["reason"]) for entry in logs] == [
        ("status not written", "not of the contract: file_fault")
    ]


def test_whatever_happens_to_the_last_status_the_outbox_is_closed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stop = threading.Event()
    edge = Edge(EdgeConfiguration(edge_id="corner-7", data_dir=str(tmp_path)), environment={}, stop=stop)
    close, closed = edge._outbox.close, threading.Event()

    def note_and_close() -> None:
        closed.set()
        close()

    def fail(_file: Path) -> None:
        raise RuntimeError("a mistake of ours")

    monkeypatch.setattr(edge._outbox, "close", note_and_close)
    monkeypatch.setattr(edge._statuses, "write", fail)
    stop.set()
    with pytest.raises(RuntimeError, match="a mistake of ours"):
        edge.run()

    assert closed.is_set()
