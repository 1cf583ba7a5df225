"""Takes a GeoJSON feature collection apart into checked features, and names every one that is not as it should be."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from pydantic import BaseModel, ValidationError

from api.places.errors import Fault, PlacesRefused
from api.places.geometry import Allowance, Datum, GeometryRefused, checked_geometry
from api.tables.base import JsonObject

FEATURES_MAX = 20_000
POSITIONS_MAX = 200_000
FAULTS_SOUGHT = 1000
_ID_SHOWN_CHARS = 40

Properties = TypeVar("Properties", bound=BaseModel)


@dataclass(frozen=True, slots=True)
class CheckedFeature(Generic[Properties]):
    """properties: with the feature's id among them. geometry: in WGS-84."""

    id: str
    properties: Properties
    geometry: JsonObject


@dataclass(frozen=True, slots=True)
class _Areas:
    """What geometries are expected."""

    types: Collection[str]
    datum: Datum
    allowance: Allowance

    def checked(self, geometry: Any) -> JsonObject:
        return checked_geometry(geometry, types=self.types, datum=self.datum, allowance=self.allowance)


def checked_features(
    collection: Any, properties: type[Properties], *, types: Collection[str], datum: Datum
) -> list[CheckedFeature[Properties]]:
    """Returns the features in order. ``properties`` has a field ``id``; a feature's own id may stand in its place.

    Raises: PlacesRefused: With every fault, up to ``FAULTS_SOUGHT``.
    """
    checked: dict[str, CheckedFeature[Properties]] = {}
    faults: list[Fault] = []
    allowance = Allowance(POSITIONS_MAX)
    for number, feature in enumerate(_features_of(collection)):
        where = f"features[{number}]{_id_shown(feature)}"
        found = _checked(feature, properties, _Areas(types, datum, allowance), where)
        if isinstance(found, list):
            faults += found
        elif found.id in checked:
            faults.append(Fault(where, f"expected an id of its own, {found.id} stands twice"))
        else:
            checked[found.id] = found
        if len(faults) >= FAULTS_SOUGHT or allowance.left < 0:
            break
    if faults:
        raise PlacesRefused(faults)
    return list(checked.values())


def _features_of(collection: Any) -> list[Any]:
    if not isinstance(collection, dict) or collection.get("type") != "FeatureCollection":
        raise PlacesRefused([Fault("body", "expected a GeoJSON object of type FeatureCollection")])
    features = collection.get("features")
    if not isinstance(features, list) or len(features) > FEATURES_MAX:
        got = f"{len(features)}" if isinstance(features, list) else "none"
        raise PlacesRefused([Fault("features", f"expected a list of {FEATURES_MAX} features at most, got {got}")])
    return features


def _checked(
    feature: Any, shape: type[Properties], areas: _Areas, where: str
) -> CheckedFeature[Properties] | list[Fault]:
    if not isinstance(feature, dict) or feature.get("type") != "Feature":
        return [Fault(where, "expected an object of type Feature")]
    given = feature.get("properties")
    if given is not None and not isinstance(given, dict):
        return [Fault(where, "properties: expected an object")]
    faults: list[Fault] = []
    properties: Properties | None = None
    try:
        properties = shape.model_validate({"id": _id_of(feature), **(given or {})})
    except ValidationError as error:
        faults = [Fault(where, _why(each)) for each in error.errors(include_url=False, include_input=False)]
    try:
        geometry = areas.checked(feature.get("geometry"))
    except GeometryRefused as error:
        return [*faults, Fault(where, str(error))]
    if properties is None:
        return faults
    return CheckedFeature(id=str(properties.id), properties=properties, geometry=geometry)  # type: ignore[attr-defined]


def _id_of(feature: dict[str, Any]) -> Any:
    """GeoJSON's ids may be numbers; ours are words."""
    found = feature.get("id")
    return str(found) if isinstance(found, int) and not isinstance(found, bool) else found


def _id_shown(feature: Any) -> str:
    if not isinstance(feature, dict):
        return ""
    properties = feature.get("properties")
    found = properties.get("id") if isinstance(properties, dict) else None
    found = feature.get("id") if found is None else found
    if not isinstance(found, (str, int)):
        return ""
    return f" ({str(found)[:_ID_SHOWN_CHARS].encode('utf-8', 'replace').decode()})"


def _why(error: Any) -> str:
    return f"properties.{'.'.join(str(part) for part in error['loc'])}: {error['msg']}"[:300]
