"""Hours, seasons, permits and cool-down: outside them nothing is followed, and what was raised ends with its reason."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from edge.configuration.load import ConfigurationError, load_configuration
from edge.looking.evidence import EvidenceFolder, Picture
from edge.outbox.box import Outbox
from edge.outbox.keeper import Keeper
from edge.staying.stay_records import record_of, stay_from_json
from edge.staying.stays import Change, StayChange, WatchStays
from edge.staying.windows import Windows
from ingest.configuration import EdgeConfiguration, Policy, Watch
from ingest.contract import ClearReason, EvidenceRole, Phase
from tests.edge.fakes import CAR_BOX, FakeClock, car, watch
from tests.edge.makers import DETECTOR
from tests.edge.test_configuration import ENVIRONMENT, GOOD

BERLIN, SHANGHAI = ZoneInfo("Europe/Berlin"), ZoneInfo("Asia/Shanghai")
LOOK, EMPTY = b"\x00\xff" * 288, bytes(range(256)) * 2 + b"\x00" * 64
WORKDAYS = {"days": ["mon", "tue", "wed", "thu", "fri"], "from": "07:00", "to": "19:00"}
NIGHTS = {"days": ["fri"], "from": "22:00", "to": "06:00"}

LATE, ALL_DAY = {"from": "22:00", "to": "02:00"}, {"from": "00:00", "to": "24:00"}
EARLY_SUMMER = {"from": "05-15", "to": "06-30"}


def a_watch(policy: Policy = Policy.SAME, **times: Any) -> Watch:
    return Watch.model_validate(watch(dwell_s=4, clear_s=30, policy=policy).model_dump() | times)


def _at(stays: WatchStays, clock: FakeClock, local: str, *, here: bool = True, zone: ZoneInfo = BERLIN) -> StayChange:
    """One look at a local time of the wall clock; returns what it did to the one stay."""
    utc = datetime.fromisoformat(local).replace(tzinfo=zone).astimezone(UTC)
    moment = clock.pass_s((utc - clock.utc).total_seconds())
    [change] = stays.judge([car()] if here else [], moment, lambda _: LOOK if here else EMPTY)
    return change


@pytest.mark.parametrize(
    ("times", "local", "reason"),
    [
        ({}, "2026-01-03 03:00", None),
        ({"active": [WORKDAYS]}, "2026-06-05 07:00", None),
        ({"active": [WORKDAYS]}, "2026-06-05 06:59:59", ClearReason.OUT_OF_HOURS),
        ({"active": [WORKDAYS]}, "2026-06-05 19:00", ClearReason.OUT_OF_HOURS),
        ({"active": [WORKDAYS]}, "2026-06-06 12:00", ClearReason.OUT_OF_HOURS),
        ({"active": [WORKDAYS, {"from": "11:00", "to": "13:00"}]}, "2026-06-06 12:00", None),
        ({"active": [NIGHTS]}, "2026-06-05 23:00", None),
        ({"active": [NIGHTS]}, "2026-06-06 05:59", None),
        ({"active": [NIGHTS]}, "2026-06-05 05:59", ClearReason.OUT_OF_HOURS),
        ({"active": [{"from": "20:00", "to": "24:00"}]}, "2026-06-06 23:59:59", None),
        ({"active": [{"from": "00:00", "to": "00:00"}]}, "2026-06-06 00:00", None),
        ({"seasons": [{"from": "05-15", "to": "06-30"}]}, "2026-06-30 23:59", None),
        ({"seasons": [{"from": "05-15", "to": "06-30"}]}, "2026-07-01 00:00", ClearReason.OUT_OF_HOURS),
        ({"seasons": [{"from": "11-01", "to": "02-29"}]}, "2027-02-28 12:00", None),
        ({"seasons": [{"from": "11-01", "to": "02-29"}]}, "2027-03-01 00:00", ClearReason.OUT_OF_HOURS),
        ({"active": [LATE], "seasons": [EARLY_SUMMER]}, "2026-07-01 01:00", None),
        ({"active": [LATE], "seasons": [EARLY_SUMMER]}, "2026-07-01 02:00", ClearReason.OUT_OF_HOURS),
        ({"active": [LATE], "seasons": [EARLY_SUMMER]}, "2026-07-01 23:00", ClearReason.OUT_OF_HOURS),
        ({"active": [LATE], "seasons": [EARLY_SUMMER]}, "2026-05-15 01:00", ClearReason.OUT_OF_HOURS),
        ({"active": [LATE], "seasons": [EARLY_SUMMER]}, "2026-05-15 23:00", None),
        ({"active": [LATE, ALL_DAY], "seasons": [EARLY_SUMMER]}, "2026-05-15 01:00", None),
        ({"permits": [{"name": "market", "weekly": [NIGHTS]}]}, "2026-06-05 23:00", ClearReason.PERMITTED),
        ({"permits": [{"name": "market", "weekly": [NIGHTS]}]}, "2026-06-06 23:00", None),
        ({"permits": [{"name": "fair", "to": "2026-06-06 12:00"}]}, "2026-06-06 11:59", ClearReason.PERMITTED),
        ({"permits": [{"name": "fair", "to": "2026-06-06 12:00"}]}, "2026-06-06 12:00", None),
        ({"permits": [{"name": "fair", "to": "2026-06-06T12:00:00Z"}]}, "2026-06-06 13:59", ClearReason.PERMITTED),
        ({"active": [WORKDAYS]}, "1970-01-03 12:00", None),
    ],
)
def test_hours_seasons_and_permits(times: dict[str, Any], local: str, reason: ClearReason | None) -> None:
    moment = datetime.fromisoformat(local).replace(tzinfo=BERLIN)

    assert Windows(a_watch(**times), BERLIN).why_closed(moment.astimezone(UTC)) is reason


def test_hours_follow_daylight_saving_and_the_wall_clock_of_the_zone() -> None:
    early: dict[str, Any] = {"active": [{"from": "02:30", "to": "03:30"}]}
    open_s = {
        day: sum(
            Windows(a_watch(**early), BERLIN).why_closed(start + timedelta(minutes=minute)) is None
            for minute in range(0, 600, 10)
        )
        * 600
        for day, start in {
            "spring": datetime(2026, 3, 28, 22, 0, tzinfo=UTC),
            "summer": datetime(2026, 6, 1, 22, 0, tzinfo=UTC),
            "autumn": datetime(2026, 10, 24, 22, 0, tzinfo=UTC),
        }.items()
    }

    # 02:30 to 03:00 does not exist in spring and comes twice in autumn
    assert open_s == {"spring": 1800, "summer": 3600, "autumn": 5400}
    noon = datetime(2026, 6, 5, 4, 0, tzinfo=UTC)
    assert Windows(a_watch(active=[{"from": "12:00", "to": "12:01"}]), SHANGHAI).why_closed(noon) is None


@pytest.mark.parametrize(
    "times",
    [{"to": "2026-10-25 02:30"}, {"from": "2026-10-25 02:30", "to": "2026-10-26 00:00"}],
    ids=["ends", "begins"],
)
def test_a_permit_begins_and_ends_in_the_first_of_two_hours_of_one_name(times: dict[str, Any]) -> None:
    windows = Windows(a_watch(permits=[{"name": "fair", **times}]), BERLIN)
    night = [datetime(2026, 10, 24, 23, 0, tzinfo=UTC) + timedelta(minutes=15 * n) for n in range(16)]

    permitted = [f"{utc:%H:%M}" for utc in night if windows.why_closed(utc) is ClearReason.PERMITTED]

    # 02:30 comes at 00:30 UTC and again at 01:30 UTC.
    begins = "from" in times
    assert permitted == [f"{utc:%H:%M}" for utc in night if (utc >= night[6]) is begins]


@pytest.mark.parametrize(
    ("times", "reason"),
    [
        ({"active": [WORKDAYS]}, ClearReason.OUT_OF_HOURS),
        ({"seasons": [{"from": "06-05", "to": "06-05"}]}, None),
        ({"permits": [{"name": "market", "weekly": [{"from": "19:00", "to": "23:00"}]}]}, ClearReason.PERMITTED),
    ],
)
def test_an_incident_ends_with_the_reason_and_is_another_one_when_it_begins_again(
    times: dict[str, Any], reason: ClearReason | None
) -> None:
    clock, stays = FakeClock(), WatchStays(a_watch(**times), time_zone=BERLIN)
    told = [_at(stays, clock, f"2026-06-05 18:59:{second:02}") for second in range(50, 60, 2)]
    assert [change.change for change in told].count(Change.RAISED) == 1

    ended = _at(stays, clock, "2026-06-05 19:00:00")

    assert ended.clear_reason is reason
    assert ended.change is (Change.SEEN if reason is None else Change.CLEARED)
    if reason is not None:
        assert stays.judge([car()], clock.pass_s(2), lambda _: LOOK) == []
        again = _at(stays, clock, "2026-06-08 08:00:00")
        assert (again.change, again.stay.dwell_s) == (Change.BORN, 0.0)
        assert again.stay.incident_id != ended.stay.incident_id


def test_what_was_not_raised_yet_is_dropped_when_its_hours_end() -> None:
    clock, stays = FakeClock(), WatchStays(a_watch(active=[WORKDAYS]), time_zone=BERLIN)
    _at(stays, clock, "2026-06-05 18:59:58")

    assert _at(stays, clock, "2026-06-05 19:00:00").change is Change.DROPPED


def test_a_permit_with_a_zone_allows_only_what_stands_in_it() -> None:
    left = [[0.0, 0.0], [0.5, 0.0], [0.5, 1.0], [0.0, 1.0]]
    permit = {"name": "stall", "from": "2026-06-05 12:00", "to": "2026-06-05 14:00", "zone": left}
    clock, stays = FakeClock(), WatchStays(a_watch(permits=[permit]), time_zone=UTC)
    clock.step((datetime(2026, 6, 5, 11, 59, 50, tzinfo=UTC) - clock.utc).total_seconds())
    both = [car((0.1, 0.4, 0.3, 0.6)), car((0.7, 0.4, 0.9, 0.6))]
    for _ in range(4):
        stays.judge(both, clock.pass_s(2), lambda _: LOOK)
    assert [stay.raised for stay in stays.stays] == [True, True]

    changes = stays.judge(both, clock.pass_s(2), lambda _: LOOK)

    assert {(c.change, c.clear_reason) for c in changes} == {
        (Change.CLEARED, ClearReason.PERMITTED),
        (Change.SEEN, None),
    }
    [left_over] = stays.stays
    assert left_over.finding.box_xyxy == (0.7, 0.4, 0.9, 0.6)


def test_what_follows_no_single_thing_goes_on_while_something_stands_outside_the_permit() -> None:
    left = [[0.0, 0.0], [0.5, 0.0], [0.5, 1.0], [0.0, 1.0]]
    times = {"permits": [{"name": "stall", "to": "2030-01-01 00:00", "zone": left}]}
    clock, stays = FakeClock(), WatchStays(a_watch(Policy.ANY, **times))
    inside, outside = car((0.1, 0.4, 0.3, 0.6)), car((0.7, 0.4, 0.9, 0.6))

    assert stays.judge([inside], clock.pass_s(2)) == []
    [born] = stays.judge([inside, outside], clock.pass_s(2))
    [seen] = stays.judge([inside, outside], clock.pass_s(2))

    assert (born.change, seen.change) == (Change.BORN, Change.SEEN)


def _raise_and_clear(stays: WatchStays, clock: FakeClock) -> None:
    for _ in range(4):
        stays.judge([car()], clock.pass_s(2), lambda _: LOOK)
    assert stays.stays[0].raised
    while stays.stays:
        stays.judge([], clock.pass_s(2), lambda _: EMPTY)


def test_a_place_cools_down_and_what_is_still_there_is_raised_when_it_is_over() -> None:
    clock, stays = FakeClock(), WatchStays(a_watch(cool_down_s=600))
    _raise_and_clear(stays, clock)
    cleared, elsewhere = clock.now(), (0.1, 0.1, 0.2, 0.2)

    raised_s = {}
    for _ in range(310):
        for change in stays.judge([car(), car(elsewhere)], clock.pass_s(2), lambda _: LOOK):
            if change.change is Change.RAISED:
                raised_s[change.stay.finding.box_xyxy] = clock.now().since(cleared)

    assert raised_s == {elsewhere: 6, CAR_BOX: 600}


@pytest.mark.parametrize("times", [{"cool_down_s": 600}, {"recurrence_s": 600, "active": [WORKDAYS]}])
def test_what_was_remembered_of_an_incident_is_forgotten_once(times: dict[str, Any]) -> None:
    clock, stays = FakeClock(), WatchStays(a_watch(**times))
    for _ in range(4):
        stays.judge([car()], clock.pass_s(2), lambda _: LOOK)
    incident = stays.stays[0].incident_id
    if "active" in times:
        clock.pass_s(12 * 3600)
    while stays.stays:
        stays.judge([], clock.pass_s(2), lambda _: EMPTY)
    cleared = clock.now()

    told = [(c, clock.now().since(cleared)) for _ in range(400) for c in stays.judge([], clock.pass_s(2), None)]

    assert [(c.change, c.stay.incident_id, after_s) for c, after_s in told] == [(Change.FORGOTTEN, incident, 600)]


def test_the_cool_down_outlives_a_restart_and_is_no_open_incident(tmp_path: Path) -> None:
    its_watch = a_watch(cool_down_s=600)
    clock, stays = FakeClock(), WatchStays(its_watch)
    outbox = Outbox(tmp_path / "outbox.sqlite")
    keeper = Keeper(outbox, edge_id="corner-7")

    def look(stays: WatchStays, *, here: bool) -> None:
        changes = stays.judge([car()] if here else [], clock.pass_s(2), lambda _: LOOK if here else EMPTY)
        keeper.keep(keeper.commit_of(changes, moment=clock.now(), watch=its_watch, sensor=None, detector=DETECTOR))

    for _ in range(4):
        look(stays, here=True)
    while stays.stays:
        look(stays, here=False)

    assert [e.event.phase for e in outbox.waiting_events(9)] == [Phase.RAISED, Phase.CLEARED]
    assert outbox.open_incidents() == []
    clock.reboot(down_s=100)
    after = WatchStays(its_watch, outbox.stays())
    for _ in range(10):
        look(after, here=True)
    assert [stay.raised for stay in after.stays] == [False]
    clock.pass_s(600)
    for _ in range(5):
        look(after, here=True)
    assert [stay.raised for stay in after.stays] == [True]
    assert len(outbox.stays()) == 1
    outbox.close()


def test_what_is_remembered_names_no_evidence(tmp_path: Path) -> None:
    clock, stays = FakeClock(), WatchStays(a_watch(cool_down_s=600))
    for _ in range(4):
        stays.judge([car()], clock.pass_s(2), lambda _: LOOK)
    stay = stays.stays[0]
    stay.evidence.append(
        EvidenceFolder(tmp_path).keep(Picture(EvidenceRole.START, datetime.now(UTC), b"\xff\xd8\xff\xe0"))
    )
    while stays.stays:
        stays.judge([], clock.pass_s(2), lambda _: EMPTY)

    kept = stay_from_json(record_of(stay).body)

    assert (kept.raised, kept.evidence, kept.ended) == (False, [], clock.now())


TIMES = """\
    active: [{days: [mon, sun], from: 07:00, to: 22:00}]
    seasons: [{from: 11-01, to: 02-29}]
    permits:
      - {name: night market, weekly: [{from: 18:00, to: 01:00}], to: 2026-12-31 12:00}
      - {name: fair, from: 2026-06-01T08:00:00+08:00, to: 2026-06-02 20:00:00, zone: [[0, 0], [1, 0], [1, 1]]}
    cool_down_s: 600
"""


def _with(text: str) -> str:
    return GOOD.replace("    labels: [car]\n", "    labels: [car]\n" + text)


def test_times_are_read_without_quotes_and_reach_another_process_unchanged(tmp_path: Path) -> None:
    file = tmp_path / "edge.yaml"
    file.write_text(_with(TIMES), encoding="utf-8")

    configuration = load_configuration(file, ENVIRONMENT)

    parking = configuration.watches[0]
    assert parking.active is not None
    assert parking.active[0].to == "22:00"
    assert EdgeConfiguration.model_validate_json(configuration.model_dump_json()) == configuration


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("    active: [{from: 7, to: 19:00}]\n", "line 18: watches[0].active[0].from: input should be a valid string"),
        ("    active: [{from: 07:00}]\n", "line 18: watches[0].active[0].to: is missing"),
        ("    active: [{from: 07:00, till: 9:00}]\n", "unknown key; "),
        ("    active: [{days: [monday], from: 07:00, to: 09:00}]\n", "input should be 'mon'"),
        ("    active: []\n", "at least 1 item"),
        ("    seasons: [{from: 02-30, to: 03-01}]\n", "no day of the year: '02-30'; expected MM-DD"),
        ("    permits: [{name: fair}]\n", "a permit needs to, or weekly, or both"),
        ("    permits: [{name: fair, to: 20260601}]\n", "expected a moment such as 2026-06-01 18:00"),
        ("    permits: [{name: fair, from: 2026-06-02 08:00, to: 2026-06-01 08:00}]\n", "from before to"),
        (
            "    policy: area\n    permits: [{name: fair, to: 2026-06-01 08:00, zone: [[0, 0], [1, 0], [1, 1]]}]\n",
            "its permits have no zone",
        ),
    ],
)
def test_a_wrong_time_is_refused_with_its_line(tmp_path: Path, text: str, problem: str) -> None:
    file = tmp_path / "edge.yaml"
    file.write_text(_with(text), encoding="utf-8")

    with pytest.raises(ConfigurationError) as refused:
        load_configuration(file, ENVIRONMENT)

    assert problem in str(refused.value)
