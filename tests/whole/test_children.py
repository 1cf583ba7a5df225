"""The parts of the all-in-one are restarted, stopped in order, and never left behind."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from streetcase.all_in_one import free_port
from streetcase.children import Child, Children
from streetcase.told import UserError

SLEEPS = [sys.executable, "-c", "import time; time.sleep(600)"]


def _gone(pid: int, *, within_s: float = 10) -> bool:
    deadline = time.monotonic() + within_s
    while time.monotonic() < deadline:
        if not Path(f"/proc/{pid}").exists():
            return True
        time.sleep(0.05)
    return False


def test_what_dies_is_started_again(tmp_path: Path) -> None:
    said: list[str] = []
    children = Children(tmp_path, said.append)
    try:
        children.start(Child("sleeper", SLEEPS, {}))
        first = children.pid("sleeper")
        assert first is not None
        os.kill(first, signal.SIGKILL)
        deadline = time.monotonic() + 20
        while children.pid("sleeper") in (None, first) and time.monotonic() < deadline:
            children.tend()
            time.sleep(0.05)

        assert children.pid("sleeper") not in (None, first)
        assert any("ended with -9" in line for line in said)
    finally:
        children.stop()
    assert _gone(first)


def test_a_part_runs_though_its_log_cannot_be_written(tmp_path: Path) -> None:
    said: list[str] = []
    (tmp_path / "sleeper.log").mkdir()
    children = Children(tmp_path, said.append)
    try:
        children.start(Child("sleeper", SLEEPS, {}))

        assert children.pid("sleeper") is not None
        assert "runs without a log" in said[0]
    finally:
        children.stop()


def test_what_does_not_start_is_told_with_the_end_of_its_log(tmp_path: Path) -> None:
    children = Children(tmp_path, lambda _: None)
    command = [sys.executable, "-c", "import sys; sys.exit('no such database')"]

    with pytest.raises(UserError, match="no such database"):
        children.start(Child("api", command, {}, ready_port=free_port()))


def test_parts_do_not_outlive_an_all_in_one_that_is_killed(tmp_path: Path) -> None:
    ports = [str(free_port()), str(free_port())]
    command = [sys.executable, "-m", "streetcase", "up", "--data", str(tmp_path / "data")]
    whole = subprocess.Popen([*command, "--port", ports[0], "--gateway-port", ports[1]], stdout=subprocess.PIPE)
    try:
        assert whole.stdout is not None
        for line in whole.stdout:
            if b"Ctrl-C" in line:
                break
        children = [int(pid) for pid in Path(f"/proc/{whole.pid}/task/{whole.pid}/children").read_text().split()]
        assert len(children) == 4  # redis, API, gateway, worker
    finally:
        whole.kill()
        whole.wait()
        if whole.stdout is not None:
            whole.stdout.close()

    assert all(_gone(pid) for pid in children)
