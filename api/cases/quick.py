"""Shows many cases quickly: columns straight into JSON, in the shape of ``CaseSummary``, which a test holds it to."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from pydantic_core import to_json
from sqlalchemy import RowMapping, bindparam, select
from sqlalchemy.orm import Session

from api.cases.schemas import CaseSummary, ShownKind, ShownPosition
from api.tables import Case, Kind

_POSITION = tuple(ShownPosition.model_fields)
_PLAIN = tuple(name for name in CaseSummary.model_fields if name in Case.__mapper__.column_attrs)
NEEDED = (*_PLAIN, "kind_key", "detected_kind_key", *_POSITION)

LIST = select(*(Case.__table__.c[name] for name in dict.fromkeys(NEEDED)))
"""What a summary is made of; all of them are columns of the case. Built once, as building it takes its time."""

_KINDS = select(*(Kind.__table__.c[name] for name in ShownKind.model_fields)).where(
    Kind.__table__.c.key.in_(bindparam("keys", expanding=True))
)


def kinds_of(session: Session, rows: Sequence[RowMapping]) -> dict[str, dict[str, Any]]:
    """Returns what is shown of each kind that these cases have, by its key."""
    keys = {row["kind_key"] for row in rows}
    if not keys:
        return {}
    found = session.connection().execute(_KINDS, {"keys": sorted(keys)}).mappings()
    return {kind["key"]: dict(kind) for kind in found}


def summary_of(row: RowMapping | Mapping[str, Any], kinds: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    """Returns one case in the order and with the names of ``CaseSummary``."""
    shown = {name: row[name] for name in _PLAIN}
    shown["kind"] = kinds[row["kind_key"]]
    shown["detected_kind"] = row["detected_kind_key"]
    shown["edge_id"], shown["watch_id"] = row["edge_id"] or None, row["watch_id"] or None
    shown["position"] = None if row["longitude"] is None else {name: row[name] for name in _POSITION}
    return shown


def page_json(rows: Iterable[RowMapping], kinds: Mapping[str, Mapping[str, Any]], *, following: str | None) -> bytes:
    """Returns a ``CasePage`` as JSON."""
    return to_json({"items": [summary_of(row, kinds) for row in rows], "next": following})
