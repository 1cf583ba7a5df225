"""An operator confirms or rejects an alarm once, under a dense number, and everything is written down."""

from __future__ import annotations

import re
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest

from api.cases.numbers import mint_number
from api.database import Database
from api.first_start import prepare
from api.rights import Role
from api.settings import ApiSettings
from tests.api.place import Place, a_report, followed


def test_confirming_files_the_case_under_a_number(sqlite_place: Place) -> None:
    [answer] = sqlite_place.report(a_report())
    operator = sqlite_place.person(Role.OPERATOR)
    filed = operator.post(
        f"/api/v1/cases/{answer.case_id}/confirm", json={"version": 1}, headers={"X-Request-Id": "tell-me-apart"}
    )
    assert filed.status_code == 200, filed.text
    assert filed.headers["X-Request-Id"] == "tell-me-apart"
    case = filed.json()
    assert (case["state"], case["version"]) == ("filed", 2)
    assert re.fullmatch(r"341122-20[0-9]{6}-0001", case["number"])
    last = operator.get(f"/api/v1/cases/{answer.case_id}/history").json()["items"][-1]
    assert (last["action"], last["actor"], last["request_id"]) == ("confirmed", "person:operator-all", "tell-me-apart")
    assert last["details"] == {"number": case["number"]}


@pytest.mark.parametrize(
    ("reason", "expected"), [(None, 422), ("", 422), ("   ", 422), ("\u3000", 422), ("x" * 501, 422), ("a shadow", 200)]
)
def test_rejecting_needs_a_reason(shared_sqlite_place: Place, reason: str | None, expected: int) -> None:
    [answer] = shared_sqlite_place.report(a_report())
    path = f"/api/v1/cases/{answer.case_id}/reject"
    assert shared_sqlite_place.person(Role.OPERATOR).post(path, json={"reason": reason}).status_code == expected
    case = shared_sqlite_place.case(answer.case_id)
    assert (case["state"], case["rejected_reason"]) == (
        ("rejected", "a shadow") if expected == 200 else ("detected", None)
    )


@pytest.mark.parametrize("act", ["confirm", "reject"])
def test_a_stale_version_or_state_is_a_conflict_that_shows_what_is_now(shared_sqlite_place: Place, act: str) -> None:
    [answer] = shared_sqlite_place.report(a_report())
    path, body = f"/api/v1/cases/{answer.case_id}/{act}", {"reason": "a shadow"}
    operator = shared_sqlite_place.person(Role.OPERATOR)
    stale = operator.post(path, json=body, headers={"If-Match": '"7"'})
    assert (stale.status_code, stale.json()["current"]) == (409, {"state": "detected", "version": 1, "number": None})
    etag = operator.get(f"/api/v1/cases/{answer.case_id}").headers["ETag"]
    assert operator.post(path, json=body, headers={"If-Match": etag}).status_code == 200
    late = operator.post(path, json=body)
    assert (late.status_code, late.json()["current"]["version"]) == (409, 2)
    assert operator.post(path, json=body, headers={"If-Match": "yesterday"}).status_code == 422


def test_machine_reports_leave_the_version_alone(shared_sqlite_place: Place) -> None:
    seen = a_report()
    [answer] = shared_sqlite_place.report(seen)
    shared_sqlite_place.report(followed(seen, phase="updated"))
    assert shared_sqlite_place.case(answer.case_id)["version"] == 1


def test_of_twenty_confirmations_at_once_one_wins(shared_place: Place) -> None:
    [answer] = shared_place.report(a_report())
    operator = shared_place.person(Role.OPERATOR)
    path = f"/api/v1/cases/{answer.case_id}/confirm"
    with ThreadPoolExecutor(20) as threads:
        statuses = list(threads.map(lambda _: operator.post(path, json={"version": 1}).status_code, range(20)))
    assert sorted(statuses) == [200] + [409] * 19


def test_numbers_are_dense_under_fifty_confirmations_at_once(shared_place: Place) -> None:
    answers = shared_place.report(*[a_report() for _ in range(50)])
    operator = shared_place.person(Role.OPERATOR)
    with ThreadPoolExecutor(25) as threads:
        filed = list(threads.map(lambda a: operator.post(f"/api/v1/cases/{a.case_id}/confirm").json(), answers))
    numbers = sorted(int(case["number"].rsplit("-", 1)[1]) for case in filed)
    assert numbers == list(range(numbers[0], numbers[0] + 50))


def test_numbers_count_local_days_and_a_lost_one_is_given_again(settings: ApiSettings) -> None:
    prepare(settings)
    database = Database(settings.database_url)
    zone = ZoneInfo("Asia/Shanghai")

    def mint(moment: datetime, *, fails: bool = False) -> str:
        with database.write() as session:
            number = mint_number(session, district="341122", filed_at=moment, zone=zone)
            if fails:
                raise RuntimeError(number)
            return number

    before_midnight, after = datetime(2026, 11, 23, 15, 59, tzinfo=UTC), datetime(2026, 11, 23, 16, 0, tzinfo=UTC)
    assert [mint(before_midnight), mint(before_midnight)] == ["341122-20261123-0001", "341122-20261123-0002"]
    with pytest.raises(RuntimeError, match="0003"):
        mint(before_midnight, fails=True)
    assert [mint(before_midnight), mint(after)] == ["341122-20261123-0003", "341122-20261124-0001"]
    database.close()


def test_the_list_pages_newest_first_without_gaps_or_repeats(place: Place) -> None:
    made = [place.report(a_report(watch_id=f"watch-{n}"))[0].case_id for n in range(7)]
    operator = place.person(Role.OPERATOR)
    seen, after = [], None
    while True:
        page = operator.get("/api/v1/cases", params={"limit": 3} | ({"after": after} if after else {})).json()
        seen += [case["id"] for case in page["items"]]
        after = page["next"]
        if after is None:
            break
    assert seen == [str(case_id) for case_id in reversed(made)]


def test_the_list_filters(sqlite_place: Place) -> None:
    filed, _ = sqlite_place.report(
        a_report(watch_id="gate", source_id="camera-9"), a_report(kind="exposed-garbage", watch_id="bins")
    )
    operator = sqlite_place.person(Role.OPERATOR)
    operator.post(f"/api/v1/cases/{filed.case_id}/confirm")

    def watches(**wanted: str) -> list[str]:
        return [case["watch_id"] for case in operator.get("/api/v1/cases", params=wanted).json()["items"]]

    assert watches() == ["bins", "gate"]
    assert watches(state="filed") == watches(source="camera-9") == watches(watch="gate") == ["gate"]
    assert watches(kind="exposed-garbage") == watches(state="detected") == ["bins"]
    assert watches(state="closed") == watches(edge="gate-4") == []
    for wrong in ({"limit": "201"}, {"state": "lost"}, {"kind": "a\x00"}, {"after": "yesterday"}):
        assert operator.get("/api/v1/cases", params=wrong).status_code == 422, wrong


def test_the_way_of_each_event_is_kept(sqlite_place: Place) -> None:
    seen = a_report(stream_entry="1790000000000-0", request_id="from-the-gateway", findings=[{"label": "stall"}])
    [answer] = sqlite_place.report(seen)
    sqlite_place.report(followed(seen, phase="cleared", stream_entry="1790000000001-0"))
    supervisor = sqlite_place.person(Role.SUPERVISOR)
    ways = supervisor.get(f"/api/v1/cases/{answer.case_id}/reports").json()["items"]
    assert [(way["outcome"], way["stream_entry"], way["request_id"]) for way in ways] == [
        ("new_case", "1790000000000-0", "from-the-gateway"),
        ("counted", "1790000000001-0", "from-the-gateway"),
    ]
    assert ways[0]["payload"]["findings"] == [{"label": "stall"}]
    page = supervisor.get(f"/api/v1/cases/{answer.case_id}/reports", params={"limit": 1}).json()
    rest = supervisor.get(f"/api/v1/cases/{answer.case_id}/reports", params={"after": page["next"]}).json()
    assert [page["items"][0]["id"], rest["items"][0]["id"], rest["next"]] == [ways[0]["id"], ways[1]["id"], None]


def test_a_position_in_gcj02_is_kept_in_wgs84_and_as_given(sqlite_place: Place) -> None:
    given = {"longitude": 118.43908357915555, "latitude": 32.450591209878205, "datum": "GCJ02", "position_error_m": 3}
    [answer] = sqlite_place.report(a_report(position=given))
    position = sqlite_place.case(answer.case_id)["position"]
    assert position["longitude"] == pytest.approx(118.4336, abs=1e-6)
    assert position["latitude"] == pytest.approx(32.4525, abs=1e-6)
    assert (position["given_datum"], position["given_longitude"]) == ("GCJ02", given["longitude"])
