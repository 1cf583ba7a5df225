"""Events go compressed, in batches and in order, and wait a moment for pictures, patiently for a failing gateway."""

from __future__ import annotations

import gzip
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import structlog.testing

import edge.uplink.lane
from edge.outbox.box import Commit
from edge.uplink.link import LinkDown
from edge.uplink.sending import LARGEST, PICTURES_FIRST_S
from ingest.contract import Answer, Event, EvidenceRole, EvidenceState, SeenFinding
from tests.edge.makers import an_event, commit
from tests.edge.scripted_gateway import EVENTS, EVIDENCE, Reply
from tests.edge.uplink_box import Box, a_box, seconds_of
from tests.services.processes import wait_until


@pytest.fixture
def box(tmp_path: Path) -> Iterator[Box]:
    with a_box(tmp_path) as box:
        yield box


def test_events_travel_as_compressed_json_with_what_is_known_only_then(box: Box) -> None:
    event = box.raise_event()

    assert box.uplink.send_once()

    [request] = box.gateway.to(EVENTS)
    assert request.headers["Content-Encoding"] == "gzip"
    assert len(request.body) < len(event.model_dump_json())
    [sent] = [Event.model_validate(message) for message in request.events]
    assert sent.sent_at is not None
    assert sent.model_copy(update={"sent_at": None}) == event
    assert not box.uplink.send_once()


def test_a_backlog_goes_in_large_posts_and_each_source_in_its_order(box: Box) -> None:
    events = [an_event(source=f"camera-{n % 5}") for n in range(600)]
    commit(box.outbox, *events)

    while box.uplink.send_once():
        pass

    assert [len(request.events) for request in box.gateway.to(EVENTS)] == [250, 250, 100]
    posted = box.gateway.posted()
    for camera in range(5):
        own = [str(event.event_id) for event in events if event.source.id == f"camera-{camera}"]
        assert [event_id for event_id in posted if event_id in set(own)] == own


def test_a_post_holds_a_million_bytes_at_most(box: Box) -> None:
    zone = [(0.123456789 + n / 1e9, 0.987654321) for n in range(100)]
    polygons = [SeenFinding(label="stall", polygon=zone) for _ in range(3)]
    commit(box.outbox, *[an_event().model_copy(update={"zone": zone, "findings": polygons}) for _ in range(300)])

    while box.uplink.send_once():
        pass

    sizes = [len(gzip.decompress(request.body)) for request in box.gateway.to(EVENTS)]
    assert len(sizes) >= 4
    assert LARGEST.size_bytes / 2 < max(sizes) < LARGEST.size_bytes
    assert box.outbox.counts().events == {"accepted": 300}


def test_a_gateway_that_takes_less_gets_less(box: Box) -> None:
    box.gateway.largest_post = 40
    events = [an_event() for _ in range(200)]
    commit(box.outbox, *events)

    while box.uplink.send_once():
        pass

    sizes = [len(request.events) for request in box.gateway.to(EVENTS)]
    assert sizes[0] == 200
    assert sum(size > 40 for size in sizes) <= 3
    assert box.outbox.counts().events == {"accepted": 200}


def test_one_event_that_is_too_large_is_set_apart_with_its_reason_and_blocks_nothing(box: Box) -> None:
    box.gateway.largest_post = 0
    commit(box.outbox, an_event())
    box.uplink.send_once()
    box.gateway.largest_post = 10**9
    last = box.raise_event()

    assert box.uplink.send_once()

    assert box.outbox.counts().events == {"refused": 1, "accepted": 1}
    reason = box.outbox._db.execute("SELECT reason FROM events WHERE state = 'refused'").fetchone()[0]
    assert "too large for the gateway (413)" in reason
    assert box.gateway.posted()[-1] == str(last.event_id)


def test_start_and_crop_of_a_new_event_go_ahead_of_it_and_the_rest_behind(box: Box) -> None:
    with box.running():
        event = box.raise_event(EvidenceRole.WIDE, EvidenceRole.START, EvidenceRole.CROP)
        box.wait_sent()

    [post] = [request for request in box.gateway.to(EVENTS) if request.events]
    before = {request.path.rpartition("/")[2] for request in box.gateway.to(EVIDENCE) if request.ended_s < post.begun_s}
    wide, start, crop = (item.sha256 for item in event.evidence)
    assert {start, crop} <= before
    states = {item["role"]: item["state"] for item in post.events[0]["evidence"]}
    assert states["start"] == states["crop"] == "present"
    assert box.state_of(event.evidence[0]) is EvidenceState.PRESENT
    assert wide in box.gateway.put()


def test_an_event_waits_for_its_pictures_a_second_at_most(box: Box) -> None:
    box.gateway.evidence_s = 1.6 * PICTURES_FIRST_S
    with box.running():
        time.sleep(0.3)
        committed_s = time.monotonic()
        event = box.raise_event(EvidenceRole.START)
        wait_until(lambda: str(event.event_id) in box.gateway.posted(), timeout_s=5, what="the event is posted")
        waited_s = time.monotonic() - committed_s
        assert box.state_of(event.evidence[0]) is EvidenceState.PENDING
        box.wait_sent()

    assert PICTURES_FIRST_S * 0.8 < waited_s < 2 * PICTURES_FIRST_S


def test_an_event_of_a_backlog_waits_for_no_picture(box: Box) -> None:
    box.raise_event(EvidenceRole.START)
    then = "2026-06-01T00:00:00+00:00"
    box.outbox._db.execute("UPDATE events SET added_at = ?", (then,))

    assert seconds_of(box.uplink.send_once) < 0.5
    assert len(box.gateway.posted()) == 1


def test_while_pictures_cannot_go_no_event_waits_for_them(box: Box) -> None:
    box.raise_event(EvidenceRole.START)
    box.gateway.script(EVIDENCE, Reply(429, {"Retry-After": "60"}))
    with pytest.raises(LinkDown) as told:
        box.uplink.uploads.send_one()
    box.uplink.uploads._lane.failed(told.value)

    box.raise_event(EvidenceRole.START)

    assert seconds_of(box.uplink.send_once) < 0.5
    assert len(box.gateway.posted()) == 2


@pytest.mark.parametrize(
    "fault",
    [
        Reply(429, {"Retry-After": "0.3"}),
        Reply(503, {"Retry-After": "0.3"}),
        Reply(500),
        Reply(408),
        Reply(307, {"Location": "/elsewhere"}),
        Reply(404),
        Reply(202, body=b"not json"),
        Reply(202, body=b'{"answers": [], "stream_epoch": "e1"}'),
        Reply(202, {"Content-Encoding": "gzip"}, body=b"not gzip"),
        Reply(401),
    ],
    ids=lambda reply: f"{reply.status}-{(reply.body or b'').decode()[:9]}",
)
def test_after_any_fault_the_same_events_go_again(box: Box, fault: Reply, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(edge.uplink.lane, "FIRST_WAIT_S", 0.05)
    box.uplink._lane._reset()
    box.gateway.script(EVENTS, fault)
    event = box.raise_event()
    with structlog.testing.capture_logs() as logs, box.running():
        box.wait_sent()

    assert box.gateway.posted() == [str(event.event_id)] * 2
    told = [entry["event"] for entry in logs if entry["event"].startswith("centre")]
    assert told == ["centre lost", "centre reached"]


def test_what_the_centre_asks_to_wait_is_waited(box: Box) -> None:
    box.gateway.script(EVENTS, Reply(429, {"Retry-After": "1"}))
    box.raise_event()
    with box.running():
        box.wait_sent()

    first, second = (request.begun_s for request in box.gateway.to(EVENTS)[:2])
    assert 1.0 <= second - first < 2.0


def test_a_new_stream_gets_again_what_was_accepted_since_the_moment_that_it_names(box: Box) -> None:
    event = box.raise_event()
    box.uplink.send_once()
    box.gateway.epoch = "e2"

    box.raise_event()
    box.uplink.send_once()
    box.uplink.send_once()

    assert box.gateway.posted().count(str(event.event_id)) == 2
    assert box.outbox.counts().events == {"accepted": 2}
    assert not box.uplink.send_once()


def test_answers_are_noted_on_the_clock_of_the_centre(box: Box) -> None:
    box.gateway.script(EVENTS, Reply(503, {"Date": "Tue, 01 Jun 2027 08:00:00 GMT"}))
    box.outbox.commit(Commit(events=[an_event()]))
    with pytest.raises(LinkDown):
        box.uplink.send_once()
    box.outbox.queue.clock_offset_ms = box.uplink._link.clock_offset_ms

    box.outbox.answered([(1, Answer.HELD, None)])

    answered_at = box.outbox._db.execute("SELECT answered_at FROM events").fetchone()[0]
    assert answered_at.startswith("2027-06-01T08:00")


@pytest.mark.parametrize(
    ("centre_has_it", "file_is_here", "state", "sent"),
    [
        (True, True, EvidenceState.PRESENT, 1),
        (False, True, EvidenceState.PRESENT, 2),
        (True, False, EvidenceState.PRESENT, 1),
        (False, False, EvidenceState.SACRIFICED, 1),
    ],
)
def test_a_centre_that_lost_its_stream_is_asked_for_the_pictures_too(
    box: Box, centre_has_it: bool, file_is_here: bool, state: EvidenceState, sent: int
) -> None:
    items = [box.raise_event(EvidenceRole.CROP).evidence[0] for _ in range(16)]
    while box.uplink.uploads.send_one():
        pass
    box.uplink.send_once()
    box.gateway.epoch = "e2"
    if not centre_has_it:
        box.gateway.has.clear()
    if not file_is_here:
        box.evidence.remove(items[0].sha256)
    box.uplink._posted_s -= 61
    box.uplink.send_once()

    while box.uplink.uploads.send_one():
        pass

    assert box.state_of(items[0]) is state
    assert box.gateway.put().count(items[0].sha256) == sent
    assert box.outbox.counts().evidence_items == 0
