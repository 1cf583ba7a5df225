"""What people say about places, and see of them."""

from __future__ import annotations

from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, BeforeValidator, Field, StrictBool, StringConstraints, model_validator

from api.places.geometry import Datum, place_from, place_in
from api.places.road_classes import RoadClass
from api.schemas import Key


def no_flag(value: Any) -> Any:
    """JSON's true is no number, whatever Python thinks."""
    if isinstance(value, bool):
        raise ValueError("expected a number")  # noqa: TRY004 (pydantic tells of a ValueError)
    return value


GridDistrict = Annotated[str, StringConstraints(pattern=r"^[0-9]{6}$")]
Longitude = Annotated[float, Field(ge=-180, le=180, allow_inf_nan=False), BeforeValidator(no_flag)]
Latitude = Annotated[float, Field(ge=-90, le=90, allow_inf_nan=False), BeforeValidator(no_flag)]
PlaceName = Annotated[str, StringConstraints(min_length=1, max_length=200, pattern=r"^[^\x00]*$")]


class GridProperties(BaseModel):
    """district: six digits, the first part of the numbers of its cases. One of the names is enough."""

    id: Key
    name_en: PlaceName
    name_zh: PlaceName
    district: GridDistrict

    @model_validator(mode="before")
    @classmethod
    def _one_name_is_enough(cls, given: Any) -> Any:
        if not isinstance(given, dict):
            return given
        names = [given.get(key) for key in ("name_en", "name_zh", "name") if given.get(key)]
        return {"name_en": names[0], "name_zh": names[0], **given} if names else given


class RoadProperties(BaseModel):
    """width_m: of the whole road, for one that is given as a line; of an area it says nothing."""

    id: Key
    name: PlaceName
    road_class: RoadClass
    width_m: Annotated[float, Field(gt=0, le=500, allow_inf_nan=False), BeforeValidator(no_flag)]


class Geometry(BaseModel):
    """GeoJSON; positions are longitude and latitude, degrees."""

    type: Literal["LineString", "MultiLineString", "Polygon", "MultiPolygon"]
    coordinates: list[Any]


class GridFeature(BaseModel):
    type: Literal["Feature"] = "Feature"
    id: str
    properties: GridProperties
    geometry: Geometry


class RoadFeature(BaseModel):
    type: Literal["Feature"] = "Feature"
    id: str
    properties: RoadProperties
    geometry: Geometry


class GridCollection(BaseModel):
    """datum: of the coordinates, which are kept in WGS-84."""

    type: Literal["FeatureCollection"] = "FeatureCollection"
    datum: Datum
    features: list[GridFeature]


class RoadCollection(BaseModel):
    """datum: of the coordinates, which are kept in WGS-84."""

    type: Literal["FeatureCollection"] = "FeatureCollection"
    datum: Datum
    features: list[RoadFeature]


class ImportAnswer(BaseModel):
    """What an import changed, or would have changed where it was a ``dry_run``."""

    dry_run: bool
    added: list[str]
    changed: list[str]
    removed: list[str]
    unchanged: int


class Point(BaseModel):
    longitude: float
    latitude: float


class ShownPoint(BaseModel):
    """A position in both datums; ``given_datum`` is the one that it came in, exactly."""

    wgs84: Point
    gcj02: Point
    given_datum: Datum


class GivenPoint(BaseModel):
    """A position, degrees, in ``datum``."""

    longitude: Longitude
    latitude: Latitude
    datum: Datum = "WGS84"


def point_columns(given: GivenPoint | None) -> dict[str, Any]:
    """The columns that cameras, sensors and assets keep of a position: in WGS-84, and as it was given."""
    if given is None:
        return dict.fromkeys(("longitude", "latitude", "given_longitude", "given_latitude", "given_datum"))
    longitude, latitude = place_from(given.longitude, given.latitude, given.datum)
    return {
        "longitude": longitude,
        "latitude": latitude,
        "given_longitude": given.longitude,
        "given_latitude": given.latitude,
        "given_datum": given.datum,
    }


def shown_point(row: Any) -> ShownPoint | None:
    """Of a row with those columns."""
    if row.longitude is None or row.latitude is None:
        return None
    given: Datum = "GCJ02" if row.given_datum == "GCJ02" else "WGS84"
    gcj02 = place_in(row.longitude, row.latitude, "GCJ02")
    if given == "GCJ02" and row.given_longitude is not None and row.given_latitude is not None:
        gcj02 = (row.given_longitude, row.given_latitude)
    return ShownPoint(
        wgs84=Point(longitude=row.longitude, latitude=row.latitude),
        gcj02=Point(longitude=gcj02[0], latitude=gcj02[1]),
        given_datum=given,
    )


class ShownDepartment(BaseModel):
    key: str
    name_en: str
    name_zh: str
    retired: bool


class GivenDepartment(BaseModel):
    name_en: PlaceName
    name_zh: PlaceName
    retired: StrictBool = False


class GivenAssignment(BaseModel):
    """Who handles this kind, on this class of road, in this grid; what is left out stands for any. One is needed."""

    kind: Key | None = None
    road_class: RoadClass | None = None
    grid_id: Key | None = None
    department: Key

    @model_validator(mode="after")
    def _names_something(self) -> Self:
        if self.kind is None and self.road_class is None and self.grid_id is None:
            raise ValueError(
                "expected a kind, a road_class or a grid_id; of a kind alone the catalogue says who handles it"
            )
        return self


class ShownAssignment(BaseModel):
    id: int
    kind: str | None
    road_class: str | None
    grid_id: str | None
    department: str
