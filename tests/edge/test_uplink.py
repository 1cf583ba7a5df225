"""The outbox drains into a real centre: pictures first, each answer kept, and nothing lost while it is away."""

from __future__ import annotations

import shutil
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import pytest

from detectors.base import DetectorIdentity
from edge.looking.evidence import EvidenceFolder, wide_picture
from edge.outbox.box import Commit, Outbox
from edge.staying.events import event_of
from edge.staying.stays import WatchStays
from edge.uplink.link import CentreLink, LinkDown
from edge.uplink.sending import Uplink
from ingest.configuration import Centre as CentreSettings
from ingest.configuration import Watch
from ingest.contract import Event, EvidenceItem, EvidenceRole, EvidenceState, Phase
from ingest.edge_messages import EdgeStatus
from tests.edge.fakes import FakeClock, car, watch
from tests.edge.test_pictures import noise
from tests.ingest.centre import Centre


@dataclass
class Box:
    """An edge's outbox, evidence and uplink against a real centre."""

    outbox: Outbox
    evidence: EvidenceFolder
    link: CentreLink
    uplink: Uplink
    edge_id: str = "corner-7"

    def raise_event(self, *, role: EvidenceRole = EvidenceRole.START, its_watch: Watch | None = None) -> Event:
        picture = wide_picture(noise(seed=len(self.outbox.waiting_events(99))), role=role, taken_at=datetime.now(UTC))
        item = self.evidence.keep(picture)
        event = self._event([item], its_watch or watch())
        self.outbox.commit(Commit(events=[event], evidence=[item]))
        return event

    def _event(self, evidence: list[EvidenceItem], its_watch: Watch) -> Event:
        stays = WatchStays(its_watch)
        stays.judge([car()], FakeClock(utc=datetime.now(UTC)).now(), lambda _: b"")
        return event_of(
            stays.stays[0],
            phase=Phase.RAISED,
            occurred_at=datetime.now(UTC),
            edge_id=self.edge_id,
            watch=its_watch,
            sensor=None,
            detector=DetectorIdentity(name="yolo"),
            evidence=evidence,
        )

    def send_pictures(self) -> None:
        """Sends what can be sent now."""
        while self.uplink.uploads.send_one():
            pass

    def state_of(self, event: Event) -> tuple[EvidenceState, str | None]:
        sha256 = event.evidence[0].sha256
        return self.outbox.evidence_states([sha256])[sha256]


@pytest.fixture
def centre(tmp_path: Path, redis_url: str) -> Iterator[Centre]:
    centre = Centre(tmp_path / "centre", redis_url=redis_url)
    yield centre
    centre.close()


def _box(folder: Path, centre: Centre, *, key: str | None = None, stop: threading.Event | None = None) -> Box:
    outbox, evidence = Outbox(folder / "outbox.sqlite"), EvidenceFolder(folder / "evidence")
    settings = CentreSettings(url=f"http://127.0.0.1:{centre.gateway_port}", key_env="KEY")
    edge = centre.edge("corner-7")
    edge.http.close()
    link = CentreLink(settings, key or edge.key)
    return Box(outbox, evidence, link, Uplink(link, outbox, evidence, stop=stop or threading.Event()))


@pytest.fixture
def box(tmp_path: Path, centre: Centre) -> Iterator[Box]:
    box = _box(tmp_path / "edge", centre)
    yield box
    box.link.close()
    box.outbox.close()


def test_an_event_and_its_picture_become_a_case(box: Box, centre: Centre) -> None:
    centre.start_api_and_gateway()
    centre.start_worker()
    event = box.raise_event()

    box.send_pictures()
    assert box.uplink.send_once()
    centre.wait_drained()

    assert centre.count("cases", "corner-7") == 1
    assert box.outbox.counts().events == {"accepted": 1}
    assert box.state_of(event)[0] is EvidenceState.PRESENT
    assert abs(box.link.clock_offset_ms or 0) < 2000
    assert not box.uplink.send_once()


def test_while_the_centre_is_away_everything_waits_and_then_goes_in_order(box: Box, centre: Centre) -> None:
    events = [box.raise_event() for _ in range(5)]
    with pytest.raises(LinkDown):
        box.uplink.send_once()
    assert len(box.outbox.waiting_events(10)) == 5

    centre.start_api_and_gateway()
    centre.start_worker()
    assert box.uplink.send_once()
    centre.wait_drained()

    assert centre.count("incidents", "corner-7") == len(events)
    assert box.outbox.counts().events == {"accepted": 5}


def test_held_and_refused_events_are_kept_with_their_reason(box: Box, centre: Centre) -> None:
    centre.start_api_and_gateway()
    box.raise_event(its_watch=watch().model_copy(update={"kind": "kind-of-next-year"}))
    box.edge_id = "another-edge"
    box.raise_event()

    box.uplink.send_once()

    assert box.outbox.counts().events == {"held": 1, "refused": 1}
    reasons = [row[0] for row in box.outbox._db.execute("SELECT reason FROM events ORDER BY seq")]
    assert "kind-of-next-year" in reasons[0]
    assert "another-edge" in reasons[1]


def test_a_damaged_picture_is_sacrificed_with_its_reason_and_its_event_goes(box: Box, centre: Centre) -> None:
    centre.start_api_and_gateway()
    truncated, missing = box.raise_event(), box.raise_event()
    path = box.evidence.path(truncated.evidence[0].sha256)
    path.write_bytes(path.read_bytes()[:100])
    box.evidence.path(missing.evidence[0].sha256).unlink()

    box.send_pictures()
    while box.uplink.send_once():
        pass

    assert box.state_of(truncated) == (
        EvidenceState.SACRIFICED,
        "file is damaged: its bytes no longer match its sha256",
    )
    assert box.state_of(missing)[0] is EvidenceState.SACRIFICED
    # Both events, and one for each incident that tells what was lost.
    assert box.outbox.counts().events == {"accepted": 4}
    assert box.outbox.counts().sacrificed == 2
    assert not path.exists()


def test_a_wrong_key_loses_nothing_and_is_told_without_the_key(tmp_path: Path, centre: Centre) -> None:
    centre.start_api_and_gateway()
    box = _box(tmp_path / "edge", centre, key="sc_edge_wr0ngwr0ngwr0ng")
    box.raise_event()

    with pytest.raises(LinkDown, match="does not accept this edge's key") as told:
        box.uplink.send_once()

    assert "wr0ng" not in str(told.value)
    assert len(box.outbox.waiting_events(10)) == 1
    box.link.close()
    box.outbox.close()


def _lose_the_stream(centre: Centre) -> None:
    """What a wiped Redis looks like, for the keys of this centre alone."""
    lost = list(centre.redis.scan_iter(f"*{centre.prefix}*"))
    assert lost
    centre.redis.delete(*lost)


def test_when_the_stream_is_new_accepted_events_go_again_and_leave_one_case_each(box: Box, centre: Centre) -> None:
    centre.start_api_and_gateway()
    centre.start_worker()
    box.raise_event()
    box.uplink.send_once()
    centre.wait_drained()
    _lose_the_stream(centre)

    box.raise_event()
    box.uplink.send_once()  # the answer names a new epoch
    assert len(box.outbox.waiting_events(10)) == 2
    box.uplink.send_once()
    centre.wait_drained()

    assert box.outbox.counts().events == {"accepted": 2}
    assert centre.count("incidents", "corner-7") == 2
    assert centre.count("cases", "corner-7") == 1  # one watch, joined


def test_the_status_is_taken(box: Box, centre: Centre) -> None:
    centre.start_api_and_gateway()

    box.uplink.send_status(
        EdgeStatus(edge_id="corner-7", version="0", sent_at=datetime.now(UTC), started_at=datetime.now(UTC))
    )


def test_events_go_though_their_pictures_cannot(box: Box, centre: Centre) -> None:
    centre.start_api_and_gateway()
    centre.start_worker()
    event = box.raise_event()
    shutil.rmtree(centre.evidence_dir)
    centre.evidence_dir.write_text("a file where a folder must be")

    box.send_pictures()
    assert box.uplink.send_once()
    centre.wait_drained()

    assert box.outbox.counts().events == {"accepted": 1}
    assert centre.count("cases", "corner-7") == 1
    assert box.state_of(event)[0] is EvidenceState.PENDING


def test_an_idle_edge_notices_that_the_stream_is_new(box: Box, centre: Centre) -> None:
    centre.start_api_and_gateway()
    centre.start_worker()
    box.raise_event()
    box.uplink.send_once()
    centre.wait_drained()
    _lose_the_stream(centre)
    assert not box.uplink.send_once()  # asked a moment ago

    box.uplink._posted_s -= 61
    box.uplink.send_once()

    assert len(box.outbox.waiting_events(10)) == 1
