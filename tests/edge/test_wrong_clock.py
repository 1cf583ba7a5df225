"""A wall clock that is set back never makes the end of an incident look older than its last sighting."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from api.settings import ApiSettings
from edge.outbox.box import Outbox
from edge.outbox.keeper import Keeper
from edge.staying.stay_records import stay_from_json, stay_to_json
from edge.staying.stays import WatchStays
from edge.staying.withdrawal import withdraw_unwatched
from ingest.contract import Event, Phase
from ingest.reports import report_of
from ingest.stream import StreamEntry
from tests.api.place import Place
from tests.edge.fakes import FakeClock, car, watch
from tests.edge.makers import DETECTOR

BACK_S = -7200.0
WATCH = watch(dwell_s=4, grace_s=10, clear_s=10).model_copy(update={"kind": "street-encroachment"})


class Yard:
    """One watch, from its stays to the outbox."""

    def __init__(self, folder: Path, *, starts_at: datetime) -> None:
        self.outbox = Outbox(folder / "outbox.sqlite")
        self.clock = FakeClock(utc=starts_at)
        self._stays = WatchStays(WATCH)
        self._keeper = Keeper(self.outbox, edge_id="corner-7")

    def look(self, *things: object, seconds: float) -> None:
        """A look every two seconds, with a car in each or with nothing."""
        for _ in range(int(seconds / 2)):
            changes = self._stays.judge([car()] if things else [], self.clock.pass_s(2), lambda _: b"")
            self._keeper.keep(
                self._keeper.commit_of(changes, moment=self.clock.now(), watch=WATCH, sensor=None, detector=DETECTOR)
            )

    def restart(self) -> None:
        """The process ends and goes on from what was written."""
        self._stays = WatchStays(WATCH, [stay_from_json(stay_to_json(stay)) for stay in self._stays.stays])

    @property
    def events(self) -> list[Event]:
        return [item.event for item in self.outbox.queue.oldest(99)]


@pytest.fixture
def yard(tmp_path: Path) -> Iterator[Yard]:
    # Two hours ahead at first: that is what time servers set back.
    yard = Yard(tmp_path, starts_at=datetime.now(UTC) + timedelta(hours=2))
    yield yard
    yard.outbox.close()


def _is_gone(events: list[Event], folder: Path) -> bool:
    environment = {
        "STREETCASE_EVIDENCE_DIR": str(folder / "centre"),
        "STREETCASE_DATABASE_URL": f"sqlite:///{folder / 'cases.db'}",
        "STREETCASE_SERVICE_KEY_FILE": str(folder / "service.key"),
    }
    with Place(ApiSettings.from_environment(environment)) as place:
        for event in events:
            entry = StreamEntry("0-0", event.model_dump_json().encode(), "corner-7", datetime.now(UTC).isoformat(), "")
            [answer] = place.report(report_of(entry))
        return place.case(answer.case_id)["gone_at"] is not None


def test_an_incident_that_ends_after_the_clock_was_set_back_is_gone_at_the_centre(yard: Yard, tmp_path: Path) -> None:
    yard.look("a car", seconds=10)
    yard.clock.step(BACK_S)
    yard.look("a car", seconds=610)
    yard.restart()
    yard.look(seconds=20)

    told = [event.occurred_at for event in yard.events]
    assert [event.phase for event in yard.events] == [Phase.RAISED, Phase.UPDATED, Phase.CLEARED]
    assert told == sorted(told)
    assert _is_gone(yard.events, tmp_path)


def test_an_incident_that_is_withdrawn_after_the_clock_was_set_back_has_ended(yard: Yard) -> None:
    yard.look("a car", seconds=10)  # by the clock of the box two hours from now

    withdraw_unwatched(yard.outbox, [])

    raised, withdrawn = yard.events
    assert withdrawn.phase is Phase.CLEARED
    assert withdrawn.occurred_at >= raised.occurred_at


def test_an_incident_ends_though_its_last_event_cannot_be_read_any_more(yard: Yard) -> None:
    yard.look("a car", seconds=10)
    yard.look("a car", seconds=610)
    yard.outbox._db.execute("UPDATE events SET body = 'damaged' WHERE seq = 2")

    withdraw_unwatched(yard.outbox, [])

    assert [event.phase for event in yard.events] == [Phase.RAISED, Phase.CLEARED]
    assert yard.outbox.stays() == []
