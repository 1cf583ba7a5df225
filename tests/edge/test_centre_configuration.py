"""The centre's watches are taken whole or not at all, survive a restart offline, and are withdrawn only by its word."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from edge.centre.configuration import CentreConfiguration
from edge.centre.document import OfferRefused
from edge.centre.kept_offer import KeptOffer
from edge.uplink.link import LinkDown
from ingest.configuration import EdgeConfiguration
from tests.edge.small_centre import SmallCentre, small_centre

FLOOD = {
    "id": "flood",
    "kind": "road-flooding",
    "sensor": "gauge",
    "detector": {"type": "threshold", "above": 0.15},
}
PARKING = {
    "id": "parking-south",
    "kind": "illegal-parking",
    "camera": "yard",
    "zone": [[0, 0], [1, 0], [1, 1]],
    "detector": {"type": "yolo", "model": "street"},
}
LOCAL: dict[str, Any] = {
    "edge_id": "corner-7",
    "cameras": [{"id": "yard", "url": "none.mp4"}, {"id": "gate", "url": "none.mp4"}],
    "brokers": [{"id": "site", "host": "127.0.0.1", "port": 1}],
    "sensors": [{"id": "gauge", "broker": "site", "topic": "gauges/1", "value": "level"}],
    "watches": [PARKING | {"id": "parking"}],
}


class Box:
    """One edge's side of the centre's configuration; ``again`` is the next start of the same box."""

    def __init__(self, centre: SmallCentre, folder: Path) -> None:
        self._centre = centre
        self.file = folder / "centre-configuration.json"
        self._link = centre.link()
        self.again()

    def again(self, **changes: Any) -> CentreConfiguration:
        local = EdgeConfiguration.model_validate({**LOCAL, **changes})
        self.side = CentreConfiguration(local, KeptOffer(self.file), self._link, stop=threading.Event())
        return self.side

    @property
    def watches(self) -> list[str]:
        return [watch.id for watch in self.side.in_force.watches]

    def close(self) -> None:
        self._link.close()


@pytest.fixture(scope="module")
def server() -> Iterator[SmallCentre]:
    with small_centre() as centre:
        yield centre


@pytest.fixture
def centre(server: SmallCentre) -> SmallCentre:
    server.configuration = server.raw = None
    return server


@pytest.fixture
def box(centre: SmallCentre, tmp_path: Path) -> Iterator[Box]:
    box = Box(centre, tmp_path)
    yield box
    box.close()


def test_what_the_centre_tells_stands_beside_the_local_watches_and_survives_a_restart_offline(
    box: Box, centre: SmallCentre
) -> None:
    revision = centre.tell(PARKING, FLOOD)

    box.side.ask()

    assert box.side.fault is None
    assert box.side.in_force.revision == revision
    merged = box.side.merged(box.side.in_force)
    assert [w.id for w in merged.watches] == ["parking", "parking-south", "flood"]
    box.again()
    assert box.watches == ["parking-south", "flood"]
    assert box.side.in_force.revision == revision


def test_nothing_travels_while_nothing_changes(box: Box, centre: SmallCentre) -> None:
    centre.tell(PARKING)
    before = centre.sent_whole
    for _ in range(3):
        box.side.ask()
    box.again().ask()

    assert centre.sent_whole == before + 1
    assert box.watches == ["parking-south"]


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        (PARKING | {"id": "parking"}, "watch 'parking': id: the edge's own file has a watch of this name already"),
        (PARKING | {"camera": "yrad"}, "watch 'parking-south': camera: no camera 'yrad'; there is: yard, gate"),
        (FLOOD | {"sensor": "gage"}, "watch 'flood': sensor: no sensor 'gage'; there is: gauge"),
        (PARKING | {"dwel_s": 5}, "watch 'parking-south': dwel_s: unknown key; did you mean 'dwell_s'?"),
        (PARKING | {"zone": [[0, 0], [1, 0]]}, "watch 'parking-south': zone"),
        (PARKING | {"zone": [[0, 0], [1, 0], [0.5, 0]]}, "watch 'parking-south': zone: the zone has no area"),
        (PARKING | {"detector": {"type": "yola"}}, "watch 'parking-south': detector.type: no detector 'yola'"),
        (
            PARKING | {"detector": {"type": "yolo", "model": "strete"}},
            "watch 'parking-south': detector: no model named 'strete'",
        ),
        (PARKING | {"labels": ["trukc"]}, "watch 'parking-south': labels[0]: the detector has no label 'trukc'"),
        (PARKING | {"grace_s": 1}, "watch 'parking-south': grace_s: 1 s is less than two looks"),
        ({"kind": "x"}, "watch number 2: id: is missing (and 1 more)"),
        (
            PARKING | {"preset": "market"},
            "watch 'parking-south': preset: the edge's own watches of camera 'yard' name none: all of a camera do",
        ),
        (PARKING | {"id": "a\x00b"}, "watch 'a\\x00b': id"),
        ("parking", "watch number 2"),
    ],
)
def test_one_wrong_watch_keeps_the_last_good_configuration_in_force_and_is_named(
    box: Box, centre: SmallCentre, wrong: Any, says: str
) -> None:
    good = centre.tell(FLOOD | {"id": "flood-1"})
    box.side.ask()
    centre.tell(FLOOD | {"id": "flood-2"}, wrong)

    box.side.ask()

    assert box.side.fault is not None
    assert says in box.side.fault
    assert box.side.fault.startswith(f"revision {centre.revision}: ")
    assert "\x00" not in box.side.fault
    assert box.watches == ["flood-1"]
    assert box.side.in_force.revision == good
    box.again()
    assert box.watches == ["flood-1"]

    centre.tell(FLOOD | {"id": "flood-1"})
    box.side.ask()
    assert box.side.fault is None


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"{", "it is not JSON"),
        (b"[" * 50_000, "it is not JSON"),
        (b'{"edge_id": "corner-8", "watches": []}', "it is for edge 'corner-8', and this one is 'corner-7'"),
        (b'{"edge_id": "corner-7", "watches": [], "cameras": []}', "cameras: unknown key"),
        (b'{"edge_id": "corner-7"}', "watches: is missing"),
        (b"[]", "valid dictionary"),
        (b'{"edge_id": "corner-7", "watches": []}' + b" " * 5_000_001, "larger than 5000000 bytes"),
    ],
    ids=["no JSON", "too deep", "another edge's", "a camera", "no watches", "a list", "too large"],
)
def test_what_is_no_configuration_is_not_taken(box: Box, centre: SmallCentre, content: bytes, says: str) -> None:
    centre.raw = content

    box.side.ask()

    assert box.side.fault is not None
    assert says in box.side.fault
    assert box.watches == []
    assert box.side.in_force.known


def test_none_withdraws_what_there_was(box: Box, centre: SmallCentre) -> None:
    centre.tell(PARKING)
    box.side.ask()
    centre.configuration = None

    box.side.ask()

    assert box.watches == []
    assert box.side.in_force.known
    assert not box.file.exists()


@pytest.mark.parametrize("content", [b"", b"{", b'{"etag": "x"}', b'{"etag": 1, "document": {}}', b"\xff\x00"])
def test_a_damaged_file_is_told_and_says_nothing_about_what_is_wanted(
    box: Box, centre: SmallCentre, content: bytes
) -> None:
    box.file.write_bytes(content)

    side = box.again()

    told = "centre-configuration.json is damaged; waiting for the centre"
    assert (side.in_force.known, side.fault) == (False, told)
    assert box.watches == []
    centre.tell(PARKING)
    side.ask()
    assert box.watches == ["parking-south"]
    assert (side.in_force.known, side.fault) == (True, None)


def test_a_kept_configuration_that_no_longer_goes_with_the_file_is_told_and_taken_once_it_does(
    box: Box, centre: SmallCentre
) -> None:
    centre.tell(PARKING | {"camera": "gate"})
    box.side.ask()

    side = box.again(cameras=LOCAL["cameras"][:1])
    side.ask()

    assert side.fault is not None
    assert "no camera 'gate'" in side.fault
    assert not side.in_force.known
    assert box.again().in_force.known
    assert box.watches == ["parking-south"]


def test_without_room_on_the_disk_the_new_one_is_not_in_force_and_comes_as_soon_as_there_is(
    box: Box, centre: SmallCentre
) -> None:
    box.file.mkdir()
    (box.file / "in the way").touch()
    box.again()
    centre.tell(PARKING)

    box.side.ask()
    assert box.side.fault is not None
    assert "cannot be kept on the disk" in box.side.fault
    assert box.watches == []

    (box.file / "in the way").unlink()
    box.file.rmdir()
    box.side.ask()  # the centre answers 304 now
    assert box.watches == ["parking-south"]
    assert box.side.fault is None


def test_what_cannot_be_started_here_is_taken_back_and_not_tried_again(box: Box, centre: SmallCentre) -> None:
    good = centre.tell(FLOOD)
    box.side.ask()
    bad = centre.tell(PARKING)
    box.side.ask()
    assert box.side.in_force.revision == bad

    box.side.refuse(bad, "watch 'parking-south': detector: the weights are altered")

    assert box.side.in_force.revision == good
    box.side.ask()
    assert box.side.in_force.revision == good
    assert box.side.fault == f"revision {bad}: watch 'parking-south': detector: the weights are altered"
    assert json.loads(box.file.read_text())["revision"] == good


def test_the_first_one_that_cannot_be_started_leaves_nothing_known(box: Box, centre: SmallCentre) -> None:
    bad = centre.tell(PARKING)
    box.side.ask()

    box.side.refuse(bad, "it does not start")

    assert box.watches == []
    assert not box.side.in_force.known


def test_an_edge_that_is_offline_says_so_and_goes_on(box: Box) -> None:
    centre = SmallCentre(1)
    link = centre.link()
    side = CentreConfiguration(
        EdgeConfiguration.model_validate(LOCAL), KeptOffer(box.file), link, stop=threading.Event()
    )
    with pytest.raises(LinkDown):
        side.ask()
    assert side.in_force.known
    assert side.fault is None
    link.close()


def test_a_file_that_begins_to_turn_a_camera_is_not_taken_beside_the_centres_watches(
    box: Box, centre: SmallCentre
) -> None:
    centre.tell(PARKING)
    box.side.ask()
    turning = EdgeConfiguration.model_validate({**LOCAL, "watches": [PARKING | {"id": "parking", "preset": "market"}]})

    with pytest.raises(OfferRefused, match="'parking-south': names no preset"):
        box.side.take_local(turning)

    assert [w.preset for w in box.side.merged(box.side.in_force).watches] == [None, None]
