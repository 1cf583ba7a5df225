"""What all look on with is proven: a later fault neither undoes a change of the file nor one of the centre's."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from edge.centre.configuration import CentreWatches, _Good
from edge.centre.document import Offer
from edge.processes.fleet import Fleet
from edge.processes.local_file import LocalFile
from edge.processes.run import Edge
from ingest.configuration import EdgeConfiguration
from tests.edge.running import PARKING

UNREADABLE = "watch 'new': detector: the weights are altered"
Failing = list[tuple[str | None, str]]


class SlowFleet(Fleet):
    """Starts no process; a test says which watch keeps one from starting, and when all look on."""

    def __init__(self) -> None:
        super().__init__()
        self.failing: Failing = []
        self.begun = False

    cannot_start = property(lambda self: self.failing)
    looks_on = property(lambda self: self.begun)

    def take(self, configuration: EdgeConfiguration) -> None:
        """Does nothing (edge.processes.fleet.Fleet)."""
        self.begun = False

    def retire(self, configuration: EdgeConfiguration) -> None:
        """Does nothing (edge.processes.fleet.Fleet)."""


class Box:
    """An edge that is tended by hand, whose file can be written anew."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.own = LocalFile(folder / "edge.yaml", {})
        self._write("old")
        self.edge = Edge(self.own.load(), environment={}, stop=threading.Event(), own=self.own)
        self.fleet = self.edge._fleet = SlowFleet()
        self.edge._start_watching()

    def _write(self, *watches: str, **changes: Any) -> None:
        document = {
            "edge_id": "corner-7",
            "data_dir": str(self._folder / "edge"),
            "cameras": [{"id": "yard", "url": "rtsp://127.0.0.1:1/x"}],
            "watches": [PARKING | {"id": name} | changes for name in watches],
        }
        (self._folder / "edge.yaml").write_text(yaml.safe_dump(document), encoding="utf-8")

    def reload(self, *watches: str, **changes: Any) -> None:
        self._write(*watches, **changes)
        self.own.asked.set()
        self.tend()

    def tend(self, *failing: tuple[str | None, str], begun: bool = False) -> None:
        self.fleet.failing = list(failing)
        for _ in range(3):
            self.fleet.begun = begun
            self.edge._tend()

    @property
    def watches(self) -> list[str]:
        return [watch.id for watch in self.edge._local.watches]


@pytest.fixture
def box(tmp_path: Path) -> Iterator[Box]:
    box = Box(tmp_path)
    yield box
    box.edge._outbox.close()


def test_a_watch_that_does_not_start_takes_the_file_back_to_the_one_before(box: Box) -> None:
    box.reload("old", "new")
    assert (box.watches, box.own.fault) == (["old", "new"], None)

    box.tend(("new", UNREADABLE))

    assert (box.watches, box.own.fault) == (["old"], UNREADABLE)


def test_what_fails_once_all_looked_on_is_no_fault_of_the_file(box: Box) -> None:
    box.reload("old", "new")
    box.tend(begun=True)

    box.tend(("new", UNREADABLE))

    assert (box.watches, box.own.fault) == (["old", "new"], None)


def test_what_concerns_no_watch_takes_nothing_back(box: Box) -> None:
    box.reload("old", "new")

    box.tend((None, "outbox outbox.sqlite cannot be opened: disk I/O error"))

    assert (box.watches, box.own.fault) == (["old", "new"], None)


def test_a_watch_that_was_the_same_before_takes_nothing_back_and_shields_no_other(box: Box) -> None:
    box.reload("old", "new")

    box.tend(("old", "watch 'old': detector: the weights are altered"))
    assert (box.watches, box.own.fault) == (["old", "new"], None)

    box.tend(("old", "watch 'old': detector: the weights are altered"), ("new", UNREADABLE))
    assert (box.watches, box.own.fault) == (["old"], UNREADABLE)


def test_of_two_changes_in_a_row_the_last_proven_one_is_gone_back_to(box: Box) -> None:
    box.reload("old", "new")
    box.reload("old", "new", "newer")

    box.tend(("new", UNREADABLE))

    assert box.watches == ["old"]


@pytest.mark.parametrize(("begun", "in_force"), [(False, None), (True, "4f2a")], ids=["not yet", "all look on"])
def test_a_revision_of_the_centres_is_gone_back_from_until_all_look_on_with_it(
    box: Box, begun: bool, in_force: str | None
) -> None:
    theirs = CentreWatches([box.edge._local.watches[0].model_copy(update={"id": "theirs"})], "4f2a")
    box.edge._centre._good = _Good(theirs, Offer('"4f2a"', b"{}"))
    box.edge._applied = theirs
    box.tend(begun=begun)

    box.tend(("theirs", "watch 'theirs': detector: the weights are altered"))

    assert box.edge._centre.in_force.revision == in_force


def test_nobody_goes_back_to_a_revision_in_which_the_watch_at_fault_is_the_same(box: Box) -> None:
    side = box.edge._centre
    first = PARKING | {"id": "first"}
    for number, watches in enumerate(([first], [first, first | {"id": "second"}])):
        content = json.dumps({"edge_id": "corner-7", "watches": watches}).encode()
        side._take(Offer(f'"{number}"', content))

    side.refuse("1", "its weights are altered", watch_id="first")
    assert side.in_force.revision == "1"

    side.prove()
    side.refuse("1", "none is known to be better", watch_id="second")
    assert not side.in_force.known
