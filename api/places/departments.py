"""Keeps departments, and who of them handles which kind on which class of road in which grid."""

from __future__ import annotations

from sqlalchemy import select
from sqlalchemy.orm import Session

from api.places.editing import Editor
from api.places.errors import Fault, PlaceMissing, PlacesRefused, PlaceTaken
from api.places.schemas import GivenAssignment, GivenDepartment
from api.tables import Assignment, Department, Grid, Kind


def set_department(session: Session, key: str, given: GivenDepartment, editor: Editor) -> Department:
    """Adds or changes a department. A retired one keeps its cases, and no assignment of it holds any more."""
    editor.changed(session, f"department:{key}", "department set", **given.model_dump())
    department = session.get(Department, key)
    if department is None:
        department = Department(key=key)
        session.add(department)
    department.name_en, department.name_zh, department.retired = given.name_en, given.name_zh, given.retired
    session.flush()
    return department


def add_assignment(session: Session, given: GivenAssignment, editor: Editor) -> Assignment:
    """Raises: PlacesRefused: If something that it names is not there. PlaceTaken: If there is one for the same."""
    told = given.model_dump(mode="json")
    editor.changed(session, f"department:{given.department}", "assignment added", **told)
    _check_named(session, given)
    road_class = None if given.road_class is None else given.road_class.value
    same = select(Assignment).where(
        Assignment.kind_key.is_not_distinct_from(given.kind),
        Assignment.road_class.is_not_distinct_from(road_class),
        Assignment.grid_id.is_not_distinct_from(given.grid_id),
    )
    there = session.scalars(same).first()
    if there is not None:
        raise PlaceTaken(f"assignment {there.id} gives the same to {there.department}; take it back before")
    row = Assignment(kind_key=given.kind, road_class=road_class, grid_id=given.grid_id, department=given.department)
    session.add(row)
    session.flush()
    return row


def remove_assignment(session: Session, assignment_id: int, editor: Editor) -> None:
    """Raises: PlaceMissing."""
    row = session.get(Assignment, assignment_id)
    if row is None:
        raise PlaceMissing(f"there is no assignment {assignment_id}")
    told = {"id": row.id, "kind": row.kind_key, "road_class": row.road_class, "grid_id": row.grid_id}
    editor.changed(session, f"department:{row.department}", "assignment removed", **told)
    session.delete(row)


def _check_named(session: Session, given: GivenAssignment) -> None:
    faults = []
    department = session.get(Department, given.department)
    if department is None or department.retired:
        faults.append(Fault("department", f"expected one that is in force, got {given.department}"))
    if given.kind is not None and session.get(Kind, given.kind) is None:
        faults.append(Fault("kind", f"expected one of the catalogue, got {given.kind}"))
    if given.grid_id is not None and session.get(Grid, given.grid_id) is None:
        faults.append(Fault("grid_id", f"expected a grid that there is, got {given.grid_id}"))
    if faults:
        raise PlacesRefused(faults)
