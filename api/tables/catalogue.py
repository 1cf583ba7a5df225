"""The tables of kinds: what sorts of problems there are, under which code, with which limits."""

from __future__ import annotations

from sqlalchemy import ForeignKey
from sqlalchemy.orm import Mapped, mapped_column

from api.tables.base import Base, Flag, Name, Text


class Kind(Base):
    """A kind under its local code; ``join_by_watch``, ``family``, ``join_m`` and ``join_h`` govern joining.

    ``department`` is who handles it, ``limit`` counts in ``limit_unit`` (see domain.md's five units).
    """

    __tablename__ = "kinds"

    key: Mapped[Name] = mapped_column(primary_key=True)
    name_en: Mapped[Text]
    name_zh: Mapped[Text]
    code_class: Mapped[Name]
    code_scheme: Mapped[Name | None]
    code: Mapped[Name | None]
    seen_by: Mapped[Name]
    policy: Mapped[Name]
    dwell_s: Mapped[float]
    clear_s: Mapped[float]
    limit: Mapped[float]
    limit_unit: Mapped[Name]
    department: Mapped[Name]
    family: Mapped[Name]
    join_m: Mapped[float]
    join_h: Mapped[float]
    join_by_watch: Mapped[bool]
    mute_h: Mapped[float]
    keep_plate: Mapped[bool]
    safety: Mapped[bool]
    note: Mapped[Text | None]
    retired: Mapped[Flag]


class KindCondition(Base):
    """Under which condition a case of this kind is filed and closed, with a limit of its own where it has one."""

    __tablename__ = "kind_conditions"

    kind_key: Mapped[Name] = mapped_column(ForeignKey("kinds.key"), primary_key=True)
    key: Mapped[Name] = mapped_column(primary_key=True)
    filed_when_en: Mapped[Text]
    filed_when_zh: Mapped[Text]
    closed_when_en: Mapped[Text | None]
    closed_when_zh: Mapped[Text | None]
    limit: Mapped[float | None]
    limit_unit: Mapped[Name | None]


class Code(Base):
    """A code of an imported table, a string under its scheme; ``code_class`` is event or component."""

    __tablename__ = "codes"

    scheme: Mapped[Name] = mapped_column(primary_key=True)
    code_class: Mapped[Name] = mapped_column(primary_key=True)
    code: Mapped[Name] = mapped_column(primary_key=True)
    name_en: Mapped[Text]
    name_zh: Mapped[Text]
    confidence: Mapped[Name | None]
