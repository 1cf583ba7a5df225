"""The names of what figures are grouped by, in both languages."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from sqlalchemy import select
from sqlalchemy.orm import Session

from api.indicators.counting import GroupKey
from api.indicators.population import OPERATIONAL_KINDS, GroupBy
from api.tables import Camera, Department, Grid, Kind

_SHOWN_OF_HASH = 8


class Language(StrEnum):
    ZH = "zh"
    EN = "en"


@dataclass(frozen=True, slots=True)
class Naming:
    name_en: str
    name_zh: str

    def in_language(self, language: Language) -> str:
        return self.name_zh if language is Language.ZH else self.name_en


_PEOPLE = Naming("reported by people", "人员上报")

NOTHING: Mapping[GroupBy, Naming] = {
    GroupBy.CAMERA: _PEOPLE,
    GroupBy.WATCH: _PEOPLE,
    GroupBy.EDGE: _PEOPLE,
    GroupBy.GRID: Naming("outside all grids", "网格外"),
    GroupBy.MODEL: Naming("no model", "无模型"),
}
"""What cases have that have no grid, camera or model; all others always have theirs."""


class Names:
    """by: what the keys are of. Names are read once; a key that nobody named is its own name."""

    def __init__(self, session: Session, by: GroupBy) -> None:
        self.by = by
        self._known = _known(session, by)
        self._aside = _operational(session) if by is GroupBy.DEPARTMENT else frozenset()

    def of(self, key: GroupKey) -> Naming:
        if not any(key) and self.by in NOTHING:
            return NOTHING[self.by]
        plain = shown_key(key)
        if self.by is GroupBy.MODEL:
            plain = shown_key((key[0], key[1][:_SHOWN_OF_HASH]))
        return self._known.get(key, Naming(plain, plain))

    @property
    def keys(self) -> list[GroupKey]:
        """All that have a name, whether or not they have cases; without who handles nothing of the streets."""
        return sorted(self._known.keys() - self._aside)


def shown_key(key: GroupKey) -> str:
    """Returns one text for a key, such as gate-3/camera-1, empty where it names nothing; no id holds a slash."""
    return "/".join(key) if any(key) else ""


def _operational(session: Session) -> frozenset[GroupKey]:
    """Returns the departments of operational kinds alone."""
    of_kinds = session.execute(select(Kind.department, Kind.key)).all()
    streets = {department for department, kind in of_kinds if kind not in OPERATIONAL_KINDS}
    return frozenset((department,) for department, _ in of_kinds if department not in streets)


def _known(session: Session, by: GroupBy) -> dict[GroupKey, Naming]:
    if by is GroupBy.DEPARTMENT:
        query = select(Department.key, Department.name_en, Department.name_zh).where(Department.retired.is_(False))
    elif by is GroupBy.GRID:
        query = select(Grid.id, Grid.name_en, Grid.name_zh)
    elif by is GroupBy.KIND:
        query = select(Kind.key, Kind.name_en, Kind.name_zh)
    elif by is GroupBy.CAMERA:
        cameras = session.execute(select(Camera.edge_id, Camera.id, Camera.name))
        return {(edge, camera): Naming(name, name) for edge, camera, name in cameras}
    else:
        return {}
    return {(key,): Naming(name_en, name_zh) for key, name_en, name_zh in session.execute(query)}
