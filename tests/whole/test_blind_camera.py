"""A camera goes black while it plays: a case of its own, and what stood before the lens is neither raised nor gone."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
import pytest

from api.people.keys import ensure_edge_key
from detectors.base import Image
from edge.processes import supervision
from edge.processes.run import Edge
from edge.staying.stays import Stay
from streetcase.all_in_one import AllInOne, Ports, free_port
from streetcase.demo.operator import DemoCase, Operator
from tests.edge.running import PARKING, running_edge, street_picture
from tests.services.http_camera import HttpCamera, mjpeg
from tests.whole.cases import incidents_of, phases_of, roles_of
from tests.whole.conftest import until
from tests.whole.hasty_cameras import hasty_main

LOOK_EVERY_S = 0.5
QUICK = PARKING | {"dwell_s": 2, "grace_s": 5, "clear_s": 1}
SLOW = PARKING | {"id": "slow", "kind": "street-encroachment", "labels": ["car", "truck"], "dwell_s": 3600}


def _jpegs(image: Image) -> list[bytes]:
    """Returns the picture as a sensor would give it, a few times: each with noise of its own."""
    dice = np.random.default_rng(5)
    noise = [dice.normal(0, 1.5, image.shape[:2]).round().astype(np.int16)[:, :, None] for _ in range(4)]
    noisy = [np.clip(image + one, 0, 255).astype(np.uint8) for one in noise]
    return mjpeg([cv2.imencode(".jpg", picture)[1].tobytes() for picture in noisy])


@pytest.fixture
def camera(tmp_path: Path) -> Iterator[HttpCamera]:
    pictures = _jpegs(street_picture(tmp_path))
    camera = HttpCamera(pictures, per_s=5, content_type="multipart/x-mixed-replace; boundary=picture")
    yield camera
    camera.close()


@pytest.fixture
def centre(tmp_path: Path) -> Iterator[AllInOne]:
    centre = AllInOne(tmp_path / "centre", host="127.0.0.1", ports=Ports(api=free_port(), gateway=free_port()))
    centre.start(say=lambda _: None)
    yield centre
    centre.stop()


@pytest.fixture
def operator(centre: AllInOne) -> Iterator[Operator]:
    operator = Operator(centre.api_url, administrator_password=str(centre.first_start.administrator_password))
    yield operator
    operator.close()


def test_a_camera_that_goes_black_is_a_case_and_its_stays_go_on_when_it_sees_again(
    tmp_path: Path,
    camera: HttpCamera,
    centre: AllInOne,
    operator: Operator,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(supervision, "group_main", hasty_main)
    key = ensure_edge_key(centre.settings, "corner-7", tmp_path / "edge.key")
    cameras = [{"id": "yard", "url": camera.url, "look_every_s": LOOK_EVERY_S}]

    def case_of(kind: str) -> DemoCase | None:
        return next((case for case in operator.cases() if case.kind == kind), None)

    with running_edge(
        tmp_path / "edge", port=int(centre.gateway_url.rsplit(":")[-1]), key=key, cameras=cameras, watches=[QUICK, SLOW]
    ) as edge:
        assert until(lambda: len(incidents_of(case_of("illegal-parking"))) == 2, logs=centre.logs)
        street, camera.pieces = camera.pieces, _jpegs(np.zeros((576, 768, 3), dtype=np.uint8))
        assert until(lambda: edge.status().cameras[0].fault == "black", logs=centre.logs)
        before = _by_incident(edge)
        assert len(before) == 4

        def is_told() -> bool:
            return roles_of(case_of("camera-fault")) >= {"start", "confirm"}

        # It lasts for longer than the watch needs to be sure that something is gone.
        assert until(is_told, logs=centre.logs)
        blind = _by_incident(edge)
        assert {i: (s.dwell_s, s.absent_s, s.raised) for i, s in blind.items() if i in before} == {
            i: (s.dwell_s, s.absent_s, s.raised) for i, s in before.items()
        }
        told = case_of("camera-fault")
        assert told is not None
        assert [finding["label"] for finding in told.reports[0]["payload"]["findings"]] == ["black"]

        camera.pieces = street

        def is_over() -> bool:
            case = case_of("camera-fault")
            return case is not None and case.is_gone and "after" in roles_of(case)

        assert until(is_over, logs=centre.logs)
        assert until(lambda: _all_go_on(before, _by_incident(edge)), logs=centre.logs)

    cases = {case.kind: phases_of(case) for case in operator.cases()}
    assert cases == {"illegal-parking": ["raised", "raised"], "camera-fault": ["raised", "cleared"]}


def _by_incident(edge: Edge) -> dict[object, Stay]:
    """Returns the stays in the yard, two of each watch; the fault's own is none of them."""
    stays = edge._outbox.stays()
    return {stay.incident_id: stay for stay in stays if stay.watch_id in (QUICK["id"], SLOW["id"])}


def _all_go_on(before: dict[object, Stay], now: dict[object, Stay]) -> bool:
    return now.keys() == before.keys() and all(now[i].sightings > stay.sightings for i, stay in before.items())
