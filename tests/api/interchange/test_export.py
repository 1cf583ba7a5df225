"""Exports hold what a list would show: all of it, harmless in a spreadsheet, valid when empty."""

from __future__ import annotations

import csv
import io
import json
from typing import Any

import pytest

from api.interchange import exporting
from api.places.datum import wgs84_to_gcj02
from api.rights import Role
from api.tables import AuditRow, Case
from tests.api.interchange.hooks import file_case
from tests.api.place import Place, a_report, a_watch

EXPORT = "/api/v1/cases/export"
SPOT = {"longitude": 118.4330000, "latitude": 32.4520000}


def _rows(place: Place, role: Role = Role.SUPERVISOR, **query: Any) -> list[dict[str, str]]:
    answer = place.person(role).get(EXPORT, params={"format": "csv", **query})
    assert answer.status_code == 200, answer.text
    return list(csv.DictReader(io.StringIO(answer.text)))


def _features(place: Place, **query: Any) -> list[dict[str, Any]]:
    answer = place.person(Role.SUPERVISOR).get(EXPORT, params={"format": "geojson", **query})
    assert answer.headers["Content-Type"] == "application/geo+json"
    document = json.loads(answer.content)
    assert document["type"] == "FeatureCollection"
    features: list[dict[str, Any]] = document["features"]
    return features


def test_a_csv_has_every_case_of_the_list_in_its_order(shared_place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(exporting, "PAGE_CASES", 2)
    edge = a_watch()
    cases = [file_case(shared_place, edge_id=edge, kind="burning") for _ in range(5)]
    rows = _rows(shared_place, edge=edge)
    assert [row["id"] for row in rows] == cases[::-1]
    assert list(rows[0]) == list(exporting.FIELDS)
    shown = shared_place.case(cases[0])
    assert rows[-1]["number"] == shown["number"]
    assert (rows[0]["kind"], rows[0]["kind_name"], rows[0]["code"]) == ("burning", shown["kind"]["name_en"], "0120")
    assert rows[0]["filed_at"].endswith("+08:00")
    in_chinese = _rows(shared_place, edge=edge, language="zh")
    assert in_chinese[0]["kind_name"] == shown["kind"]["name_zh"]


def test_a_geojson_has_points_in_the_datum_asked_for(shared_place: Place) -> None:
    edge = a_watch()
    placed = file_case(shared_place, edge_id=edge, kind="burning", position=SPOT)
    nowhere = file_case(shared_place, edge_id=edge, kind="burning")
    features = {feature["id"]: feature for feature in _features(shared_place, edge=edge)}
    assert features[placed]["geometry"] == {"type": "Point", "coordinates": [118.433, 32.452]}
    assert features[nowhere]["geometry"] is None
    assert features[placed]["properties"]["state"] == "filed"
    [shifted] = [found for found in _features(shared_place, edge=edge, datum="GCJ02") if found["id"] == placed]
    assert shifted["geometry"]["coordinates"] == pytest.approx(wgs84_to_gcj02(118.433, 32.452), abs=1e-6)


def test_an_empty_export_is_valid(shared_sqlite_place: Place) -> None:
    assert _features(shared_sqlite_place, edge="no-such-edge") == []
    assert _rows(shared_sqlite_place, edge="no-such-edge") == []


@pytest.mark.parametrize("words", ["=1+1", "+1", "-1", "@cmd", "\t=1", " =1", "＝1", '=HYPERLINK("x")'])
def test_no_cell_is_a_formula(shared_sqlite_place: Place, words: str) -> None:
    edge = a_watch()
    case_id = file_case(shared_sqlite_place, edge_id=edge)
    with shared_sqlite_place.app.state.services.database.write() as session:
        case = session.query(Case).filter(Case.edge_id == edge).one()
        case.description, case.longitude, case.latitude = words, -3.5, 1.0
    [row] = _rows(shared_sqlite_place, edge=edge)
    assert (row["id"], row["description"], row["longitude"]) == (case_id, f"'{words}", "-3.5")


def test_a_byte_order_mark_comes_where_it_is_wanted(shared_sqlite_place: Place) -> None:
    client = shared_sqlite_place.person(Role.SUPERVISOR)
    marked = client.get(EXPORT, params={"bom": "true", "edge": "none"})
    plain = client.get(EXPORT, params={"edge": "none"})
    assert marked.content == "\ufeff".encode() + plain.content
    assert plain.headers["Content-Disposition"].startswith('attachment; filename="cases-')


def test_whoever_exports_gets_no_more_than_the_list_shows(shared_place: Place) -> None:
    edge = a_watch()
    mine = file_case(shared_place, edge_id=edge)
    file_case(shared_place, edge_id=edge, kind="exposed-garbage")
    shared_place.report(a_report(edge_id=edge))
    assert [row["id"] for row in _rows(shared_place, Role.HANDLER, edge=edge)] == [mine]
    handler = shared_place.person(Role.HANDLER)
    assert handler.get(EXPORT, params={"state": "detected"}).status_code == 403
    assert shared_place.person(Role.INTEGRATOR).get(EXPORT).status_code == 403
    assert len(_rows(shared_place, edge=edge)) == 3
    assert len(_rows(shared_place, edge=edge, state="detected")) == 1


def test_every_export_is_audited(shared_place: Place) -> None:
    edge = a_watch()
    _rows(shared_place, edge=edge)
    with shared_place.app.state.services.database.read() as session:
        rows = session.query(AuditRow).filter(AuditRow.subject == "cases:export").all()
        [row] = [row for row in rows if row.details.get("edge") == edge]
    assert (row.actor, row.details["format"]) == ("person:supervisor-all", "csv")


def test_an_unknown_format_is_refused(shared_sqlite_place: Place) -> None:
    assert shared_sqlite_place.person(Role.SUPERVISOR).get(EXPORT, params={"format": "xls"}).status_code == 422
