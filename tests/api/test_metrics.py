"""Prometheus sees what the API does and what waits; the log has a line for each request and no secrets in it."""

from __future__ import annotations

import json
import re
import time
from uuid import uuid4

import pytest
import structlog
from prometheus_client.parser import text_string_to_metric_families

from api.chores.runner import ChoreRunner
from api.rights import Role
from tests.api.place import Place, a_report

LIST = "/api/v1/cases"


def _samples(place: Place) -> dict[tuple[str, tuple[tuple[str, str], ...]], float]:
    answer = place.person(Role.INTEGRATOR).get("/metrics")
    assert answer.status_code == 200, answer.text
    return {
        (sample.name, tuple(sorted(sample.labels.items()))): sample.value
        for family in text_string_to_metric_families(answer.text)
        for sample in family.samples
    }


def test_requests_are_counted_by_route_and_never_by_path(shared_place: Place) -> None:
    [answer] = shared_place.report(a_report())
    operator, key = shared_place.person(Role.OPERATOR), {"method": "GET", "route": LIST + "/{case_id}"}

    def counted(status: str) -> float:
        return _samples(shared_place).get(
            ("streetcase_requests_total", tuple(sorted({**key, "status": status}.items()))), 0
        )

    before = counted("200"), counted("404")
    operator.get(f"{LIST}/{answer.case_id}")
    operator.get(f"{LIST}/{uuid4()}")
    operator.get(f"/nowhere/{uuid4()}")
    assert (counted("200"), counted("404")) == (before[0] + 1, before[1] + 1)
    routes = {dict(labels).get("route") for name, labels in _samples(shared_place) if name.endswith("requests_total")}
    assert "(none)" in routes
    assert not any(re.search(r"[0-9a-f]{8}-", str(route)) for route in routes)


def test_cases_and_what_waits_are_shown(place: Place) -> None:
    place.report(a_report(), a_report())
    samples = _samples(place)
    assert samples["streetcase_cases", (("state", "detected"),)] == 2
    assert samples["streetcase_webhooks_waiting", ()] == 0
    assert ("streetcase_audit_unsealed", ()) in samples
    assert ("streetcase_database_connections_in_use", ()) in samples
    deadline = time.monotonic() + 10
    chore = ("streetcase_chore_success_timestamp_seconds", (("chore", "words of new cases"),))
    while chore not in _samples(place):
        assert time.monotonic() < deadline, "the chore was not seen to work"
        time.sleep(0.1)


def test_each_request_is_a_line_with_who_asked_and_under_which_id(
    shared_place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    lines: list[dict[str, object]] = []

    def keep(_logger: object, _method: str, line: structlog.typing.EventDict) -> str:
        lines.append(dict(line))
        return ""

    log = structlog.wrap_logger(structlog.PrintLogger(), processors=[structlog.contextvars.merge_contextvars, keep])
    monkeypatch.setattr("api.access_log._log", log)
    secret, request_id = f"st_{uuid4().hex}", f"edge-3.{uuid4().hex}"
    operator = shared_place.person(Role.OPERATOR)
    operator.get(LIST, params={"q": secret, "limit": 1}, headers={"X-Request-Id": request_id})
    operator.get("/health/ready")
    shared_place.client(secret).get(LIST)
    operator.get("/api/v1/people")
    [known, unknown, turned_away] = lines
    assert (known["method"], known["route"], known["status"], known["request_id"]) == ("GET", LIST, 200, request_id)
    assert known["actor"] == "person:operator-all"
    assert isinstance(known["ms"], float)
    assert (unknown["status"], unknown["actor"]) == (401, None)
    assert (turned_away["status"], turned_away["actor"]) == (403, "person:operator-all")
    assert secret not in json.dumps(lines)


def test_the_id_of_a_request_runs_from_the_edge_s_event_to_the_case(shared_place: Place) -> None:
    from_edge = f"gateway-{uuid4().hex}"
    [answer] = shared_place.report(a_report(request_id=from_edge))
    by_operator = f"console-{uuid4().hex}"
    operator = shared_place.person(Role.OPERATOR)
    operator.post(f"{LIST}/{answer.case_id}/confirm", headers={"X-Request-Id": by_operator})
    history = operator.get(f"{LIST}/{answer.case_id}/history").json()["items"]
    assert [line["request_id"] for line in history if line["action"] in {"detected", "confirmed"}] == [
        from_edge,
        by_operator,
    ]
    [report] = operator.get(f"{LIST}/{answer.case_id}/reports").json()["items"]
    assert report["request_id"] == from_edge


def test_a_process_whose_chores_have_died_is_not_ready(sqlite_place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ChoreRunner, "is_alive", False)
    answer = sqlite_place.client().get("/health/ready")
    assert (answer.status_code, answer.json()["chores"]) == (503, "have stopped")


def test_the_connections_of_every_pool_are_counted(shared_postgres_place: Place) -> None:
    database = shared_postgres_place.app.state.services.database

    def in_use() -> float:
        return _samples(shared_postgres_place)["streetcase_database_connections_in_use", ()]

    before = in_use()
    with database.quick(), database.quick(), database.quick():
        assert in_use() >= before + 2, "other threads may have given one back"
