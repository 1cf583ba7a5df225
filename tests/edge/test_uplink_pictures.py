"""Evidence goes several at once, by worth, within the bandwidth; one that fails holds up no other."""

from __future__ import annotations

import hashlib
import threading
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path

import httpx
import pytest
import structlog.testing

from edge.outbox.box import Commit
from edge.uplink.bandwidth import Bandwidth
from edge.uplink.link import LinkDown
from edge.uplink.uploads import LARGE_BYTES
from ingest.contract import EvidenceItem, EvidenceRole, EvidenceState
from tests.edge.makers import a_picture, an_event, commit
from tests.edge.scripted_gateway import EVENTS, EVIDENCE, MISSING, Reply
from tests.edge.uplink_box import Box, a_box, seconds_of
from tests.services.processes import wait_until

NEVER = threading.Event()


@pytest.fixture
def box(tmp_path: Path) -> Iterator[Box]:
    with a_box(tmp_path) as box:
        yield box


def _older(box: Box, *items: EvidenceItem, minutes: float = 10) -> None:
    then = (datetime.now(UTC) - timedelta(minutes=minutes)).isoformat()
    for item in items:
        box.outbox._db.execute("UPDATE evidence SET added_at = ? WHERE sha256 = ?", (then, item.sha256))


def _send_all(box: Box) -> list[str]:
    while box.uplink.uploads.send_one():
        pass
    return box.gateway.put()


def test_a_picture_arrives_as_it_is_and_is_noted(box: Box) -> None:
    [item] = box.raise_event(EvidenceRole.WIDE).evidence

    _send_all(box)

    [request] = box.gateway.to(EVIDENCE)
    assert hashlib.sha256(request.body).hexdigest() == item.sha256
    assert request.headers["Content-Type"] == "image/jpeg"
    assert request.headers["Content-Length"] == str(item.size_bytes)
    assert box.state_of(item) is EvidenceState.PRESENT
    assert box.evidence.path(item.sha256).exists()  # it stays, to be sent again if need be


def test_fresh_start_and_crop_go_first_then_all_start_and_crop_then_the_rest_newest_and_oldest_in_turn(
    box: Box,
) -> None:
    rest = [box.raise_event(EvidenceRole.WIDE).evidence[0] for _ in range(4)]
    old = [box.raise_event(EvidenceRole.START).evidence[0] for _ in range(3)]
    for minutes, item in enumerate([*rest, *old]):
        _older(box, item, minutes=60 - minutes)
    fresh = box.raise_event(EvidenceRole.CROP, EvidenceRole.START).evidence

    order = _send_all(box)

    assert set(order[:2]) == {item.sha256 for item in fresh}
    assert set(order[2:5]) == {item.sha256 for item in old}
    assert {order[2], order[3]} == {old[0].sha256, old[2].sha256}
    assert {order[5], order[6]} == {rest[0].sha256, rest[3].sha256}
    assert set(order[7:]) == {rest[1].sha256, rest[2].sha256}


def test_several_go_at_once(box: Box) -> None:
    box.gateway.evidence_s = 0.2
    for _ in range(9):
        box.raise_event(EvidenceRole.WIDE)
    with box.running():
        took_s = seconds_of(box.wait_sent)

    assert took_s < 9 * 0.2 * 0.75


def test_a_large_item_never_takes_the_last_place(box: Box) -> None:
    box.gateway.evidence_s = 1.1
    for _ in range(4):
        box.raise_event(EvidenceRole.TIMELAPSE, size_bytes=LARGE_BYTES + 1)
    with box.running():
        wait_until(lambda: len(box.gateway.to(EVIDENCE)) == 2, timeout_s=5, what="two are under way")
        [crop] = box.raise_event(EvidenceRole.CROP).evidence
        wait_until(lambda: len(box.gateway.to(EVIDENCE)) == 3, timeout_s=1, what="the crop does not wait")
        assert box.gateway.to(EVIDENCE)[2].path.endswith(crop.sha256)
        box.wait_sent()


def test_one_picture_that_fails_holds_up_no_other_and_goes_later(box: Box) -> None:
    others = [box.raise_event(EvidenceRole.START).evidence[0] for _ in range(5)]
    [bad] = box.raise_event(EvidenceRole.CROP).evidence  # the newest, so the first to go
    box.gateway.always(f"{EVIDENCE}{bad.sha256}", Reply(503))
    with structlog.testing.capture_logs() as logs, box.running():
        wait_until(lambda: len(box.gateway.has) == 5, timeout_s=3, what="the others have gone")
        assert box.gateway.has == {item.sha256 for item in others}
        assert box.state_of(bad) is EvidenceState.PENDING
        box.gateway.always(f"{EVIDENCE}{bad.sha256}", None)
        box.wait_sent()

    assert box.gateway.has >= {bad.sha256}
    assert any(entry["event"] == "picture not taken, others go on" for entry in logs)


def test_when_no_picture_is_taken_all_wait_and_events_go_on(box: Box) -> None:
    items = [box.raise_event(EvidenceRole.CROP).evidence[0] for _ in range(9)]
    for item in items:
        box.gateway.always(f"{EVIDENCE}{item.sha256}", Reply(503, {"Retry-After": "1"}))
    with box.running():
        wait_until(lambda: len(set(box.gateway.posted())) == 9, timeout_s=5, what="the events have gone")
        tried = len(box.gateway.to(EVIDENCE))
        assert tried <= 4
        for item in items:
            box.gateway.always(f"{EVIDENCE}{item.sha256}", None)
        box.wait_sent()


def test_a_wait_that_is_asked_for_holds_for_all_uploads(box: Box) -> None:
    for _ in range(6):
        box.raise_event(EvidenceRole.WIDE)
    box.gateway.script(EVIDENCE, Reply(429, {"Retry-After": "1"}))
    with box.running():
        box.wait_sent()

    begun = sorted(request.begun_s for request in box.gateway.to(EVIDENCE))
    assert any(later - earlier >= 0.9 for earlier, later in pairwise(begun))


@pytest.mark.parametrize("status", [400, 413, 415, 422])
def test_what_the_gateway_refuses_is_given_up_and_told(box: Box, status: int) -> None:
    event = box.raise_event(EvidenceRole.WIDE)
    box.gateway.script(EVIDENCE, Reply(status))
    with box.running():
        box.wait_sent()

    sent = {e["event_id"]: e for request in box.gateway.to(EVENTS) for e in request.events}
    told = [e for event_id, e in sent.items() if event_id != str(event.event_id)]
    assert [e["phase"] for e in told] == ["updated"]
    assert [(i["state"], i["reason"]) for i in told[0]["evidence"]] == [
        ("sacrificed", f"refused by the gateway: {status}")
    ]
    assert box.outbox.counts().sacrificed == 1
    assert not box.evidence.path(event.evidence[0].sha256).exists()


def test_of_a_backlog_only_what_is_missing_is_sent(box: Box) -> None:
    items = [box.raise_event(EvidenceRole.WIDE).evidence[0] for _ in range(40)]
    box.gateway.has = {item.sha256 for item in items[:30]}
    _send_all(box)

    assert set(box.gateway.put()) == {item.sha256 for item in items[30:]}
    assert len(box.gateway.to(MISSING)) == 1
    assert box.outbox.counts().evidence_items == 0


def test_what_is_fresh_does_not_wait_for_the_question(box: Box) -> None:
    for _ in range(40):
        _older(box, *box.raise_event(EvidenceRole.WIDE).evidence)
    box.gateway.always(MISSING, Reply(200, body=b'{"missing": []}', hangs_s=1.6))
    with box.running():
        time.sleep(0.3)
        [crop] = box.raise_event(EvidenceRole.CROP).evidence
        wait_until(lambda: crop.sha256 in box.gateway.has, timeout_s=1.0, what="the crop has gone")
        assert len(box.gateway.put()) == 1
        box.wait_sent()


@pytest.mark.parametrize("reply", [Reply(404), Reply(405), Reply(500), Reply(200, body=b"not json")])
def test_a_gateway_that_cannot_answer_the_question_gets_everything(box: Box, reply: Reply) -> None:
    for _ in range(20):
        box.raise_event(EvidenceRole.WIDE)
    box.gateway.always(MISSING, reply)
    with box.running():
        box.wait_sent()

    assert len(set(box.gateway.put())) == 20
    assert len(box.gateway.to(MISSING)) == 1


def test_after_a_lost_connection_the_question_comes_before_the_pictures(box: Box) -> None:
    """An upload whose answer was lost may have arrived."""
    items = [box.raise_event(EvidenceRole.WIDE).evidence[0] for _ in range(20)]
    uploads = box.uplink.uploads
    uploads.send_one()
    port, box.uplink._link._http.base_url = box.gateway.port, httpx.URL("http://127.0.0.1:9")
    with pytest.raises(LinkDown):
        uploads.send_one()
    box.uplink._link._http.base_url = httpx.URL(f"http://127.0.0.1:{port}")
    box.gateway.has = {item.sha256 for item in items}

    _send_all(box)  # and none of them waits any longer for that

    assert len(box.gateway.to(MISSING)) == 2
    assert box.gateway.put() == []
    assert box.outbox.counts().evidence_items == 0


def test_a_file_that_cannot_be_read_just_now_is_not_given_up(box: Box) -> None:
    [item] = box.raise_event(EvidenceRole.WIDE).evidence
    path = box.evidence.path(item.sha256)
    path.rename(path.with_suffix(".aside"))
    path.mkdir()  # EISDIR stands for whatever may pass: no handle left, no right

    with structlog.testing.capture_logs() as logs:
        box.uplink.uploads.send_one()

    assert box.state_of(item) is EvidenceState.PENDING
    assert [entry["event"] for entry in logs] == ["picture cannot be read, tried again later"]


def test_the_link_is_used_up_to_its_limit_and_not_beyond(tmp_path: Path) -> None:
    with a_box(tmp_path, upload_kbytes_per_s=200) as box:
        for _ in range(10):
            box.raise_event(EvidenceRole.WIDE, size_bytes=40_000)
        with box.running():
            took_s = seconds_of(box.wait_sent)

    assert 1.6 < took_s < 4.0  # 400 kB at 200 kB/s


def test_what_is_urgent_goes_before_what_is_not_on_a_limited_link() -> None:
    bandwidth = Bandwidth(100)
    order: list[str] = []

    def take(name: str, *, urgent: bool) -> None:
        for _ in range(5):
            assert bandwidth.take(10_000, urgent=urgent, stop=NEVER)
            order.append(name)

    slow = threading.Thread(target=take, args=("bulk",), kwargs={"urgent": False})
    slow.start()
    time.sleep(0.15)
    fast = threading.Thread(target=take, args=("crop",), kwargs={"urgent": True})
    fast.start()
    for thread in (slow, fast):
        thread.join(10)

    first = order.index("crop")
    assert order[first : first + 5] == ["crop"] * 5


def test_a_stopping_edge_waits_for_no_bandwidth() -> None:
    bandwidth, stop = Bandwidth(0.001), threading.Event()
    bandwidth.take(10_000, urgent=False, stop=stop)
    stop.set()

    assert not bandwidth.take(10_000, urgent=True, stop=stop)


def test_on_a_slow_link_fewer_go_at_once(tmp_path: Path) -> None:
    with a_box(tmp_path, uploads_at_once=4, upload_kbytes_per_s=20) as box:
        assert box.uplink.uploads._at_once == 2


def test_pictures_that_no_event_names_go_too(box: Box) -> None:
    item = a_picture(box.evidence)
    commit(box.outbox, an_event())
    box.outbox.commit(Commit(evidence=[item]))

    assert _send_all(box) == [item.sha256]
