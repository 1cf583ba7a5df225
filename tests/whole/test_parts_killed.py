"""The parts of the centre die on the way from the lens to the case, and the case is there all the same."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import httpx

from tests.whole.cases import incidents_of, roles_of
from tests.whole.conftest import Whole


def test_every_part_killed_once_and_the_case_and_its_pictures_still_arrive(whole: Whole) -> None:
    for part in ("worker", "gateway", "redis", "api"):
        whole.kill(part)

    def arrived() -> bool:
        try:
            cases = whole.cases()
        except httpx.HTTPError:  # the API is down just now
            return False
        return bool(cases) and roles_of(cases[0]) >= {"start", "confirm", "crop"} and len(incidents_of(cases[0])) == 2

    assert whole.until(arrived, within_s=90)
    assert len(whole.cases()) == 1


def test_a_second_all_in_one_on_the_same_folder_is_refused_in_a_sentence(whole: Whole, tmp_path: Path) -> None:
    command = [sys.executable, "-m", "streetcase", "up", "--data", str(tmp_path / "centre")]

    second = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)

    assert second.returncode == 2
    assert "runs on" in second.stderr
    assert "Traceback" not in second.stderr
