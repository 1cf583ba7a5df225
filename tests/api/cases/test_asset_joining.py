"""Two assets are two cases, whether a report names the asset or its sensor is registered with it."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

from api.tables import Edge, Sensor
from tests.api.cases.scenes import NOW, a_sight, case_of, north_of, somewhere
from tests.api.place import Place


def test_an_asset_that_is_registered_keeps_cases_apart_as_a_reported_one_does(shared_sqlite_place: Place) -> None:
    edge_id, place = f"edge-{uuid4().hex[:8]}", somewhere()
    with shared_sqlite_place.app.state.services.database.write() as session:
        session.add(Edge(id=edge_id, created_at=NOW))
        session.flush()
        for name in ("s1", "s2"):
            asset = f"underpass-{name}-{edge_id}"
            session.add(Sensor(edge_id=edge_id, id=name, name=name, asset_id=asset, **north_of(place, 10)))
    by_camera = case_of(shared_sqlite_place, a_sight(place, kind="road-flooding"))
    gauge: dict[str, Any] = {"edge_id": edge_id, "source_type": "sensor", "position": None, "kind": "road-flooding"}
    assert case_of(shared_sqlite_place, a_sight(source_id="s1", **gauge)) == by_camera
    assert case_of(shared_sqlite_place, a_sight(source_id="s2", **gauge)) != by_camera, "never two assets"
