"""The catalogue's tables and calendars' special days as CSV files, out and in."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict
from hashlib import sha256
from http import HTTPStatus
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Response

from api.access import allowed
from api.catalogue.codes import CodeTable
from api.catalogue.csv_tables import Line, TableRefused, read_table, write_table
from api.catalogue.imports import CatalogueTable, Outcome, import_table, lock_catalogue
from api.catalogue.kinds import ConditionTable, KindTable
from api.clocks.calendars import DayTable, find_calendar
from api.clocks.stages import escalation_table, stage_table
from api.people.callers import Caller
from api.problems import Problem
from api.routes.catalogue_edit import Edit
from api.routes.csv_body import (
    DESCRIBED,
    REFUSALS,
    SHOWN,
    CsvBody,
    ImportAnswer,
    ImportWishes,
    Wishes,
    csv_file,
    refused,
)
from api.schemas import Key
from api.services import Here, RequestId

CATALOGUE_FILE_PATH = "/api/v1/catalogue/{table}.csv"
DAYS_FILE_PATH = "/api/v1/calendars/{key}/days.csv"

router = APIRouter(tags=["catalogue"])
_May = Annotated[Caller, allowed("catalogue.edit")]

TableName = Literal["kinds", "conditions", "codes", "stages", "escalation"]
_TABLES: dict[TableName, Callable[[], CatalogueTable[Any]]] = {
    "kinds": KindTable,
    "conditions": ConditionTable,
    "codes": CodeTable,
    "stages": stage_table,
    "escalation": escalation_table,
}


@router.get(CATALOGUE_FILE_PATH, dependencies=[allowed("catalogue.read")], response_class=Response, responses=SHOWN)
def export_table(table: TableName, here: Here) -> Response:
    """The table as a file that can be imported again; retired kinds are left out."""
    with here.database.read() as session:
        return _exported(session, _TABLES[table]())


@router.post(CATALOGUE_FILE_PATH, openapi_extra=DESCRIBED, responses=REFUSALS)
def take_table(
    *, table: TableName, caller: _May, body: CsvBody, wishes: Wishes, here: Here, request_id: RequestId
) -> ImportAnswer:
    """Takes all lines or none; a 422 names each wrong line, its column, what was expected and what was found.

    Rows not in the file stay, or with ``missing=remove`` go: kinds that something still names are retired, codes that
    a kind has and those of other schemes stay.
    """
    return _imported(_TABLES[table](), body, wishes, Edit(f"catalogue:{table}", caller, here, request_id))


@router.get(DAYS_FILE_PATH, dependencies=[allowed("catalogue.read")], response_class=Response, responses=SHOWN)
def export_days(key: Key, here: Here) -> Response:
    """The holidays and make-up working days of a calendar."""
    with here.database.read() as session:
        if find_calendar(session, key) is None:
            raise _no_calendar(key)
        return _exported(session, DayTable(key))


@router.post(DAYS_FILE_PATH, openapi_extra=DESCRIBED, responses=REFUSALS)
def take_days(
    *, key: Key, caller: _May, body: CsvBody, wishes: Wishes, here: Here, request_id: RequestId
) -> ImportAnswer:
    """Takes holidays (working 0) and make-up working days (working 1); dues that are fixed already stay."""
    with here.database.read() as session:
        if find_calendar(session, key) is None:
            raise _no_calendar(key)
    return _imported(DayTable(key), body, wishes, Edit(f"calendar:{key}:days", caller, here, request_id))


def _exported(session: Any, table: CatalogueTable[Any]) -> Response:
    return csv_file(write_table(table.shape, table.exported(session)), table.name)


def _imported(table: CatalogueTable[Any], body: bytes, wishes: ImportWishes, edit: Edit) -> ImportAnswer:
    try:
        lines = read_table(body, table.shape, encoding=wishes.encoding)
        outcome = _tried(table, lines, wishes, edit) if wishes.dry_run else _done(table, lines, wishes, edit, body)
    except TableRefused as error:
        raise refused(error) from None
    return ImportAnswer(dry_run=wishes.dry_run, **asdict(outcome))


def _tried(table: CatalogueTable[Any], lines: list[Line[Any]], wishes: ImportWishes, edit: Edit) -> Outcome:
    with edit.here.database.write() as session:
        lock_catalogue(session)
        outcome = import_table(session, table, lines, missing=wishes.missing)
        session.rollback()
    return outcome


def _done(table: CatalogueTable[Any], lines: list[Line[Any]], wishes: ImportWishes, edit: Edit, body: bytes) -> Outcome:
    details = {"file_sha256": sha256(body).hexdigest(), "missing": wishes.missing}
    with edit.transaction(details) as session:
        outcome = import_table(session, table, lines, missing=wishes.missing)
        details |= asdict(outcome)
    return outcome


def _no_calendar(key: str) -> Problem:
    return Problem(HTTPStatus.NOT_FOUND, f"there is no calendar {key}")
