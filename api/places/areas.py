"""Keeps grids and roads: whole maps of them come in, are compared with what there is, and replace or complete it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from api.inserting import insert_rows
from api.places.editing import Editor
from api.places.errors import PlaceInUse, PlaceMissing
from api.places.features import CheckedFeature
from api.places.schemas import GridProperties, ImportAnswer, RoadProperties
from api.tables import Assignment, Grid, Road
from api.tables.base import JsonObject

IDS_AUDITED = 200


@dataclass(frozen=True, slots=True)
class AreaImport:
    """One import. whole: what is not in it goes. dry_run: nothing is changed, and the answer is the same."""

    editor: Editor
    whole: bool
    dry_run: bool
    features: Sequence[CheckedFeature[Any]] = field(repr=False)


def import_grids(session: Session, wanted: AreaImport) -> ImportAnswer:
    """Raises: PlaceInUse: If a grid would go that an assignment names."""
    return _import(session, Grid, {each.id: _grid_columns(each) for each in wanted.features}, wanted)


def import_roads(session: Session, wanted: AreaImport) -> ImportAnswer:
    return _import(session, Road, {each.id: _road_columns(each) for each in wanted.features}, wanted)


def remove_grid(session: Session, grid_id: str, editor: Editor) -> None:
    """Raises: PlaceMissing. PlaceInUse: If an assignment names it."""
    editor.changed(session, f"grid:{grid_id}", "grid removed")
    grid = session.get(Grid, grid_id)
    if grid is None:
        raise PlaceMissing(f"there is no grid {grid_id}")
    _check_unused(session, [grid_id])
    session.delete(grid)


def remove_road(session: Session, road_id: str, editor: Editor) -> None:
    """Raises: PlaceMissing."""
    editor.changed(session, f"road:{road_id}", "road removed")
    road = session.get(Road, road_id)
    if road is None:
        raise PlaceMissing(f"there is no road {road_id}")
    session.delete(road)


def _import(
    session: Session, table: type[Grid] | type[Road], columns: Mapping[str, JsonObject], wanted: AreaImport
) -> ImportAnswer:
    if not wanted.dry_run:
        # First, as it locks: of two imports at once the second compares with what the first has made.
        wanted.editor.changed(session, "places", f"{table.__tablename__} imported", **_counted(columns, wanted))
    rows: Sequence[Any] = session.scalars(select(table)).all()
    known: dict[str, Grid | Road] = {row.id: row for row in rows}
    added = [id for id in columns if id not in known]
    changed = [id for id in columns if id in known and _differs(known[id], columns[id])]
    removed = sorted(known.keys() - columns.keys()) if wanted.whole else []
    if removed and table is Grid:
        _check_unused(session, removed)
    if not wanted.dry_run:
        for id in removed:
            session.delete(known[id])
        for id in changed:
            for name, value in columns[id].items():
                setattr(known[id], name, value)
        session.flush()
        insert_rows(session, table, [columns[id] for id in added])
    unchanged = len(columns) - len(added) - len(changed)
    return ImportAnswer(dry_run=wanted.dry_run, added=added, changed=changed, removed=removed, unchanged=unchanged)


def _counted(columns: Mapping[str, JsonObject], wanted: AreaImport) -> JsonObject:
    return {"count": len(columns), "whole": wanted.whole, "ids": sorted(columns)[:IDS_AUDITED]}


def _differs(row: Grid | Road, columns: JsonObject) -> bool:
    return any(getattr(row, name) != value for name, value in columns.items())


def _check_unused(session: Session, grid_ids: Sequence[str]) -> None:
    gone = set(grid_ids)
    for grid_id in session.scalars(select(Assignment.grid_id).where(Assignment.grid_id.is_not(None))):
        if grid_id in gone:
            raise PlaceInUse(f"grid {grid_id} has an assignment of its own; take that back before")


def _grid_columns(feature: CheckedFeature[GridProperties]) -> JsonObject:
    given = feature.properties
    return {
        "id": feature.id,
        "name_en": given.name_en,
        "name_zh": given.name_zh,
        "district": given.district,
        "geometry": feature.geometry,
    }


def _road_columns(feature: CheckedFeature[RoadProperties]) -> JsonObject:
    given = feature.properties
    return {
        "id": feature.id,
        "name": given.name,
        "road_class": given.road_class.value,
        "width_m": given.width_m,
        "geometry": feature.geometry,
    }
