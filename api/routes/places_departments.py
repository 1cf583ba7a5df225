"""Departments, and which of them handles what where."""

from __future__ import annotations

from http import HTTPStatus
from typing import Annotated

from fastapi import APIRouter, Path, Response
from sqlalchemy import select

from api.access import allowed
from api.openapi import problems
from api.people.callers import Caller
from api.places.departments import add_assignment, remove_assignment, set_department
from api.places.editing import Editor
from api.places.schemas import GivenAssignment, GivenDepartment, ShownAssignment, ShownDepartment
from api.schemas import Key
from api.services import Here, RequestId
from api.tables import Assignment, Department

router = APIRouter(prefix="/api/v1/places", tags=["places"])
_EDIT = "places.edit_grids_departments_permits"
Mapper = Annotated[Caller, allowed(_EDIT)]
AssignmentId = Annotated[int, Path(ge=1, le=2**31 - 1)]


@router.get("/departments", dependencies=[allowed("places.read")])
def list_departments(here: Here) -> list[ShownDepartment]:
    with here.database.read() as session:
        return [_department(row) for row in session.scalars(select(Department).order_by(Department.key))]


@router.put("/departments/{key}")
def put_department(
    key: Key, given: GivenDepartment, caller: Mapper, here: Here, request_id: RequestId
) -> ShownDepartment:
    """Adds or changes a department. To retire one keeps its cases; no assignment of it holds any more."""
    editor = Editor.of(caller.actor, _EDIT, here, request_id)
    with here.database.write() as session:
        return _department(set_department(session, key, given, editor))


@router.get("/assignments", dependencies=[allowed("places.read")])
def list_assignments(here: Here) -> list[ShownAssignment]:
    with here.database.read() as session:
        return [_assignment(row) for row in session.scalars(select(Assignment).order_by(Assignment.id))]


@router.post(
    "/assignments",
    status_code=HTTPStatus.CREATED,
    responses=problems({409: "There is one for the same kind, class of road and grid."}),
)
def post_assignment(given: GivenAssignment, caller: Mapper, here: Here, request_id: RequestId) -> ShownAssignment:
    """Says who handles a kind on a class of road in a grid; the most definite assignment holds, then the kind's own."""
    editor = Editor.of(caller.actor, _EDIT, here, request_id)
    with here.database.write() as session:
        return _assignment(add_assignment(session, given, editor))


@router.delete("/assignments/{assignment_id}", status_code=HTTPStatus.NO_CONTENT)
def delete_assignment(assignment_id: AssignmentId, caller: Mapper, here: Here, request_id: RequestId) -> Response:
    editor = Editor.of(caller.actor, _EDIT, here, request_id)
    with here.database.write() as session:
        remove_assignment(session, assignment_id, editor)
    return Response(status_code=HTTPStatus.NO_CONTENT)


def _department(row: Department) -> ShownDepartment:
    return ShownDepartment(key=row.key, name_en=row.name_en, name_zh=row.name_zh, retired=row.retired)


def _assignment(row: Assignment) -> ShownAssignment:
    return ShownAssignment(
        id=row.id, kind=row.kind_key, road_class=row.road_class, grid_id=row.grid_id, department=row.department
    )
