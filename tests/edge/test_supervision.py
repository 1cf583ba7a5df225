"""A group that hangs or dies is started again; a thread that fails goes on."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Callable
from pathlib import Path

import structlog.testing

from edge.supervision import GroupProcess, spread
from edge.threads import tireless
from ingest.configuration import EdgeConfiguration


def _until(group: GroupProcess, true: Callable[[], bool], *, within_s: float = 60) -> bool:
    deadline = time.monotonic() + within_s
    while time.monotonic() < deadline:
        group.tend()
        if true():
            return True
        time.sleep(0.05)
    return False


def test_a_group_that_hangs_is_ended_and_started_again(tmp_path: Path) -> None:
    configuration = EdgeConfiguration.model_validate(
        {"edge_id": "corner-7", "data_dir": str(tmp_path), "cameras": [{"id": "yard", "url": str(tmp_path / "none")}]}
    )
    group = GroupProcess(configuration, ["yard"], silent_s=3)
    try:
        assert _until(group, lambda: group.last_beat is not None)
        first = group.pid
        assert first is not None
        os.kill(first, signal.SIGSTOP)

        assert _until(group, lambda: group.last_beat is not None and group.pid not in (None, first))
        assert group.restarts == 1
        assert not Path(f"/proc/{first}").exists()
    finally:
        group.stop()
    assert group.pid is None


def test_cameras_are_dealt_out_over_the_cores() -> None:
    groups = spread([f"camera-{number}" for number in range(7)])

    assert sorted(camera for group in groups for camera in group) == [f"camera-{number}" for number in range(7)]
    assert len(groups) == min(7, os.cpu_count() or 1)
    assert spread([]) == []


def test_a_thread_that_fails_is_told_without_its_variables_and_goes_on() -> None:
    stop, tries = threading.Event(), 0

    def work() -> None:
        nonlocal tries
        tries += 1
        password = "s3cret"
        if tries == 1:
            raise RuntimeError(f"once, with {len(password)} letters")

    with structlog.testing.capture_logs() as logs:
        thread = tireless(work, name="uplink", stop=stop)
        thread.start()
        thread.join(timeout=10)

    assert tries == 2
    assert [entry["event"] for entry in logs] == ["thread failed, starts again"]
    assert "once, with 6 letters" in logs[0]["trace"]
    assert "s3cret" not in str(logs).replace('password = "s3cret"', "")
