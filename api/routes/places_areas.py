"""Grids and roads: shown as GeoJSON in the datum of one's map, and imported from it."""

from __future__ import annotations

from http import HTTPStatus
from typing import Annotated, Any

import structlog
from fastapi import APIRouter, Query, Response
from sqlalchemy import select

from api.access import allowed
from api.openapi import problems
from api.people.callers import Caller
from api.places.areas import AreaImport, import_grids, import_roads, remove_grid, remove_road
from api.places.editing import Editor
from api.places.features import checked_features
from api.places.geometry import AREA_TYPES, LINE_TYPES, Datum, in_datum
from api.places.road_classes import RoadClass
from api.places.schemas import (
    Geometry,
    GridCollection,
    GridFeature,
    GridProperties,
    ImportAnswer,
    RoadCollection,
    RoadFeature,
    RoadProperties,
)
from api.routes.json_body import JsonBody
from api.schemas import Key
from api.services import Here, RequestId, Services
from api.tables import Grid, Road

GRIDS_PATH = "/api/v1/places/grids"
ROADS_PATH = "/api/v1/places/roads"
MAX_AREAS_BODY_BYTES = 16_000_000

router = APIRouter(tags=["places"])
_log = structlog.get_logger()
_EDIT = "places.edit_grids_departments_permits"
Mapper = Annotated[Caller, allowed(_EDIT)]
DatumAsked = Annotated[Datum, Query(description="Of the coordinates: GCJ02 is the datum of Chinese maps.")]
DryRun = Annotated[bool, Query(description="Check and compare, and change nothing.")]


def _described(properties: dict[str, Any], geometry: dict[str, Any]) -> dict[str, Any]:
    """For OpenAPI, which does not see a body that is read after its sender was let through."""
    example = {"type": "Feature", "properties": properties, "geometry": geometry}
    parts = {"type": {"const": "Feature"}, "properties": {"type": "object"}, "geometry": {"type": "object"}}
    feature = {"type": "object", "required": list(parts), "properties": parts}
    schema = {
        "type": "object",
        "required": ["type", "features"],
        "properties": {"type": {"const": "FeatureCollection"}, "features": {"type": "array", "items": feature}},
    }
    content = {"schema": schema, "example": {"type": "FeatureCollection", "features": [example]}}
    return {"requestBody": {"required": True, "content": {"application/json": content}}}


_GRIDS = _described(
    {"id": "xinan-3", "name_en": "Xin'an 3", "name_zh": "新安镇第三网格", "district": "341122"},
    {"type": "Polygon", "coordinates": [[[118.43, 32.45], [118.44, 32.45], [118.44, 32.46], [118.43, 32.45]]]},
)
_ROADS = _described(
    {"id": "g104", "name": "G104", "road_class": "national", "width_m": 24},
    {"type": "LineString", "coordinates": [[118.43, 32.45], [118.44, 32.45]]},
)
_IMPORTED = problems({422: "The map is not as expected; ``errors`` names each feature, and what was expected of it."})


@router.get(GRIDS_PATH, dependencies=[allowed("places.read")])
def show_grids(here: Here, datum: DatumAsked = "WGS84") -> GridCollection:
    with here.database.read() as session:
        rows = session.scalars(select(Grid).order_by(Grid.id)).all()
    return GridCollection(datum=datum, features=[_grid(row, datum) for row in rows])


@router.put(GRIDS_PATH, openapi_extra=_GRIDS, responses=_IMPORTED)
def replace_grids(
    *,
    caller: Mapper,
    body: JsonBody,
    here: Here,
    request_id: RequestId,
    datum: DatumAsked = "WGS84",
    dry_run: DryRun = False,
) -> ImportAnswer:
    """Takes a feature collection as the whole map: grids that are not in it go. Cases stay as they are."""
    return _grids_imported(body, datum, _editor(caller, here, request_id), here, whole=True, dry_run=dry_run)


@router.post(GRIDS_PATH, openapi_extra=_GRIDS, responses=_IMPORTED)
def add_grids(
    *,
    caller: Mapper,
    body: JsonBody,
    here: Here,
    request_id: RequestId,
    datum: DatumAsked = "WGS84",
    dry_run: DryRun = False,
) -> ImportAnswer:
    """Adds the grids of a feature collection, or changes those of the same ids; all others stay."""
    return _grids_imported(body, datum, _editor(caller, here, request_id), here, whole=False, dry_run=dry_run)


@router.delete(GRIDS_PATH + "/{grid_id}", status_code=HTTPStatus.NO_CONTENT)
def delete_grid(grid_id: Key, caller: Mapper, here: Here, request_id: RequestId) -> Response:
    """409 where an assignment names it."""
    with here.database.write() as session:
        remove_grid(session, grid_id, _editor(caller, here, request_id))
    return Response(status_code=HTTPStatus.NO_CONTENT)


@router.get(ROADS_PATH, dependencies=[allowed("places.read")])
def show_roads(here: Here, datum: DatumAsked = "WGS84") -> RoadCollection:
    with here.database.read() as session:
        rows = session.scalars(select(Road).order_by(Road.id)).all()
    return RoadCollection(datum=datum, features=[_road(row, datum) for row in rows])


@router.put(ROADS_PATH, openapi_extra=_ROADS, responses=_IMPORTED)
def replace_roads(
    *,
    caller: Mapper,
    body: JsonBody,
    here: Here,
    request_id: RequestId,
    datum: DatumAsked = "WGS84",
    dry_run: DryRun = False,
) -> ImportAnswer:
    """Takes a feature collection as the whole map: roads that are not in it go."""
    return _roads_imported(body, datum, _editor(caller, here, request_id), here, whole=True, dry_run=dry_run)


@router.post(ROADS_PATH, openapi_extra=_ROADS, responses=_IMPORTED)
def add_roads(
    *,
    caller: Mapper,
    body: JsonBody,
    here: Here,
    request_id: RequestId,
    datum: DatumAsked = "WGS84",
    dry_run: DryRun = False,
) -> ImportAnswer:
    """Adds the roads of a feature collection, or changes those of the same ids; all others stay."""
    return _roads_imported(body, datum, _editor(caller, here, request_id), here, whole=False, dry_run=dry_run)


@router.delete(ROADS_PATH + "/{road_id}", status_code=HTTPStatus.NO_CONTENT)
def delete_road(road_id: Key, caller: Mapper, here: Here, request_id: RequestId) -> Response:
    with here.database.write() as session:
        remove_road(session, road_id, _editor(caller, here, request_id))
    return Response(status_code=HTTPStatus.NO_CONTENT)


def _editor(caller: Caller, here: Services, request_id: str) -> Editor:
    return Editor.of(caller.actor, _EDIT, here, request_id)


def _grids_imported(
    body: Any, datum: Datum, editor: Editor, here: Services, *, whole: bool, dry_run: bool
) -> ImportAnswer:
    features = checked_features(body, GridProperties, types=AREA_TYPES, datum=datum)
    with here.database.read() if dry_run else here.database.write() as session:
        answer = import_grids(session, AreaImport(editor, whole, dry_run, features))
    _log_import("grids", answer, editor)
    return answer


def _roads_imported(
    body: Any, datum: Datum, editor: Editor, here: Services, *, whole: bool, dry_run: bool
) -> ImportAnswer:
    features = checked_features(body, RoadProperties, types=LINE_TYPES + AREA_TYPES, datum=datum)
    with here.database.read() if dry_run else here.database.write() as session:
        answer = import_roads(session, AreaImport(editor, whole, dry_run, features))
    _log_import("roads", answer, editor)
    return answer


def _log_import(what: str, answer: ImportAnswer, editor: Editor) -> None:
    if not answer.dry_run:
        counts = {"added": len(answer.added), "changed": len(answer.changed), "removed": len(answer.removed)}
        _log.info(f"{what} imported", actor=editor.actor, **counts)


def _grid(row: Grid, datum: Datum) -> GridFeature:
    properties = GridProperties.model_construct(
        id=row.id, name_en=row.name_en, name_zh=row.name_zh, district=row.district
    )
    geometry = Geometry.model_construct(**in_datum(row.geometry, datum))
    return GridFeature.model_construct(id=row.id, properties=properties, geometry=geometry)


def _road(row: Road, datum: Datum) -> RoadFeature:
    properties = RoadProperties.model_construct(
        id=row.id, name=row.name, road_class=RoadClass(row.road_class), width_m=row.width_m
    )
    geometry = Geometry.model_construct(**in_datum(row.geometry, datum))
    return RoadFeature.model_construct(id=row.id, properties=properties, geometry=geometry)
