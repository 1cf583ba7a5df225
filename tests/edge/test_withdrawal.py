"""A watch that asks something else under its old id: what was followed for it ends as withdrawn, never as gone."""

from __future__ import annotations

import dataclasses
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from edge.processes.run import Edge
from edge.staying.question import is_still_asked, question_of
from edge.staying.stays import WatchStays
from edge.staying.withdrawal import withdraw_unwatched
from ingest.configuration import Camera, EdgeConfiguration, Policy
from ingest.contract import ClearReason, Event, Phase
from tests.edge.fakes import car, watch
from tests.edge.test_looks import Yard

LEFT = [(0.0, 0.0), (0.3, 0.0), (0.3, 1.0), (0.0, 1.0)]
MIDDLE = [(0.3, 0.0), (0.7, 0.0), (0.7, 1.0), (0.3, 1.0)]
OTHERS: list[dict[str, object]] = [
    {"camera": "gate"},
    {"preset": "market"},
    {"kind": "street-encroachment"},
    {"policy": Policy.ANY},
    {"zone": LEFT},
    {"labels": ["truck"]},
]


@pytest.fixture
def yard(tmp_path: Path) -> Iterator[Yard]:
    yard = Yard(tmp_path, watch(dwell_s=6))
    yield yard
    yard.outbox.close()


@pytest.mark.parametrize("other", OTHERS, ids=[next(iter(other)) for other in OTHERS])
@pytest.mark.parametrize("times", [5, 3], ids=["raised", "not raised yet"])
def test_what_another_question_cannot_see_any_more_is_withdrawn(
    yard: Yard, times: int, other: dict[str, object]
) -> None:
    yard.look(car(), times=times)
    raised = bool(yard.events)
    assert len(yard.outbox.stays()) == 1

    withdraw_unwatched(yard.outbox, [watch().model_copy(update=other)])

    assert yard.outbox.stays() == []
    assert [event.phase for event in yard.events] == ([Phase.RAISED, Phase.CLEARED] if raised else [])
    if raised:
        before, after = yard.events
        assert after.clear_reason is ClearReason.WITHDRAWN
        assert (after.kind, after.source, after.zone) == (before.kind, before.source, before.zone)


@pytest.mark.parametrize(
    "same", [{"dwell_s": 60.0}, {"zone": MIDDLE}, {"labels": None}, {"labels": ["truck", "car"]}], ids=str
)
def test_what_the_watch_goes_on_asking_goes_on(yard: Yard, same: dict[str, object]) -> None:
    yard.look(car(), times=5)

    withdraw_unwatched(yard.outbox, [watch().model_copy(update=same)])

    assert [event.phase for event in yard.events] == [Phase.RAISED]
    assert len(yard.outbox.stays()) == 1


def test_what_a_mask_covers_now_is_withdrawn_and_what_stands_at_its_border_goes_on(yard: Yard) -> None:
    yard.look(car(), times=5)

    def masked(mask: list[tuple[float, float]]) -> list[Event]:
        camera = Camera(id="yard", url="rtsp://192.0.2.7/stream", masks=[mask])
        withdraw_unwatched(
            yard.outbox, [watch()], [camera.model_copy(update={"id": "gate", "masks": [MIDDLE]}), camera]
        )
        return yard.events

    assert len(masked([(0.0, 0.58), (1.0, 0.58), (1.0, 1.0)])) == 1
    assert masked(MIDDLE)[-1].clear_reason is ClearReason.WITHDRAWN


def test_an_edge_that_starts_with_a_new_mask_withdraws_what_it_covers(tmp_path: Path) -> None:
    yard = Yard(tmp_path, watch(dwell_s=6))
    yard.look(car(), times=5)
    yard.outbox.close()
    camera = Camera(id="yard", url="rtsp://192.0.2.7/stream", masks=[MIDDLE])
    configuration = EdgeConfiguration(
        edge_id="corner-7", data_dir=str(tmp_path), cameras=[camera], watches=[watch(dwell_s=6)]
    )
    edge = Edge(configuration, environment={}, stop=threading.Event())

    edge._withdraw()

    assert [waiting.event.clear_reason for waiting in edge._outbox.waiting_events(9)] == [None, ClearReason.WITHDRAWN]
    edge._outbox.close()


def test_what_covers_a_share_of_one_zone_says_nothing_of_another(tmp_path: Path) -> None:
    yard = Yard(tmp_path, watch(policy=Policy.AREA, dwell_s=6))
    yard.look(car(), times=3)

    withdraw_unwatched(yard.outbox, [watch(policy=Policy.AREA)])
    assert len(yard.outbox.stays()) == 1

    withdraw_unwatched(yard.outbox, [watch(policy=Policy.AREA).model_copy(update={"zone": MIDDLE})])
    assert yard.outbox.stays() == []
    yard.outbox.close()


def test_a_stay_of_an_earlier_version_is_known_by_its_last_event(yard: Yard) -> None:
    yard.look(car(), times=5)
    [stay], [last] = yard.outbox.stays(), yard.events
    stay.question = None

    assert is_still_asked(stay, watch(), last)
    [taken_on] = WatchStays(watch(), [dataclasses.replace(stay)]).stays
    assert taken_on.question == question_of(watch())
    assert not is_still_asked(stay, watch().model_copy(update={"kind": "street-encroachment"}), last)
