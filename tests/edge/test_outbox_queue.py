"""Which events go next, and which go again: a backlog drains, what is new does not starve, no source is reordered."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge.outbox.box import Batch, Commit, Outbox
from ingest.contract import Answer, Phase
from tests.edge.fakes import START
from tests.edge.makers import a_later, accept_all, an_event, commit

ANY_SIZE = 10**9


@pytest.fixture
def outbox(tmp_path: Path) -> Iterator[Outbox]:
    box = Outbox(tmp_path / "outbox.sqlite")
    yield box
    box.close()


@settings(max_examples=60, deadline=None)
@given(
    sources=st.lists(st.sampled_from("abcdef"), min_size=1, max_size=60),
    answered=st.lists(st.booleans(), min_size=60, max_size=60),
    events=st.integers(1, 40),
    size_bytes=st.sampled_from([1, 2_000, 9_000, ANY_SIZE]),
)
def test_of_each_source_a_post_carries_what_waited_longest_in_its_order(
    sources: list[str], answered: list[bool], events: int, size_bytes: int
) -> None:
    with TemporaryDirectory() as folder:
        outbox = Outbox(Path(folder) / "outbox.sqlite")
        outbox.commit(Commit(events=[an_event(source=source) for source in sources]))
        outbox.answered([(n + 1, Answer.ACCEPTED, None) for n in range(len(sources)) if answered[n]])
        waiting = outbox.queue.oldest(999)

        batch = outbox.queue.next(Batch(events=events, size_bytes=size_bytes))
        outbox.close()

    assert bool(batch) == bool(waiting)
    assert len(batch) <= events
    assert [item.seq for item in batch] == sorted({item.seq for item in batch})
    for source in set(sources):
        of_source = [item for item in waiting if item.event.source.id == source]
        sent = [item for item in batch if item.event.source.id == source]
        assert sent == of_source[: len(sent)]
    assert len(batch) <= 1 or sum(len(i.event.model_dump_json()) for i in batch) <= size_bytes


def test_half_of_a_post_is_for_the_sources_that_spoke_last_and_half_for_the_oldest(outbox: Outbox) -> None:
    backlog = [an_event(source=f"camera-{n % 10}") for n in range(500)]
    new = an_event(source="fresh")
    outbox.commit(Commit(events=[*backlog, new]))

    batch = [item.event for item in outbox.queue.next(Batch(events=100, size_bytes=ANY_SIZE))]

    assert len(batch) == 100
    assert new in batch
    assert batch[:49] == backlog[:49]


def test_a_backlog_drains_whole_while_new_events_come(outbox: Outbox) -> None:
    outbox.commit(Commit(events=[an_event(source=f"camera-{n % 7}") for n in range(300)]))
    posts = 0
    while batch := outbox.queue.next(Batch(events=50, size_bytes=ANY_SIZE)):
        posts += 1
        outbox.answered([(item.seq, Answer.ACCEPTED, None) for item in batch])
        if posts <= 5:
            new = an_event(source="fresh")
            commit(outbox, new)
            assert new in [item.event for item in outbox.queue.next(Batch(events=50, size_bytes=ANY_SIZE))]

    assert posts == 7
    assert outbox.counts().events == {"accepted": 305}


def test_what_was_accepted_since_a_moment_goes_again_however_long_ago_it_occurred(outbox: Outbox) -> None:
    last_week, now = datetime.now(UTC) - timedelta(days=7), datetime.now(UTC)
    commit(outbox, an_event(occurred_at=last_week))
    accept_all(outbox)

    assert outbox.send_again(now + timedelta(minutes=5)) == 0
    assert outbox.send_again(now) == 1
    assert [item.event.occurred_at for item in outbox.waiting_events(9)] == [last_week]


@pytest.mark.parametrize(
    ("lost_s_later", "again"),
    [(-3600, 1), (0, 1), (59, 1), (61, 0), (3600, 0)],  # a minute's margin, and no more
)
def test_moments_of_the_centre_are_compared_on_the_clock_of_the_centre(
    outbox: Outbox, lost_s_later: float, again: int
) -> None:
    outbox.queue.clock_offset_ms = 365 * 86_400_000  # this box has lost a year
    commit(outbox, an_event())
    accept_all(outbox)
    accepted_at = datetime.now(UTC) + timedelta(days=365)

    assert outbox.send_again(accepted_at + timedelta(seconds=lost_s_later)) == again


def test_without_a_moment_all_that_is_kept_goes_again_but_for_what_was_refused(outbox: Outbox) -> None:
    commit(outbox, *[an_event() for _ in range(4)])
    answers = [Answer.ACCEPTED, Answer.DUPLICATE, Answer.HELD, Answer.REFUSED]
    outbox.answered([(n + 1, answer, None) for n, answer in enumerate(answers)])

    assert outbox.send_again(None) == 2
    assert outbox.counts().events == {"waiting": 2, "held": 1, "refused": 1}


def test_updates_that_a_later_event_says_better_are_thinned_and_nothing_else(outbox: Outbox) -> None:
    raised = an_event(occurred_at=START)
    updates = [a_later(raised, Phase.UPDATED, minutes=10 * n) for n in (1, 2, 3)]
    cleared = a_later(raised, Phase.CLEARED, minutes=40)
    open_one = an_event()
    still_open = a_later(open_one, Phase.UPDATED)
    commit(outbox, raised, *updates, cleared, open_one, still_open)

    assert outbox.queue.thin_updates() == 3
    assert [item.event for item in outbox.waiting_events(9)] == [raised, cleared, open_one, still_open]
