"""From a supervisor at the API through a real gateway to a real edge, and back."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from edge.processes.run import Edge
from tests.edge.running import PARKING, running_edge
from tests.edge.small_centre import wait_until
from tests.ingest.centre import Centre
from tests.ingest.centre import Edge as Enrolled
from tests.ingest.way_back import ask, configure, log_in


@pytest.fixture
def centre(tmp_path: Path, redis_url: str) -> Iterator[Centre]:
    centre = Centre(tmp_path / "centre", redis_url=redis_url)
    try:
        centre.start_api_and_gateway()
        yield centre
    finally:
        centre.close()


def _answered(supervisor: httpx.Client, enrolled: Enrolled, **body: Any) -> dict[str, Any]:
    path = f"/api/v1/edges/{enrolled.edge_id}/requests/{ask(supervisor, enrolled, camera='yard', **body)}"
    wait_until(lambda: supervisor.get(path).json()["state"] != "open")
    shown: dict[str, Any] = supervisor.get(path).json()
    assert shown["state"] == "answered", shown
    return shown


def _judges(edge: Edge) -> bool:
    return [watch.id for watch in edge.status().watches if watch.judged > 0] == ["parking"]


def test_an_operator_sets_a_watch_sees_a_picture_and_tries_a_draft(
    tmp_path: Path, centre: Centre, street_clip: Path
) -> None:
    cameras = [{"id": "yard", "url": str(street_clip), "look_every_s": 2}]
    with centre.edge("corner-7") as enrolled, log_in(centre) as supervisor:
        etag = configure(supervisor, enrolled, [PARKING])
        with running_edge(tmp_path / "edge", port=centre.gateway_port, key=enrolled.key, cameras=cameras) as edge:
            wait_until(lambda: _judges(edge))
            assert f'"{edge.status().configuration_revision}"' == etag

            snapshot = _answered(supervisor, enrolled, type="snapshot")
            assert snapshot["result"]["ok"], snapshot
            [item] = snapshot["result"]["evidence"]
            shown = supervisor.get(f"/api/v1/edges/corner-7/requests/{snapshot['id']}/evidence/{item['sha256']}")
            assert shown.status_code == 200
            assert shown.content.startswith(b"\xff\xd8")

            looked = _answered(supervisor, enrolled, type="look_now")
            assert {finding["label"] for finding in looked["result"]["findings"]} <= {"car", "truck", "bus"}
            assert looked["result"]["findings"]

            tried = _answered(supervisor, enrolled, type="try_watch", watch=PARKING | {"id": "draft"})
            assert tried["result"]["ok"], tried
            assert tried["result"]["looks_tried"] >= 1

            configure(supervisor, enrolled, [PARKING | {"camera": "yrad"}])
            wait_until(lambda: _told(edge) is not None)
            assert "watch 'parking': camera: no camera 'yrad'; there is: yard" in str(_told(edge))
            assert f'"{edge.status().configuration_revision}"' == etag


def _told(edge: Edge) -> str | None:
    edge._centre.ask()  # now, and not only within a minute
    return edge.status().configuration_fault
