"""The walls between the rooms hold, and a program notices when one is broken."""

from __future__ import annotations

import shutil
import subprocess
import sys
from importlib.metadata import distributions
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
ROOMS = ("streetcase", "edge", "ingest", "api", "detectors", "models")


def _lint(folder: Path) -> subprocess.CompletedProcess[str]:
    lint_imports = Path(sys.executable).with_name("lint-imports")
    return subprocess.run(
        [lint_imports, "--no-logo", "--no-cache"],
        cwd=folder,
        env={"PYTHONPATH": str(folder), "PATH": "/usr/bin:/bin"},
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    for room in ROOMS:
        shutil.copytree(ROOT / room, tmp_path / room, ignore=shutil.ignore_patterns("__pycache__", "*.onnx"))
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    return tmp_path


def test_the_walls_hold(copy: Path) -> None:
    result = _lint(copy)

    assert result.returncode == 0, result.stdout
    assert "0 broken" in result.stdout


@pytest.mark.parametrize(
    ("module", "line"),
    [
        ("api/cases/lists.py", "import ingest.contract"),
        ("api/cases/lists.py", "import cv2"),
        ("ingest/worker.py", "import api.cases.lists"),
        ("ingest/worker.py", "import edge.outbox.box"),
        ("edge/uplink/sending.py", "import ingest.stream"),
        ("edge/uplink/sending.py", "import api.schemas"),
        ("detectors/yolo.py", "import edge.looking.zones"),
        ("detectors/threshold.py", "import paho.mqtt.client"),
        ("models/zoo.py", "import detectors.base"),
        ("edge/processes/run.py", "import streetcase.told"),
        ("detectors/yolo.py", "import ultralytics"),
        ("api/people/accounts.py", "import api.cases.lists"),
        ("api/reports/recording.py", "import api.interchange.feed"),
    ],
)
def test_an_import_from_the_wrong_room_is_found(copy: Path, module: str, line: str) -> None:
    broken = copy / module
    with broken.open("a", encoding="utf-8") as file:
        file.write(f"\n{line}\n")

    result = _lint(copy)

    assert result.returncode == 1, result.stdout
    assert "BROKEN" in result.stdout


def test_no_installed_package_ships_our_top_level_names() -> None:
    ours = {*ROOMS, "tests", "bench"}
    clashes = {
        f"{distribution.name}: {name}"
        for distribution in distributions()
        if distribution.name != "streetcase"
        for name in {str(file).split("/")[0].removesuffix(".py") for file in distribution.files or ()}
        if name in ours
    }

    assert clashes == set()
