"""What must go when the disk is short goes in order of worth, and what was given up is told."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from api.settings import ApiSettings
from edge.looking.evidence import EvidenceFolder
from edge.outbox.box import Commit, Outbox, OutboxError
from edge.outbox.budget import Budget, Freed
from edge.outbox.pictures import BLOCK_BYTES, SACRIFICE_ORDER
from edge.staying.stay_records import record_of
from edge.staying.stays import WatchStays
from ingest.contract import Event, EvidenceItem, EvidenceRole, EvidenceState, Phase
from ingest.reports import report_of
from ingest.stream import StreamEntry
from tests.api.place import Place
from tests.edge.fakes import FakeClock, car, watch
from tests.edge.makers import a_later, a_picture, accept_all, an_event, commit, files_in

PICTURE_BYTES = 5 * BLOCK_BYTES
RAISED_ROLES = (EvidenceRole.START, EvidenceRole.CONFIRM, EvidenceRole.CROP)


@dataclass
class Box:
    """An outbox and its evidence, with a budget that a test sets."""

    folder: Path
    outbox: Outbox
    evidence: EvidenceFolder
    names: dict[str, EvidenceItem] = field(default_factory=dict)

    def raise_event(self, *roles: EvidenceRole, source: str = "yard", name: str = "") -> Event:
        items = [a_picture(self.evidence, role, size_bytes=PICTURE_BYTES) for role in roles]
        for item in items:
            self.names[f"{name}{item.role.value}"] = item
        event = an_event(evidence=items, source=source, occurred_at=datetime.now(UTC))
        commit(self.outbox, event)
        return event

    def budget(self, *, less: int = 0, more: int = 0) -> Budget:
        """Returns a budget that is what is used now, and so much less or more."""
        used = Budget(self.outbox, self.evidence, budget_bytes=10**12)
        self.outbox.shrink()
        used.enforce()
        return Budget(self.outbox, self.evidence, budget_bytes=used.used_bytes - less + more)

    def lost(self) -> set[str]:
        states = self.outbox.evidence_states([item.sha256 for item in self.names.values()])
        return {name for name, item in self.names.items() if states[item.sha256][0] is EvidenceState.SACRIFICED}

    def files(self) -> set[str]:
        here = files_in(self.folder / "evidence")
        return {name for name, item in self.names.items() if item.sha256 in here}


@pytest.fixture
def box(tmp_path: Path) -> Iterator[Box]:
    outbox = Outbox(tmp_path / "outbox.sqlite")
    yield Box(tmp_path, outbox, EvidenceFolder(tmp_path / "evidence"))
    outbox.close()


def test_within_the_budget_nothing_is_touched(box: Box) -> None:
    box.raise_event(*RAISED_ROLES)

    assert box.budget(more=1).enforce() == Freed()
    assert box.files() == {"start", "confirm", "crop"}


def test_pictures_that_the_centre_has_go_first_and_are_no_sacrifice(box: Box) -> None:
    box.raise_event(*RAISED_ROLES, name="old-")
    box.raise_event(*RAISED_ROLES, name="new-")
    box.outbox.evidence.arrived([item.sha256 for name, item in box.names.items() if "crop" not in name])
    budget = box.budget(less=1)

    freed = budget.enforce()

    assert freed.sacrificed == freed.forgotten == freed.thinned == 0
    gone = set(box.names) - box.files()
    assert gone
    assert gone <= {"old-start", "old-confirm"}
    assert freed.removed == len(gone)
    assert box.outbox.counts().sacrificed == 0
    assert budget.used_bytes <= 0.95 * budget.budget_bytes
    # Its row still says that it has arrived: nobody looks for the file, and it is not sent again.
    for name in gone:
        sha256 = box.names[name].sha256
        assert box.outbox.evidence_states([sha256]) == {sha256: (EvidenceState.PRESENT, None)}
        assert sha256 not in box.outbox.evidence_names()


def test_then_accepted_events_go_but_for_the_last_of_an_incident_whose_pictures_wait(box: Box) -> None:
    for _ in range(600):
        commit(box.outbox, an_event())
    waits = box.raise_event(EvidenceRole.CROP)
    accept_all(box.outbox)
    unsent = an_event()
    commit(box.outbox, unsent)
    budget = box.budget(less=1)

    freed = budget.enforce()

    assert 0 < freed.forgotten < 600
    assert freed.sacrificed == 0
    assert box.outbox.last_event(waits.incident_id) == waits
    assert [item.event for item in box.outbox.waiting_events(9)] == [unsent]
    assert budget.used_bytes <= budget.budget_bytes


def test_then_waiting_pictures_go_by_role_the_oldest_first(box: Box) -> None:
    for name in ("old-", "new-"):
        box.raise_event(*reversed(SACRIFICE_ORDER), name=name)
    order = [f"{age}{role.value}" for role in SACRIFICE_ORDER for age in ("old-", "new-")]
    seen: list[str] = []

    while len(seen) < len(order):
        least = box.outbox.evidence.least_worth(disk_bytes=1)
        box.outbox.evidence.sacrifice(dict.fromkeys(least, "disk budget"), now=datetime.now(UTC))
        seen += sorted(box.lost() - set(seen))

    assert seen == order


def test_what_is_given_up_is_told_by_one_event_of_each_incident(box: Box) -> None:
    one = box.raise_event(*RAISED_ROLES, name="one-")
    two = box.raise_event(*RAISED_ROLES, name="two-", source="gate")
    budget = box.budget(less=3 * PICTURE_BYTES)

    freed = budget.enforce()

    assert freed.sacrificed == len(box.lost()) >= 3
    assert box.lost() >= {"one-confirm", "two-confirm", "one-start"}
    assert box.files() == set(box.names) - box.lost()
    assert box.outbox.counts().sacrificed == freed.sacrificed
    told = [item.event for item in box.outbox.waiting_events(9)][2:]
    assert [event.incident_id for event in told] == sorted([one.incident_id, two.incident_id], key=str)
    for event, before in ((e, b) for e in told for b in (one, two) if e.incident_id == b.incident_id):
        assert (event.phase, event.occurred_at, event.source) == (Phase.UPDATED, before.occurred_at, before.source)
        assert event.event_id != before.event_id
        assert {(item.role, item.state, item.reason) for item in event.evidence} >= {
            (EvidenceRole.CONFIRM, EvidenceState.SACRIFICED, "disk budget"),
            (EvidenceRole.CROP, EvidenceState.PENDING, None),
        }
    assert budget.enforce() == Freed()


def test_a_picture_that_two_incidents_share_is_told_by_both(box: Box) -> None:
    item = a_picture(box.evidence, EvidenceRole.START)
    commit(box.outbox, an_event(evidence=[item]), an_event(evidence=[item]))

    assert box.outbox.evidence.sacrifice({item.sha256: "disk budget"}, now=datetime.now(UTC)) == 1
    assert box.outbox.evidence.sacrifice({item.sha256: "disk budget"}, now=datetime.now(UTC)) == 0

    assert len(box.outbox.waiting_events(9)) == 4


def test_raised_and_cleared_stay_whatever_the_budget_and_the_fault_is_told(box: Box) -> None:
    raised = [an_event(source=f"camera-{n}") for n in range(40)]
    for event in raised:
        updates = [a_later(event, Phase.UPDATED, minutes=n) for n in range(1, 9)]
        commit(box.outbox, event, *updates, a_later(event, Phase.CLEARED))
    budget = Budget(box.outbox, box.evidence, budget_bytes=1)

    budget.tend()

    left = [item.event.phase for item in box.outbox.waiting_events(999)]
    assert left == [Phase.RAISED, Phase.CLEARED] * 40
    assert "none may go" in str(budget.fault)
    assert budget.used_bytes > 1

    budget.budget_bytes = 10**9
    budget._enforced_s = float("-inf")
    budget.tend()
    assert budget.fault is None


def test_growth_is_noticed_before_the_minute_is_over(box: Box) -> None:
    budget = box.budget(more=20 * PICTURE_BYTES)
    budget.tend()
    for _ in range(40):
        box.raise_event(EvidenceRole.WIDE)

    budget.tend()

    assert budget.used_bytes <= budget.budget_bytes
    assert box.outbox.counts().sacrificed > 15


def test_pictures_of_stays_that_are_not_raised_yet_count_too(box: Box) -> None:
    before = box.budget().budget_bytes
    stays = WatchStays(watch())
    stays.judge([car()], FakeClock().now(), lambda _: b"")
    stays.stays[0].evidence.append(a_picture(box.evidence, size_bytes=100 * BLOCK_BYTES))
    box.outbox.commit(Commit(save=[record_of(stays.stays[0])]))

    assert box.budget().budget_bytes >= before + 100 * BLOCK_BYTES


def test_a_kill_between_the_note_and_the_files_leaves_strays_that_are_swept(
    box: Box, monkeypatch: pytest.MonkeyPatch
) -> None:
    box.raise_event(*RAISED_ROLES)
    budget = box.budget(less=1)

    def killed(_: str) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(box.evidence, "remove", killed)
    with pytest.raises(KeyboardInterrupt):
        budget.enforce()

    assert box.files() == {"start", "confirm", "crop"}
    assert box.outbox.counts().sacrificed > 0
    assert box.evidence.sweep(keep=box.outbox.evidence_names(), older_than_s=-1) == box.outbox.counts().sacrificed
    assert box.files() == set(box.names) - box.lost()


def test_what_cannot_be_noted_is_not_removed(box: Box) -> None:
    box.raise_event(*RAISED_ROLES)
    budget = box.budget(less=1)
    box.outbox._db.execute("PRAGMA query_only = ON")

    with pytest.raises(OutboxError):
        budget.enforce()
    budget.tend()

    assert box.files() == {"start", "confirm", "crop"}
    assert "cannot be enforced" in str(budget.fault)
    box.outbox._db.execute("PRAGMA query_only = OFF")
    budget._enforced_s = float("-inf")
    budget.tend()
    assert budget.fault is None
    assert box.lost()


@pytest.mark.parametrize(
    ("occurred_at", "told_as"),
    [
        (datetime.now(UTC) - timedelta(minutes=1), Phase.UPDATED),
        (datetime(1970, 1, 1, 0, 5, tzinfo=UTC), Phase.CLEARED),  # the centre puts its own time in the place of that
        (datetime.now(UTC) + timedelta(days=30), Phase.CLEARED),
    ],
)
def test_what_is_gone_stays_gone_at_the_centre_though_its_pictures_are_given_up(
    box: Box, tmp_path: Path, occurred_at: datetime, told_as: Phase
) -> None:
    item = a_picture(box.evidence, EvidenceRole.WIDE)
    raised = an_event(evidence=[item], occurred_at=occurred_at, kind="street-encroachment")
    cleared = a_later(raised, Phase.CLEARED, minutes=0.5)
    commit(box.outbox, raised, cleared)
    box.outbox.evidence.sacrifice({item.sha256: "disk budget"}, now=datetime.now(UTC))
    events = [item.event for item in box.outbox.waiting_events(9)]
    environment = {
        "STREETCASE_EVIDENCE_DIR": str(tmp_path / "centre"),
        "STREETCASE_DATABASE_URL": f"sqlite:///{tmp_path / 'cases.db'}",
        "STREETCASE_SERVICE_KEY_FILE": str(tmp_path / "service.key"),
    }

    with Place(ApiSettings.from_environment(environment)) as place:
        for number, event in enumerate(events):
            received_at = datetime.now(UTC) + timedelta(seconds=number)
            entry = StreamEntry("0-0", event.model_dump_json().encode(), event.edge_id, received_at.isoformat(), "")
            [answer] = place.report(report_of(entry))
        case = place.case(answer.case_id)

    assert [event.phase for event in events] == [Phase.RAISED, Phase.CLEARED, told_as]
    assert case["gone_at"] is not None
    assert [(e["state"], e["reason"]) for e in case["evidence"]] == [("sacrificed", "disk budget")]
