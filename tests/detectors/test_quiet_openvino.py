"""A detector calls nobody: neither by itself nor through the library that it runs on."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]

CALLS_NOBODY = """
import sys
told = []
watched = ("socket.connect", "socket.getaddrinfo", "socket.sendto", "subprocess.Popen", "os.fork", "os.posix_spawn")
sys.addaudithook(lambda event, _: told.append(event) if event in watched else None)
import detectors.openvino_runtime
import openvino.tools.ovc
sys.exit(f"{told}, {sys.modules.get('openvino_telemetry')}" if told or sys.modules["openvino_telemetry"] else 0)
"""


def test_openvino_is_imported_without_a_call_or_a_process_of_its_own() -> None:
    done = subprocess.run([sys.executable, "-c", CALLS_NOBODY], capture_output=True, text=True, timeout=60, check=False)

    assert (done.returncode, done.stderr) == (0, "")


def test_nothing_of_ours_imports_openvino_past_it() -> None:
    rooms = ("streetcase", "edge", "detectors", "models", "bench")
    files = [path for room in rooms for path in (ROOT / room).rglob("*.py")]

    past = [path.name for path in files if re.search(r"^\s*(import|from) openvino", path.read_text("utf-8"), re.M)]

    assert past == ["quiet_openvino.py"]
