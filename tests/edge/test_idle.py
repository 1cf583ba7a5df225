"""An edge at rest stays at rest, however much its outbox holds: nothing is counted again that has not changed."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import structlog.testing

import edge.processes.run
from edge.looking.evidence import EvidenceFolder
from edge.outbox.box import Outbox
from edge.outbox.budget import IN_VAIN_S, Budget
from edge.processes.fleet import Fleet
from edge.processes.run import Edge
from edge.processes.seldom import CHEAP_S, SHARE, Seldom
from edge.uplink.link import LinkDown
from ingest.configuration import EdgeConfiguration
from ingest.contract import EvidenceRole
from tests.edge.makers import a_picture, an_event, commit


@pytest.fixture
def outbox(tmp_path: Path) -> Iterator[Outbox]:
    outbox = Outbox(tmp_path / "outbox.sqlite")
    yield outbox
    outbox.close()


def _statements(outbox: Outbox, *, of: object) -> list[str]:
    """Returns what SQLite is asked by ``of``."""
    asked: list[str] = []
    outbox._db.set_trace_callback(asked.append)
    of()  # type: ignore[operator]
    outbox._db.set_trace_callback(None)
    return asked


def test_what_has_not_changed_is_not_counted_again(outbox: Outbox, tmp_path: Path) -> None:
    evidence = EvidenceFolder(tmp_path / "evidence")
    commit(outbox, an_event(evidence=[a_picture(evidence, EvidenceRole.CROP)]))
    budget = Budget(outbox, evidence, budget_bytes=10**9)
    budget.tend()
    budget.tend()

    assert _statements(outbox, of=budget.tend) == ["PRAGMA data_version"]

    before = budget.used_bytes
    other = Outbox(tmp_path / "outbox.sqlite")  # another process of this edge
    commit(other, an_event(evidence=[a_picture(evidence, EvidenceRole.WIDE, size_bytes=60_000)]))
    other.close()
    budget.tend()
    assert budget.used_bytes > before + 60_000


def test_the_status_counts_anew_only_what_changed(tmp_path: Path) -> None:
    box = Edge(EdgeConfiguration(edge_id="corner-7", data_dir=str(tmp_path)), environment={}, stop=threading.Event())
    assert box.status().backlog.events == 0

    assert _statements(box._outbox, of=box.status) == ["PRAGMA data_version"]
    commit(box._outbox, an_event())
    assert box.status().backlog.events == 1
    box._outbox.close()


def test_what_costs_much_takes_a_small_share_of_the_time() -> None:
    counted = 0

    def count() -> int:
        nonlocal counted
        counted += 1
        time.sleep(5 * CHEAP_S)
        return counted

    seldom = Seldom(count, version=time.monotonic_ns)  # changes all the time
    until_s = time.monotonic() + 0.2
    while time.monotonic() < until_s:
        seldom.get()

    assert counted == 1
    assert seldom._again_s - time.monotonic() > CHEAP_S / SHARE
    seldom._again_s = 0.0
    assert seldom.get() == 2


def test_on_a_full_disk_on_which_nothing_may_go_it_is_not_tried_each_second(
    outbox: Outbox, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    commit(outbox, an_event())
    monkeypatch.setattr(EvidenceFolder, "disk", lambda _: (10**9, 0))
    budget = Budget(outbox, EvidenceFolder(tmp_path / "evidence"), budget_bytes=10**9)
    budget.tend()

    assert _statements(outbox, of=budget.tend) == ["PRAGMA data_version"]
    budget._enforced_s -= IN_VAIN_S
    assert len(_statements(outbox, of=budget.tend)) > 1


def test_all_groups_together_have_so_long_to_stop() -> None:
    class Stuck:
        given_s: float

        def retire(self) -> None:
            pass

        def stop(self, *, within_s: float) -> None:
            self.given_s = within_s
            time.sleep(min(within_s, 0.2))

    groups = [Stuck() for _ in range(4)]
    fleet = Fleet()
    fleet._groups = groups  # type: ignore[assignment]
    begun_s = time.monotonic()

    fleet.stop(within_s=0.3)

    assert time.monotonic() - begun_s < 0.5
    assert groups[-1].given_s == 0.0


def test_a_status_that_the_centre_refuses_is_told_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(edge.processes.run, "STATUS_EVERY_S", 0.0)
    stop = threading.Event()
    box = Edge(EdgeConfiguration(edge_id="corner-7", data_dir=str(tmp_path)), environment={}, stop=stop)
    answers = iter([LinkDown("status not taken: 413", status=413)] * 3 + [LinkDown("ConnectError")])

    class Refusing:
        def send_status(self, _: object) -> None:
            answer = next(answers, None)
            if answer is None:
                stop.set()
                return
            raise answer

    with structlog.testing.capture_logs() as told:
        box._report_status(Refusing())  # type: ignore[arg-type]

    assert [(line["event"], line["reason"]) for line in told] == [("status not taken", "status not taken: 413")]
    box._outbox.close()
