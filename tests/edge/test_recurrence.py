"""A cart that leaves and returns is one incident; what was cleared in between is named by the next one."""

from __future__ import annotations

from uuid import uuid4

import pytest

from detectors.base import BoxXyxy
from edge.staying.events import event_of
from edge.staying.stay_records import record_of, stay_from_json
from edge.staying.stays import Change, WatchStays
from ingest.configuration import Watch
from ingest.contract import ClearReason, Phase
from ingest.entries import StreamEntry
from ingest.reports import report_of
from tests.edge.fakes import CAR_BOX, car, watch
from tests.edge.makers import DETECTOR
from tests.edge.test_sight import CART, EMPTY, VAN, WITH_VAN, Corner, _street

BESIDE: BoxXyxy = (0.48, 0.42, 0.68, 0.62)


def _corner(recurrence_s: float = 600, **times: object) -> Corner:
    """A van was raised and is away for a minute."""
    its_watch = Watch.model_validate(
        watch(dwell_s=60, grace_s=10, clear_s=30).model_dump() | {"recurrence_s": recurrence_s, **times}
    )
    corner = Corner(WatchStays(its_watch))
    corner.look(WITH_VAN, car(), seconds=100)
    corner.look(EMPTY, seconds=60)
    return corner


def test_without_a_recurrence_what_returns_is_another_incident() -> None:
    corner = _corner(0)
    corner.look(WITH_VAN, car(), seconds=100)

    assert corner.told == [Change.BORN, Change.RAISED, Change.CLEARED, Change.BORN, Change.RAISED]
    assert corner.stays.stays[0].recurs is None


@pytest.mark.parametrize("box", [CAR_BOX, BESIDE], ids=["at its place", "somewhat beside it"])
def test_what_returns_in_time_goes_on_and_the_time_away_is_no_dwell(box: BoxXyxy) -> None:
    corner = _corner()
    [van] = corner.stays.stays
    corner.look(_street((box, VAN)), car(box), seconds=100)

    assert corner.stays.stays == [van]
    assert corner.told == [Change.BORN, Change.RAISED]
    assert van.dwell_s == 98 + 98
    assert van.anchor_xyxy == pytest.approx(box)


def test_another_thing_at_the_place_is_another_incident() -> None:
    corner = _corner()
    [van] = corner.stays.stays

    corner.look(_street((CAR_BOX, CART)), car(), seconds=100)

    assert corner.told == [Change.BORN, Change.RAISED, Change.BORN, Change.RAISED]
    assert corner.stays.stays[0] is van


def test_it_is_gone_when_it_was_seen_to_be_away_for_so_long() -> None:
    corner = _corner()
    began = corner.clock.now()

    while Change.CLEARED not in corner.told:
        corner.look(EMPTY)

    assert corner.clock.now().since(began) == 600 - 60 + 2


@pytest.mark.parametrize(("away_s", "named"), [(400, True), (601, False)])
def test_the_next_incident_names_the_one_that_was_cleared(away_s: float, named: bool) -> None:
    corner = _corner(permits=[{"name": "fair", "from": "2026-06-01 08:05", "to": "2026-06-01 08:10"}])
    corner.look(WITH_VAN, car(), seconds=200)
    [_, _, cleared] = corner.done
    assert cleared.clear_reason is ClearReason.PERMITTED
    kept = stay_from_json(record_of(cleared.stay).body)

    corner.stays = WatchStays(corner.stays.watch, [kept])  # a restart remembers it
    corner.clock.pass_s((kept.ended or corner.clock.now()).boot_s + away_s - corner.clock.boot_s)
    corner.look(WITH_VAN, car(), seconds=100)

    [again] = corner.stays.stays
    assert again.raised
    assert again.incident_id != cleared.stay.incident_id
    assert (again.recurs == cleared.stay.incident_id) is named


def test_the_event_names_it_and_its_report_is_taken() -> None:
    corner = _corner()
    [van] = corner.stays.stays
    van.recurs = uuid4()

    event = event_of(
        van,
        phase=Phase.RAISED,
        occurred_at=corner.clock.utc,
        edge_id="corner-7",
        watch=corner.stays.watch,
        sensor=None,
        detector=DETECTOR,
    )

    assert event.recurs == van.recurs
    entry = StreamEntry("1-0", event.model_dump_json().encode(), "corner-7", "2026-06-01T08:10:00+00:00", "request-1")
    assert report_of(entry).incident_id == van.incident_id
