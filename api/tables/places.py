"""The tables of places: grids, departments, roads, permits, cameras, sensors, assets. Geometry is GeoJSON in WGS-84."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import JSON, ForeignKey
from sqlalchemy.orm import Mapped, mapped_column

from api.tables.base import Base, Flag, JsonObject, Name, RowNumber, Text, Uuid7Key


class Department(Base):
    """Who handles cases."""

    __tablename__ = "departments"

    key: Mapped[Name] = mapped_column(primary_key=True)
    name_en: Mapped[Text]
    name_zh: Mapped[Text]
    retired: Mapped[Flag]


class Grid(Base):
    """A responsibility area; ``district`` (six digits) is the first part of the numbers of its cases."""

    __tablename__ = "grids"

    id: Mapped[Name] = mapped_column(primary_key=True)
    name_en: Mapped[Text]
    name_zh: Mapped[Text]
    district: Mapped[Name]
    geometry: Mapped[JsonObject] = mapped_column(JSON)


class Assignment(Base):
    """Who handles a kind on a class of road in a grid; None stands for any. The most definite one holds."""

    __tablename__ = "assignments"

    id: Mapped[RowNumber]
    kind_key: Mapped[Name | None] = mapped_column(ForeignKey("kinds.key"))
    road_class: Mapped[Name | None]
    grid_id: Mapped[Name | None] = mapped_column(ForeignKey("grids.id"))
    department: Mapped[Name] = mapped_column(ForeignKey("departments.key"))


class Road(Base):
    """A road as a line or an area; a position within ``width_m`` / 2 of a line is on it."""

    __tablename__ = "roads"

    id: Mapped[Name] = mapped_column(primary_key=True)
    name: Mapped[Text]
    road_class: Mapped[Name]
    width_m: Mapped[float]
    geometry: Mapped[JsonObject] = mapped_column(JSON)


class Permit(Base):
    """What is allowed: these kinds, in this area, from ``from_at`` until ``until_at``, on these local hours and days.

    daily_from, daily_until: "HH:MM"; a window past midnight ends on the next day. weekdays: 0 (Monday) to 6, or all.
    time_zone: whose hours and days these are, as the site's was when the permit was made.
    """

    __tablename__ = "permits"

    id: Mapped[Uuid7Key]
    name: Mapped[Text]
    holder: Mapped[Text | None]
    kinds: Mapped[list[str]] = mapped_column(JSON)
    geometry: Mapped[JsonObject] = mapped_column(JSON)
    from_at: Mapped[datetime]
    until_at: Mapped[datetime]
    daily_from: Mapped[Name | None]
    daily_until: Mapped[Name | None]
    weekdays: Mapped[list[int] | None] = mapped_column(JSON(none_as_null=True))
    time_zone: Mapped[Name]
    created_at: Mapped[datetime]
    created_by: Mapped[Text]
    revoked_at: Mapped[datetime | None]


class Camera(Base):
    """A camera as people know it: a name, and the ground that it sees, which serves where a report has no position."""

    __tablename__ = "cameras"

    edge_id: Mapped[Name] = mapped_column(ForeignKey("edges.id"), primary_key=True)
    id: Mapped[Name] = mapped_column(primary_key=True)
    name: Mapped[Text]
    longitude: Mapped[float | None]
    latitude: Mapped[float | None]
    given_longitude: Mapped[float | None]
    given_latitude: Mapped[float | None]
    given_datum: Mapped[Name | None]
    presets: Mapped[list[str]] = mapped_column(JSON)
    note: Mapped[Text | None]


class Sensor(Base):
    """A sensor as people know it; ``asset_id`` is the component that it watches."""

    __tablename__ = "sensors"

    edge_id: Mapped[Name] = mapped_column(ForeignKey("edges.id"), primary_key=True)
    id: Mapped[Name] = mapped_column(primary_key=True)
    name: Mapped[Text]
    asset_id: Mapped[Name | None]
    longitude: Mapped[float | None]
    latitude: Mapped[float | None]
    given_longitude: Mapped[float | None]
    given_latitude: Mapped[float | None]
    given_datum: Mapped[Name | None]
    note: Mapped[Text | None]


class Asset(Base):
    """A component of the city, such as a manhole or a lamp, under its own code."""

    __tablename__ = "assets"

    id: Mapped[Name] = mapped_column(primary_key=True)
    name: Mapped[Text]
    code_scheme: Mapped[Name | None]
    code: Mapped[Name | None]
    department: Mapped[Name | None] = mapped_column(ForeignKey("departments.key"))
    longitude: Mapped[float | None]
    latitude: Mapped[float | None]
    given_longitude: Mapped[float | None]
    given_latitude: Mapped[float | None]
    given_datum: Mapped[Name | None]
