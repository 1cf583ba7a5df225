"""A fault of our own in the gateway: the edge gets a 500, and the log the place, but nothing of a key or a body."""

from __future__ import annotations

import re
from pathlib import Path

from tests.ingest.conftest import CentreFactory

INGEST = Path(__file__).parents[2] / "ingest"


def test_a_fault_is_told_by_its_place_alone(redis_url: str, new_centre: CentreFactory) -> None:
    centre = new_centre(redis_url)
    _, gateway = centre.start_api_and_gateway(factory="tests.ingest.doors:faulty_gateway")
    with centre.edge("edge-1") as edge:
        answer = edge.http.post("/fault", json={"plate": "皖M12345"}, headers={"X-Request-Id": "look-17"})
        assert (answer.status_code, answer.headers["X-Request-Id"]) == (500, "look-17")
        assert edge.answers(edge.event()) == ["accepted"]
        log = gateway.log_tail()
    assert re.search(r"request failed.*doors\.py:\d+ fail.*RuntimeError.*look-17", log)
    assert not [secret for secret in (edge.key, "Bearer", "12345", "plate", "Traceback") if secret in log + answer.text]


def test_nothing_in_this_room_logs_an_exception_with_what_it_holds() -> None:
    printing = re.compile(r"exc_info|\.exception\(|stack_info|print_exc|format_exc|show_locals")
    assert [path.name for path in INGEST.glob("*.py") if printing.search(path.read_text(encoding="utf-8"))] == []
