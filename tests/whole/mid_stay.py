"""Kills what a test names in the middle of two stays, and once more when they are raised."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from pathlib import Path

from tests.whole.cases import incidents_of, phases_of
from tests.whole.conftest import Whole


def processes_below(pid: int) -> list[int]:
    """Returns the processes that ``pid`` has started, and those that these have."""
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text(encoding="ascii").split()
    return [process for child in children for process in (int(child), *processes_below(int(child)))]


def camera_process(edge: int) -> int:
    """Returns the one process of the edge that looks at cameras."""
    [group] = [pid for pid in processes_below(edge) if b"spawn_main" in Path(f"/proc/{pid}/cmdline").read_bytes()]
    return group


def kill_all(*pids: int) -> None:
    """Ends these processes as a power cut would."""
    for pid in pids:
        os.kill(pid, signal.SIGKILL)


def goes_on_over(kill: Callable[[], None], whole: Whole) -> None:
    """Asserts that two kills, in mid-stay and later, leave the same two incidents, told once each, in one case."""
    assert whole.until(lambda: len([stay for stay in whole.stays() if stay.dwell_s >= 2]) == 2)
    kill()
    before = whole.stays()
    assert not any(stay.raised for stay in before), "the kill came too late to be in mid-stay"
    assert whole.until(lambda: len(whole.cases()) > 0 and len(incidents_of(whole.cases()[0])) == 2)

    kill()  # once more, now that they are raised
    raised = {stay.incident_id: stay.sightings for stay in whole.stays()}
    assert raised.keys() == {stay.incident_id for stay in before}
    assert whole.until(lambda: all(stay.sightings > raised[stay.incident_id] + 3 for stay in whole.stays()))

    assert {stay.incident_id for stay in whole.stays()} == raised.keys()
    [case] = whole.cases()
    assert case.kind == "illegal-parking"
    assert incidents_of(case) == {str(incident_id) for incident_id in raised}
    assert phases_of(case) == ["raised", "raised"]
