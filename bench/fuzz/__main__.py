"""Runs Schemathesis with all its checks over the whole OpenAPI: no 5xx, and every answer as it is described.

The API is a process of its own on PostgreSQL, with cases, places and people in it; each operation is asked by somebody
who may do it (``bench/fuzz/hooks.py``).

Usage: python -m bench.fuzz --examples 20        2,000 cases and more; --examples 2 for a tenth
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from bench.fuzz.seed import seeded
from bench.services import HOST, PostgresServer, end_with_parent, free_port

ROOT = Path(__file__).parents[2]
READY_S = 60.0
WITHIN_S = 3600.0


def main() -> int:
    asked = _arguments()
    with tempfile.TemporaryDirectory(prefix="streetcase-fuzz-") as folder:
        figures = _run(Path(folder), asked)
    print(json.dumps(figures))
    return 0 if not figures["exit"] and not figures["server_errors_logged"] else 1


def _run(folder: Path, asked: argparse.Namespace) -> dict[str, Any]:
    database = PostgresServer(folder)
    database.start()
    port = free_port()
    environment = os.environ | {
        "STREETCASE_DATABASE_URL": database.url,
        "STREETCASE_EVIDENCE_DIR": str(folder / "evidence"),
        "STREETCASE_SERVICE_KEY_FILE": str(folder / "service.key"),
        "STREETCASE_FUZZ_FILE": str(folder / "seed.json"),
        "SCHEMATHESIS_HOOKS": "bench.fuzz.hooks",
        "PYTHONPATH": os.pathsep.join([str(ROOT), *os.environ.get("PYTHONPATH", "").split(os.pathsep)]),
    }
    (folder / "seed.json").write_text(json.dumps(seeded(environment)), encoding="utf-8")
    log = folder / "api.log"
    serve = [sys.executable, "-m", "streetcase", "api", "serve", "--host", HOST, "--port", str(port)]
    with log.open("wb") as file:
        # The run has one thread.
        api = subprocess.Popen(serve, env=environment, stdout=file, stderr=file, preexec_fn=end_with_parent)  # noqa: PLW1509
    try:
        report = folder / "report.json"
        done = subprocess.run(
            _schemathesis(f"http://{HOST}:{port}/openapi.json", report, asked),
            env=environment,
            cwd=folder,
            timeout=WITHIN_S,
            check=False,
        )
    finally:
        api.terminate()
        api.wait()
        database.stop()
    failed = [
        line for line in log.read_text(encoding="utf-8", errors="replace").splitlines() if "request failed" in line
    ]
    for line in failed[:20]:
        print(line)
    if not report.exists():
        raise SystemExit(f"Schemathesis left no report; it ended with {done.returncode}")
    if asked.keep_report:
        Path(asked.keep_report).write_bytes(report.read_bytes())
    return {
        "bench": "fuzz",
        "exit": done.returncode,
        **_counted(report),
        "server_errors_logged": len(failed),
    }


def _schemathesis(url: str, report: Path, asked: argparse.Namespace) -> list[str]:
    program = Path(sys.executable).with_name("schemathesis")
    configuration = Path(__file__).with_name("schemathesis.toml")
    command = [str(program), "--config-file", str(configuration), "run", url, "--checks", "all"]
    command += ["--max-examples", str(asked.examples), "--seed", str(asked.seed), "--continue-on-failure"]
    command += ["--wait-for-schema", str(READY_S), "--request-timeout", "30", "--no-color"]
    command += ["--report", "json", "--report-json-path", str(report), "--generation-database", "none"]
    command += ["--suppress-health-check", "all", "--warnings", "off"]
    for path in asked.only:
        command += ["--include-path-regex", path]
    return command


def _counted(report: Path) -> dict[str, Any]:
    found = json.loads(report.read_text(encoding="utf-8"))
    return {
        "operations": found["operations"]["tested"],
        "cases": found["test_cases"]["generated"],
        "failures": found["test_cases"]["unique_failures"],
        "errors": len(found["errors"]),
        "seed": found["seed"],
    }


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--examples", type=int, default=20, help="cases for each operation, beside those for coverage")
    parser.add_argument("--seed", type=int, default=int(time.strftime("%Y%m%d")), help="the same seed asks the same")
    parser.add_argument("--only", action="append", default=[], metavar="REGEX", help="only paths like this")
    parser.add_argument("--keep-report", metavar="FILE", help="where to leave Schemathesis' report")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
