"""From the lens to the case with real parts, and nothing doubled when they die on the way."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import httpx

from streetcase.demo.operator import DemoCase
from tests.whole.conftest import Whole


def _incidents(case: DemoCase) -> set[str]:
    return {incident["id"] for incident in case.detail["incidents"]}


def test_an_edge_killed_in_mid_stay_goes_on_with_the_same_incidents_and_one_case(whole: Whole) -> None:
    assert whole.until(lambda: len([s for s in whole.stays() if s.dwell_s >= 2]) == 2)
    whole.kill("edge")
    before = {str(stay.incident_id): stay for stay in whole.stays()}
    assert not any(stay.raised for stay in before.values()), "the kill came too late to be in mid-stay"

    assert whole.until(lambda: len(whole.cases()) > 0 and len(_incidents(whole.cases()[0])) == 2)
    whole.kill("edge")  # once more, now that they are raised
    assert whole.until(lambda: any(s.sightings > before[str(s.incident_id)].sightings + 30 for s in whole.stays()))

    cases = whole.cases()
    assert [case.kind for case in cases] == ["illegal-parking"]
    assert _incidents(cases[0]) == set(before)
    assert [report["payload"]["phase"] for report in cases[0].reports] == ["raised", "raised"]


def test_every_part_killed_once_and_the_case_and_its_pictures_still_arrive(whole: Whole) -> None:
    for part in ("worker", "gateway", "redis", "api"):
        whole.kill(part)

    def arrived() -> bool:
        try:
            cases = whole.cases()
        except httpx.HTTPError:  # the API is down just now
            return False
        return bool(cases) and _roles(cases[0]) >= {"start", "confirm", "crop"} and len(_incidents(cases[0])) == 2

    assert whole.until(arrived, within_s=90)
    assert len(whole.cases()) == 1


def _roles(case: DemoCase) -> set[str]:
    return {item["role"] for item in case.detail["evidence"] if item["state"] == "present"}


def test_a_group_of_cameras_that_dies_is_started_again_and_its_edge_goes_on(whole: Whole) -> None:
    edge = whole.parts.pid("edge")
    assert edge is not None
    assert whole.until(lambda: len(whole.stays()) == 2)
    before = {stay.incident_id for stay in whole.stays()}
    group = _child_that_looks(edge)

    os.kill(group, signal.SIGKILL)

    assert whole.until(lambda: len(whole.cases()) == 1 and len(_incidents(whole.cases()[0])) == 2)
    assert whole.parts.pid("edge") == edge
    assert {stay.incident_id for stay in whole.stays()} == before
    assert _child_that_looks(edge) != group


def _child_that_looks(edge: int) -> int:
    children = Path(f"/proc/{edge}/task/{edge}/children").read_text().split()
    spawned = [pid for pid in children if b"spawn_main" in Path(f"/proc/{pid}/cmdline").read_bytes()]
    assert len(spawned) == 1
    return int(spawned[0])


def test_a_second_all_in_one_on_the_same_folder_is_refused_in_a_sentence(whole: Whole, tmp_path: Path) -> None:
    command = [sys.executable, "-m", "streetcase", "up", "--data", str(tmp_path / "centre")]

    second = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)

    assert second.returncode == 2
    assert "runs on" in second.stderr
    assert "Traceback" not in second.stderr
