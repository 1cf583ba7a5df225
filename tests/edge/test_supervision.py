"""A group that hangs or dies is started again; a thread that fails goes on."""

from __future__ import annotations

import multiprocessing
import os
import re
import signal
import threading
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from uuid import uuid4

import structlog.testing

from edge.processes.asking import Asked
from edge.processes.ends import End
from edge.processes.limits import Limits
from edge.processes.memory import ceiling_mb, resident_mb
from edge.processes.parts import deal
from edge.processes.questions import MOST_OPEN
from edge.processes.spawning import deaf_to_interrupts
from edge.processes.supervision import GroupProcess
from edge.processes.threads import tireless
from ingest.configuration import EdgeConfiguration
from ingest.edge_messages import RequestType
from tests.edge.running import PARKING, altered_model


def _until(group: GroupProcess, true: Callable[[], bool], *, within_s: float = 60) -> bool:
    deadline = time.monotonic() + within_s
    while time.monotonic() < deadline:
        group.tend()
        if true():
            return True
        time.sleep(0.05)
    return False


def _configuration(folder: Path, *, look_every_s: float = 4, watches: Sequence[object] = ()) -> EdgeConfiguration:
    cameras = [{"id": "yard", "url": str(folder / "none"), "look_every_s": look_every_s}]
    return EdgeConfiguration.model_validate(
        {"edge_id": "corner-7", "data_dir": str(folder), "cameras": cameras, "watches": list(watches)}
    )


def test_a_group_that_hangs_is_ended_and_started_again(tmp_path: Path) -> None:
    group = GroupProcess(_configuration(tmp_path), limits=Limits(silent_s=3))
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


def test_a_group_that_grows_too_large_ends_after_its_look_and_starts_again(tmp_path: Path) -> None:
    ends: Counter[End] = Counter()
    group = GroupProcess(_configuration(tmp_path), limits=Limits(memory_mb=1), ends=ends)
    try:
        assert _until(group, lambda: group.last_beat is not None)
        first = group.pid
        assert _until(group, lambda: group.restarts == 1)
        assert (ends, group.deaths) == ({End.MEMORY: 1}, 0)
        assert re.fullmatch(r"its process held \d+ MB, of 1 that it may", str(group.last_death))
        assert _until(group, lambda: group.pid not in (None, first))
    finally:
        group.stop()


def test_what_a_group_may_hold_grows_with_its_cameras() -> None:
    assert ceiling_mb(75, None) == 2 * (400 + 75 * 40)
    assert ceiling_mb(75, 1000) == 1000
    assert (resident_mb(os.getpid()) or 0) > 1
    assert resident_mb(2**22 + 1) is None


def test_cameras_are_dealt_out_over_the_cores_and_stay_where_they_are() -> None:
    names = [f"camera-{number}" for number in range(7)]
    dealt = deal(names, workers=3)

    assert sorted(camera for share in dealt for camera in share) == names
    assert sorted(len(share) for share in dealt) == [2, 2, 3]
    assert len(deal(names, workers=0)) == min(7, os.cpu_count() or 1)
    assert deal([], workers=3) == []

    now = [*names[1:], "new"]
    again = deal(now, workers=3, shares=dealt)
    assert all(set(before) - {names[0]} <= set(after) for before, after in zip(dealt, again, strict=True))
    assert sorted(len(share) for share in again) == [2, 2, 3]


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


def _asked(deadline_in_s: float = 30) -> Asked:
    return Asked(uuid4(), RequestType.SNAPSHOT, "yard", time.monotonic() + deadline_in_s)


def test_a_retired_group_ends_hears_what_is_new_and_goes_on_with_the_same_questions(tmp_path: Path) -> None:
    group = GroupProcess(_configuration(tmp_path))
    try:
        assert _until(group, lambda: group.last_beat is not None)
        first = group.pid
        group.retire()
        assert _until(group, lambda: group.is_retired)
        waiting = group.ask(_asked())
        group.tend()
        assert group.pid is None

        group.take(_configuration(tmp_path, look_every_s=2))
        assert _until(group, lambda: group.last_beat is not None and group.pid != first)
        assert group.restarts == 0
        assert _until(group, lambda: group._questions.all_sent)
        assert not waiting.done()

        answer = group.ask(_asked(2.5))
        assert _until(group, answer.done)
        assert answer.result().error == (
            f"no look came from camera 'yard', which is lost: not found: {tmp_path}/none: no such stream or file"
        )
    finally:
        group.stop()


def test_what_is_asked_of_a_camera_that_a_group_has_no_more_is_answered_and_the_rest_waits(tmp_path: Path) -> None:
    cameras = [{"id": name, "url": "none"} for name in ("yard", "gate")]
    both = EdgeConfiguration.model_validate({"edge_id": "corner-7", "data_dir": str(tmp_path), "cameras": cameras})
    group = GroupProcess(both)
    at_gate = replace(_asked(), camera="gate")
    gate, yard = group.ask(at_gate), group.ask(_asked())

    group.retire()
    group.take(_configuration(tmp_path))

    assert gate.result(timeout=0).error == "camera 'gate' has just been moved or taken away; ask again"
    assert not yard.done()
    group.stop()


def test_a_process_that_is_asked_of_a_camera_it_does_not_know_says_so_and_goes_on(tmp_path: Path) -> None:
    group = GroupProcess(_configuration(tmp_path))
    try:
        assert _until(group, lambda: group.last_beat is not None)
        first, answer = group.pid, group.ask(replace(_asked(), camera="gate"))

        assert _until(group, answer.done)
        assert answer.result().error == "camera 'gate' has just been moved or taken away; ask again"
        assert (group.pid, group.restarts) == (first, 0)
    finally:
        group.stop()


def test_no_question_is_left_open_when_a_group_never_starts_or_is_stopped(tmp_path: Path) -> None:
    group = GroupProcess(_configuration(tmp_path))
    late, stopped = group.ask(_asked(-1)), group.ask(_asked())
    many = [group.ask(_asked()) for _ in range(MOST_OPEN)]

    group.retire()
    group.tend()
    assert late.result(timeout=0).error == "the group of camera 'yard' gave no answer"
    assert many[-1].result(timeout=0).error == f"{MOST_OPEN} other requests are in hand there"
    group.stop()
    assert stopped.result(timeout=0).error == "the edge is stopping"
    assert all(answer.done() for answer in many)


def test_a_group_says_which_watch_keeps_it_from_starting(tmp_path: Path) -> None:
    model = altered_model(tmp_path / "model")
    watch = PARKING | {"detector": {"type": "yolo", "model": str(model)}}
    group = GroupProcess(_configuration(tmp_path, watches=[watch]))
    try:
        assert _until(group, lambda: group.cannot_start is not None)
        assert group.cannot_start is not None
        assert group.cannot_start.watch_id == "parking"
        assert group.cannot_start.reason.startswith("watch 'parking': detector: ")
        assert _until(group, lambda: group.restarts == 1)
    finally:
        group.stop()


def test_ctrl_c_at_the_terminal_does_not_reach_what_is_just_starting() -> None:
    before = signal.pthread_sigmask(signal.SIG_BLOCK, [])
    process = multiprocessing.get_context("spawn").Process(target=time.sleep, args=(30,))
    with deaf_to_interrupts():
        process.start()
    try:
        os.kill(int(process.pid or 0), signal.SIGINT)
        process.join(timeout=0.5)
        assert process.is_alive()
        assert signal.pthread_sigmask(signal.SIG_BLOCK, []) == before
    finally:
        process.kill()
        process.join()
