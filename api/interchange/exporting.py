"""Writes cases as CSV or GeoJSON, page by page, so that a million of them take no more memory than a thousand."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import AsyncGenerator, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any
from zoneinfo import ZoneInfo

from fastapi.concurrency import run_in_threadpool
from sqlalchemy import RowMapping, select
from sqlalchemy.orm import InstrumentedAttribute

from api.cases.filters import CaseFilter
from api.cases.lists import PageAsked, list_cases
from api.database import Database
from api.people.callers import Caller
from api.places.datum import wgs84_to_gcj02
from api.rights import Rights
from api.spreadsheets import harmless
from api.tables import Case, Kind

PAGE_CASES = 1000
BOM = "\ufeff"
_PLAIN = (
    "id",
    "number",
    "state",
    "version",
    "department",
    "grid_id",
    "district",
    "road_class",
    "source_type",
    "source_id",
    "channel",
    "asset_id",
    "address",
    "description",
    "first_seen_at",
    "last_seen_at",
    "created_at",
    "filed_at",
    "dispatched_at",
    "handle_due_at",
    "handled_at",
    "close_due_at",
    "closed_at",
    "urgent",
    "supervised",
    "exempt",
    "rework_count",
    "return_count",
    "extension_count",
    "reopened_count",
)
_COLUMNS: tuple[InstrumentedAttribute[Any], ...] = tuple(
    getattr(Case, name) for name in (*_PLAIN, "kind_key", "longitude", "latitude")
)
FIELDS = ("id", "number", "state", "kind", "kind_name", "code_scheme", "code", *_PLAIN[3:], "longitude", "latitude")
"""The columns of the CSV; a feature of GeoJSON has the same but for the last two."""


class ExportFormat(StrEnum):
    CSV = "csv"
    GEOJSON = "geojson"


MEDIA_TYPES = {
    ExportFormat.CSV: "text/csv; charset=utf-8; header=present",
    ExportFormat.GEOJSON: "application/geo+json",
}


@dataclass(frozen=True, slots=True)
class Export:
    """What is asked for, by whom and when, and how it is to be written. datum: of what is written."""

    database: Database
    rights: Rights
    caller: Caller
    wanted: CaseFilter
    now: datetime
    zone: ZoneInfo
    datum: str
    chinese: bool
    bom: bool

    async def csv(self) -> AsyncGenerator[str, None]:
        yield (BOM if self.bom else "") + _csv_lines([FIELDS])
        async for rows in self._pages():
            yield _csv_lines([_cell(row[name]) for name in FIELDS] for row in rows)

    async def geojson(self) -> AsyncGenerator[str, None]:
        yield f'{{"type":"FeatureCollection","datum":{json.dumps(self.datum)},"features":['
        between = "\n"
        async for rows in self._pages():
            for row in rows:
                yield between + json.dumps(_feature(row), ensure_ascii=False, separators=(",", ":"))
                between = ",\n"
        yield "\n]}\n"

    async def _pages(self) -> AsyncGenerator[list[dict[str, Any]], None]:
        """Each page in a session of its own: whoever reads slowly keeps no connection."""
        kinds = await run_in_threadpool(self._kinds)
        after: str | None = None
        while True:
            rows, after = await run_in_threadpool(self._page, after)
            if rows:
                yield [self._written(row, kinds[row["kind_key"]]) for row in rows]
            if after is None:
                return

    def _page(self, after: str | None) -> tuple[Sequence[RowMapping], str | None]:
        asked = PageAsked(self.wanted, after=after, limit=PAGE_CASES)
        with self.database.read() as session:
            return list_cases(session, self.rights, self.caller, asked=asked, of=select(*_COLUMNS), now=self.now)

    def _kinds(self) -> dict[str, Kind]:
        with self.database.read() as session:
            return {kind.key: kind for kind in session.scalars(select(Kind))}

    def _written(self, row: RowMapping, kind: Kind) -> dict[str, Any]:
        written = {name: self._value(row[name]) for name in _PLAIN}
        longitude, latitude = row["longitude"], row["latitude"]
        if longitude is not None and self.datum == "GCJ02":
            longitude, latitude = wgs84_to_gcj02(longitude, latitude)
        return written | {
            "kind": kind.key,
            "kind_name": kind.name_zh if self.chinese else kind.name_en,
            "code_scheme": kind.code_scheme,
            "code": kind.code,
            "longitude": None if longitude is None else round(longitude, 7),
            "latitude": None if latitude is None else round(latitude, 7),
        }

    def _value(self, value: Any) -> Any:
        if isinstance(value, datetime):
            return value.astimezone(self.zone).isoformat(timespec="seconds")
        return value if value is None or isinstance(value, (bool, int, float)) else str(value)


def _csv_lines(rows: Iterable[Sequence[Any]]) -> str:
    text = io.StringIO()
    csv.writer(text).writerows(rows)
    return text.getvalue()


def _cell(value: Any) -> Any:
    if isinstance(value, bool):
        return "yes" if value else "no"
    return harmless(value) if isinstance(value, str) else value


def _feature(row: Mapping[str, Any]) -> dict[str, Any]:
    longitude, latitude = row["longitude"], row["latitude"]
    geometry = None if longitude is None else {"type": "Point", "coordinates": [longitude, latitude]}
    properties = {name: row[name] for name in FIELDS if name not in ("longitude", "latitude")}
    return {"type": "Feature", "id": row["id"], "geometry": geometry, "properties": properties}
