"""The status says what is in force, what is not, and what the disk does not take."""

from __future__ import annotations

import sqlite3
import threading
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import pytest

from edge.processes.run import Edge
from edge.status_table import print_status
from ingest.configuration import EdgeConfiguration
from ingest.edge_messages import Backlog, EdgeStatus


def _status(backlog: Backlog) -> EdgeStatus:
    now = datetime.now(UTC)
    return EdgeStatus(
        edge_id="corner-7",
        version="0",
        sent_at=now,
        started_at=now,
        configuration_revision="4f2a",
        configuration_fault="revision 77: watch 'a': labels[0]: unknown",
        backlog=backlog,
    )


def test_the_table_shows_the_configuration_and_the_disk(capsys: pytest.CaptureFixture[str]) -> None:
    backlog = Backlog(uncommitted=3, fault="disk [full]", used_bytes=1_500_000, budget_bytes=50_000_000)

    print_status(_status(backlog).model_dump_json())

    said = " ".join(capsys.readouterr().out.split())
    assert "watches from the centre: revision 4f2a" in said
    assert "configuration not taken: revision 77: watch 'a': labels[0]: unknown" in said
    assert "on the disk: 1.5 of 50 MB" in said
    assert "not on the disk yet: 3 changes disk: disk [full]" in said


def test_an_outbox_that_cannot_be_read_is_a_fault_and_no_empty_backlog(tmp_path: Path) -> None:
    edge = Edge(EdgeConfiguration(edge_id="corner-7", data_dir=str(tmp_path)), environment={}, stop=threading.Event())
    assert edge.status().backlog.fault is None
    assert edge.status().backlog.budget_bytes == 4_000_000_000
    with closing(sqlite3.connect(tmp_path / "outbox.sqlite")) as database:
        database.execute("DROP TABLE events")
        database.commit()

    assert "outbox cannot be read" in str(edge.status().backlog.fault)
    edge._outbox.close()
