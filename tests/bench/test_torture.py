"""The torture's own judge notices what must not be; its script and plan are the same for the same seed."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from uuid import UUID, uuid4

import pytest

from bench.torture.judge import Recorded, Verdict, expected_of, judge_cases, judge_pictures
from bench.torture.plan import AFTER_API_S, API_AWAY_S, CALM_S, FULL, SHORT, Size, draw
from bench.torture.script import Script
from ingest.contract import Phase

PARTS = ("postgresql", "redis", "api", "gateway", "worker-1", "worker-2", "edge-1", "edge-2")
SCRIPTS = tuple(Script(seed=7, edge=edge, events=200) for edge in (1, 2))
EXPECTED = expected_of(SCRIPTS)
PICTURES = {
    hashlib.sha256(picture.jpeg()).hexdigest(): picture.jpeg()
    for script in SCRIPTS
    for event in script.events
    for picture in event.pictures
}


def all_as_it_should_be() -> Recorded:
    case_of = {incident: uuid4() for group in EXPECTED.groups.values() for incident in group}
    for group in EXPECTED.groups.values():
        case_of |= dict.fromkeys(group, case_of[min(group)])
    reports = [(event, incident, case_of[incident]) for event, incident in EXPECTED.events.items()]
    by_incident = Counter(incident for _, incident, _ in reports)
    return Recorded(
        reports=reports,
        cases=Counter(case for _, _, case in reports),
        incidents={incident: (case_of[incident], count) for incident, count in by_incident.items()},
        pictures=set(EXPECTED.pictures),
    )


def verdict_on(recorded: Recorded, *, read: Callable[[str], bytes | None] = PICTURES.get) -> Verdict:
    verdict = Verdict()
    judge_cases(EXPECTED, recorded, verdict)
    judge_pictures(EXPECTED, recorded, verdict, read=read)
    return verdict


def test_what_is_as_it_should_be_is_not_found_wrong() -> None:
    verdict = verdict_on(all_as_it_should_be())
    assert verdict.wrong == []
    assert (verdict.in_cases, verdict.doubled, verdict.evidence_missing, verdict.evidence_altered) == (400, 0, 0, 0)
    assert verdict.incidents == sum(len(script.incidents) for script in SCRIPTS)
    assert verdict.cases == len(EXPECTED.groups) < verdict.incidents, "some incidents share a watch and a case"


def test_a_lost_event_is_found() -> None:
    good = all_as_it_should_be()
    verdict = verdict_on(replace(good, reports=good.reports[1:]))
    assert verdict.in_cases == 399
    assert any("events are in no case" in sentence for sentence in verdict.wrong)


def test_an_event_that_counted_twice_is_found() -> None:
    good = all_as_it_should_be()
    case = good.reports[0][2]
    verdict = verdict_on(replace(good, cases={**good.cases, case: good.cases[case] + 1}))
    assert verdict.doubled == 1
    assert verdict.wrong == [f"1 cases count other reports than they have: {case}"]


def test_an_incident_in_two_cases_is_found() -> None:
    good = all_as_it_should_be()
    event, incident, _ = good.reports[0]
    other = uuid4()
    verdict = verdict_on(
        replace(good, reports=[(event, incident, other), *good.reports[1:]], cases={**good.cases, other: 1})
    )
    assert verdict.doubled > 0
    assert f"1 incidents are in more than one case: {incident}" in verdict.wrong


def test_a_case_that_nobody_scripted_is_found() -> None:
    good = all_as_it_should_be()
    case, incident = uuid4(), uuid4()
    stranger = replace(
        good,
        reports=[*good.reports, (uuid4(), incident, case)],
        cases={**good.cases, case: 1},
        incidents={**good.incidents, incident: (case, 1)},
    )
    assert {sentence.split(":")[0] for sentence in verdict_on(stranger).wrong} == {
        "1 reports belong to no scripted incident",
        "1 incidents are nobody's",
        "1 cases do not hold what belongs together",
    }


@pytest.mark.parametrize(
    ("come", "missing", "altered"), [(None, 1, 0), (b"other bytes", 0, 1)], ids=["not come", "altered"]
)
def test_a_picture_that_did_not_come_as_it_was_sent_is_found(come: bytes | None, missing: int, altered: int) -> None:
    one = min(PICTURES)
    verdict = verdict_on(all_as_it_should_be(), read=lambda sha256: come if sha256 == one else PICTURES[sha256])
    assert (verdict.evidence_missing, verdict.evidence_altered, len(verdict.wrong)) == (missing, altered, 1)


def test_a_picture_that_no_case_names_is_missing() -> None:
    good = all_as_it_should_be()
    verdict = verdict_on(replace(good, pictures=good.pictures - {min(good.pictures)}))
    assert verdict.evidence_missing == 1


def test_a_script_is_the_same_for_the_same_seed_and_edge_and_no_other() -> None:
    def told(seed: int, edge: int) -> list[UUID]:
        return [event.event_id for event in Script(seed=seed, edge=edge, events=200).events]

    assert told(1, 1) == told(1, 1)
    assert not set(told(1, 1)) & (set(told(1, 2)) | set(told(2, 1)))


@pytest.mark.parametrize("events", [2, 7, 8, 60, 601])
def test_a_script_tells_each_incident_from_raised_to_cleared(events: int) -> None:
    script = Script(seed=3, edge=1, events=events)
    assert [event.place for event in script.events] == list(range(events))
    for incident in script.incidents:
        phases = [event.phase for event in incident.events]
        assert phases == [Phase.RAISED, *[Phase.UPDATED] * (len(phases) - 2), Phase.CLEARED]


def test_pictures_are_small_and_each_is_another() -> None:
    drawn = [picture.jpeg() for script in SCRIPTS for event in script.events for picture in event.pictures]
    assert len(PICTURES) == len(drawn) == len(EXPECTED.pictures)
    assert all(4_000 < len(jpeg) < 20_000 for jpeg in drawn)


@pytest.mark.parametrize(("size", "kills", "each"), [(FULL, 60, 5), (SHORT, 16, 2)], ids=["full", "short"])
def test_a_plan_kills_each_part_often_enough_and_never_at_the_same_moment(size: Size, kills: int, each: int) -> None:
    plan = draw(size, seed=11, parts=PARTS)
    assert plan == draw(size, seed=11, parts=PARTS) != draw(size, seed=12, parts=PARTS)
    times = [kill.at_s for kill in plan.kills]
    assert times == sorted(set(times))
    assert len(plan.kills) >= kills
    assert min(Counter(kill.part for kill in plan.kills).values()) >= each
    [wipe] = [kill for kill in plan.kills if kill.wipe]
    assert (wipe.part, wipe.at_s < plan.cut_at_s < plan.mend_at_s < size.chaos_s) == ("redis", True)


@pytest.mark.parametrize("seed", range(20))
def test_the_worst_moments_come_after_a_calm(seed: int) -> None:
    kills = draw(SHORT, seed=seed, parts=PARTS).kills
    away = [kill for kill in kills if kill.down_s == API_AWAY_S]
    assert [kill.part for kill in away] == ["api", "api"]
    for api in away:
        assert not [kill for kill in kills if api.at_s - CALM_S <= kill.at_s < api.at_s]
    after = [[kill.part for kill in kills if kill.at_s > api.at_s + AFTER_API_S - 0.01] for api in away]
    assert "redis" in after[0]
    assert {"worker-1", "worker-2"} <= set(after[1])
