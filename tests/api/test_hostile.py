"""Whatever a client sends, the answer is its mistake in words, never a failure of ours."""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterable
from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest

from api.rights import Role
from api.schemas import ReportOutcome
from tests.api.place import Place, a_report, a_watch

REPORTS = "/internal/v1/reports"
JSON = {"Content-Type": "application/json"}


def _good(**changes: Any) -> dict[str, Any]:
    fields: dict[str, Any] = a_report().model_dump(mode="json")
    return fields | changes


def _post(client: httpx.Client, path: str, body: bytes) -> int:
    return client.post(path, content=body, headers=JSON).status_code


BODIES = {
    "nothing": b"",
    "no JSON": b"\xff\xfe{",
    "half of it": b'[{"report_id": ',
    "deep arrays": b"[" * 60_000,
    "deep objects": b'{"a":' * 10_000 + b"1" + b"}" * 10_000,
    "NaN": b'[{"score": NaN}]',
    "Infinity": b'{"version": Infinity, "name": Infinity, "key": -Infinity, "reason": NaN}',
    "a huge number": b'{"version": ' + b"9" * 5000 + b', "name": 1e999}',
    "a number": b"1",
    "null": b"null",
    "a text": b'"' + b"x" * 1000 + b'"',
    "wrong types": b'{"name": [], "password": {}, "key": 3, "edge_id": null, "reason": 7, "version": "one", "role": 1}',
    "NUL": b'{"name": "a\\u0000", "password": "\\u0000", "key": "\\u0000", "edge_id": "\\u0000", "reason": "a\\u0000"}',
    "half a character": b'{"name": "\\ud800", "password": "\\ud800", "key": "\\ud800", "edge_id": "\\ud800",'
    b' "reason": "\\ud800", "role": "\\ud800"}',
}


@pytest.mark.parametrize("body", BODIES.values(), ids=list(BODIES))
def test_no_body_makes_a_route_fail(shared_place: Place, body: bytes) -> None:
    [answer] = shared_place.report(a_report())
    posts = [
        (shared_place.client(), "/api/v1/sessions"),
        (shared_place.person(Role.ADMINISTRATOR), "/api/v1/people"),
        (shared_place.person(Role.ADMINISTRATOR), "/api/v1/edges"),
        (shared_place.person(Role.OPERATOR), f"/api/v1/cases/{answer.case_id}/reject"),
        (shared_place.client(shared_place.service_key), "/internal/v1/edges/authenticate"),
        (shared_place.client(shared_place.service_key), REPORTS),
    ]
    for client, path in posts:
        response = client.post(path, content=body, headers=JSON)
        if response.status_code == 200:
            assert {answer["outcome"] for answer in response.json()} == {"refused"}, path
            continue
        assert 400 <= response.status_code < 500, f"{path}: {response.status_code} {response.text[:200]}"
        assert response.json()["request_id"] == response.headers["X-Request-Id"]
        assert response.headers["Content-Type"] == "application/problem+json"


BAD_REPORTS: dict[str, dict[str, Any]] = {
    "unknown kind": {"kind": "dancing"},
    "NUL": {"asset_id": "a\x00b"},
    "half a character": {"asset_id": "\ud800"},
    "before the year 1": {"first_seen_at": "0001-01-01T00:00:00+14:00"},
    "after the year 9999": {"occurred_at": "9999-12-31T23:59:59-14:00"},
    "no time zone": {"occurred_at": "2026-11-23T01:00:00"},
    "a path as kind": {"kind": "../../etc"},
    "a score of 2": {"score": 2},
    "a long watch": {"watch_id": "w" * 65},
    "huge evidence": {
        "evidence": [
            {
                "sha256": "0" * 64,
                "media_type": "image/jpeg",
                "size_bytes": 10**30,
                "role": "start",
                "taken_at": "2026-11-23T01:00:00Z",
            }
        ]
    },
    "cleared without a reason": {"phase": "cleared"},
    "a million corners": {"zone": [[0.5, 0.5]] * 101},
    "no report id": {"report_id": None},
    "wrong types": {"incident_id": {}, "phase": 3, "findings": "none"},
}


@pytest.mark.parametrize("change", BAD_REPORTS.values(), ids=list(BAD_REPORTS))
def test_a_bad_report_is_refused_with_a_reason_and_blocks_no_other(
    shared_sqlite_place: Place, change: dict[str, Any]
) -> None:
    watch = {"watch_id": a_watch()}
    first, bad, last = _good(**watch), _good(**watch | change), _good(**watch)
    answers = shared_sqlite_place.client(shared_sqlite_place.service_key).post(
        REPORTS, content=json.dumps([first, bad, "not even an object", last]), headers=JSON
    )
    assert answers.status_code == 200, answers.text
    outcomes = [answer["outcome"] for answer in answers.json()]
    assert outcomes == [ReportOutcome.NEW_CASE, ReportOutcome.REFUSED, ReportOutcome.REFUSED, ReportOutcome.JOINED]
    assert answers.json()[1]["reason"]
    assert answers.json()[1]["report_id"] == (bad["report_id"] or str(UUID(int=0)))


def test_times_at_the_ends_of_the_calendar_are_kept_where_time_can_still_be_reckoned(shared_place: Place) -> None:
    ends = {"first_seen_at": "0001-01-01T00:00:00Z", "occurred_at": "9999-12-31T23:59:59Z"}
    [answer] = shared_place.report(a_report(**ends, received_at="9999-12-31T23:59:59Z", dwell_s=1e300))
    assert shared_place.case(answer.case_id)["last_seen_at"] == "9000-01-01T00:00:00Z"


def test_too_many_reports_are_refused_whole(shared_sqlite_place: Place) -> None:
    assert (
        _post(shared_sqlite_place.client(shared_sqlite_place.service_key), REPORTS, b"[" + b"1," * 500 + b"1]") == 422
    )


@pytest.mark.parametrize("path", [REPORTS, "/api/v1/sessions", "/internal/v1/edges/authenticate"])
def test_a_hundred_megabytes_are_answered_413_announced_or_not(shared_sqlite_place: Place, path: str) -> None:
    client = shared_sqlite_place.client(shared_sqlite_place.service_key)
    assert _status(client, path, b" " * 100_000_000) in (413, None)
    assert _status(client, path, itertools.repeat(b" " * 1_000_000, 100)) in (413, None)
    assert client.get("/health/live").status_code == 200


def test_a_body_just_above_the_limit_is_answered_413(shared_sqlite_place: Place) -> None:
    client = shared_sqlite_place.client()
    assert _status(client, "/api/v1/sessions", b" " * 65_537) == 413
    assert _status(client, "/api/v1/sessions", iter([b" " * 40_000, b" " * 40_000])) == 413
    assert _status(client, "/api/v1/sessions", b" " * 65_536) == 422


@pytest.mark.parametrize(
    "authorization",
    ["", "Bearer", "Basic YTpi", "Bearer sc_service_x", "Bearer " + "x" * 9000, "Bearer \xff"],
)
def test_wrong_credentials_are_401(shared_sqlite_place: Place, authorization: str) -> None:
    headers = [(b"Authorization", authorization.encode("latin-1"))]
    for method, path in (("GET", "/api/v1/cases"), ("POST", REPORTS)):
        answer = shared_sqlite_place.client().request(method, path, headers=headers)
        assert (answer.status_code, answer.headers["WWW-Authenticate"]) == (401, "Bearer")


def test_a_request_id_that_could_break_a_log_line_is_replaced(shared_sqlite_place: Place) -> None:
    client = shared_sqlite_place.client()
    assert (
        client.get("/health/live", headers={"X-Request-Id": "a-good_one.7"}).headers["X-Request-Id"] == "a-good_one.7"
    )
    for bad in ("two words", "x" * 65, "{json}"):
        assert client.get("/health/live", headers={"X-Request-Id": bad}).headers["X-Request-Id"] != bad


def test_an_unknown_case_or_route_is_404(shared_sqlite_place: Place) -> None:
    operator = shared_sqlite_place.person(Role.OPERATOR)
    for path in (f"/api/v1/cases/{uuid4()}", f"/api/v1/cases/{uuid4()}/history", "/api/v2/cases"):
        answer = operator.get(path)
        assert (answer.status_code, "request_id" in answer.json()) == (404, True)


def _status(client: httpx.Client, path: str, body: bytes | Iterable[bytes]) -> int | None:
    """The status, or None where the server hung up before the client had said everything."""
    try:
        return client.post(path, content=body, headers=JSON).status_code
    except (httpx.WriteError, httpx.ReadError, httpx.RemoteProtocolError):
        return None
