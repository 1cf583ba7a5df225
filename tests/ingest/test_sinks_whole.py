"""From an edge's POST to a sink's receiver, through gateway, worker and runner."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from subprocess import run

import pytest

from tests.ingest.centre import Centre
from tests.ingest.conftest import CentreFactory
from tests.ingest.receivers import Receiver
from tests.services.processes import Process, wait_until

ROOT = Path(__file__).parents[2]


@pytest.fixture
def centre(redis_url: str, new_centre: CentreFactory) -> Centre:
    return new_centre(redis_url)


def test_what_the_api_took_reaches_the_receiver(centre: Centre, tmp_path: Path) -> None:
    receiver = Receiver()
    receiver.start()
    file = tmp_path / "sinks.yaml"
    file.write_text(
        "sinks:\n"
        f"  - {{name: ops, type: webhook, url: '{receiver.url}', secret_env: HOOK}}\n"
        f"  - {{name: away, type: webhook, url: 'http://127.0.0.1:9', secret_env: HOOK, phases: [cleared]}}\n"
    )
    centre.environment |= {"STREETCASE_SINKS_FILE": str(file), "HOOK": "whsec_" + "A" * 32}
    centre.start_api_and_gateway()
    centre.start_worker()
    command = [sys.executable, "-m", "streetcase", "ingest", "sinks"]
    sinks = Process(command, log=tmp_path / "sinks.log", environment=centre.environment, folder=ROOT)
    try:
        with centre.edge("edge-1") as edge:
            raised = edge.event()
            cleared = raised | {"event_id": edge.event()["event_id"], "phase": "cleared", "clear_reason": "gone"}
            other = edge.event(source=raised["source"])
            edge.post(raised, cleared, other)  # The last waits behind the second, for the one who is away.
            wait_until(lambda: len(receiver.got) == 3, timeout_s=20, what="all are sent")
        bodies = [json.loads(got.body) for got in receiver.got]
        of_source = [body["data"]["phase"] for body in bodies if body["data"]["incident_id"] == raised["incident_id"]]
        assert of_source == ["raised", "cleared"]
        assert {body["id"] for body in bodies} == {raised["event_id"], cleared["event_id"], other["event_id"]}
        wait_until(lambda: "service lost" in sinks.log_tail(), timeout_s=10, what="the other is away")
        status = [*command, "--status"]
        said = run(status, env=centre.environment, cwd=ROOT, capture_output=True, timeout=20, check=True)
        assert json.loads(said.stdout)[1] == {"name": "away", "type": "webhook", "waiting": 2, "dead_letters": 0}
    finally:
        sinks.stop()
        receiver.stop()
